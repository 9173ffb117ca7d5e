"""A job that goes wrong in an odd way is its own problem."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select

from core.db import db, transaction
from jobs import queue, worker
from jobs.queue import enqueue
from models.job import Job
from models.site import Rule


@pytest.fixture
def handlers() -> Iterator[dict[str, queue.Handler]]:
    before = dict(queue.HANDLERS)
    yield queue.HANDLERS
    queue.HANDLERS.clear()
    queue.HANDLERS.update(before)


def leaves_a_change_behind() -> None:
    db.session().add(Rule(key="left", title="Left", text="Behind.", position=1))


def leaves_a_change_behind_and_fails() -> None:
    leaves_a_change_behind()
    raise ValueError("on the way")


def fails_in_odd_letters() -> None:
    raise ValueError("a\0b\ud800")


@pytest.mark.parametrize("bad", [leaves_a_change_behind, leaves_a_change_behind_and_fails, fails_in_odd_letters])
def test_what_a_bad_job_leaves_behind_stops_nobody(
    app: Flask, handlers: dict[str, queue.Handler], bad: Callable[[], None]
) -> None:
    done: list[int] = []
    handlers["bad"], handlers["good"] = bad, lambda: done.append(1)
    with transaction():
        enqueue("bad")
        enqueue("good")
    worker.run_due()
    assert done == [1]
    db.session().rollback()
    assert db.session().scalar(select(Rule)) is None
    first, second = db.session().scalars(select(Job).order_by(Job.id)).all()
    assert first.finished_at is None
    assert first.error
    assert second.finished_at is not None
