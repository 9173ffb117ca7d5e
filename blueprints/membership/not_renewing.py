"""Whoever asks for the end of the account pays for nothing more, though it still has a week."""

from typing import Any

from blueprints.accounts import leaving
from blueprints.accounts.hooks import Stopped, stops
from blueprints.accounts.signals import erasure_asked_signal
from blueprints.membership import manage
from core.errors import NotFound
from core.rendering import date
from jobs.queue import enqueue, handler


def install() -> None:
    """Listen."""
    erasure_asked_signal.connect(_stop)
    if stopped not in stops:
        stops.append(stopped)


def stopped(user_id: int) -> Stopped | None:
    """What somebody who keeps the account after all has to know: the membership still ends, unless they stay."""
    state = manage.viewer_billing_state(user_id)
    if state is None or not state.is_ending or state.cancel_at is None:
        return None
    ends = date(state.cancel_at)
    return Stopped(
        f"Your membership is still cancelled and ends on {ends}, unless you choose to stay a member.",
        "/account/membership",
    )


def _stop(_sender: object, *, user_id: int, **_: Any) -> None:
    enqueue("membership.stop-renewal", key=f"stop-renewal:{user_id}", user_id=user_id)


@handler("membership.stop-renewal")
def stop_renewal(user_id: int) -> None:
    """Let the membership end with what is paid. Tried again until Stripe has answered, or the account is to stay."""
    if not leaving.is_asked(user_id):
        return
    try:
        manage.cancel(user_id)
    except NotFound:
        return  # there is none
