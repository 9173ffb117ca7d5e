"""Signs of life: a row for each kind of thing that must go on, written every few seconds."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from core import clock
from core.db import UTCDateTime, db
from core.prepared import Prepared, PreparedInsert
from models.job import LIVE_STREAMS, Heartbeat

EVERY_SECONDS = 15.0

# What else lives in this process and is told of together with the worker: by name, whether it does.
beside: dict[str, Callable[[], bool]] = {}

_AGAIN = Prepared(
    update(Heartbeat).where(Heartbeat.name == bindparam("who")).values(seen_at=bindparam("now", type_=UTCDateTime()))
)
_FIRST = PreparedInsert(Heartbeat, or_nothing=True)


def beat(session: Session, name: str) -> None:
    """Write that `name` lives, now: a worker's name, or `LIVE_STREAMS`. Inside a transaction."""
    moment = clock.now()
    if not _AGAIN.write(session, who=name, now=moment):
        _FIRST.write(session, name=name, seen_at=moment)


def beat_together(session: Session, name: str) -> None:
    """Write that `name` lives, and of what is beside it what does. Inside a transaction."""
    beat(session, name)
    for other, lives in list(beside.items()):
        if lives():
            beat(session, other)


def worker_seen_at() -> datetime | None:
    """When a worker was last seen."""
    return db.session().scalar(select(func.max(Heartbeat.seen_at)).where(Heartbeat.name != LIVE_STREAMS))


def streams_seen_at() -> datetime | None:
    """When a process of live streams was last seen: a web process, or one that has nothing else."""
    return db.session().scalar(select(Heartbeat.seen_at).where(Heartbeat.name == LIVE_STREAMS))
