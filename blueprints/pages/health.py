"""Whether this process can serve, for load balancers and pagers."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from blueprints.pages.queries import jobs_waiting
from core import clock
from core.migrations import current_revision, newest_revision
from jobs.heartbeat import streams_seen_at, worker_seen_at

# All beat every 15 seconds; a few missed beats are a busy machine, more are somebody who is gone.
HEARTBEAT_LIMIT = timedelta(seconds=90)

OK = "ok"


def readiness() -> dict[str, str]:
    """Each thing that serving needs, with `ok` or what is wrong with it. Never raises."""
    try:
        revision = current_revision()
    except (SQLAlchemyError, OSError):
        return {"database": "cannot be reached", "migrations": "unknown", "worker": "unknown"}
    newest = newest_revision()
    if not revision or revision < newest:  # a newer one comes from a host that was changed first
        return {"database": OK, "migrations": f"at {revision or 'nothing'}, not {newest}", "worker": "unknown"}
    return {"database": OK, "migrations": OK, "worker": _alive(worker_seen_at)}


def backlog() -> str:
    """How many jobs are due and how long the oldest has waited: told only, since no web process serves worse for it."""
    try:
        jobs = jobs_waiting(clock.now())
    except SQLAlchemyError:
        return "unknown"
    return f"{jobs.due} due, the oldest for {jobs.oldest_seconds:.0f} s"


def live() -> str:
    """Whether live streams go on anywhere: told only, since readers' pages ask by themselves where they do not."""
    return _alive(streams_seen_at)


def _alive(last_seen: Callable[[], datetime | None]) -> str:
    try:
        seen_at = last_seen()
    except SQLAlchemyError:
        return "unknown"
    if seen_at is None:
        return "has not started yet"
    silent = clock.now() - seen_at
    return OK if silent <= HEARTBEAT_LIMIT else f"has been silent for {int(silent.total_seconds())} seconds"
