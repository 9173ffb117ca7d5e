"""The one answer to "may they?", for every audience and every kind of viewer."""

from datetime import UTC, datetime, timedelta

import pytest

from blueprints.membership.entitlements import allows, effective_audience, live_plans, plans_of
from core.viewer import GUEST, EntitlementSpan, Viewer

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def person(*spans: EntitlementSpan, confirmed: bool = True, roles: tuple[str, ...] = ()) -> Viewer:
    return Viewer(id=1, display_name="Ada", confirmed=confirmed, entitlements=spans, roles=frozenset(roles), loaded_at=NOW)


def span(plan: str = "vip", begin: timedelta = -DAY, end: timedelta | None = DAY) -> EntitlementSpan:
    return EntitlementSpan(plan, NOW + begin, None if end is None else NOW + end, "stripe")


VIEWERS = {
    "guest": GUEST,
    "unconfirmed": person(confirmed=False),
    "reader": person(),
    "vip": person(span()),
    "vip without end": person(span(end=None)),
    "vip lapsed": person(span(end=-timedelta(seconds=1))),
    "vip ending now": person(span(end=timedelta())),
    "vip from tomorrow": person(span(begin=DAY, end=2 * DAY)),
    "gold": person(span("gold")),
    "vip and gold": person(span(), span("gold")),
    "vip unconfirmed": person(span(), confirmed=False),
    "author": person(roles=("author",)),
    "moderator": person(roles=("moderator",)),
    "publisher": person(roles=("publisher",)),
}
STAFF = {"author", "moderator", "publisher"}
MEMBERS = {"vip", "vip without end", "gold", "vip and gold", "vip unconfirmed"}
CONFIRMED = set(VIEWERS) - {"guest", "unconfirmed", "vip unconfirmed"}
ADMITTED = {
    "everyone": set(VIEWERS),
    "registered": CONFIRMED | STAFF,
    "members": MEMBERS | STAFF,
    "plans:gold": {"gold", "vip and gold"} | STAFF,
    "plans:vip": {"vip", "vip without end", "vip and gold", "vip unconfirmed"} | STAFF,
    "plans:vip,gold": MEMBERS | STAFF,
    "plans: gold , ": {"gold", "vip and gold"} | STAFF,
    "plans:": STAFF,
    "plans:patron": STAFF,
    "nonsense": STAFF,
    "": STAFF,
}


@pytest.mark.parametrize("audience", ADMITTED)
@pytest.mark.parametrize("name", VIEWERS)
def test_who_belongs_to_an_audience(audience: str, name: str) -> None:
    assert allows(audience, VIEWERS[name], NOW, "read") is (name in ADMITTED[audience])


def test_access_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    edge = person(span(begin=timedelta(), end=DAY))
    assert allows("members", edge, NOW, "comment")
    assert not allows("members", edge, NOW - timedelta(microseconds=1), "comment")
    assert allows("members", edge, NOW + DAY - timedelta(microseconds=1), "comment")
    assert not allows("members", edge, NOW + DAY, "comment")


def test_the_first_rule_that_is_set_decides() -> None:
    assert effective_audience(None, "members", "everyone") == "members"
    assert effective_audience("plans:gold", "members", "everyone") == "plans:gold"
    assert effective_audience("", None, "registered") == "registered"
    assert effective_audience(None, None, None) == "everyone"


def test_plans_are_read_from_the_rule() -> None:
    assert plans_of("plans:vip, gold,") == {"vip", "gold"}
    assert plans_of("members") == frozenset()


def test_live_plans_are_those_of_the_moment() -> None:
    viewer = person(span("vip", end=DAY), span("gold", begin=2 * DAY, end=None))
    assert live_plans(viewer, NOW, "read") == {"vip"}
    assert live_plans(viewer, NOW + 3 * DAY, "read") == {"gold"}
