"""Work of fair process that nobody waits for."""

from datetime import timedelta

from blueprints.moderation import keeping, records, reversing
from core.db import transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating

REVERSED_AT_ONCE = 100  # in one job, which so stays far below its lease

repeating("moderation.clocks", every=timedelta(days=1))
repeating("moderation.seal", every=timedelta(days=1))


@handler(reversing.JOB)
def reverse(reversal_id: int) -> None:
    """Take back some of what a reversal is about, and ask for the rest; each entry in its own transaction."""
    for _ in range(REVERSED_AT_ONCE):
        with transaction() as session:
            if not reversing.step(session, reversal_id):
                return
    with transaction():
        enqueue(reversing.JOB, key=f"{reversing.JOB}:{reversal_id}", reversal_id=reversal_id)


@handler("moderation.clocks")
def run_clocks() -> None:
    """Ask for every clock to be run, each as a job of its own."""
    with transaction():
        for which in keeping.CLOCKS:
            enqueue("moderation.clock", key=f"moderation.clock:{which.name}", name=which.name)


@handler("moderation.clock")
def run_clock(name: str) -> None:
    """Remove what one clock's time is over for, in small steps, and note how much that was."""
    which = next(one for one in keeping.CLOCKS if one.name == name)
    removed, last = 0, keeping.AT_ONCE
    while last == keeping.AT_ONCE:
        with transaction() as session:
            last = keeping.run_clock(session, which)
        removed += last
    with transaction() as session:
        keeping.note_run(session, which, removed)


@handler("moderation.seal")
def seal() -> None:
    """Publish where the ledger ends today."""
    with transaction() as session:
        records.seal_now(session)
