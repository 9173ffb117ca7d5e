"""Letting a membership rest: for whom, from when until when, and what is said about it. Pure.

Only what is paid by the month pauses, because Stripe voids the invoices that fall into a pause, and those of a year
would be a year's. It begins when what was paid for ends, and the next payment after it is at the same day of a month.
"""

from calendar import monthrange
from datetime import datetime, timedelta

from blueprints.membership.queries_subscriptions import BillingState
from core.records import dataclass
from core.rendering import date, money

BEFORE_THE_PAYMENT = timedelta(hours=1)  # after the last invoice of the pause is void, before the first one that is not


@dataclass(frozen=True, slots=True)
class PauseOffer:
    """A pause of so many months: `words` of this one, and what is said of each."""

    months: int
    starts_at: datetime
    ends_at: datetime
    words: str
    of_each: tuple[str, ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """All that is said about it."""
        return (self.words, *self.of_each)

    @property
    def resumes_at(self) -> datetime:
        """When Stripe is to collect again."""
        return self.ends_at - BEFORE_THE_PAYMENT


def may_pause(state: BillingState) -> bool:
    """Whether this membership is of the kind that can rest: active, by the month, for one person, nothing planned."""
    return (
        state.status == "active" and state.interval == "month" and state.quantity == 1 and state.has_access
        and not state.is_ending and not state.is_paused and state.schedule is None and state.period_end_at is not None
    )  # fmt: skip


def pause_offers(state: BillingState, longest: str) -> tuple[PauseOffer, ...]:
    """Every pause that this member may choose; none where the paper allows none."""
    if not may_pause(state) or state.period_end_at is None:
        return ()
    return tuple(_offer(state, state.period_end_at, months) for months in range(1, int(longest) + 1))


def _offer(state: BillingState, starts: datetime, months: int) -> PauseOffer:
    anchor = state.started_at or starts
    is_last = starts.day == monthrange(starts.year, starts.month)[1]
    day = max(anchor.day, starts.day) if is_last else starts.day
    ends = _later(starts, months, day)
    cents, currency = state.next_payment_cents, state.next_payment_currency
    if cents is None or currency is None:
        cents, currency = state.amount_cents or 0, state.currency or "usd"
    length = "1 month" if months == 1 else f"{months} months"
    return PauseOffer(months, starts, ends, f"{length}, from {date(starts)} until {date(ends)}", (
        f"You keep everything until {date(starts)}, because it is paid for.",
        "While the pause lasts nothing is charged, and you have no access to what is for members.",
        f"Then it goes on by itself: {money(cents, currency)} on the day it ends, and every month.",
        "You can go on earlier, or cancel, at any time.",
    ))  # fmt: skip


def _later(moment: datetime, months: int, day: int) -> datetime:
    index = moment.month - 1 + months
    year, month = moment.year + index // 12, index % 12 + 1
    return moment.replace(year=year, month=month, day=min(day, monthrange(year, month)[1]))
