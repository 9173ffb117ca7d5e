"""What the health page asks."""

from datetime import datetime

from sqlalchemy import func, select

from blueprints.threads.live import READERS_FRESH
from core.db import db
from core.records import dataclass
from models.job import Job
from models.live import ReadingNow
from models.membership import StripeEvent


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queue: how many are due, for how long the oldest has been, and how many were given up."""

    due: int
    oldest_seconds: float
    failed: int = 0


def jobs_waiting(moment: datetime) -> Waiting:
    """The jobs that are due and not done."""
    session = db.session()
    due, oldest = session.execute(
        select(func.count(), func.min(Job.run_at)).where(
            Job.finished_at.is_(None), Job.failed_at.is_(None), Job.run_at <= moment
        )
    ).one()
    failed = session.scalar(select(func.count()).where(Job.failed_at.is_not(None))) or 0
    return Waiting(due, (moment - oldest).total_seconds() if oldest else 0.0, failed)


def events_waiting(moment: datetime) -> Waiting:
    """Stripe's events that came and are not dealt with."""
    due, oldest = db.session().execute(
        select(func.count(), func.min(StripeEvent.received_at)).where(StripeEvent.state == "waiting")
    ).one()
    return Waiting(due, (moment - oldest).total_seconds() if oldest else 0.0)


def readers_now(moment: datetime) -> int:
    """How many people have a discussion open at a live stream, everywhere."""
    statement = select(func.sum(ReadingNow.readers)).where(ReadingNow.seen_at > moment - READERS_FRESH)
    return int(db.session().scalar(statement) or 0)
