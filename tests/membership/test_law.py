"""The calendar of what members are told: which law, which window, whatever the day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.membership.countries import COUNTRIES, EUROPEAN
from blueprints.membership.law import LAWS, MARGIN, Term, calendar, due_notices, law_for, price_notice
from blueprints.membership.rises import lawful_window

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def term(status: str = "active", interval: str = "year", **changes: object) -> Term:
    values: dict[str, object] = {
        "status": status, "interval": interval, "started_at": NOW, "period_end_at": NOW + 365 * DAY,
        "trial_ends_at": None, "cancel_at": None,
    }  # fmt: skip
    return Term(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("country", "law"),
    [("US-CA", "california"), ("US", "us"), ("DE", "eu"), ("NO", "eu"), ("GB", "strictest"), ("ZZ", "strictest"),
     (None, "strictest"), ("nonsense", "strictest")],
)  # fmt: skip
def test_the_law_follows_the_declared_country(country: str | None, law: str) -> None:
    assert law_for(country).key == law


def test_every_country_that_can_be_declared_has_a_law_and_europe_is_whole() -> None:
    assert {law_for(code).key for code in COUNTRIES} == set(LAWS)
    assert len(EUROPEAN) == 30


def test_the_strictest_windows_lie_within_all_others() -> None:
    strict = LAWS["strictest"]
    for law in LAWS.values():
        for mine, other in ((strict.trial, law.trial), (strict.renewal, law.renewal), (strict.price, law.price)):
            assert mine[0] <= other[0]
            assert mine[1] >= other[1]


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@given(start=MOMENTS, hours=st.integers(0, 24 * 400))
def test_a_renewal_is_due_only_before_it_and_first_within_its_window(law: object, start: datetime, hours: int) -> None:
    renewal = start + 365 * DAY
    now = start + timedelta(hours=hours)
    found = [due for due in due_notices(term(started_at=start, period_end_at=renewal), law, now) if due.kind == "renewal"]  # type: ignore[arg-type]
    earliest, latest = renewal - 45 * DAY, renewal - 15 * DAY
    if found:
        assert earliest < now < renewal
        assert earliest <= found[0].opens_at <= found[0].closes_at <= latest
    else:
        assert not earliest + MARGIN <= now <= latest


@given(started=MOMENTS, days=st.integers(1, 120), hours=st.integers(0, 24 * 120), key=st.sampled_from(sorted(LAWS)))
def test_the_end_of_a_trial_is_due_before_it_and_not_at_once(started: datetime, days: int, hours: int, key: str) -> None:
    ends = started + days * DAY
    now = started + timedelta(hours=hours)
    trial = term("trialing", started_at=started, trial_ends_at=ends, period_end_at=ends)
    for due in due_notices(trial, LAWS[key], now):
        assert due.kind == "trial"
        assert started <= now < ends
        assert due.closes_at >= started
        if days >= 2 * LAWS[key].trial[1]:
            assert due.closes_at == ends - LAWS[key].trial[1] * DAY
            assert due.opens_at >= ends - 21 * DAY


@given(started=MOMENTS, days=st.integers(0, 1500), interval=st.sampled_from(["month", "year"]))
def test_a_reminder_comes_once_in_every_year(started: datetime, days: int, interval: str) -> None:
    running = term(interval=interval, started_at=started, period_end_at=started + (days + 20) * DAY)
    occasions = {
        due.occasion
        for day in range(days + 1)
        for due in due_notices(running, LAWS["california"], started + day * DAY)
        if due.kind == "annual"
    }
    offset = 182 if interval == "year" else 0
    assert len(occasions) >= (days + offset) // 366
    assert len(occasions) <= (days + offset + 31) // 365 + 1


def test_a_reminder_of_leap_day_has_a_day_in_every_year() -> None:
    started = datetime(2028, 2, 29, 9, tzinfo=UTC)
    found = calendar(term(interval="month", started_at=started, period_end_at=started + 31 * DAY), LAWS["eu"], started)
    assert [due.about_at for due in found] == [datetime(2029, 2, 28, 9, tzinfo=UTC)]


@pytest.mark.parametrize("changes", [
    {"cancel_at": NOW + DAY}, {"status": "past_due"}, {"status": "unpaid"}, {"status": "paused"}, {"status": "canceled"},
    {"status": "incomplete"}, {"status": "incomplete_expired"}, {"period_end_at": None},
])  # fmt: skip
def test_nothing_is_told_of_what_does_not_go_on(changes: dict[str, object]) -> None:
    assert calendar(term(**changes), LAWS["california"], NOW) == []  # type: ignore[arg-type]


def test_a_rise_is_in_time_only_well_within_its_window() -> None:
    renewal = NOW + 60 * DAY
    for key, (most, least) in {"california": (30, 7), "us": (30, 7), "eu": (30, 14), "strictest": (30, 14)}.items():
        due = price_notice(renewal, LAWS[key], 7)
        assert due.occasion == f"7:{renewal:%Y-%m-%d}"
        in_time = [days for days in range(60) if due.is_in_time(renewal - days * DAY)]
        assert in_time == list(range(least + 1, most))


@pytest.mark.parametrize(
    ("countries", "first", "last"),
    [(["US-CA", "US"], 9, 29), (["US-CA", "DE"], 16, 29), ([None], 16, 29), ([], 16, 29)],
)
def test_a_lawful_day_suits_everybody_who_pays_the_price(countries: list[str | None], first: int, last: int) -> None:
    window = lawful_window(countries, NOW)
    assert (window.first - NOW.date(), window.last - NOW.date()) == (first * DAY, last * DAY)
    assert window.problem(window.suggested) is None
    assert window.first <= window.suggested <= window.last
    assert "too soon" in (window.problem(window.first - DAY) or "")
    assert "too far away" in (window.problem(window.last + DAY) or "")
    assert "Please choose a day" in (window.problem(None) or "")


def test_a_day_is_lawful_for_a_renewal_at_its_midnight_at_whatever_hour_it_is_planned() -> None:
    for hour in range(24):
        now = NOW.replace(hour=hour)
        for key, country in {"california": "US-CA", "eu": "DE", "strictest": None}.items():
            window = lawful_window([country], now)
            for day in (window.first, window.last):
                renewal = datetime.combine(day, datetime.min.time(), UTC)
                assert price_notice(renewal, LAWS[key], 1).is_in_time(now), (hour, key, day)
