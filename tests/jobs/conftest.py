"""What the tests of jobs share."""

from collections.abc import Iterator

import pytest

from jobs import queue


@pytest.fixture
def handlers() -> Iterator[dict[str, queue.Handler]]:
    """Who does which kind of job; what a test adds is gone after it."""
    before = dict(queue.HANDLERS)
    yield queue.HANDLERS
    queue.HANDLERS.clear()
    queue.HANDLERS.update(before)
