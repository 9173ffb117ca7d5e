"""Jobs and Stripe's messages that failed."""

from datetime import datetime

from sqlalchemy import or_, select, update

from core.db import db
from core.records import dataclass
from core.text import failure_line
from models.job import Job
from models.membership import StripeEvent

FAILURES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class FailedJob:
    id: int
    kind: str
    attempts: int
    failed_at: datetime
    error: str

    @property
    def said(self) -> str:
        return failure_line(self.error)


@dataclass(frozen=True, slots=True)
class FailedEvent:
    id: str
    type: str
    mode: str
    tries: int
    received_at: datetime
    error: str

    @property
    def said(self) -> str:
        return failure_line(self.error)


def failed_jobs() -> list[FailedJob]:
    """Jobs given up, newest first; mails have a list of their own."""
    rows = db.session().execute(
        select(Job.id, Job.kind, Job.attempts, Job.failed_at, Job.error)
        .where(Job.failed_at.is_not(None), Job.finished_at.is_(None), Job.kind != "mail.send")
        .order_by(Job.failed_at.desc(), Job.id.desc()).limit(FAILURES_SHOWN)
    )  # fmt: skip
    return [FailedJob(row.id, row.kind, row.attempts, row.failed_at, row.error or "") for row in rows]


def failed_events(mode: str) -> list[FailedEvent]:
    """Stripe's messages that could not be dealt with, newest first."""
    rows = db.session().execute(
        select(StripeEvent.id, StripeEvent.type, StripeEvent.mode, StripeEvent.tries, StripeEvent.received_at,
               StripeEvent.error)
        .where(StripeEvent.mode == mode, StripeEvent.state == "failed")
        .order_by(StripeEvent.received_at.desc()).limit(FAILURES_SHOWN)
    )  # fmt: skip
    return [FailedEvent(*row[:5], row.error or "") for row in rows]


def put_back_failed_job(job_id: int, at: datetime) -> bool:
    """Let a job that failed, given up or not, run now, from the first attempt; whether there was one, not running.

    Its key goes: another job of the same meaning may be waiting by now, and doing it twice is safe.
    """
    done = db.session().execute(
        update(Job)
        .where(Job.id == job_id, Job.attempts > 0, Job.error.is_not(None), Job.finished_at.is_(None),
               or_(Job.leased_until.is_(None), Job.leased_until < at))
        .values(failed_at=None, attempts=0, run_at=at, leased_until=None, leased_by=None, key=None)
    )  # fmt: skip
    return bool(done.rowcount)  # type: ignore[attr-defined]
