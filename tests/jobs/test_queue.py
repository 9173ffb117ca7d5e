"""Jobs commit or vanish with the change that asks for them, run at least once, and have their effect once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from flask import Flask
from sqlalchemy import func, insert, select, update

from core import clock
from core.db import db, transaction
from jobs import heartbeat, queue, schedule, worker
from jobs.queue import enqueue
from jobs.schedule import DAY, REPEATING, enqueue_repeating, repeating
from models.job import LIVE_STREAMS, Heartbeat, Job, Schedule
from models.limit import RateCount
from models.site import Rule

ROOT = Path(__file__).resolve().parents[2]


def jobs() -> list[Job]:
    db.session().rollback()
    return list(db.session().scalars(select(Job).order_by(Job.id)))


def test_a_job_vanishes_with_the_change_that_asked_for_it(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        enqueue("x", a=1)
        raise ZeroDivisionError
    assert jobs() == []


def test_a_job_gets_its_payload_and_is_done_once(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    seen: list[int] = []
    handlers["x"] = lambda a: seen.append(a)
    with transaction():
        enqueue("x", a=7)
    assert worker.run_all() == 1
    assert worker.run_all() == 0
    assert seen == [7]


def test_a_bad_job_is_retried_later_and_stops_nobody(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    seen: list[str] = []
    handlers["bad"] = lambda: 1 / 0
    handlers["good"] = lambda: seen.append("good")
    with transaction():
        enqueue("bad")
        enqueue("good")
    worker.run_all()
    assert seen == ["good"]
    bad = jobs()[0]
    assert bad.attempts == 1
    assert bad.run_at > clock.now()
    assert "ZeroDivisionError" in (bad.error or "")


def test_a_job_is_given_up_after_its_last_attempt(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    handlers["bad"] = lambda: 1 / 0
    with transaction():
        enqueue("bad")
    for day in range(queue.MAX_ATTEMPTS + 2):
        clock.shift(timedelta(days=day))
        worker.run_all()
    clock.shift(timedelta())
    row = jobs()[0]
    assert row.failed_at is not None
    assert row.attempts == queue.MAX_ATTEMPTS


def test_the_same_key_waits_once(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    seen: list[int] = []
    handlers["x"] = lambda: seen.append(1)
    for _ in range(3):
        with transaction():
            enqueue("x", key="same")
    worker.run_all()
    with transaction():
        enqueue("x", key="same")
    worker.run_all()
    assert len(seen) == 2


def test_two_workers_never_take_the_same_job(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    seen: list[int] = []
    handlers["x"] = lambda n: seen.append(n)
    with transaction():
        for n in range(60):
            enqueue("x", n=n)

    def work() -> None:
        with app.app_context():
            while worker.run_due(limit=3):
                pass
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(60))


KILLED = """
import os, signal, sys
from app import create_app
from core.db import transaction
from jobs import queue, worker
from models.site import Rule

app = create_app()

@queue.handler("halfway")
def halfway() -> None:
    with transaction() as session:
        session.add(Rule(key="half", title="t", text="t"))
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)

with app.app_context():
    worker.run_all()
