"""Removing what is over: jobs long done, and counts of limits. Jobs that were given up stay, to be looked at."""

from datetime import timedelta

from sqlalchemy import delete, select

from core import clock
from core.db import transaction
from core.limits import forget_old_counts
from jobs.queue import handler
from jobs.schedule import repeating
from models.job import Job

DONE_KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 2_000


@handler("jobs.forget")
def forget() -> None:
    """Remove done jobs in small steps, so that nobody waits for it, and counts with the addresses in their keys."""
    forget_old_counts()
    before = clock.now() - DONE_KEPT
    old = select(Job.id).where(Job.finished_at < before).order_by(Job.id).limit(FORGOTTEN_AT_ONCE)
    while True:
        with transaction() as session:
            ids = session.scalars(old).all()
            session.execute(delete(Job).where(Job.id.in_(ids)).execution_options(synchronize_session=False))
        if len(ids) < FORGOTTEN_AT_ONCE:
            return


repeating("jobs.forget", every=timedelta(days=1))
