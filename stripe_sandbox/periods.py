"""Billing periods: whole intervals counted from an anchor, as Stripe counts them."""

import calendar
from datetime import UTC, datetime, timedelta


def add_interval(anchor: int, interval: str, count: int) -> int:
    """The anchor moved by `count` intervals; 31 January plus one month is the last of February."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in ("day", "week"):
        return int((start + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def every(interval: str, count: int) -> str:
    """`month`, or `3 months`."""
    return interval if count == 1 else f"{count} {interval}s"


def long_date(timestamp: int) -> str:
    """`23 December 2026`."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return f"{moment.day} {moment:%B %Y}"
