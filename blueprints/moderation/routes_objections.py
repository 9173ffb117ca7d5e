"""Objections: the author's page, and the desk's answers."""

from flask import flash, redirect, request

from blueprints.moderation import objecting, objections
from blueprints.moderation.caps import DECISIONS, capped
from blueprints.moderation.desk import HOME, remember
from blueprints.moderation.forms import AnswerForm, ObjectionForm
from blueprints.moderation.routes import Answer, moderation
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import signed_in, staff
from core.ids import row_id
from core.limits import at_most, limiter
from core.viewer import current_viewer

APPEAL = f"/comments/<int(max={MAX_ID}):comment_id>/appeal"
SANCTION_APPEAL = f"/sanctions/<int(max={MAX_ID}):sanction_id>/appeal"
TAKEN = "Your objection has arrived. Somebody else on the team decides, and you get a mail with the answer."


@moderation.get(APPEAL)
@signed_in
def appeal(comment_id: int) -> str:
    """What the author was told, and the form to object to it."""
    return objections.comment_page(comment_id, ObjectionForm())


@moderation.post(APPEAL)
@signed_in
@limiter.limit(at_most(20, "hour"))
def object_to(comment_id: int) -> Answer:
    """Take in an author's objection."""
    form = ObjectionForm(request.form)
    try:
        _check(form)
        with transaction() as session:
            objecting.file_appeal(session, current_viewer(), comment_id, form.body.data or "")
    except DomainError as refused:
        return objections.comment_page(comment_id, form, "" if form.errors else refused.sentence), refused.status
    flash(TAKEN, "success")
    return redirect(f"/comments/{comment_id}/appeal", 303)


@moderation.get(SANCTION_APPEAL)
@signed_in
def sanction_appeal(sanction_id: int) -> str:
    """What a person was told about a warning or restriction, and the form to object to it."""
    return objections.sanction_page(sanction_id, ObjectionForm())


@moderation.post(SANCTION_APPEAL)
@signed_in
@limiter.limit(at_most(20, "hour"))
def object_to_sanction(sanction_id: int) -> Answer:
    """Take in an objection to a warning or restriction."""
    form = ObjectionForm(request.form)
    try:
        _check(form)
        with transaction() as session:
            objecting.file_sanction_appeal(session, current_viewer(), sanction_id, form.body.data or "")
    except DomainError as refused:
        return objections.sanction_page(sanction_id, form, "" if form.errors else refused.sentence), refused.status
    flash(TAKEN, "success")
    return redirect(f"/sanctions/{sanction_id}/appeal", 303)


@moderation.get(f"{HOME}/objections")
@staff("is_moderator")
def open_objections() -> str:
    """What waits for an answer by this moderator."""
    return objections.objections_page(request.args.get("after", type=row_id))


@moderation.get(f"{HOME}/appeals/<int(max={MAX_ID}):appeal_id>")
@staff("is_moderator")
def objection(appeal_id: int) -> str:
    """One objection with the decision it is about."""
    return objections.answer_page(appeal_id, AnswerForm())


@moderation.post(f"{HOME}/appeals/<int(max={MAX_ID}):appeal_id>/answer")
@staff("is_moderator")
def answer(appeal_id: int) -> Answer:
    """Uphold or reverse what was objected to."""
    form = AnswerForm(request.form)
    objections.find_objection(appeal_id)
    try:
        _check(form)
        with capped(DECISIONS, current_viewer().id or 0) as session:
            done = objecting.decide_appeal(
                session, appeal_id=appeal_id, actor_id=current_viewer().id or 0,
                reverse=form.outcome.data == "reversed", answer=form.answer.data or "",
            )  # fmt: skip
    except DomainError as refused:
        return objections.answer_page(appeal_id, form, "" if form.errors else refused.sentence), refused.status
    remember(done.action_id)
    return redirect(f"{HOME}/objections", 303)


def _check(form: ObjectionForm | AnswerForm) -> None:
    if not form.validate():
        raise DomainError("Please look at the form once more.")
