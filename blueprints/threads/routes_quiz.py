"""The quiz before a first comment: between the composer and the press that posts, which stays the reader's own."""

from flask import Response, flash, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from blueprints.threads import lookup, quiz
from blueprints.threads.quiz_page import ask, composer_of, is_spared, keep
from blueprints.threads.routes import threads
from core import clock
from core.db import transaction
from core.guards import signed_in
from core.ids import row_id
from core.limits import at_most, limiter
from core.viewer import current_viewer

Answer = str | Response | BaseResponse
QUIZ = "/articles/<slug>/quiz"


@threads.get(QUIZ)
@signed_in
def quiz_page(slug: str) -> Answer:
    """The questions, for whoever likes to answer them before writing."""
    facts, parent_id = lookup.article_thread(slug), request.args.get("reply-to", type=row_id)
    if is_spared(facts, parent_id):
        return redirect(composer_of(facts, parent_id), 303)
    return ask(facts, "", parent_id, 200)


@threads.post(QUIZ)
@signed_in
@limiter.limit(at_most(30, "minute"))
def answer_quiz(slug: str) -> Answer:
    """Look at the answers. Right ones lead back to the composer with the words in it; nothing is posted here."""
    facts, parent_id = lookup.article_thread(slug), request.form.get("parent_id", type=row_id)
    body, viewer = request.form.get("body", ""), current_viewer()
    keep(facts, body, parent_id)
    if is_spared(facts, parent_id):
        return redirect(composer_of(facts, parent_id), 303)
    questions = lookup.quiz_questions(facts)
    answers = {number: request.form.get(f"answer-{number}", type=row_id) for number in range(len(questions))}
    if wrong := quiz.wrong_answers(questions, answers):
        return ask(facts, body, parent_id, 422, answers=answers, wrong=wrong)
    assert viewer.id is not None
    with transaction() as session:
        quiz.note_pass(session, facts.thread_id, viewer.id, clock.now())
    flash("That is right. Your words are in the composer: one press posts them." if body.strip() else
          "That is right. Now it is your turn to speak.", "success")  # fmt: skip
    return redirect(composer_of(facts, parent_id), 303)
