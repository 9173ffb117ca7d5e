"""The worker: a thread of the web process, or a process of its own (`flask worker`)."""

import threading
import time
import traceback
from collections.abc import Callable

import structlog
from flask import Flask, g
from sqlalchemy.exc import SQLAlchemyError

from core.db import db, refuse_leftovers, transaction
from core.metrics import JOBS
from jobs import (
    backing_up,  # noqa: F401
    forgetting,  # noqa: F401
    heartbeat,
    queue,
)
from jobs.claimed import Claimed, look_after, mark_done
from jobs.schedule import enqueue_repeating

IDLE_SECONDS = 1.0
GATHER_SECONDS = 0.1  # what is asked for within that time is claimed together
BATCH = 20
MARKED_WITHIN = 0.2  # seconds
STEP_BACK, LONGEST_STEP_BACK = 3, 0.1  # times as long as a job was kept waiting; seconds
PATIENCE_SECONDS = 10.0  # for the job that runs when the process is told to end

log = structlog.get_logger("worker")


def run_due(
    limit: int = BATCH, *, gives_way: bool = True, stop: threading.Event | None = None, claimed: Claimed | None = None
) -> int:
    """Run what is due, one job after the other; a bad one never stops the batch. Returns how many were claimed.

    Between two jobs it gives way to requests, unless nobody else is there or somebody waits for the end.
    Quick jobs are marked as done together, so a process that dies meanwhile leaves them to be run again, as always.
    Once `stop` is set, no other is begun, and those are given back. `claimed` is for who looks after them meanwhile.
    """
    claimed = claimed or Claimed()
    mark_done(claimed)  # what a database that was away did not take
    if not queue.any_due():
        return 0
    with transaction():
        jobs = queue.claim_due(limit)
    claimed.take(jobs)
    try:
        _run_claimed(claimed, gives_way=gives_way, stop=stop)
    finally:
        claimed.let_go()
    if jobs and stop is not None and stop.is_set():
        with transaction():
            queue.give_back(threading.get_ident())
    return len(jobs)


def _run_claimed(claimed: Claimed, *, gives_way: bool, stop: threading.Event | None) -> None:
    since = time.monotonic()
    while job := None if stop is not None and stop.is_set() else claimed.begin():
        began, worked = time.monotonic(), time.thread_time()
        outcome = "done"
        g.pop("site", None)  # the settings may have changed since the job before, which may have taken long
        with structlog.contextvars.bound_contextvars(request_id=job.request_id or f"job-{job.id}"):
            try:
                queue.HANDLERS[job.kind](**job.payload)
                refuse_leftovers(db.session())
            except Exception as error:  # whatever a handler raises or leaves behind belongs to its own job only
                outcome = "failed"
                db.session.rollback()
                log.warning("job failed", job=job.id, kind=job.kind, attempt=job.attempts, error=repr(error))
                with transaction():
                    queue.fail(job.id, job.attempts, traceback.format_exc(limit=-6))
        claimed.end(done=outcome == "done")
        JOBS.labels(job.kind, outcome).observe(time.monotonic() - began)
        if time.monotonic() - since > MARKED_WITHIN:
            mark_done(claimed)
            since = time.monotonic()
        if gives_way:
            _step_back(time.monotonic() - began, time.thread_time() - worked)
    mark_done(claimed)


def _step_back(took: float, worked: float) -> None:
    """Leave the processor, the interpreter and the database to requests, the more the longer a job waited for them."""
    time.sleep(min(max(0.0, took - worked) * STEP_BACK, LONGEST_STEP_BACK))


def run_all(limit: int = 1000) -> int:
    """Run until nothing is due: for tests, the demo's seeding and commands."""
    ran = 0
    while ran < limit and (done := run_due(gives_way=False)):
        ran += done
    return ran


def work(app: Flask, stop: threading.Event, name: str = "worker") -> None:
    """Loop until told to stop. A database that is away for a while only makes it wait."""
    beat, known = 0.0, 0
    claimed = Claimed()
    keeper = threading.Thread(
        target=look_after, args=(app, claimed, threading.get_ident(), stop, name), name="worker's keeper", daemon=True
    )
    keeper.start()
    while not stop.is_set():
        with app.app_context():
            ran = 0
            try:
                if time.monotonic() - beat > heartbeat.EVERY_SECONDS or len(heartbeat.beside) > known:
                    known = len(heartbeat.beside)  # what begins a moment after the worker is told of at once
                    look_around(name)
                    beat = time.monotonic()
                ran = run_due(stop=stop, claimed=claimed)
            except Exception:
                log.exception("the worker met an error and goes on")
                time.sleep(IDLE_SECONDS)
        if not ran and queue.wake.wait(IDLE_SECONDS):
            queue.wake.clear()
            stop.wait(GATHER_SECONDS)
    keeper.join(PATIENCE_SECONDS)


def look_around(name: str = "worker") -> bool:
    """Give a sign of life, ask for the repeating jobs whose time has come, and say whether any job is due."""
    _beat(name)
    enqueue_repeating()
    return queue.any_due()


def start_thread(app: Flask) -> Callable[[], None]:
    """Start the worker as a thread; returns the function that stops it, and waits for what runs, but not for ever."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(app, stop), name="worker", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        queue.wake.set()
        thread.join(timeout=PATIENCE_SECONDS)
        if thread.is_alive():
            _give_back(app, thread.ident or 0)

    return end


def _give_back(app: Flask, thread_id: int) -> None:
    """The process ends now, and what still runs with it: let others begin it again without waiting for the lease."""
    try:
        with app.app_context(), transaction():
            kinds = queue.give_back(thread_id)
    except SQLAlchemyError as error:
        log.warning("what was cut off begins again when its lease is over", error=repr(error))
    else:
        log.warning("what was cut off is given back, and begins again", kinds=kinds)


def _beat(name: str) -> None:
    with transaction() as session:
        heartbeat.beat_together(session, name)
        queue.mend_after_clock()
