"""Pages of figures put together: reports, the tables they show, and the charts drawn from them."""

from datetime import datetime

from blueprints.insights import checking, money
from blueprints.insights.charts import Chart, Series, bar_chart, line_chart
from blueprints.insights.checking import Checked
from blueprints.insights.money import KIND_LABELS, CurrencyReport, MoneyReport
from blueprints.insights.tables import Money, Table, shown
from core.records import dataclass
from models.movement import MOVEMENT_KINDS


@dataclass(frozen=True, slots=True)
class CurrencyView:
    """One currency: its report, tables and charts."""

    report: CurrencyReport
    movements: Table
    plans: Table
    growth: Chart
    moves: Chart

    @property
    def code(self) -> str:
        return self.report.currency.upper()


@dataclass(frozen=True, slots=True)
class MoneyPage:
    report: MoneyReport
    currencies: tuple[CurrencyView, ...]
    members: Table
    people: Chart
    billed: Table
    checked: Checked | None

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables of the page, as they can be downloaded."""
        own = [table for view in self.currencies for table in (view.movements, view.plans)]
        return (*own, self.members, self.billed)


def money_page(mode: str, number: int, at: datetime) -> MoneyPage:
    """What comes in and who are members, for the last so many months."""
    report, checked = money.report(mode, number, at), checking.last_check(mode)
    return MoneyPage(
        report, tuple(_currency(one, report) for one in report.currencies), money.members_table(report),
        _people(report), money.billed_table(checked.billed if checked else (), report.months), checked,
    )  # fmt: skip


def _currency(one: CurrencyReport, report: MoneyReport) -> CurrencyView:
    names = [row.month.name for row in one.months]
    plans = [
        Series(name, tuple(float(row.by_plan.get(plan_id, 0)) for row in one.months))
        for plan_id, name in report.plans.items() if any(row.by_plan.get(plan_id) for row in one.months)
    ]  # fmt: skip
    total = [Series("All plans", tuple(float(row.end) for row in one.months))] if len(plans) != 1 else []
    kinds = [
        Series(KIND_LABELS[kind], tuple(float(row.moved[kind]) for row in one.months)) for kind in MOVEMENT_KINDS
        if any(row.moved[kind] for row in one.months)
    ]  # fmt: skip

    def say(cents: float) -> str:
        return shown(Money(round(cents), one.currency))

    code = one.currency.upper()
    return CurrencyView(
        one, money.movements_table(one), money.plans_table(one, report.plans),
        line_chart(f"growth-{one.currency}", f"MRR at the end of each month, {code}", names, [*total, *plans], say),
        bar_chart(f"moves-{one.currency}", f"What moved each month, {code}", names, kinds, say),
    )  # fmt: skip


def _people(report: MoneyReport) -> Chart:
    names = [month.name for month in report.months]
    series = [
        Series(report.plans[plan_id], tuple(float(row.end) for row in rows))
        for plan_id, rows in report.members.items() if any(row.end or row.begun for row in rows)
    ]  # fmt: skip
    title = "Members at the end of each month, by plan"
    return line_chart("people", title, names, series, lambda number: f"{number:,.0f}")
