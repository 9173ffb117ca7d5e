"""While a long job runs, nobody else begins it, nothing waits behind it, and nothing done before it is done again."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from core import clock
from core.db import db, transaction
from jobs import claimed, queue, schedule, worker
from jobs.claimed import Claimed, relieve
from jobs.queue import enqueue
from tests.jobs.test_queue import eventually, jobs, seen_alive

Long = Callable[[], Claimed]


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def goes_on() -> Iterator[threading.Event]:
    goes_on = threading.Event()
    yield goes_on
    goes_on.set()


@pytest.fixture
def long(app: Flask, handlers: dict[str, queue.Handler], seen: list[str], goes_on: threading.Event) -> Iterator[Long]:
    """Three jobs, claimed together by a worker that is busy with the second."""
    begun = threading.Event()
    held = Claimed()

    def run() -> None:
        seen.append("long")
        if not begun.is_set():  # who runs it anew has nothing to wait for
            begun.set()
            goes_on.wait(20)

    def work() -> None:
        with app.app_context():
            worker.run_due(claimed=held)
            db.session.remove()

    handlers["before"] = lambda: seen.append("before")
    handlers["long"] = run
    handlers["behind"] = lambda: seen.append("behind")
    thread = threading.Thread(target=work, name="busy")

    def begin() -> Claimed:
        with transaction():
            for kind in ("before", "long", "behind"):
                enqueue(kind)
        thread.start()
        assert begun.wait(10)
        return held

    yield begin
    goes_on.set()
    thread.join(20)
    clock.shift(timedelta())


def relieved(held: Claimed, beats: str | None = None) -> None:
    (busy,) = (thread.ident for thread in threading.enumerate() if thread.name == "busy")
    relieve(held, busy or 0, beats)


def test_what_is_behind_a_long_job_is_done_by_another_worker(long: Long, seen: list[str], goes_on: threading.Event) -> None:
    held = long()
    assert worker.run_due() == 0
    relieved(held)
    assert worker.run_due() == 1
    assert seen == ["before", "long", "behind"]
    goes_on.set()
    assert eventually(lambda: all(job.finished_at for job in jobs()))
    assert seen == ["before", "long", "behind"]


def test_what_was_done_before_a_long_job_is_marked_while_it_runs(long: Long) -> None:
    held = long()
    assert [job.finished_at is None for job in jobs()] == [True, True, True]
    relieved(held)
    assert [job.finished_at is None for job in jobs()] == [False, True, True]


def test_nobody_else_begins_a_long_job_as_long_as_its_process_lives(
    long: Long, seen: list[str], goes_on: threading.Event
) -> None:
    held = long()
    for times in range(1, 5):
        clock.shift(queue.LEASE * 0.7 * times)
        relieved(held, "worker")
        worker.run_all()
    assert "worker" in seen_alive()
    assert sorted(seen) == ["before", "behind", "long"]
    clock.shift(queue.LEASE * 0.7 * 4 + queue.LEASE * 1.1)  # nobody has renewed it: the process is dead
    worker.run_all()
    assert sorted(seen) == ["before", "behind", "long", "long"]


def test_a_worker_looks_after_what_it_has_claimed(
    app: Flask, handlers: dict[str, queue.Handler], seen: list[str], goes_on: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claimed, "LONG_SECONDS", 0.1)
    monkeypatch.setattr(claimed, "LOOKS_EVERY", 0.05)
    monkeypatch.setattr(schedule, "REPEATING", {})
    handlers["long"] = lambda: goes_on.wait(20)
    handlers["behind"] = lambda: seen.append("behind")
    with transaction():
        enqueue("long")
        enqueue("behind")
    stop = worker.start_thread(app)
    try:
        assert eventually(lambda: [job.leased_until is None for job in jobs()] == [False, True])
        assert worker.run_due() == 1
        assert seen == ["behind"]
    finally:
        goes_on.set()
        stop()


def test_what_cannot_be_marked_as_done_is_marked_later(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction():
        enqueue("x")
    held = Claimed()
    with transaction():
        held.take(queue.claim_due())
    assert held.begin()
    held.end(done=True)

    def away(_job_id: int) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(queue, "finish", away)
        with pytest.raises(OSError, match="away"):
            claimed.mark_done(held)
    claimed.mark_done(held)
    assert [job.finished_at is None for job in jobs()] == [False]


def test_a_round_that_an_error_ends_begins_nothing_of_it_later(
    app: Flask, handlers: dict[str, queue.Handler], seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may have claimed it meanwhile."""
    handlers["bad"] = lambda: 1 / 0
    handlers["behind"] = lambda: seen.append("behind")
    held = Claimed()
    with transaction():
        enqueue("bad")
        enqueue("behind")

    def away(*_: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(queue, "fail", away)
        with pytest.raises(OSError, match="away"):
            worker.run_due(claimed=held)
    assert (held.begin(), held.runs_for()) == (None, 0.0)
    clock.shift(queue.LEASE * 1.1)
    try:
        worker.run_all()
    finally:
        clock.shift(timedelta())
    assert seen == ["behind"]


def test_a_lease_that_somebody_else_has_by_now_is_not_ended(app: Flask) -> None:
    with transaction():
        enqueue("x")
    with transaction():
        (mine,) = queue.claim_due()
    clock.shift(queue.LEASE * 1.1)
    try:
        with transaction():
            assert queue.claim_due(worker="another")
        with transaction():
            queue.leave([mine.id], threading.get_ident())
        assert [(job.leased_by, job.leased_until is not None) for job in jobs()] == [("another", True)]
    finally:
        clock.shift(timedelta())
