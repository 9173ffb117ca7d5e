"""How much work a text makes is bounded by its length, whatever is in it. Counted in calls, not in time."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from blueprints.threads.screening.passages import marked_html
from blueprints.threads.screening.setup import Setup
from core.markup import render_comment
from tests.bench import screening as bench

SHORT, LONG = 1_200, 4_800


@pytest.fixture(scope="module")
def by() -> Setup:
    return bench.setup(lists=1, entries=300)


def calls(work: Callable[[], object]) -> int:
    """How many functions were called, Python's own included."""
    number = 0

    def count(_frame: object, event: str, _arg: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return number


def test_there_are_fifty_shapes_at_least() -> None:
    assert len(bench.SHAPES) >= 50
    assert all(len(bench.text_of(shape)) == bench.MAX_LENGTH for shape in bench.SHAPES.values())


@pytest.mark.parametrize("name", bench.SHAPES)
def test_four_times_the_text_is_about_four_times_the_work(name: str, by: Setup) -> None:
    short, long = (bench.text_of(bench.SHAPES[name], length) for length in (SHORT, LONG))
    shown = render_comment(short, {}), render_comment(long, {})
    bench.screen(long, shown[1], by)  # what is remembered of words is remembered for both
    few = calls(lambda: bench.screen(short, shown[0], by))
    many = calls(lambda: bench.screen(long, shown[1], by))
    assert many < 5 * few + 3_000, (few, many)
    assert many < 40 * LONG


def test_a_long_list_makes_no_more_work_than_a_short_one() -> None:
    html = render_comment(bench.ORDINARY, {})
    costs = []
    for entries in (50, 5_000):
        setup = bench.setup(lists=1, entries=entries)
        bench.screen(bench.ORDINARY, html, setup)
        costs.append(calls(lambda setup=setup: bench.screen(bench.ORDINARY, html, setup)))
    assert costs[1] < costs[0] + 100


@pytest.mark.parametrize(
    ("source", "words", "shown"),
    [
        ("A blork & a *blork*.", ["blork"], "A <mark>blork</mark> &amp; a <em><mark>blork</mark></em>."),
        ("a & b", ["a & b"], "<mark>a &amp; b</mark>"),
        ("see https://em.example/em", ["em"], None),
        ("<script>", ["<script>"], "<mark>&lt;script&gt;</mark>"),
        ("nothing", [], "nothing"),
    ],
)
def test_words_are_marked_between_tags_only(source: str, words: list[str], shown: str | None) -> None:
    page = marked_html(render_comment(source, {}), words)
    if shown is None:
        assert 'href="https://em.example/em"' in page
        assert ">https://<mark>em</mark>.example/<mark>em</mark></a>" in page
    else:
        assert f'<p dir="auto">{shown}</p>' in page
