"""Commenters against matched readers: who is compared, with whom, and what may be said about it."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from blueprints.insights import jobs, queries_staying
from blueprints.insights.staying import (
    LANDMARK,
    LEAST_PAIRS,
    Comparison,
    Payer,
    compare,
    curve,
    paired_interval,
    pairs_of,
    wilson,
)
from core import clock
from core.db import db, transaction
from models.membership import BillingCustomer, Subscription
from models.movement import Movement
from models.thread import Comment, Respect
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_plan, make_site, make_user, thread_of
from tests.publisher.test_overview import statements

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = START + timedelta(days=800)


def payer(number: int, *, commented: bool = False, days: float | None = None, began: datetime = START, plan: int = 1,
          interval: str = "month", respects: int = 0) -> Payer:  # fmt: skip
    ended = None if days is None else began + timedelta(days=days)
    return Payer(number, began, ended, plan, interval, commented, respects)


def test_the_intervals_are_those_of_the_literature() -> None:
    """Wilson: Newcombe 1998 (Stat. Med. 17, 857), 81 of 263. Paired: the response data of Cavo et al. 2012."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert paired_interval(59, 6, 16, 80) == pytest.approx((-0.1186, -0.0046), abs=5e-5)


COUNTS = st.integers(0, 300)


@given(COUNTS, COUNTS, COUNTS, st.integers(1, 300))
def test_an_interval_holds_its_difference_and_turns_with_the_sides(both: int, first: int, second: int, neither: int) -> None:
    number = both + first + second + neither
    low, high = paired_interval(both, first, second, neither)
    assert -1 <= low <= (first - second) / number <= high <= 1
    other_low, other_high = paired_interval(both, second, first, neither)
    assert (other_low, other_high) == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [((10, 9, 5, 5), "too few"), ((20, 0, 0, 10), "none"), ((40, 30, 2, 10), "longer"), ((40, 2, 30, 10), "shorter"),
     ((100, 8, 6, 30), "none"), ((0, 0, 0, 0), "too few")],
)  # fmt: skip
def test_what_may_be_said(counts: tuple[int, int, int, int], verdict: str) -> None:
    assert Comparison(90, *counts, commenters=0).verdict == verdict


def test_who_left_before_the_landmark_is_in_no_pair() -> None:
    people = [payer(1, commented=True), payer(2, days=20), payer(3, days=60)]
    found = compare(people, 90, LATER)
    assert (found.pairs, found.commenter_only) == (1, 1)
    assert compare([payer(1, commented=True), payer(2, days=20)], 90, LATER).pairs == 0


def test_who_began_too_lately_is_not_known_yet() -> None:
    people = [payer(1, commented=True), payer(2)]
    assert compare(people, 90, START + timedelta(days=89)).pairs == 0
    assert compare(people, 90, START + timedelta(days=91)).pairs == 1


def test_who_pays_by_the_year_is_compared_when_the_year_is_over() -> None:
    people = [payer(1, commented=True, interval="year"), payer(2, interval="year", days=365)]
    assert compare(people, 90, LATER).pairs == compare(people, 180, LATER).pairs == 0
    assert compare(people, 395, LATER).commenter_only == 1


PEOPLE = st.lists(
    st.builds(
        payer, st.integers(1, 10**6), commented=st.booleans(), days=st.one_of(st.none(), st.floats(31, 900)),
        began=st.integers(0, 500).map(lambda hours: START + timedelta(hours=7 * hours)), plan=st.integers(1, 2),
        interval=st.sampled_from(["month", "year"]), respects=st.integers(0, 8),
    ),
    max_size=60, unique_by=lambda one: one.user_id,
)  # fmt: skip


@given(PEOPLE)
def test_pairs_are_alike_and_nobody_is_in_two(people: list[Payer]) -> None:
    pairs = pairs_of(people)
    used = [one.user_id for pair in pairs for one in pair]
    assert len(used) == len(set(used))
    for commenter, reader in pairs:
        assert commenter.commented
        assert not reader.commented
        assert commenter.like == reader.like
    assert pairs == pairs_of(people[::-1]), "the order in which people are read decides nothing"
    left = {one.like for one in people if one.commented} & {one.like for one in people if not one.commented}
    assert bool(pairs) == bool(left)


@given(PEOPLE)
def test_a_curve_falls_from_one_and_ends_where_nobody_is_known(people: list[Payer]) -> None:
    found = curve(people, 12, LATER)
    known = [share for share in found if share is not None]
    assert known == sorted(known, reverse=True)
    assert all(0 <= share <= 1 for share in known)
    if people:
        assert found[0] == 1.0


def test_a_curve_counts_who_is_not_here_so_long_as_long_as_they_have_been() -> None:
    at = START + LANDMARK + timedelta(days=45)
    people = [payer(1, days=40), payer(2), payer(3, began=START + timedelta(days=25)), payer(4)]
    assert curve(people, 2, at) == [1.0, 0.75, None]