"""


def test_a_worker_killed_in_the_middle_loses_nothing(app: Flask, database_url: str, tmp_path: Path, handlers: dict[str, queue.Handler]) -> None:
    with transaction():
        enqueue("halfway")
    environment = os.environ | {
        "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "SECRET_KEY": "a-key-for-tests-only", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert jobs()[0].finished_at is None

    def again() -> None:
        with transaction() as session:
            session.add(Rule(key="half", title="t", text="t"))

    handlers["halfway"] = again
    assert worker.run_all() == 0, "the lease still stands"
    clock.shift(queue.LEASE + timedelta(seconds=1))
    assert worker.run_all() == 1
    clock.shift(timedelta())
    assert db.session().scalar(select(func.count()).select_from(Rule)) == 1
    assert jobs()[0].attempts == 2


def test_repeating_work_is_asked_for_once_a_period(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    seen: list[int] = []
    handlers["tick"] = lambda: seen.append(1)
    before = dict(REPEATING)
    REPEATING.clear()
    repeating("tick", every=timedelta(hours=1))
    try:
        for minutes in (0, 10, 59, 61, 70, 125):
            clock.shift(timedelta(minutes=minutes))
            enqueue_repeating()
            worker.run_all()
    finally:
        clock.shift(timedelta())
        REPEATING.clear()
        REPEATING.update(before)
    assert len(seen) == 3


def test_a_first_start_spreads_its_daily_work_over_the_day_and_it_stays_daily(app: Flask) -> None:
    daily = {name for name, entry in REPEATING.items() if entry.every >= DAY and entry.after}
    began = clock.now()
    enqueue_repeating()
    asked = {job.kind: job.run_at - job.created_at for job in jobs()}
    assert asked.keys() == REPEATING.keys()
    assert {kind for kind, wait in asked.items() if wait < timedelta(seconds=1)} == REPEATING.keys() - daily
    assert len(daily) > 10
    waits = sorted(asked[kind] for kind in daily)
    assert len(set(waits)) == len(daily)
    assert waits[0] < DAY / 4
    assert DAY * 3 / 4 < waits[-1] < DAY
    assert {"site.backup", "stripe.check", "threads.fill-search"}.isdisjoint(daily), "somebody waits to see what they do"

    first = {job.kind: job.run_at for job in jobs() if job.kind in daily and REPEATING[job.kind].every == DAY}
    with transaction() as session:
        session.execute(update(Job).values(finished_at=Job.run_at))
    clock.shift(DAY)
    try:
        enqueue_repeating()
    finally:
        clock.shift(timedelta())
    second = {job.kind: job.run_at for job in jobs() if job.finished_at is None and job.kind in first}
    assert second.keys() == first.keys()
    assert all(abs(second[kind] - first[kind] - DAY) < clock.now() - began + timedelta(seconds=1) for kind in first)


@pytest.mark.postgresql
def test_two_workers_of_a_first_start_add_the_same_repeating_work_once(app: Flask) -> None:
    failed: list[BaseException] = []

    def ask() -> None:
        with app.app_context():
            try:
                enqueue_repeating()
            except Exception as error:
                failed.append(error)
            finally:
                db.session.remove()

    other = threading.Thread(target=ask)
    with db.engine.connect() as first:
        first.execute(insert(Schedule), [{"name": name, "last_run_at": clock.now()} for name in REPEATING])
        other.start()
        other.join(0.3)
        assert other.is_alive(), "it waits for what the first one writes"
        first.commit()
    other.join(20)
    assert (failed, jobs()) == ([], [])


def test_what_a_clock_that_ran_ahead_left_behind_is_taken_back(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    seen: list[str] = []
    for kind in ("asked", "held", "later"):
        handlers[kind] = lambda kind=kind: seen.append(kind)
    with transaction():
        enqueue("held")
    clock.shift(timedelta(days=3))
    try:
        with transaction():
            assert [row.kind for row in queue.claim_due()] == ["held"]  # and its worker dies
        with transaction():
            enqueue("asked")
            enqueue("later", run_at=clock.now() + timedelta(hours=1))
        enqueue_repeating()
    finally:
        clock.shift(timedelta())
    assert worker.run_all() == 0
    with transaction() as session:
        assert queue.mend_after_clock() > 3
        assert queue.mend_after_clock() == 0
        assert all(moment <= clock.now() for moment in session.scalars(select(Schedule.last_run_at)))
    worker.run_all()
    clock.shift(queue.LEASE * 2)  # what was held may be claimed when an ordinary lease is over
    worker.run_all()
    clock.shift(timedelta())
    assert [kind for kind in seen if kind != "tick"] == ["asked", "held"]
    assert next(job for job in jobs() if job.kind == "later").finished_at is None
    assert all(job.run_at <= clock.now() for job in jobs() if job.key and job.key.startswith(queue.REPEATS))


def test_the_worker_thread_stops_when_told(app: Flask, handlers: dict[str, queue.Handler]) -> None:
    done = threading.Event()
    handlers["x"] = done.set
    stop = worker.start_thread(app)
    with transaction():
        enqueue("x")
    assert done.wait(10)
    began = time.monotonic()
    stop()
    assert time.monotonic() - began < 10


def test_a_worker_that_is_told_to_end_gives_back_what_it_has_not_begun(
    app: Flask, handlers: dict[str, queue.Handler]
) -> None:  # fmt: skip
    stop, seen = threading.Event(), []

    def first() -> None:
        stop.set()
        seen.append("first")

    handlers["first"], handlers["second"] = first, lambda: seen.append("second")
    with transaction():
        enqueue("first")
        enqueue("second")
    worker.run_due(stop=stop)
    assert seen == ["first"]
    assert [(job.finished_at is None, job.leased_until) for job in jobs()] == [(False, None), (True, None)]
    assert worker.run_all() == 1
    assert seen == ["first", "second"]


def test_a_job_that_outlasts_its_process_is_given_back_and_says_so(
    app: Flask, handlers: dict[str, queue.Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(schedule, "REPEATING", {})
    begun, goes_on = threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        goes_on.wait(20)

    handlers["long"] = long
    stop = worker.start_thread(app)
    try:
        with transaction():
            enqueue("long")
        assert begun.wait(10)
        with structlog.testing.capture_logs() as said:
            stop()
        assert [(line["event"], line["kinds"]) for line in said if "kinds" in line] == [
            ("what was cut off is given back, and begins again", ["long"])
        ]
        assert (jobs()[-1].finished_at, jobs()[-1].leased_until) == (None, None)
    finally:
        goes_on.set()
        for thread in threading.enumerate():
            if thread.name == "worker":
                thread.join(20)  # else it writes into the next test's database


def test_what_begins_a_moment_after_the_worker_is_told_of_at_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "beside", {})
    stop = worker.start_thread(app)
    try:
        assert eventually(lambda: "worker" in seen_alive())
        heartbeat.beside[LIVE_STREAMS] = lambda: True
        assert eventually(lambda: LIVE_STREAMS in seen_alive()), "long before the worker's next sign of life"
    finally:
        stop()


def seen_alive() -> set[str]:
    db.session().rollback()
    return set(db.session().scalars(select(Heartbeat.name)))


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + heartbeat.EVERY_SECONDS / 2
    while not holds() and time.monotonic() < until:
        time.sleep(0.1)
    return holds()


def test_done_jobs_are_forgotten_after_a_while_and_failed_ones_kept(app: Flask) -> None:
    from jobs.forgetting import DONE_KEPT, forget

    old, moment = clock.now() - DONE_KEPT * 2, clock.now()
    with transaction() as session:
        for name, finished, failed in (("old", old, None), ("new", moment, None), ("failed", None, old), ("waiting", None, None)):
            session.add(Job(kind=name, payload={}, run_at=old, finished_at=finished, failed_at=failed))
    forget()
    assert set(db.session().scalars(select(Job.kind))) == {"new", "failed", "waiting"}


def test_counts_of_limits_are_forgotten_when_their_time_is_over(app: Flask) -> None:
    from jobs.forgetting import forget

    moment = clock.now()
    with transaction() as session:
        for key, ends_at in (("address:over", moment - timedelta(seconds=1)), ("address:runs", moment + timedelta(hours=1))):
            session.add(RateCount(key=key, hits=3, expires_at=ends_at))
    forget()
    assert list(db.session().scalars(select(RateCount.key))) == ["address:runs"]
