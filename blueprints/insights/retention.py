"""Who stays: worked out once a night, kept, and shown as tables and a drawing."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from blueprints.insights import queries, queries_staying
from blueprints.insights.charts import Chart, Series, line_chart
from blueprints.insights.staying import HORIZONS, LANDMARK, Comparison, Payer, Verdict, compare, curve, pairs_of
from blueprints.insights.tables import Cell, Percent, Table
from core.records import dataclass

NAME = "staying"
MONTHS_DRAWN = 12
COHORT_MONTHS = (1, 2, 3, 6, 12)
COHORTS_SHOWN = 24
LONGEST_MONTH, A_LITTLE = timedelta(days=31), timedelta(days=2)  # a renewal is billed some time after it is due
WORDS: dict[Verdict, str] = {
    "too few": "too few pairs to say", "none": "no effect shown", "longer": "commenters stay longer",
    "shorter": "commenters stay shorter",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RetentionPage:
    """`comparisons` in the order of HORIZONS; the curves are of everybody in a pair."""

    at: datetime
    payers: int
    commenters: int
    comparisons: tuple[Comparison, ...]
    table: Table
    curves: Chart
    cohorts: Table

    curve_table: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.table, self.curve_table, self.cohorts


def worked_out(mode: str, now: datetime) -> dict[str, Any]:
    """Commenters compared with matched readers, as it is kept. Only reads."""
    payers = queries_staying.payers(mode)
    at_landmark = [one for one in payers if one.began_at + LANDMARK <= now and one.pays_at(one.began_at + LANDMARK)]
    pairs = pairs_of(at_landmark)
    return {
        "payers": len(at_landmark),
        "commenters": sum(one.commented for one in at_landmark),
        "comparisons": [asdict(compare(payers, days, now)) for days in HORIZONS],
        "curves": {
            "Commenters": curve([one for one, _ in pairs], MONTHS_DRAWN, now),
            "Matched readers": curve([one for _, one in pairs], MONTHS_DRAWN, now),
        },
        "cohorts": cohorts(payers, now),
    }


def cohorts(payers: list[Payer], at: datetime) -> list[list[Any]]:
    """[month, people, share that still pays after 1, 2, … months (None: not known yet)], newest first."""
    by_month: dict[tuple[int, int], list[Payer]] = {}
    for one in payers:
        by_month.setdefault((one.began_at.year, one.began_at.month), []).append(one)
    rows = []
    for _, own in sorted(by_month.items(), reverse=True)[:COHORTS_SHOWN]:
        shares = []
        for months in COHORT_MONTHS:
            after = LONGEST_MONTH * months + A_LITTLE
            is_known = all(one.began_at + after <= at for one in own)
            shares.append(sum(one.pays_at(one.began_at + after) for one in own) / len(own) if is_known else None)
        rows.append([f"{own[0].began_at:%b %Y}", len(own), *shares])
    return rows


def page(mode: str) -> RetentionPage | None:
    """The last result; None when it was never worked out."""
    kept = queries.kept(NAME, mode)
    if kept is None:
        return None
    at, data = kept
    comparisons = tuple(Comparison(**one) for one in data["comparisons"])
    names = [str(month) for month in range(MONTHS_DRAWN + 1)]
    series = [
        Series(name, tuple(None if value is None else value * 100 for value in values))
        for name, values in data["curves"].items()
    ]
    cohort_rows = tuple(
        (row[0], row[1], *(None if share is None else Percent(share) for share in row[2:])) for row in data["cohorts"]
    )
    return RetentionPage(
        at, data["payers"], data["commenters"], comparisons,
        Table("staying", "Commenters and matched readers",
              ("After the first payment", "Pairs", "Commenters who still pay", "Matched readers who still pay",
               "Difference", "From", "To", "Says"), tuple(_cells(one) for one in comparisons)),
        line_chart("curves", "Who still pays, months after the first 30 days", names, series,
                   lambda value: f"{value:.0f} %", top=100),
        Table("cohorts", "Everybody who pays, by the month of the first payment",
              ("First payment in", "People", *(f"After {months} month{'s' if months > 1 else ''}"
                                                for months in COHORT_MONTHS)), cohort_rows),
        Table("curves", "Share of everybody in a pair that still pays",
              ("Months after the first 30 days", *(one.name for one in series)),
              tuple((name, *(None if one.values[place] is None else Percent((one.values[place] or 0) / 100, 1)
                             for one in series)) for place, name in enumerate(names))),
    )  # fmt: skip


def _cells(one: Comparison) -> tuple[Cell, ...]:
    name = f"{one.days} days"
    if not one.pairs:
        return (name, 0, None, None, None, None, None, WORDS[one.verdict])
    (talk, read), (low, high) = one.stayed, one.interval
    return (
        name, one.pairs, Percent(talk, 1), Percent(read, 1), Percent(talk - read, 1, signed=True),
        Percent(low, 1, signed=True), Percent(high, 1, signed=True), WORDS[one.verdict],
    )  # fmt: skip
