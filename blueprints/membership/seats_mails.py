"""Mails about seats in a group. Each once, in the current transaction."""

from typing import Any

import structlog

from blueprints.membership.queries_seats import GroupRow
from blueprints.notifications.service import send_mail
from core import clock
from models.user import User

log = structlog.get_logger("billing")


def invited(group: GroupRow, email: str, seat_id: int, link: str) -> None:
    """To somebody a seat is kept for."""
    _write("invited", email, None, f"{group.owner} keeps a seat for you", f"{seat_id}:{email}",
           owner=group.owner, plan=group.plan_name, take=link)  # fmt: skip


def taken(group: GroupRow, owner: User, seat_id: int, by: str) -> None:
    """To the owner, when somebody takes a seat."""
    _write("taken", owner.email, owner.id, f"{by} has taken a seat in your group", str(seat_id),
           plan=group.plan_name, by=by)  # fmt: skip


def ended(person: User, plan_name: str, subscription: str) -> None:
    """To who sat on a seat: it has ended."""
    _write("ended", person.email, person.id, f"Your seat with {plan_name} has ended",
           f"{subscription}:{person.id}:{clock.now():%Y%m%d%H%M}", plan=plan_name)  # fmt: skip


def _write(kind: str, recipient: str, user_id: int | None, subject: str, mark: str, **context: Any) -> None:
    try:
        send_mail(kind=f"seat.{kind}", recipient=recipient, user_id=user_id, subject=subject, context=context,
                  template=f"seat_{kind}", dedupe_key=f"seat.{kind}:{mark}")  # fmt: skip
    except ValueError:
        log.warning("no mail could be written", kind=kind)
