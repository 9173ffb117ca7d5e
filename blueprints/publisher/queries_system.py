"""What an operator asks of the machine: which mails wait and why, which repeating work is late. No words of anybody's.

Four queries, none of which grows with what is done already.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from blueprints.publisher.queries_failures import FAILURES_SHOWN
from core.db import db
from core.records import dataclass
from core.text import failure_line
from jobs.schedule import REPEATING
from models.job import Job, Schedule
from models.notification import Mail

SENDING = "mail.send"
LATE_AFTER = timedelta(minutes=5)  # a worker looks every few seconds, if nothing keeps it


@dataclass(frozen=True, slots=True)
class FailingMail:
    """A mail that could not be sent, by its number: to whom it goes is nobody's business here."""

    mail_id: int
    kind: str  # "removed" where its job alone is left
    asked_at: datetime
    id: int  # of its job
    attempts: int
    next_at: datetime | None  # None: given up
    error: str

    @property
    def said(self) -> str:
        return failure_line(self.error)


@dataclass(frozen=True, slots=True)
class Mails:
    last_sent_at: datetime | None
    waiting: int
    oldest_at: datetime | None
    failing: tuple[FailingMail, ...]


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """Repeating work: when it last began, when it is due. `state` is `late`, `failing` or `good`."""

    name: str
    every: str
    last_at: datetime | None
    next_at: datetime | None
    state: str


def mails() -> Mails:
    """When one was last sent, how many wait and since when, and what is wrong with those that could not be sent."""
    session = db.session()
    waiting = Mail.sent_at.is_(None)
    last, number, oldest = session.execute(select(
        select(func.max(Mail.sent_at)).scalar_subquery(),
        select(func.count()).select_from(Mail).where(waiting).scalar_subquery(),
        select(func.min(Mail.created_at)).where(waiting).scalar_subquery(),
    )).one()  # fmt: skip
    jobs = session.execute(
        select(Job.id, Job.payload, Job.created_at, Job.attempts, Job.run_at, Job.failed_at, Job.error)
        .where(Job.kind == SENDING, Job.finished_at.is_(None), Job.error.is_not(None))
        .order_by(Job.id.desc()).limit(FAILURES_SHOWN)
    ).all()  # fmt: skip
    numbers = [int(job.payload.get("mail_id", 0)) for job in jobs]
    rows = session.execute(select(Mail.id, Mail.kind).where(Mail.id.in_(numbers))).all() if jobs else []
    kinds = {row.id: row.kind for row in rows}
    return Mails(last, number, oldest, tuple(
        FailingMail(mail_id, kinds.get(mail_id, "removed"), job.created_at, job.id, job.attempts,
                    None if job.failed_at else job.run_at, job.error)
        for job, mail_id in zip(jobs, numbers, strict=True)
    ))  # fmt: skip


def schedules(at: datetime) -> Sequence[ScheduleLine]:
    """All repeating work, what needs a look first."""
    session = db.session()
    last = {row.name: row.last_run_at for row in session.scalars(select(Schedule))}
    failing = set(session.scalars(
        select(Job.kind).where(Job.kind.in_(REPEATING), Job.finished_at.is_(None), Job.error.is_not(None))
    ))  # fmt: skip
    lines = []
    for entry in REPEATING.values():
        ran = last.get(entry.name)
        due = ran + entry.every if ran else None
        state = "late" if due and at - due > LATE_AFTER else "failing" if entry.kind in failing else "good"
        lines.append(ScheduleLine(entry.name, _words(entry.every), ran, due, state))
    return sorted(lines, key=lambda line: (line.state == "good", line.name))


def _words(every: timedelta) -> str:
    seconds = int(every.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            number = seconds // size
            return f"every {unit}" if number == 1 else f"every {number} {unit}s"
    raise AssertionError("a period is whole seconds")
