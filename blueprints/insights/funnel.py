"""The way from an article's gate to a first comment, as tables and a drawing."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import date, datetime, timedelta

from blueprints.insights import queries, queries_funnel
from blueprints.insights.charts import Chart, step_chart
from blueprints.insights.jobs import FUNNEL
from blueprints.insights.queries_funnel import Steps
from blueprints.insights.tables import Cell, Link, Percent, Table
from core.records import dataclass

PERIODS = {7: "The last 7 days", 30: "The last 30 days", 90: "The last 90 days", 365: "The last 365 days"}
USUAL = 30
ARTICLES_SHOWN, ARTICLES_IN_A_FILE = 50, 5_000
STEPS = ("Gate seen", "Pressed", "Signed up", "Paid", "First comment")


@dataclass(frozen=True, slots=True)
class FunnelPage:
    """`since` is the first day that counts; `worked_out_at` when payments and comments were last counted."""

    total: Steps
    chart: Chart
    steps: Table
    sections: Table
    articles: Table
    cut: bool
    worked_out_at: datetime | None

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.steps, self.sections, self.articles


def chosen(asked: str | None) -> int:
    """How many days a page shows; the usual number for anything that is not offered."""
    return next((days for days in PERIODS if str(days) == asked), USUAL)


def page(mode: str, days: int, section: str | None, at: datetime, most: int = ARTICLES_SHOWN) -> FunnelPage:
    """The last so many days, today included: three statements."""
    since = first_day(days, at)
    sections = queries_funnel.by_section(since)
    total = sum_of([steps for slug, _, steps in sections if section in (None, slug)])
    articles = queries_funnel.by_article(since, section, most + 1)
    known = queries.kept(FUNNEL, mode)
    return FunnelPage(
        total,
        steps_chart(total),
        steps_table(total),
        Table("sections", "By section", ("Section", *STEPS, "Paid of seen"),
              tuple((name, *_cells(steps)) for _, name, steps in sections)),
        Table("articles", "By article, those with most payments first", ("Article", "Section", *STEPS, "Paid of seen"),
              tuple((Link(one.headline, f"/articles/{one.slug}"), one.section, *_cells(one.steps))
                    for one in articles[:most])),
        len(articles) > most, known[0] if known else None,
    )  # fmt: skip


def sum_of(parts: Sequence[Steps]) -> Steps:
    """All these steps together."""
    return Steps(*(sum(numbers) for numbers in zip(*map(astuple, parts), strict=True))) if parts else Steps()


def first_day(days: int, at: datetime) -> date:
    """The first of the last so many days, today included."""
    return (at - timedelta(days=days - 1)).date()


def steps_chart(total: Steps) -> Chart:
    """A bar for each step."""
    numbers = list(zip(STEPS, astuple(total), strict=True))
    return step_chart("steps", "From the gate to a first comment", numbers, lambda number: f"{number:,.0f}")


def steps_table(total: Steps) -> Table:
    """Each step with its share of the gates seen and of the presses. Who pays may have had an account before."""
    numbers = astuple(total)
    rows: list[tuple[Cell, ...]] = [
        (
            name, number, share(number, total.seen) if place else None,
            share(number, total.pressed) if place > 1 else None,
        )
        for place, (name, number) in enumerate(zip(STEPS, numbers, strict=True))
    ]
    return Table("steps", "Each step", ("Step", "How often", "Of gates seen", "Of presses"), tuple(rows))


def share(part: int, whole: int) -> Percent | None:
    """A share; None where there is nothing to share."""
    return Percent(part / whole, 2) if whole else None


def _cells(steps: Steps) -> tuple[Cell, ...]:
    return (*astuple(steps), share(steps.paid, steps.seen))
