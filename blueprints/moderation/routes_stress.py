"""Discussions under stress: alarms and surge mode."""

from flask import redirect, request
from werkzeug.wrappers import Response

from blueprints.moderation import desk, stress, stress_pages
from blueprints.moderation.queues import HOME
from blueprints.moderation.routes import Answer, moderation
from blueprints.moderation.routes_discussions import THREAD
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import safe_next, staff
from core.ids import row_id
from core.viewer import current_viewer

SURGE = f"{HOME}/surge"


@moderation.get(SURGE)
@staff("is_moderator")
def surge_everywhere() -> str:
    """Surge mode of every discussion, and the alarms that sound."""
    return stress_pages.surge_page()


@moderation.post(SURGE)
@staff("is_lead")
def begin_everywhere() -> Answer:
    """Switch it on for every discussion."""
    return _begin(None, SURGE)


@moderation.post(f"{THREAD}/surge")
@staff("is_moderator")
def begin_here(thread_id: int) -> Answer:
    """Switch it on for one discussion."""
    return _begin(thread_id, f"{HOME}/threads/{thread_id}")


@moderation.post(f"{HOME}/surges/<int(max={MAX_ID}):surge_id>/end")
@staff("is_moderator")
def end_surge(surge_id: int) -> Response:
    """Switch it off before its time."""
    with transaction() as session:
        action_id = stress.end_surge(session, surge_id=surge_id, actor_id=current_viewer().id or 0)
    desk.remember(action_id)
    return redirect(safe_next(request.form.get("next"), SURGE), 303)


@moderation.post(f"{HOME}/alarms/<int(max={MAX_ID}):alarm_id>/take")
@staff("is_moderator")
def take_alarm(alarm_id: int) -> Response:
    """Say to colleagues that one sees to it, and go there."""
    with transaction() as session:
        stress.take_alarm(session, alarm_id=alarm_id, actor_id=current_viewer().id or 0)
    place = request.form.get("place", 0, type=row_id)
    return redirect(f"{HOME}/threads/{place}" if place else SURGE, 303)


def _begin(thread_id: int | None, place: str) -> Answer:
    try:
        with transaction() as session:
            action_id = stress.begin_surge(
                session, thread_id=thread_id, wanted=stress_pages.wanted(request.form),
                actor_id=current_viewer().id or 0,
            )  # fmt: skip
    except DomainError as refused:
        if refused.status in {403, 404}:
            raise
        desk.say(refused.sentence)
    else:
        desk.remember(action_id)
    return redirect(place, 303)
