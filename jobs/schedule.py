"""Repeating work: each entry is started once per period, however many workers there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from core import clock
from core.db import db, transaction
from jobs.queue import enqueue
from models.job import Schedule


@dataclass(frozen=True)
class Repeating:
    name: str
    every: timedelta
    kind: str


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
            row = session.scalar(select(Schedule).where(Schedule.name == entry.name).with_for_update())
            moment = clock.now()
            if row is None:
                session.add(Schedule(name=entry.name, last_run_at=moment))
            elif row.last_run_at + entry.every <= moment:
                row.last_run_at = moment
            else:
                continue
            enqueue(entry.kind, key=f"repeating:{entry.name}")


def _anything_due() -> bool:
    rows = {row.name: row.last_run_at for row in db.session().scalars(select(Schedule))}
    moment = clock.now()
    return any(
        entry.name not in rows or rows[entry.name] + entry.every <= moment for entry in REPEATING.values()
    )
