"""What a reader is told: the list behind the bell. Looking at it changes nothing; opening a notice is a form."""

from flask import flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.notifications import bell, notices
from blueprints.notifications.routes import notifications
from core.db import transaction
from core.guards import safe_next, signed_in
from core.ids import MAX_ID
from core.rendering import is_fetch
from core.viewer import current_viewer

NOTICE = f"/account/notices/<int(max={MAX_ID}):notice_id>"
LIST = "/account/notices"


@notifications.get(LIST)
@signed_in
def list_notices() -> ResponseReturnValue:
    """Everything the reader was told lately, the newest first."""
    page = bell.page(_me(), request.args.get("after", ""))
    return render_template("notifications/notices.html", page=page)


@notifications.post(f"{NOTICE}/open")
@signed_in
def open_notice(notice_id: int) -> ResponseReturnValue:
    """Read a notice: on to what it is about."""
    with transaction() as session:
        target = notices.open_notice(session, _me(), notice_id)
    if target is None:
        flash("What this was about is no longer there.", "info")
    return redirect(safe_next(target, LIST), 303)


@notifications.post(f"{NOTICE}/read")
@signed_in
def read_notice(notice_id: int) -> ResponseReturnValue:
    """Mark one notice as read without going anywhere."""
    with transaction() as session:
        notices.mark_read(session, _me(), notice_id)
    return redirect(LIST, 303)


@notifications.post(f"{LIST}/read")
@signed_in
def read_all() -> ResponseReturnValue:
    """Mark everything as read that was on the page, or older."""
    until = bell.moment_in(request.form.get("until", ""))
    with transaction() as session:
        notices.mark_all_read(session, _me(), until)
    return redirect(LIST, 303)


@notifications.post(f"{LIST}/seen")
@signed_in
def seen() -> ResponseReturnValue:
    """A page says that its reader is looking at what a notice is about."""
    with transaction() as session:
        unread = notices.mark_seen(session, _me(), request.form.get("path", "")[:300])
    return jsonify(unread=unread) if is_fetch() else redirect(LIST, 303)


def _me() -> int:
    user_id = current_viewer().id
    assert user_id is not None  # every route here is for signed-in people
    return user_id
