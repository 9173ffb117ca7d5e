"""What Subscriptions bring in, summed by month: a fixed number of statements, whatever the number of members."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select

from blueprints.insights.months import Month
from core.db import db
from core.records import dataclass
from models.membership import Membership, Payment, Plan, Subscription
from models.movement import BilledInvoice, Movement

BUCKET = "bucket"  # grouped by its name: bound values would make it another expression
BEFORE = 0  # the bucket of everything before the first month; months are 1, 2, …


@dataclass(frozen=True, slots=True)
class Moved:
    """Movements of one month, currency, kind and pair of plans: amounts of a year, and how many Subscriptions."""

    month: int
    currency: str
    kind: str
    from_plan_id: int | None
    plan_id: int
    before_cents: int
    after_cents: int
    number: int
    begun: int  # Subscriptions that bring something since, less those that bring nothing any more


@dataclass(frozen=True, slots=True)
class Billed:
    """Invoices of one month and currency, by their parts, in minor units."""

    month: int
    currency: str
    number: int
    full_cents: int
    lasting_cents: int
    once_cents: int
    change_cents: int
    other_cents: int
    total_cents: int
    paid_cents: int


@dataclass(frozen=True, slots=True)
class Turnover:
    """Memberships of one plan that began and ended in a month."""

    month: int
    plan_id: int
    begun: int
    ended: int


def plan_names() -> dict[int, str]:
    """Every plan, lowest first."""
    rows = db.session().execute(select(Plan.id, Plan.name).order_by(Plan.rank, Plan.id))
    return {row.id: row.name for row in rows}


def latest_movement_at(mode: str) -> datetime | None:
    """When something last changed, by Stripe's clock; the sandbox's may be ahead of ours."""
    return db.session().scalar(select(func.max(Movement.at)).where(Movement.mode == mode))


def moved(mode: str, months: Sequence[Month]) -> list[Moved]:
    """All movements up to the end of the last month."""
    bucket = _bucket(Movement.at, months)
    begun = case(
        (and_(Movement.before_cents == 0, Movement.after_cents > 0), 1),
        (and_(Movement.before_cents > 0, Movement.after_cents == 0), -1), else_=0,
    )  # fmt: skip
    rows = db.session().execute(
        select(bucket, Movement.currency, Movement.kind, Movement.from_plan_id, Movement.plan_id,
               func.sum(Movement.before_cents), func.sum(Movement.after_cents), func.count(), func.sum(begun))
        .where(Movement.mode == mode, Movement.at < months[-1].end)
        .group_by(BUCKET, Movement.currency, Movement.kind, Movement.from_plan_id, Movement.plan_id)
    )  # fmt: skip
    return [Moved(*row[:5], *(int(value) for value in row[5:])) for row in rows]


def billed(mode: str, months: Sequence[Month]) -> list[Billed]:
    """Invoices issued in these months, void ones left out."""
    bucket = _bucket(BilledInvoice.issued_at, months)
    sums = (
        BilledInvoice.full_cents, BilledInvoice.lasting_cents, BilledInvoice.once_cents, BilledInvoice.change_cents,
        BilledInvoice.other_cents, BilledInvoice.total_cents, BilledInvoice.paid_cents,
    )  # fmt: skip
    rows = db.session().execute(
        select(bucket, BilledInvoice.currency, func.count(), *(func.sum(column) for column in sums))
        .where(
            BilledInvoice.mode == mode, BilledInvoice.status != "void", BilledInvoice.issued_at >= months[0].begin,
            BilledInvoice.issued_at < months[-1].end,
        )
        .group_by(BUCKET, BilledInvoice.currency)
    )  # fmt: skip
    return [Billed(row[0], row[1], *(int(value) for value in row[2:])) for row in rows]


def paid_back(mode: str, months: Sequence[Month]) -> dict[tuple[int, str], int]:
    """What was paid back of the payments of each month and currency."""
    bucket = _bucket(Payment.paid_at, months)
    rows = db.session().execute(
        select(bucket, Payment.currency, func.sum(Payment.refunded_cents))
        .where(
            Payment.mode == mode, Payment.refunded_cents > 0, Payment.paid_at >= months[0].begin,
            Payment.paid_at < months[-1].end,
        )
        .group_by(BUCKET, Payment.currency)
    )  # fmt: skip
    return {(row[0], row[1]): int(row[2]) for row in rows}


def turnover(months: Sequence[Month]) -> list[Turnover]:
    """Memberships that began and ended, of whatever source: two statements."""
    found: dict[tuple[int, int], list[int]] = {}
    for place, column in enumerate((Membership.started_at, Membership.ended_at)):
        bucket = _bucket(column, months)
        rows = db.session().execute(
            select(bucket, Membership.plan_id, func.count())
            .where(column.is_not(None), column < months[-1].end).group_by(BUCKET, Membership.plan_id)
        )  # fmt: skip
        for month, plan_id, number in rows:
            found.setdefault((month, plan_id), [0, 0])[place] = number
    return [Turnover(*key, *numbers) for key, numbers in found.items()]


def owing(mode: str) -> dict[str, tuple[int, int]]:
    """Subscriptions that owe a payment and still count: how many, and what they bring in a year, by currency."""
    newest = (
        select(Movement.currency).where(Movement.subscription_id == Subscription.id)
        .order_by(Movement.number.desc()).limit(1).scalar_subquery()
    )  # fmt: skip
    rows = db.session().execute(
        select(newest.label("currency"), func.count(), func.sum(Subscription.yearly_cents))
        .where(Subscription.mode == mode, Subscription.status == "past_due", Subscription.yearly_cents > 0)
        .group_by("currency")
    )  # fmt: skip
    return {row[0]: (row[1], int(row[2])) for row in rows}


def _bucket(column: Any, months: Sequence[Month]) -> ColumnElement[int]:
    """The number of the month that a moment lies in: 0 before the first, then 1, 2, …"""
    begins = [month.begin for month in months]
    return case(
        *((column < begin, literal(place)) for place, begin in enumerate(begins)), else_=literal(len(begins))
    ).label(BUCKET)
