"""Caps on what one of the staff does in a while: they bound what somebody else can do with a moderator's account.

A cap counts what was done, not what was refused, and the row that counts is locked first of all: two at once count
exactly. Who reaches a cap is told when it goes on, and the ledger keeps it once for each while. What programs carry
out, such as the comments of a decision about many, counts as that decision.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.moderation import ledger, queries, queries_caps
from core import clock
from core.db import transaction
from core.errors import DomainError, Forbidden, TooFast
from core.records import dataclass

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MOST = 100_000
DECISIONS, SANCTIONS, BULK = "decisions", "sanctions", "bulk"


@dataclass(frozen=True, slots=True)
class Cap:
    """One cap: the column that sets it, what it is called, and for how long it counts."""

    name: str
    label: str
    noun: str
    span: timedelta


CAPS = {
    cap.name: cap
    for cap in (
        Cap("decisions_per_minute", "Decisions in a minute", "decisions in a minute", MINUTE),
        Cap("decisions_per_hour", "Decisions in an hour", "decisions in an hour", HOUR),
        Cap("sanctions_per_hour", "Warnings and restrictions in an hour", "warnings and restrictions in an hour", HOUR),
        Cap("bulk_per_hour", "Comments in decisions about many, in an hour",
            "comments in decisions about many in an hour", HOUR),
    )
}  # fmt: skip
OF = {
    DECISIONS: ("decisions_per_minute", "decisions_per_hour"), SANCTIONS: ("sanctions_per_hour",),
    BULK: ("bulk_per_hour",),
}  # fmt: skip


class CapReached(TooFast):
    """One of the staff did as much as one may in so short a time."""

    def __init__(self, cap: Cap, most: int, until: datetime, now: datetime) -> None:
        minutes = max(1, -(-int((until - now).total_seconds()) // 60))
        super().__init__(
            f"That would be more than {most:,} {cap.noun}, the most that one of the staff makes here. Nothing was "
            f"done. It goes on in {minutes} {'minute' if minutes == 1 else 'minutes'}.",
            max(1, int((until - now).total_seconds())),
        )
        self.cap, self.most = cap, most


@contextmanager
def capped(what: str, actor_id: int, number: int = 1) -> Iterator[Session]:
    """A transaction in which somebody does `number` things of a sort. Raises CapReached, and then nothing was done."""
    try:
        with transaction() as session:
            count(session, what, actor_id, number)
            yield session
    except CapReached as reached:
        with transaction() as session:
            _note(session, reached, actor_id)
        raise


def count(session: Session, what: str, actor_id: int, number: int = 1) -> None:
    """Count what somebody is about to do, in their transaction. Raises CapReached."""
    now = clock.now()
    caps = queries_caps.caps(session)
    for name in OF[what]:
        cap, row = CAPS[name], queries_caps.count_locked(session, actor_id, name, now)
        if row.since + cap.span <= now:
            row.since, row.number, row.is_noted = now, 0, False
        most = getattr(caps, name)
        if row.number + number > most:
            raise CapReached(cap, most, row.since + cap.span, now)
        row.number += number
    session.flush()


def set_caps(session: Session, wanted: dict[str, str], actor_id: int) -> None:
    """Change the caps. Raises Forbidden for all but publishers, and DomainError for what is no number."""
    if not queries.staff_member(session, actor_id).is_publisher:
        raise Forbidden("The publisher sets these.")
    row = queries_caps.caps_locked(session)
    for name, cap in CAPS.items():
        typed = wanted.get(name, "").strip().replace(",", "")
        if not (typed.isascii() and typed.isdigit() and 0 < int(typed[:9]) <= MOST and len(typed) < 9):
            raise DomainError(f"“{cap.label}” needs a number from 1 to {MOST:,}.")
        setattr(row, name, int(typed))
    session.flush()


def _note(session: Session, reached: CapReached, actor_id: int) -> None:
    """Put on record, once for each while, that somebody reached a cap."""
    now = clock.now()
    row = queries_caps.count_locked(session, actor_id, reached.cap.name, now)
    if row.is_noted and row.since + reached.cap.span > now:
        return
    row.is_noted = True
    ledger.append(
        session, action="cap", at=now, actor_id=actor_id, reason=f"{reached.most:,} {reached.cap.noun}",
        after={"cap": reached.cap.name, "most": reached.most},
    )  # fmt: skip
