"""The quiz as a page between the composer and the press that posts, with the words that wait for it."""

from flask import Response, render_template

from blueprints.threads import drafts, lookup, modes, policy
from blueprints.threads.facts import ThreadFacts
from core import clock
from core.db import transaction
from core.rendering import is_fetch
from core.viewer import current_viewer

FIRST_ASKED = 422  # a comment that came before the quiz was answered is not taken


def is_spared(facts: ThreadFacts, parent_id: int | None) -> bool:
    """Whether there is nothing to ask this person: no quiz, passed, or not somebody who could comment here anyway."""
    viewer = current_viewer()
    if not modes.needs_quiz(viewer, facts) or policy.may_comment(viewer, facts, clock.now(), replying=bool(parent_id)):
        return True
    return lookup.knows_story(facts)


def ask(
    facts: ThreadFacts, body: str, parent_id: int | None, status: int, *,
    answers: dict[int, int | None] | None = None, wrong: set[int] | None = None,
) -> Response:  # fmt: skip
    """The quiz with the words that wait for it; for our scripts its form alone, which takes the composer's place."""
    # Which choice is right stays here: the page gets the questions without it.
    asked = [
        {"text": question.text, "choices": question.choices, "chosen": (answers or {}).get(number),
         "where": question.where_said if number in (wrong or ()) else "", "is_wrong": number in (wrong or ())}
        for number, question in enumerate(lookup.quiz_questions(facts))
    ]  # fmt: skip
    template = "threads/_quiz.html" if is_fetch() else "threads/quiz.html"
    known = {"facts": facts, "questions": asked, "body": body, "parent_id": parent_id, "wrong": len(wrong or ())}
    return Response(render_template(template, **known), status)


def keep(facts: ThreadFacts, body: str, parent_id: int | None) -> None:
    """Keep the words on the server meanwhile, as for anybody who is not done writing."""
    owner = lookup.draft_owner()
    if owner and body.strip():
        with transaction() as session:
            drafts.keep_words(session, owner, facts.article_id, body, parent_id)


def composer_of(facts: ThreadFacts, parent_id: int | None) -> str:
    """Where the words are that waited for the quiz."""
    return f"/comments/{parent_id}/reply" if parent_id else f"{facts.article_url}?welcome=1#composer"
