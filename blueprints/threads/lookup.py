"""What the routes ask for: threads, comments and composers for the person who asks."""

from dataclasses import replace
from typing import Any

from markupsafe import Markup
from sqlalchemy import Row

from blueprints.threads import (
    live,
    mentions,
    modes,
    policy,
    queries,
    queries_authors,
    queries_drafts,
    queries_facts,
    queries_mine,
    queries_shown,
    quiz,
    screened,
    service,
    watched,
)
from blueprints.threads.composer import Composer, composer_for, edit_composer, leads_to_joining
from blueprints.threads.drafts import DraftOwner
from blueprints.threads.events import browser_hash
from blueprints.threads.facts import CommentFacts, ThreadFacts
from blueprints.threads.queries import Offer
from blueprints.threads.quoting import quotation
from blueprints.threads.screening import setup as setups
from blueprints.threads.screening.newcomer import said_before
from blueprints.threads.waiting import SITE, WAITING, usual_times, waiting_reason
from blueprints.threads.writing import written
from core import clock
from core.db import db
from core.errors import DomainError, NotFound, TooFast
from core.mentions import token
from core.viewer import GUEST, Viewer, current_viewer


def article_thread(slug: str) -> ThreadFacts:
    """The thread under a published article. Raises NotFound."""
    facts = queries_facts.facts_of_article(db.session(), slug)
    if facts is None or facts.article_state != "published":
        raise NotFound
    return facts


def thread_under(article_id: int) -> ThreadFacts:
    """The thread under the published article with this id. Raises NotFound."""
    facts = queries_facts.facts_of_article_id(db.session(), article_id)
    if facts is None or facts.article_state != "published":
        raise NotFound
    return facts


def seen_thread(slug: str) -> ThreadFacts:
    """The thread under a published article that the viewer may see. Raises DomainError.

    Asks who the viewer is only where a stranger would be refused: open pages ask this often.
    """
    facts = article_thread(slug)
    now = clock.now()
    if policy.may_see_thread(GUEST, facts, now) and (refusal := policy.may_see_thread(current_viewer(), facts, now)):
        raise DomainError(refusal.sentence, refusal.status)
    return facts


def changes(facts: ThreadFacts, after: int) -> list[dict[str, int | str | None]]:
    """What happened in a thread behind this number, as browsers get it; they ask again behind the last one."""
    session = db.session()
    if after >= facts.version:
        return []
    if not live.is_known_since(session, facts.thread_id, after, clock.now()):
        return [live.reload(facts)]
    return [live.told(event) for event in live.events_after(session, facts.thread_id, after, live.TOLD_AT_ONCE)]


def readers_now(facts: ThreadFacts) -> int:
    """How many people have the discussion open at a live stream."""
    return watched.readers_now(db.session(), facts.thread_id, clock.now())


def comment_and_thread(comment_id: int) -> tuple[ThreadFacts, CommentFacts]:
    """A comment and its thread, whoever asks. Raises NotFound."""
    session = db.session()
    facts, found = queries_facts.facts_of_comment(session, comment_id), queries_facts.comment_facts(session, comment_id)
    if facts is None or found is None:
        raise NotFound
    return facts, found


def visible_comment(comment_id: int) -> tuple[ThreadFacts, CommentFacts]:
    """A comment that the viewer may see, and its thread. Raises DomainError."""
    facts, found = comment_and_thread(comment_id)
    if refusal := policy.may_see_comment(current_viewer(), facts, found, clock.now()):
        raise DomainError(refusal.sentence, refusal.status)
    return facts, found


def parent_facts(parent_id: int | None) -> CommentFacts | None:
    """What is answered, if there is such a comment."""
    return queries_facts.comment_facts(db.session(), parent_id) if parent_id else None


def draft_owner() -> DraftOwner | None:
    """Whose drafts this request is about: the reader's, or those of a guest's browser that has a token."""
    viewer, of_guest = current_viewer(), browser_hash()
    if viewer.id is not None:
        return DraftOwner(user_id=viewer.id)
    return DraftOwner(guest_hash=of_guest) if of_guest else None


def composer_at(
    facts: ThreadFacts, parent_id: int | None, body: str, *, refused: DomainError | None = None,
    from_draft: bool = False, draft: int = 0,
) -> Composer:  # fmt: skip
    """The composer for a new comment or reply, with these words in it, and with what stood in the way.

    `draft` is the generation of the draft that the words are.
    """
    viewer, session, now = current_viewer(), db.session(), clock.now()
    refusal = policy.may_comment(viewer, facts, now, replying=parent_id is not None)
    audience = modes.audience_at(facts, now)
    offer = queries.cheapest_offer(session, audience) if leads_to_joining(refusal) else None
    first = refused.comment_id if isinstance(refused, service.Repeated) else None
    return composer_for(
        facts, viewer, refusal, offer, now=now, here=queries_authors.here(session, facts, viewer), body=body,
        parent_id=parent_id, error=refused.sentence if refused else "",
        parent_name=queries.name_of_answered(session, facts.article_id, parent_id)
        if parent_id and policy.may_see_thread(viewer, facts, now) is None else "",
        error_url=f"/comments/{first}" if first else "", error_link="See it" if first else "",
        from_draft=from_draft, draft=draft, focus=True, key=f"reply-{parent_id}" if parent_id else "composer",
        cancel_url=f"/comments/{parent_id}" if parent_id else "",
        wait=refused.retry_after if isinstance(refused, TooFast) else 0,
        newcomer=_said_to_newcomer(facts, viewer) if refusal is None else "",
    )  # fmt: skip


