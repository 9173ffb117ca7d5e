"""MRR and its movements, month by month: the start and what moved always make the end, to the minor unit."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from blueprints.insights import queries_money
from blueprints.insights.months import PERIODS, Month, a_month, months_until, parts_of_a_month
from blueprints.insights.queries_money import BEFORE, Moved, Turnover
from blueprints.insights.tables import Cell, Money, Table
from core.records import dataclass
from models.movement import MOVEMENT_KINDS

KIND_LABELS = {
    "new": "New", "converted": "After free days", "recovered": "Come back", "upgraded": "Upgraded",
    "repriced": "Other price", "downgraded": "Downgraded", "paused": "Paused", "churned": "Left",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MonthOfMoney:
    """One month of one currency, in minor units a month. `start` + the sum of `moved` is `end`."""

    month: Month
    start: int
    moved: dict[str, int]
    end: int
    paying: int  # Subscriptions that bring something at the end
    by_plan: dict[int, int]  # adds up to `end`


@dataclass(frozen=True, slots=True)
class CurrencyReport:
    currency: str
    months: tuple[MonthOfMoney, ...]
    owing: tuple[int, int]  # Subscriptions that owe and still count, and what they bring a month

    @property
    def now(self) -> MonthOfMoney:
        return self.months[-1]


@dataclass(frozen=True, slots=True)
class MonthOfMembers:
    """One month of one plan's Memberships: `start` + `begun` - `ended` = `end`."""

    month: Month
    start: int
    begun: int
    ended: int
    end: int


@dataclass(frozen=True, slots=True)
class MoneyReport:
    months: tuple[Month, ...]
    plans: dict[int, str]
    currencies: tuple[CurrencyReport, ...]
    members: dict[int, tuple[MonthOfMembers, ...]]


def report(mode: str, number: int, at: datetime) -> MoneyReport:
    """Everything about money and members for the last so many months: six statements."""
    latest = queries_money.latest_movement_at(mode)
    months = months_until(max(at, latest) if latest else at, number)
    plans = queries_money.plan_names()
    return MoneyReport(
        months, plans, currencies(queries_money.moved(mode, months), queries_money.owing(mode), months, list(plans)),
        members(queries_money.turnover(months), months, list(plans)),
    )  # fmt: skip


def currencies(
    moved: Sequence[Moved], owing: dict[str, tuple[int, int]], months: Sequence[Month], plan_ids: Sequence[int]
) -> tuple[CurrencyReport, ...]:
    """Each currency apart: they are never added up. The one that brings most comes first."""
    made = []
    for currency in sorted({one.currency for one in moved}):
        own = [one for one in moved if one.currency == currency]
        number, yearly = owing.get(currency, (0, 0))
        made.append(CurrencyReport(currency, _months(own, months, plan_ids), (number, a_month(yearly))))
    return tuple(sorted(made, key=lambda one: -one.now.end))


def _months(own: Sequence[Moved], months: Sequence[Month], plan_ids: Sequence[int]) -> tuple[MonthOfMoney, ...]:
    """Amounts of a year are exact; each is rounded once, so that what is shown adds up across and down."""
    yearly = sum(one.after_cents - one.before_cents for one in own if one.month == BEFORE)
    paying = sum(one.begun for one in own if one.month == BEFORE)
    plans = dict.fromkeys(plan_ids, 0)
    _move_plans(plans, [one for one in own if one.month == BEFORE])
    rows = []
    for place, month in enumerate(months, 1):
        here = [one for one in own if one.month == place]
        by_kind = [
            sum(one.after_cents - one.before_cents for one in here if one.kind == kind) for kind in MOVEMENT_KINDS
        ]
        start, yearly = a_month(yearly), yearly + sum(by_kind)
        end = a_month(yearly)
        paying += sum(one.begun for one in here)
        _move_plans(plans, here)
        moved = dict(zip(MOVEMENT_KINDS, parts_of_a_month(by_kind, end - start), strict=True))
        by_plan = dict(zip(plans, parts_of_a_month(list(plans.values()), end), strict=True))
        rows.append(MonthOfMoney(month, start, moved, end, paying, by_plan))
    return tuple(rows)


def _move_plans(plans: dict[int, int], moved: Sequence[Moved]) -> None:
    for one in moved:
        plans[one.plan_id] = plans.get(one.plan_id, 0) + one.after_cents
        if one.from_plan_id is not None:
            plans[one.from_plan_id] = plans.get(one.from_plan_id, 0) - one.before_cents


