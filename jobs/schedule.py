"""Repeating work: each entry is started once per period, however many workers there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.db import db, transaction
from core.prepared import PreparedInsert
from jobs.queue import enqueue
from models.job import Schedule


@dataclass(frozen=True)
class Repeating:
    name: str
    every: timedelta
    kind: str


_ADD = PreparedInsert(Schedule, or_nothing=True)
REPEATING: dict[str, Repeating] = {}


def repeating(kind: str, every: timedelta) -> None:
    """Say that the job `kind` (without payload) is to be asked for once per period."""
    REPEATING[kind] = Repeating(kind, every, kind)


def enqueue_repeating(done: Callable[[str], None] | None = None) -> None:
    """Ask for every repeating job whose period has passed."""
    if not _anything_due():
        return
    with transaction() as session:
        for entry in REPEATING.values():
            row = _row(session, entry.name)
            if row is None:  # another worker may add the same one at this moment: the database keeps one, due at once
                _ADD.write(session, name=entry.name, last_run_at=clock.now() - entry.every)
                row = _row(session, entry.name)
            moment = clock.now()
            if row is not None and row.last_run_at + entry.every <= moment:
                row.last_run_at = moment
                enqueue(entry.kind, key=f"repeating:{entry.name}")


def _row(session: Session, name: str) -> Schedule | None:
    return session.scalar(select(Schedule).where(Schedule.name == name).with_for_update())


def _anything_due() -> bool:
    rows = {row.name: row.last_run_at for row in db.session().scalars(select(Schedule))}
    moment = clock.now()
    return any(
        entry.name not in rows or rows[entry.name] + entry.every <= moment for entry in REPEATING.values()
    )
