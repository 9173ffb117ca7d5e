"""What a worker has claimed, and who looks after it while a long job runs.

A claim is a lease of a minute, and a worker claims several jobs at once. So that a job which takes longer is not begun
by another worker too, its lease is renewed for as long as its process lives; what waits behind it is left to others;
and what was done before it is marked as done, so that no death of the process lets it be done again.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import structlog
from flask import Flask

from core.db import transaction
from jobs import heartbeat, queue

LONG_SECONDS = 2.0  # from then on a job is a long one
LOOKS_EVERY = 1.0
RENEWS_EVERY = queue.LEASE.total_seconds() / 4
LONGEST_SECONDS = 6 * 3600.0  # what takes longer hangs, and is left to another worker

log = structlog.get_logger("worker")


class Claimed:
    """The jobs of one worker: the one that runs, those behind it, and those that are done but not yet marked so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._behind: deque[Any] = deque()
        self._done: list[int] = []
        self._running: int | None = None
        self._since = 0.0

    def take(self, jobs: Iterable[Any]) -> None:
        with self._lock:
            self._behind.extend(jobs)

    def begin(self) -> Any | None:
        """The next job, which runs from now on; None where there is no other."""
        with self._lock:
            if not self._behind:
                return None
            job = self._behind.popleft()
            self._running, self._since = job.id, time.monotonic()
            return job

    def end(self, *, done: bool) -> None:
        """The job that ran runs no more."""
        with self._lock:
            if done and self._running is not None:
                self._done.append(self._running)
            self._running = None

    def let_go(self) -> None:
        """Nothing is begun any more: what is left belongs to whoever claims it next, when its lease is over."""
        with self._lock:
            self._behind.clear()
            self._running = None

    def runs_for(self) -> float:
        """For how many seconds the same job runs now."""
        with self._lock:
            return 0.0 if self._running is None else time.monotonic() - self._since

    def take_behind(self) -> list[int]:
        """The ids of those behind, which this worker will not begin."""
        with self._lock:
            ids = [job.id for job in self._behind]
            self._behind.clear()
            return ids

    def take_done(self) -> list[int]:
        """The ids of those that are to be marked as done."""
        with self._lock:
            ids, self._done = self._done, []
            return ids

    def put_done(self, ids: list[int]) -> None:
        """They could not be marked, and are to be marked later."""
        with self._lock:
            self._done = ids + self._done


def mark_done(claimed: Claimed) -> None:
    """Mark what is done, in one transaction."""
    if done := claimed.take_done():
        try:
            with transaction():
                for job_id in done:
                    queue.finish(job_id)
        except BaseException:
            claimed.put_done(done)
            raise


def look_after(app: Flask, claimed: Claimed, thread_id: int, stop: threading.Event, name: str) -> None:
    """While a long job runs: do for the worker of this thread what it cannot do meanwhile. Ends with the worker."""
    renewed = 0.0
    while not stop.wait(LOOKS_EVERY):
        if not LONG_SECONDS < claimed.runs_for() < LONGEST_SECONDS:
            continue
        try:
            with app.app_context():
                renews = time.monotonic() - renewed > RENEWS_EVERY
                relieve(claimed, thread_id, name if renews else None)
                renewed = time.monotonic() if renews else renewed
        except Exception as error:  # a database that is away is away for the job as well
            log.warning("a long job is not looked after", error=repr(error))


def relieve(claimed: Claimed, thread_id: int, beats: str | None) -> None:
    """Mark what was done before the job that runs, leave to others what waits behind it, and with a name to beat for
    renew the leases and give the sign of life."""
    mark_done(claimed)
    if behind := claimed.take_behind():
        with transaction():
            queue.leave(behind, thread_id)
    if beats:
        with transaction() as session:
            queue.renew(thread_id)
            heartbeat.beat_together(session, beats)
