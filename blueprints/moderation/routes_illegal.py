"""Notices of illegal content: the form for everybody, the page under a secret link, and the desk's answers."""

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from blueprints.moderation import illegal, illegal_pages
from blueprints.moderation.caps import DECISIONS, capped
from blueprints.moderation.desk import HOME
from blueprints.moderation.forms_illegal import AskAgainForm, NoticeAnswerForm, NoticeForm
from blueprints.moderation.routes import Answer, moderation
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import public, staff
from core.ids import row_id
from core.limits import at_most, limiter
from core.viewer import current_viewer

FORM = "/illegal-content"
LINK = f"{FORM}/<string(minlength=9, maxlength=9):reference>/<string(minlength=24, maxlength=24):secret>"
NOTICE = f"{HOME}/illegal-content/<int(max={MAX_ID}):notice_id>"


@moderation.get(FORM)
@public
def notify_form() -> str:
    """The form, with the address of a comment filled in where the link named one."""
    return illegal_pages.form_page(request.args.get("comment", type=row_id))


@moderation.post(FORM)
@public
@limiter.limit(at_most(10, "hour"))
def notify() -> Answer | Response:
    """Take in a notice; what was typed is kept where something is missing."""
    form = NoticeForm(request.form)
    try:
        with transaction() as session:
            taken = illegal.take_in(session, form.typed(), current_viewer().id)
    except illegal.Unfit as error:
        form.refuse(error)
        return render_template("fair/notify.html", form=form), 422
    return redirect(taken.path, 303)


@moderation.get(LINK)
@public
def notice_status(reference: str, secret: str) -> Response:
    """Where a notice stands."""
    return _private(illegal_pages.status_page(reference, secret, AskAgainForm()))


@moderation.post(f"{LINK}/again")
@public
@limiter.limit(at_most(10, "hour"))
def ask_again(reference: str, secret: str) -> Response:
    """Ask for another look, once."""
    form = AskAgainForm(request.form)
    try:
        with transaction() as session:
            illegal.object_to(session, reference, secret, form.words.data or "")
    except DomainError as refused:
        if refused.status == 404:
            raise
        return _private(illegal_pages.status_page(reference, secret, form, refused.sentence), refused.status)
    return redirect(f"{FORM}/{reference}/{secret}", 303)


@moderation.get(f"{HOME}/illegal-content")
@staff("is_moderator")
def illegal_notices() -> str:
    """What waits for an answer, and what was answered lately."""
    return illegal_pages.queue_page(request.args.get("after", type=row_id))


@moderation.get(NOTICE)
@staff("is_moderator")
def illegal_notice(notice_id: int) -> str:
    """One notice with the text it is about."""
    return illegal_pages.notice_page(notice_id, NoticeAnswerForm())


@moderation.post(f"{NOTICE}/<any(decide, again):which>")
@staff("is_moderator")
def answer_notice(notice_id: int, which: str) -> Answer:
    """Remove the content, keep it, or say that it is not ours to decide."""
    form = NoticeAnswerForm(request.form)
    illegal_pages.find_notice(notice_id)
    verb = illegal.decide if which == "decide" else illegal.decide_again
    try:
        with capped(DECISIONS, current_viewer().id or 0) as session:
            verb(
                session, notice_id=notice_id, actor_id=current_viewer().id or 0, outcome=form.outcome.data or "",
                legal_ground=form.legal_ground.data or "", answer=form.answer.data or "", note=form.note.data or "",
                revision=request.form.get("revision", type=row_id),
            )  # fmt: skip
    except DomainError as refused:
        return illegal_pages.notice_page(notice_id, form, refused.sentence), refused.status
    return redirect(f"{HOME}/illegal-content/{notice_id}", 303)


def _private(page: str, status: int = 200) -> Response:
    """A page under a secret link is neither kept by others nor told to the next site."""
    answer = make_response(page, status)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