def members(
    turnover: Sequence[Turnover], months: Sequence[Month], plan_ids: Sequence[int]
) -> dict[int, tuple[MonthOfMembers, ...]]:
    """Members of each plan at the end of each month."""
    found = {}
    for plan_id in plan_ids:
        own = {one.month: one for one in turnover if one.plan_id == plan_id}
        before = own.get(BEFORE)
        standing = before.begun - before.ended if before else 0
        rows = []
        for place, month in enumerate(months, 1):
            here = own.get(place)
            begun, ended = (here.begun, here.ended) if here else (0, 0)
            rows.append(MonthOfMembers(month, standing, begun, ended, standing + begun - ended))
            standing += begun - ended
        found[plan_id] = tuple(rows)
    return found


def movements_table(report: CurrencyReport) -> Table:
    """MRR at the start of each month, what moved, and at its end; only kinds that occur."""
    code = report.currency.upper()
    kinds = [kind for kind in MOVEMENT_KINDS if any(row.moved[kind] for row in report.months)]

    def cells(row: MonthOfMoney) -> tuple[Cell, ...]:
        moved = (Money(row.moved[kind], report.currency, signed=True) for kind in kinds)
        return (row.month.name, Money(row.start, report.currency), *moved, Money(row.end, report.currency), row.paying)

    total: tuple[Cell, ...] = (
        "All of it", Money(report.months[0].start, report.currency),
        *(Money(sum(row.moved[kind] for row in report.months), report.currency, signed=True) for kind in kinds),
        Money(report.now.end, report.currency), report.now.paying,
    )  # fmt: skip
    return Table(
        f"movements-{report.currency}", f"What came in each month, {code}",
        ("Month", "At the start", *(KIND_LABELS[kind] for kind in kinds), "At the end", "Subscriptions"),
        tuple(cells(row) for row in report.months), total,
    )  # fmt: skip


def plans_table(report: CurrencyReport, plans: dict[int, str]) -> Table:
    """MRR by plan at the end of each month."""
    kept = [plan_id for plan_id in plans if any(row.by_plan.get(plan_id) for row in report.months)]
    rows: list[tuple[Cell, ...]] = [
        (row.month.name, *(Money(row.by_plan[plan_id], report.currency) for plan_id in kept),
         Money(row.end, report.currency))
        for row in report.months
    ]  # fmt: skip
    return Table(
        f"plans-{report.currency}", f"MRR by plan at the end of each month, {report.currency.upper()}",
        ("Month", *(plans[plan_id] for plan_id in kept), "All plans"), tuple(rows),
    )  # fmt: skip


def members_table(report: MoneyReport) -> Table:
    """Members of each plan, month by month."""
    rows: list[tuple[Cell, ...]] = []
    for plan_id, months in report.members.items():
        if any(row.end or row.begun or row.ended for row in months):
            rows += [
                (report.plans[plan_id], row.month.name, row.start, row.begun, -row.ended, row.end) for row in months
            ]
    columns = ("Plan", "Month", "At the start", "Began", "Ended", "At the end")
    return Table("members", "Members by plan and month", columns, tuple(rows))


def billed_rows(mode: str, at: datetime) -> list[dict[str, Any]]:
    """The Invoices of the last two years by month and currency, with what was paid back: for a job to keep."""
    latest = queries_money.latest_movement_at(mode)
    months = months_until(max(at, latest) if latest else at, PERIODS[-1])
    back = queries_money.paid_back(mode, months)
    rows = sorted(queries_money.billed(mode, months), key=lambda one: (one.currency, one.month))
    return [
        asdict(one) | {"month": months[one.month - 1].name, "back": back.get((one.month, one.currency), 0)}
        for one in rows
    ]


def billed_table(rows: Sequence[dict[str, Any]], months: Sequence[Month]) -> Table:
    """What the Invoices of each of these months were made of; `rows` as a job kept them."""
    names = {month.name for month in months}

    def cells(row: dict[str, Any]) -> tuple[Cell, ...]:
        amounts = (
            row["full_cents"], -row["lasting_cents"], -row["once_cents"], row["change_cents"], row["other_cents"],
            row["total_cents"], row["paid_cents"], row["back"],
        )  # fmt: skip
        money = (Money(cents, row["currency"]) for cents in amounts)
        return (row["month"], row["currency"].upper(), row["number"], *money)

    return Table(
        "invoices", "What the Invoices of each month were made of",
        ("Month", "Currency", "Invoices", "Full periods", "Lasting discounts", "One-off discounts",
         "Changes within a period", "Tax and carried over", "Total", "Paid so far", "Paid back since"),
        tuple(cells(row) for row in rows if row["month"] in names),
    )  # fmt: skip
