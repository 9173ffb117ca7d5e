"""Amounts of a year shown as amounts of a month add up; tables become files that no spreadsheet runs. No database."""

import csv
import io
from datetime import UTC, datetime
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from blueprints.insights.charts import Series, bar_chart, line_chart
from blueprints.insights.money import currencies
from blueprints.insights.months import a_month, months_until, parts_of_a_month
from blueprints.insights.queries_money import Moved
from blueprints.insights.tables import Link, Money, Percent, Table, as_csv, shown
from models.movement import MOVEMENT_KINDS

AMOUNTS = st.integers(-10_000_000, 10_000_000)


@given(st.lists(AMOUNTS, min_size=1, max_size=12))
def test_parts_of_a_month_add_up_and_none_is_a_unit_off(yearly: list[int]) -> None:
    parts = parts_of_a_month(yearly)
    assert sum(parts) == a_month(sum(yearly))
    for part, exact in zip(parts, yearly, strict=True):
        assert abs(part - Fraction(exact, 12)) < 1


@given(AMOUNTS)
def test_a_month_is_the_nearest_unit(yearly: int) -> None:
    assert abs(a_month(yearly) - Fraction(yearly, 12)) <= Fraction(1, 2)


def test_a_year_of_4900_is_408_a_month() -> None:
    assert (a_month(4900), a_month(490 * 12), a_month(18), a_month(-18)) == (408, 490, 2, -1)


MOVES = st.builds(
    Moved, month=st.integers(0, 4), currency=st.sampled_from(["usd", "eur"]), kind=st.sampled_from(MOVEMENT_KINDS),
    from_plan_id=st.sampled_from([None, 1, 2]), plan_id=st.sampled_from([1, 2]),
    before_cents=st.integers(0, 100_000), after_cents=st.integers(0, 100_000), number=st.just(1), begun=st.just(0),
)


@given(st.lists(MOVES, max_size=40))
def test_the_start_and_what_moved_make_the_end_in_every_month_and_plan(moved: list[Moved]) -> None:
    moved = [one if one.from_plan_id else Moved(one.month, one.currency, one.kind, None, one.plan_id, 0, one.after_cents, 1, 1) for one in moved]
    months = months_until(datetime(2026, 3, 9, tzinfo=UTC), 4)
    for one in currencies(moved, {}, months, [1, 2]):
        before = None
        for row in one.months:
            assert row.start + sum(row.moved.values()) == row.end
            assert sum(row.by_plan.values()) == row.end
            assert before in (None, row.start)
            before = row.end
        exact = sum(each.after_cents - each.before_cents for each in moved if each.currency == one.currency)
        assert one.now.end == a_month(exact)


def test_months_go_back_over_the_turn_of_the_year() -> None:
    months = months_until(datetime(2026, 2, 28, 23, 59, tzinfo=UTC), 3)
    assert [month.name for month in months] == ["Dec 2025", "Jan 2026", "Feb 2026"]
    assert months[-1].end == datetime(2026, 3, 1, tzinfo=UTC)


def read(table: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv([table]).lstrip("\ufeff"))))


def test_words_that_would_be_a_formula_are_only_words_in_the_file() -> None:
    bad = ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "  =1", "|calc", "%x", '=HYPERLINK("http://x")']
    table = Table("t", "T", ("=Name", "Number"), tuple((Link(words, "/"), -3) for words in bad))
    rows = read(table)
    assert rows[0] == ["'=Name", "Number"]
    assert [row[0] for row in rows[1:]] == ["'" + words for words in bad]
    assert {row[1] for row in rows[1:]} == {"-3"}


def test_the_file_has_plain_figures_and_the_page_has_readable_ones() -> None:
    cells = (Money(-123456, "usd"), Money(5, "usd", signed=True), Money(500, "jpy"), Percent(-0.125, 1), None, 1234, -5)
    assert read(Table("t", "T", ("",) * 7, (cells,)))[1] == ["-1234.56", "0.05", "500", "-0.1250", "", "1234", "-5"]
    assert [shown(cell) for cell in cells] == ["−$1,234.56", "+$0.05", "¥500", "−12.5 %", "–", "1,234", "−5"]


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9)), min_size=3, max_size=3), max_size=9))
def test_every_drawing_stays_inside_its_frame(values: list[list[int | None]]) -> None:
    series = [Series(f"S{place}", tuple(row)) for place, row in enumerate(values)]
    bars = bar_chart("b", "B", ["a", "b", "c"], series, str)
    lines = line_chart("l", "L", ["a", "b", "c"], [Series(one.name, tuple(abs(v or 0) for v in one.values)) for one in series], str)
    for bar in bars.bars:
        assert bars.left <= bar.x <= bar.x + bar.width <= bars.right
        assert 0 <= bar.y <= bar.y + bar.height <= bars.height
    for line in lines.lines:
        assert all(lines.left <= x <= lines.right and 0 <= y <= lines.height for x, y in line.dots)
    assert len({tick.label for tick in bars.ticks}) == len(bars.ticks)
