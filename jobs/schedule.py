"""Repeating work: each entry is started once per period, however many workers there are."""

import zlib
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, select, update

from core import clock
from core.db import UTCDateTime, db, transaction
from core.prepared import Prepared, PreparedInsert
from jobs import queue
from jobs.queue import enqueue
from models.job import Schedule


@dataclass(frozen=True)
class Repeating:
    name: str
    every: timedelta
    kind: str
    after: timedelta  # it was asked for


DAY = timedelta(days=1)
REPEATING: dict[str, Repeating] = {}

# Asked by every worker again and again: prepared, so that one with nothing to do stays small.
_BEGAN = Prepared(select(Schedule.name, Schedule.last_run_at))
_AGAIN = Prepared(
    update(Schedule)
    .where(Schedule.name == bindparam("name_is"), Schedule.last_run_at <= bindparam("before", type_=UTCDateTime()))
    .values(last_run_at=bindparam("now", type_=UTCDateTime()))
)
_FIRST = PreparedInsert(Schedule, or_nothing=True)


def repeating(kind: str, every: timedelta, *, at_once: bool = False) -> None:
    """Say that the job `kind` (without payload) is to be asked for once per period.

    What repeats daily or more rarely runs at its own minute of the day that follows: a first start asks for all of it,
    and a large site could do little else for a while. `at_once` is for what somebody waits to see.
    """
    minutes = 0 if at_once or every < DAY else zlib.crc32(kind.encode()) % (24 * 60)
    REPEATING[kind] = Repeating(kind, every, kind, timedelta(minutes=minutes))


def enqueue_repeating() -> None:
    """Ask for every repeating job whose period has passed."""
    moment = clock.now()
    began = {row.name: row.last_run_at for row in _BEGAN.all(db.session())}
    due = [
        entry for entry in REPEATING.values() if entry.name not in began or began[entry.name] + entry.every <= moment
    ]  # fmt: skip
    if not due:
        return
    with transaction() as session:
        for entry in due:
            if _AGAIN.write(session, name_is=entry.name, before=moment - entry.every, now=moment) or _FIRST.write(
                session, name=entry.name, last_run_at=moment
            ):  # else another worker was quicker
                enqueue(entry.kind, key=f"{queue.REPEATS}{entry.name}", run_at=moment + entry.after)
