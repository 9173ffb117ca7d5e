"""Signs of life: a row for each kind of thing that must go on, written every few seconds."""

from collections.abc import Callable

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from core import clock
from core.db import UTCDateTime
from core.prepared import Prepared, PreparedInsert
from models.job import Heartbeat

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
