"""The one source of the current time, so that tests and the demo can move it."""

from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_offset: ContextVar[timedelta] = ContextVar("clock_offset", default=timedelta())


def now() -> datetime:
    """The current moment as an aware UTC datetime, moved by `shift` where one is in force."""
    return datetime.now(UTC) + _offset.get()


def shift(by: timedelta) -> None:
    """Move this context's clock by `by` from the real time; a zero delta puts it back."""
    _offset.set(by)
