"""The job table: asking for work, claiming it, ending it.

A job is a row written in the transaction of the change that asks for it, so it commits or vanishes with it. It is
claimed with a lease; a worker that dies leaves the lease to run out and the job runs again. So every handler is safe
to run twice, and none is lost. Failures are retried with a growing wait, then kept as failed to be looked at.
"""

import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, case, or_, select, update

from core import clock
from core.db import UTCDateTime, after_commit, db
from core.prepared import Prepared, PreparedInsert
from core.text import without_addresses
from core.watching import current_request_id
from models.job import Job, Schedule

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 20  # about ten hours: a mail server that is down over night needs no hand afterwards
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
REPEATS = "repeating:"  # how the keys of repeating work begin

Handler = Callable[..., None]
HANDLERS: dict[str, Handler] = {}
_ADD = PreparedInsert(Job, or_nothing=True)
_now = bindparam("now", type_=UTCDateTime())
_due = (
    select(Job.id)
    .where(Job.finished_at.is_(None), Job.failed_at.is_(None), Job.run_at <= _now,
           or_(Job.leased_until.is_(None), Job.leased_until < _now))
    .order_by(Job.run_at, Job.id)
)  # fmt: skip
_DUE = Prepared(_due.limit(1))
_CLAIM = Prepared(
    update(Job)
    .where(Job.id.in_(_due.limit(bindparam("at_most", type_=Integer())).with_for_update(skip_locked=True)))
    .values(leased_until=bindparam("until"), leased_by=bindparam("name"), attempts=Job.attempts + 1)
    .returning(Job.id, Job.kind, Job.payload, Job.attempts, Job.run_at, Job.request_id)
)
_FINISH = Prepared(
    update(Job).where(Job.id == bindparam("job_id")).values(finished_at=_now, leased_until=None, error=None)
)
_unfinished = (Job.finished_at.is_(None), Job.failed_at.is_(None))
_soon = bindparam("soon", type_=UTCDateTime())
_MEND_ASKED = Prepared(
    update(Job)
    .where(*_unfinished, Job.created_at > _soon)
    .values(run_at=case((Job.key.like(f"{REPEATS}%"), _now), (Job.run_at > Job.created_at, Job.run_at), else_=_now),
            created_at=_now)
)
_MEND_HELD = Prepared(
    update(Job)
    .where(*_unfinished, Job.leased_until > bindparam("too_late", type_=UTCDateTime()))
    .values(leased_until=_soon)
)
_GIVE_BACK = Prepared(
    update(Job)
    .where(*_unfinished, Job.leased_until.is_not(None), Job.leased_by == bindparam("name"))
    .values(leased_until=None)
    .returning(Job.kind)
)
_RENEW = Prepared(
    update(Job)
    .where(*_unfinished, Job.leased_until.is_not(None), Job.leased_by == bindparam("name"))
    .values(leased_until=bindparam("until", type_=UTCDateTime()))
)
_MEND_LAST = Prepared(update(Schedule).where(Schedule.last_run_at > _soon).values(last_run_at=_now))

wake = threading.Event()


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that does jobs of this kind: called with the payload, it opens its own transaction."""

    def register(function: Handler) -> Handler:
        if kind in HANDLERS:
            raise RuntimeError(f"two handlers for the job {kind}")
        HANDLERS[kind] = function
        return function

    return register


def enqueue(kind: str, *, key: str | None = None, run_at: datetime | None = None, **payload: Any) -> None:
    """Ask for a job inside the current transaction. With a key, a second one while the first waits adds nothing."""
    moment = clock.now()
    _ADD.write(
        db.session(), kind=kind, payload=payload, key=key, run_at=run_at or moment, created_at=moment,
        request_id=current_request_id(),
    )  # fmt: skip
    after_commit("wake worker", wake.set)


def claim_due(limit: int = 10, worker: str | None = None) -> list[Any]:
    """Take up to `limit` due jobs under a lease; call inside a transaction. Two workers never get the same one.

    Rows with id, kind, payload and attempts, the longest due first.
    """
    moment = clock.now()
    name = worker or _worker_name(threading.get_ident())
    rows = _CLAIM.all(db.session(), now=moment, until=moment + LEASE, name=name, at_most=limit)
    return sorted(rows, key=lambda row: (row.run_at, row.id))


def any_due() -> bool:
    """Whether some job may be claimed now."""
    return _DUE.scalar(db.session(), now=clock.now()) is not None


def finish(job_id: int) -> None:
    """Mark a job as done."""
    _FINISH.write(db.session(), job_id=job_id, now=clock.now())


def give_back(thread_id: int) -> list[str]:
    """End the leases of a thread of this process that ends before its jobs do, so that they may begin again at once.

    Call inside a transaction. Returns their kinds.
    """
    return sorted(row.kind for row in _GIVE_BACK.all(db.session(), name=_worker_name(thread_id)))


def renew(thread_id: int) -> None:
    """Let the leases of a thread of this process that lives run their full length again. Call inside a transaction."""
    _RENEW.write(db.session(), name=_worker_name(thread_id), until=clock.now() + LEASE)


def leave(job_ids: list[int], thread_id: int) -> None:
    """End the leases of jobs that a thread of this process claimed and has not begun, but none that others hold by now.

    Call inside a transaction.
    """
    is_held = (Job.id.in_(job_ids), Job.leased_by == _worker_name(thread_id), *_unfinished)
    db.session().execute(update(Job).where(*is_held).values(leased_until=None))


def fail(job_id: int, attempts: int, error: str) -> None:
    """Record a failed attempt: retried after a wait that doubles, or given up after MAX_ATTEMPTS."""
    moment = clock.now()
    safe = without_addresses(error)[:2000]  # an operator reads it
    plain = safe.replace("\0", "").encode(errors="replace").decode()  # what any database can store
    values: dict[str, Any] = {"error": plain, "leased_until": None}
    if attempts >= MAX_ATTEMPTS:
        values["failed_at"] = moment
    else:
        values["run_at"] = moment + min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    db.session().execute(update(Job).where(Job.id == job_id).values(**values))


def mend_after_clock() -> int:
    """Take back what a clock that ran ahead has written, once it is right again; returns how many rows that was.

    A job asked for in the future, one held under a lease of more than one length, and repeating work that was last
    asked for in the future would wait until that moment comes.
    """
    moment, session = clock.now(), db.session()
    soon = moment + LEASE
    asked = _MEND_ASKED.write(session, now=moment, soon=soon)
    held = _MEND_HELD.write(session, soon=soon, too_late=soon + LEASE)
    return asked + held + _MEND_LAST.write(session, now=moment, soon=soon)


def _worker_name(thread_id: int) -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{thread_id % 10_000}"
