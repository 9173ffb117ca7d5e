"""The moderators' desk. Every form works without scripts; our scripts get the decided card instead."""

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from blueprints.moderation import desk, queries, service, undoing
from blueprints.moderation.caps import DECISIONS, capped
from blueprints.moderation.decision import Decision
from blueprints.moderation.desk import Typed
from blueprints.moderation.forms import ThreadForm, seen
from blueprints.moderation.queues import HOME, REPORTED, filters_from
from blueprints.moderation.thread_state import moderate_thread
from blueprints.threads.ordering import MAX_ID
from core.errors import Conflict, DomainError
from core.guards import safe_next, staff
from core.ids import row_id
from core.rendering import is_fetch
from core.viewer import current_viewer

moderation = Blueprint("moderation", __name__)

Answer = str | Response | tuple[str, int]
COMMENT = f"{HOME}/comments/<int(max={MAX_ID}):comment_id>"
VERBS: dict[str, Callable[..., Decision]] = {
    "publish": service.publish_comment, "keep": service.dismiss_reports, "restore": service.restore_comment,
}  # fmt: skip


@moderation.get(HOME)
@moderation.get(f"{HOME}/<any(held, newcomers, unreviewed):queue>")
@staff("is_moderator")
def queue(queue: str = REPORTED) -> str:
    """A queue, as far as its filters and its place say."""
    weight, _, last_id = request.args.get("after", "").partition("-")
    try:
        after: tuple[float, int] | None = (float(weight), row_id(last_id))
    except ValueError:
        after = None
    return desk.queue_page(queue, filters_from(request.args), after)


@moderation.get(f"{HOME}/decided")
@staff("is_moderator")
def decided() -> str:
    """What was decided lately, each with its Undo."""
    return desk.decided_page(request.args.get("before", type=row_id), mine=request.args.get("by") == "me")


@moderation.get(COMMENT)
@staff("is_moderator")
def comment(comment_id: int) -> str:
    """One comment with everything known about it."""
    return desk.case_page(comment_id)


@moderation.post(f"{COMMENT}/<any(publish, keep, restore):verb>")
@staff("is_moderator")
def decide(comment_id: int, verb: str) -> Answer:
    """Publish what waits, keep what was reported, put back what was rejected."""
    reports = {} if verb == "restore" else {"last_report_id": request.form.get("last_report_id", 0, type=row_id)}
    try:
        with capped(DECISIONS, _own_id()) as session:
            done = VERBS[verb](session, comment_id=comment_id, actor_id=_own_id(), **seen(request.form), **reports)
    except DomainError as refused:
        return _refused(comment_id, refused, Typed())
    return _decided(done)


@moderation.post(f"{COMMENT}/reject")
@staff("is_moderator")
def reject(comment_id: int) -> Answer:
    """Reject under a rule, with a note to the author; `preview` only shows what the author would read."""
    rule_id, note = request.form.get("rule_id", type=row_id), request.form.get("note", "")
    if "preview" in request.form:
        return _preview(comment_id, rule_id, note)
    try:
        with capped(DECISIONS, _own_id()) as session:
            done = service.reject_comment(
                session, comment_id=comment_id, actor_id=_own_id(), rule_id=rule_id, note=note, **seen(request.form)
            )
    except DomainError as refused:
        return _refused(comment_id, refused, Typed(rule_id, note, refused.sentence))
    return _decided(done)


@moderation.post(f"{HOME}/actions/<int(max={MAX_ID}):action_id>/undo")
@staff("is_moderator")
def undo(action_id: int) -> Answer:
    """Take a decision back."""
    with capped(DECISIONS, _own_id()) as session:
        done = undoing.undo(session, action_id=action_id, actor_id=_own_id())
    if is_fetch() and done.comment_id is not None and done.action in queries.DECISIONS:
        return desk.case_card(done.comment_id)
    return _decided(done)


@moderation.post(f"{HOME}/threads/<int(max={MAX_ID}):thread_id>/state")
@staff("is_moderator")
def thread_state(thread_id: int) -> Answer:
    """Open, close or hide the discussion a comment stands in."""
    form, comment_id = ThreadForm(request.form), request.form.get("comment_id", 0, type=row_id)
    try:
        with capped(DECISIONS, _own_id()) as session:
            done = moderate_thread(
                session, thread_id=thread_id, state=form.state.data or "", reason=form.reason.data or "",
                actor_id=_own_id(), expected_state=request.form.get("expected_state"),
            )  # fmt: skip
    except DomainError as refused:
        if is_fetch() or refused.status == 404:
            raise
        return desk.case_page(comment_id, refused=refused.sentence, thread_form=form), refused.status
    return _decided(done)


def _own_id() -> int:
    viewer_id = current_viewer().id
    assert viewer_id is not None
    return viewer_id


def _decided(done: Decision) -> Answer:
    """The decided card for our scripts; else back to where the moderator works, with an Undo."""
    if is_fetch():
        return desk.decided_card(done.action_id)
    desk.remember(done.action_id)
    default = f"{HOME}/comments/{done.comment_id}" if done.comment_id else HOME
    return redirect(safe_next(request.form.get("next"), default), 303)


def _refused(comment_id: int, refused: DomainError, typed: Typed) -> Answer:
    """The case as it stands now, with why nothing was done and everything that was typed."""
    if is_fetch() or refused.status in {403, 404}:
        raise refused
    why = refused.sentence if isinstance(refused, Conflict) or not typed.error else ""
    return desk.case_page(comment_id, typed, why), refused.status


def _preview(comment_id: int, rule_id: int | None, note: str) -> Answer:
    try:
        words = desk.statement_preview(comment_id, rule_id, note)
    except DomainError as refused:
        return _refused(comment_id, refused, Typed(rule_id, note, refused.sentence))
    if is_fetch():
        return render_template("moderation/_statement.html", words=words)
    return desk.case_page(comment_id, Typed(rule_id, note, preview=words))
