"""Working at the desk: the start of a shift, taking comments, passing them on, views, notes and tips."""

from flask import jsonify, redirect, render_template, request
from werkzeug.wrappers import Response

from blueprints.accounts.standing import still
from blueprints.moderation import claims, desk, notes, shift
from blueprints.moderation.queues import HOME, QUEUES, REPORTED, address, filters_from
from blueprints.moderation.routes import COMMENT, Answer, moderation
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import safe_next, staff
from core.ids import row_id
from core.rendering import is_fetch
from core.viewer import current_viewer

TIPS = "/newsroom/tips"


@moderation.get(f"{HOME}/shift")
@staff("is_moderator")
def shift_page() -> str:
    """The start of a shift: what waits, what is hot, and what the last shift left."""
    return shift.shift_page()


@moderation.get(f"{HOME}/mine")
@staff("is_moderator")
def mine() -> str:
    """What this moderator has taken."""
    return desk.mine_page()


@moderation.get(f"{HOME}/now")
@staff("is_moderator")
def now() -> Response:
    """Who holds what and what was decided since, for pages that are open."""
    return jsonify(shift.state_since(request.args.get("after", 0, type=row_id)))


@moderation.post(f"{HOME}/claims")
@staff("is_moderator")
def claim() -> Answer:
    """Take the next comments of a queue."""
    queue, filters = request.form.get("queue", REPORTED), filters_from(request.form)
    try:
        with transaction() as session:
            taken = claims.claim(session, queue=queue, filters=filters, actor_id=_own_id())
    except DomainError as refused:
        desk.say(refused.sentence)
        return redirect(f"{HOME}/mine", 303)
    desk.say(shift.taken_sentence(taken))
    return redirect(f"{HOME}/mine" if taken.ids else address(queue, filters), 303)


@moderation.post(f"{HOME}/claims/<any(keep, release):verb>")
@staff("is_moderator")
def claims_held(verb: str) -> Answer:
    """Hold what was taken for longer, or give all of it back."""
    with transaction() as session:
        if verb == "keep":
            claims.keep_claims(session, _own_id())
        else:
            claims.give_back(session, _own_id())
    return Response(status=204) if is_fetch() else redirect(f"{HOME}/shift", 303)


@moderation.post(f"{COMMENT}/pass")
@staff("is_moderator")
def pass_on(comment_id: int) -> Answer:
    """Leave a comment to colleagues. Nobody asks why."""
    with transaction() as session:
        claims.pass_comment(session, comment_id=comment_id, actor_id=_own_id())
    if is_fetch():
        return render_template("moderation/_passed.html", comment_id=comment_id)
    desk.say("Left to a colleague.")
    return redirect(safe_next(request.form.get("next"), f"{HOME}/mine"), 303)


@moderation.post(f"{COMMENT}/tip")
@staff("is_moderator")
def tip(comment_id: int) -> Answer:
    """Show a comment to the newsroom: to follow up, or to pick."""
    kind, note = request.form.get("kind", ""), request.form.get("note", "")
    try:
        with transaction() as session:
            notes.suggest(session, comment_id=comment_id, kind=kind, note=note, actor_id=_own_id())
    except DomainError as refused:
        if is_fetch() or refused.status == 404:
            raise
        return desk.case_page(comment_id, refused=refused.sentence), refused.status
    if is_fetch():
        return render_template("moderation/_tipped.html", kind=kind)
    desk.say("The newsroom is shown this comment.")
    return redirect(safe_next(request.form.get("next"), f"{HOME}/comments/{comment_id}"), 303)


@moderation.post(f"{HOME}/views")
@staff("is_moderator")
def save_view() -> Answer:
    """Keep a queue with its filters under a name."""
    queue, filters = request.form.get("queue", REPORTED), filters_from(request.form)
    try:
        with transaction() as session:
            notes.save_view(
                session, owner_id=_own_id(), name=request.form.get("name", ""), queue=queue, filters=filters,
                is_shared="shared" in request.form,
            )  # fmt: skip
    except DomainError as refused:
        desk.say(refused.sentence)
    else:
        desk.say("Saved.")
    return redirect(address(queue, filters) if queue in QUEUES else HOME, 303)


@moderation.post(f"{HOME}/views/<int(max={MAX_ID}):view_id>/remove")
@staff("is_moderator")
def remove_view(view_id: int) -> Answer:
    """Forget a view."""
    with transaction() as session:
        notes.remove_view(session, view_id=view_id, owner_id=_own_id())
    return redirect(safe_next(request.form.get("next"), HOME), 303)


@moderation.post(f"{HOME}/notes")
@staff("is_moderator")
def leave_note() -> Answer:
    """Leave a note to the next shift."""
    body = request.form.get("body", "")
    try:
        with transaction() as session:
            still(session, current_viewer())
            notes.leave_note(session, author_id=_own_id(), body=body)
    except DomainError as refused:
        return shift.shift_page(body, refused.sentence), refused.status
    return redirect(f"{HOME}/shift", 303)


@moderation.post(f"{HOME}/notes/<int(max={MAX_ID}):note_id>/done")
@staff("is_moderator")
def finish_note(note_id: int) -> Answer:
    """A note is done with."""
    with transaction() as session:
        still(session, current_viewer())
        notes.finish_note(session, note_id=note_id, actor_id=_own_id())
    return redirect(f"{HOME}/shift", 303)


@moderation.get(f"{HOME}/preferences")
@staff("is_moderator")
def preferences() -> str:
    """Keys, covers and the cap of this moderator."""
    return shift.preferences_page()


@moderation.post(f"{HOME}/preferences")
@staff("is_moderator")
def prefer() -> Answer:
    """Change them."""
    form = request.form
    alarms = "alarm_mails" in form if current_viewer().is_lead else None
    try:
        with transaction() as session:
            notes.prefer(
                session, user_id=_own_id(), keys=form, covers_severe="covers_severe" in form,
                severe_per_hour=form.get("severe_per_hour", ""), alarm_mails=alarms,
            )  # fmt: skip
    except DomainError as refused:
        return shift.preferences_page(form, refused.sentence), refused.status
    desk.say("Saved.")
    return redirect(f"{HOME}/preferences", 303)


@moderation.get(TIPS)
@staff("is_author")
def tips() -> str:
    """What the moderators show the newsroom."""
    return shift.tips_page()


@moderation.post(f"{TIPS}/<int(max={MAX_ID}):tip_id>/seen")
@staff("is_author")
def answer_tip(tip_id: int) -> Answer:
    """Somebody has seen to it."""
    with transaction() as session:
        still(session, current_viewer())
        notes.answer_tip(session, tip_id=tip_id, actor_id=_own_id())
    return redirect(TIPS, 303)


def _own_id() -> int:
    viewer_id = current_viewer().id
    assert viewer_id is not None
    return viewer_id