def _said_to_newcomer(facts: ThreadFacts, viewer: Viewer) -> str:
    """What the screening does with this person's comments because they are new; asked only where it does something."""
    if viewer.id is None or viewer.is_staff:
        return ""
    screened.keep_fresh()
    setup = setups.kept()
    if not said_before(setup, facts.section_id, 0):
        return ""
    return said_before(setup, facts.section_id, queries_mine.published_by(db.session(), viewer.id))


def page_composer(facts: ThreadFacts) -> Composer:
    """The composer under an article, empty and without taking the focus."""
    return replace(composer_at(facts, None, ""), focus=False)


def reply_composer(facts: ThreadFacts, parent_id: int, quotation: str = "") -> Composer:
    """The composer for a reply, with the words that were kept for it, and behind them what is quoted."""
    kept, generation = queries_drafts.draft_at(db.session(), facts.article_id, parent_id, draft_owner())
    body = f"{kept}\n\n{quotation}" if kept and quotation else kept or quotation
    composer = composer_at(facts, parent_id, body, from_draft=bool(kept), draft=generation)
    return replace(composer, quotation=quotation)


def has_draft(facts: ThreadFacts, parent_id: int | None) -> bool:
    """Whether words are kept for this place."""
    return bool(queries_drafts.draft_at(db.session(), facts.article_id, parent_id or 0, draft_owner())[0])


def quotation_of(comment_id: int, selected: str) -> str:
    """A comment as a quotation: what was selected of it, or its beginning."""
    row = queries_shown.comments_by_id(db.session(), [comment_id])[0]
    return quotation(row.name, row.body_html, selected)


def previewed(facts: ThreadFacts, body: str) -> Markup:
    """These words as they would be published here. Raises DomainError."""
    return Markup(written(db.session(), current_viewer(), facts, body).html)  # noqa: S704 - made by core.markup


def names_offered(facts: ThreadFacts, typed: str) -> list[dict[str, str]]:
    """Names that may be meant in this discussion, and how the composer writes them. Raises DomainError."""
    viewer = current_viewer()
    now = clock.now()
    if refusal := policy.may_see_thread(viewer, facts, now) or policy.may_comment(viewer, facts, now):
        raise DomainError(refusal.sentence, refusal.status)
    names = mentions.names_offered(db.session(), viewer, facts, typed)
    return [{"name": name, "token": token(name)} for name in names]


def edit_composer_of(
    facts: ThreadFacts, found: CommentFacts, body: str | None = None, refused: DomainError | None = None
) -> Composer:
    """The composer that changes a comment, with its standing text or with what was typed."""
    return edit_composer(
        facts, found.id, queries.body_of(db.session(), found.id) if body is None else body,
        policy.edit_ends_at(found.created_at), error=refused.sentence if refused else "",
        wait=refused.retry_after if isinstance(refused, TooFast) else 0, cancel_url=place_of(facts, found.id),
    )  # fmt: skip


def place_of(facts: ThreadFacts, comment_id: int, among: str = "") -> str:
    """Where its author finds a comment: `among` others, as the discussion is asked for, else where it stands.

    Alone, where the others are closed to them.
    """
    alone = policy.may_see_thread(current_viewer(), facts, clock.now())
    page = f"/comments/{comment_id}" if alone else f"{facts.article_url}?{among or f'at={comment_id}'}"
    return f"{page}#comment-{comment_id}"


def offer_for(audience: str) -> Offer | None:
    """The lowest price that opens this audience."""
    return queries.cheapest_offer(db.session(), audience)


def quiz_questions(facts: ThreadFacts) -> tuple[quiz.Question, ...]:
    """The quiz under this article."""
    return quiz.questions_of(db.session(), facts.thread_id)


def knows_story(facts: ThreadFacts) -> bool:
    """Whether the viewer has the quiz behind them."""
    return queries_authors.here(db.session(), facts, current_viewer()).knows_story


def name_of(comment_id: int) -> str:
    """The name under which a comment stands."""
    return str(queries_shown.comments_by_id(db.session(), [comment_id])[0].name)


def text_of(comment_id: int) -> Markup:
    """A comment's standing text as HTML."""
    return queries.html_of(db.session(), comment_id)


def own_comments(viewer: Viewer, before: int | None, limit: int) -> tuple[list[Row[Any]], dict[int, str]]:
    """The viewer's own comments, newest first, and why those wait that do, with how long that usually takes."""
    assert viewer.id is not None
    session = db.session()
    rows = queries_authors.comments_of_author(session, viewer.id, before, limit)
    waiting = [row for row in rows if row.status in WAITING]
    held = queries_shown.hold_reasons(session, [row.id for row in waiting if row.status == "withheld"])
    times = usual_times(session) if waiting else {}
    return rows, {
        row.id: waiting_reason(row.status, held.get(row.id), times.get(row.section_id, times.get(SITE)))
        for row in waiting
    }
