"""Months of the calendar in UTC, and amounts of a year shown as amounts of a month. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from core.records import dataclass

PERIODS = (3, 6, 12, 24)  # months that can be looked at; the running one is the last of them
USUAL = 12
MONTHS_IN_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Month:
    """A month, from its first moment to the first moment of the next one."""

    begin: datetime
    end: datetime

    @property
    def name(self) -> str:
        return f"{self.begin:%b %Y}"


def months_until(at: datetime, number: int) -> tuple[Month, ...]:
    """The last so many months, the one of that moment included, oldest first."""
    place = at.year * 12 + at.month - 1
    starts = [_first(index) for index in range(place - number + 1, place + 2)]
    return tuple(Month(begin, end) for begin, end in pairwise(starts))


def chosen(asked: str | None) -> int:
    """How many months a page shows; the usual number for anything that is not offered."""
    return next((number for number in PERIODS if str(number) == asked), USUAL)


def _first(place: int) -> datetime:
    year, month = divmod(place, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def a_month(yearly_cents: int) -> int:
    """What an amount of a year is in a month, to the nearest minor unit; exactly half goes up."""
    return (2 * yearly_cents + MONTHS_IN_A_YEAR) // (2 * MONTHS_IN_A_YEAR)


def parts_of_a_month(yearly_cents: Sequence[int], total: int | None = None) -> list[int]:
    """Amounts of a year as whole amounts of a month that add up to `total`, or else to the rounded sum.

    By the method of largest remainders (Hamilton's apportionment): each is rounded down, and the units that are
    missing go to those that lost most, the first of equals first. So none is a unit or more away from its exact value,
    as long as the total is less than that away from the exact sum.
    """
    total = a_month(sum(yearly_cents)) if total is None else total
    whole = [cents // MONTHS_IN_A_YEAR for cents in yearly_cents]
    missing = total - sum(whole)
    lost = sorted(range(len(whole)), key=lambda at: (-(yearly_cents[at] % MONTHS_IN_A_YEAR), at))
    step = 1 if missing > 0 else -1
    order = lost if missing > 0 else lost[::-1]
    for turn in range(abs(missing)):
        whole[order[turn % len(order)]] += step
    return whole
