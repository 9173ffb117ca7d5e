"""When a gift holds, who may take it, and for how long it lasts. Pure: values in, an answer out."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import datetime, timedelta

from core.records import dataclass

LATEST = timedelta(days=366)  # how far ahead a gift may be sent
LONGEST_NOTE = 600
LONGEST_NAME = 80
MONTHS = {"month": 1, "year": 12}


def holds(
    paid_cents: int, refunded_cents: int, disputed: bool, *, taken: bool, refund_ends: bool = True,
    dispute_ends: bool = True,
) -> bool:  # fmt: skip
    """Whether a gift still holds: its payment not given back whole, not asked back by a bank, each by the setting.

    One that nobody has taken never outlives its payment.
    """
    given_back = refunded_cents >= paid_cents > 0
    return not (given_back and (refund_ends or not taken)) and not (disputed and (dispute_ends or not taken))


def end_of(starts_at: datetime, interval: str) -> datetime:
    """The same day and time one month or year later; the last of the month where it has no such day."""
    index = starts_at.month - 1 + MONTHS[interval]
    year, month = starts_at.year + index // 12, index % 12 + 1
    return starts_at.replace(year=year, month=month, day=min(starts_at.day, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Span:
    """Access that somebody has already: to a plan of this rank, until then (None: without an end)."""

    rank: int
    ends_at: datetime | None
    source: str


def begins_at(rank: int, spans: Iterable[Span], now: datetime) -> datetime | None:
    """When a gift of this rank begins: at the end of what gives as much; None while that has no end."""
    start = now
    for span in spans:
        if span.rank < rank:
            continue  # the gift gives more, so it does not wait
        if span.ends_at is None:
            return None
        start = max(start, span.ends_at)
    return start


def why_not(state: str, *, stands: bool, is_mine: bool) -> str:
    """Why a gift cannot be taken, or nothing."""
    if state == "redeemed":
        return "You have taken this gift." if is_mine else "This gift has been taken already."
    if state == "revoked":
        return "This gift was taken back by the person who gave it."
    if state != "paid":
        return "This gift is not paid yet. Please try again in a few minutes."
    return "" if stands else "This gift does not hold any more, because its payment was given back."