def enrol(people: int, chance_to_leave: tuple[float, float], seed: int) -> None:
    """Many who paid for months, every second of them commenting; each side leaves after 60 days with its chance."""
    chance, vip, thread = random.Random(seed), make_plan(), thread_of(make_article())
    began = clock.now() - timedelta(days=400)
    mark = f"{seed}x"
    with transaction() as session:
        base = session.execute(select(User.id).order_by(User.id.desc()).limit(1)).scalar() or 0
        ids = [base + number for number in range(1, people + 1)]
        session.execute(insert(User), [
            {"id": one, "email": f"{mark}{one}@example.test", "display_name": f"{mark}{one}", "name_key": f"{mark}{one}",
             "name_skeleton": f"{mark}{one}", "fs_uniquifier": f"{mark}{one}", "active": True, "created_at": began,
             "is_demo": False} for one in ids])
        session.execute(insert(BillingCustomer), [
            {"id": one, "mode": "sandbox", "user_id": one, "stripe_id": f"cus_{mark}{one}", "generation": 0,
             "applied_generation": 0, "created_at": began} for one in ids])
        session.execute(insert(Subscription), [
            {"id": one, "mode": "sandbox", "stripe_id": f"sub_{mark}{one}", "customer_id": one, "plan_id": vip.id,
             "status": "active", "item": "", "quantity": 1, "started_at": began, "fetched_at": began} for one in ids])
        rows, comments = [], []
        for one in ids:
            at = began + timedelta(hours=(one * 7) % 600)
            talks = one % 2 == 0
            common = {"mode": "sandbox", "subscription_id": one, "customer_id": one, "currency": "usd", "plan_id": vip.id,
                      "quantity": 1, "interval": "month", "cause": "in_x", "recorded_at": at}
            rows.append({**common, "number": 1, "kind": "new", "at": at, "from_plan_id": None, "before_cents": 0, "after_cents": 5880})
            if chance.random() < chance_to_leave[talks]:
                rows.append({**common, "number": 2, "kind": "churned", "at": at + timedelta(days=60), "from_plan_id": vip.id,
                             "before_cents": 5880, "after_cents": 0})
            if talks:
                comments.append({"thread_id": thread.id, "author_id": one, "status": "published", "shown": True, "body_source": "Words.",
                                 "body_html": "<p>Words.</p>", "body_hash": "0" * 64, "renderer_version": 1, "depth": 0, "path": "",
                                 "created_at": at + timedelta(days=3), "published_at": at + timedelta(days=3)})
        session.execute(insert(Movement), rows)
        session.execute(insert(Comment), comments)


@pytest.mark.once
def test_where_there_is_no_difference_the_page_says_so(app: Flask) -> None:
    make_site()
    pat = Browser(app).sign_in(make_user("Pat Moreau", roles=("publisher",)))
    assert "Not compared yet" in text_of(pat.get("/publisher/insights/staying"))
    enrol(240, (0.3, 0.3), seed=3)
    jobs.compare_who_stays()
    page = text_of(pat.get("/publisher/insights/staying"))
    assert "After 90 days: no effect shown" in page
    assert "Zero is inside, so no effect is shown." in page
    file = pat.get("/publisher/insights/staying/staying.csv").get_data(as_text=True)
    assert file.splitlines()[1].startswith("90 days,1")
    assert "no effect shown" in file
    assert pat.get("/publisher/insights/staying/curves.csv").status_code == 200
    assert pat.get("/publisher/insights/staying/nothing.csv").status_code == 404


def test_a_large_difference_is_shown_as_one_and_not_as_a_proof(app: Flask) -> None:
    make_site()
    pat = Browser(app).sign_in(make_user(roles=("publisher",)))  # before the others, who bring their own numbers
    enrol(240, (0.6, 0.1), seed=4)
    jobs.compare_who_stays()
    page = text_of(pat.get("/publisher/insights/staying"))
    assert "After 90 days: commenters stay longer" in page
    assert "This is no proof that talk is the cause." in page


def test_few_people_say_nothing(app: Flask) -> None:
    make_site()
    pat = Browser(app).sign_in(make_user(roles=("publisher",)))
    enrol(20, (0.6, 0.1), seed=5)
    jobs.compare_who_stays()
    page = text_of(pat.get("/publisher/insights/staying"))
    assert "Too few pairs to say" in page
    assert f"at least {LEAST_PAIRS} are needed" in page
    assert "%" not in page.split("Commenters and matched readers")[0].split("Who stays")[-1]


def test_people_are_read_in_parts_with_what_they_did_in_their_first_days(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site()
    enrol(60, (0.0, 0.0), seed=6)
    first = db.session().scalars(select(Movement).order_by(Movement.at)).first()
    assert first is not None
    comment = db.session().scalars(select(Comment.id)).first()
    with transaction() as session:
        session.add_all([
            Respect(comment_id=comment, user_id=first.customer_id, created_at=first.at + timedelta(days=29)),
        ])
    whole = queries_staying.payers("sandbox")
    monkeypatch.setattr(queries_staying, "BATCH", 25)
    with statements() as asked:
        assert queries_staying.payers("sandbox") == whole
    assert len(asked) == 1 + 2 * 3
    assert [one.respects for one in whole if one.respects] == [1]
    assert sum(one.commented for one in whole) == 30
    assert queries_staying.payers("live") == []
