"""Who may come in, and that every page is reached from the page before."""

import re
from datetime import timedelta

import pytest
from flask import Flask

from blueprints.membership import rises
from blueprints.publisher import exports
from core import clock
from core.db import transaction
from tests.browser import Browser
from tests.factories import make_plan, make_rule, make_section, make_site, make_user
from tests.publisher.rows import make_failed_event, make_failed_job, office, publisher_browser

PAGES = (
    "/publisher", "/publisher/site", "/publisher/sections", "/publisher/sections/new", "/publisher/sections/1",
    "/publisher/rules", "/publisher/rules/new", "/publisher/rules/1", "/publisher/people", "/publisher/people/1",
    "/publisher/plans", "/publisher/plans/vip", "/publisher/system", "/publisher/plans/new",
    "/publisher/plans/vip/prices", "/publisher/promotions", "/publisher/told", "/publisher/people/import", "/publisher/people/export", "/publisher/rises/1", "/publisher/insights/staying",
    "/publisher/plans/prices/vip-month/rise",
    "/publisher/plans/vip/prices", "/publisher/promotions",
    "/publisher/billing", "/publisher/billing/readers", "/publisher/billing/readers/1", "/publisher/insights",
    "/publisher/insights/gate", "/publisher/safety", "/publisher/first-steps",
    "/publisher/export", "/publisher/export/1",
)  # fmt: skip
ACTIONS = (
    "/publisher/site", "/publisher/sections/new", "/publisher/sections/1", "/publisher/sections/1/move",
    "/publisher/rules/new", "/publisher/rules/1", "/publisher/rules/1/move", "/publisher/rules/1/switch",
    "/publisher/rules/1/delete", "/publisher/rules/enforced-by", "/publisher/people/1/roles",
    "/publisher/people/1/membership", "/publisher/people/1/membership/1/withdraw", "/publisher/plans/vip",
    "/publisher/system/jobs/1/retry", "/publisher/plans/new",
    "/publisher/plans/vip/prices", "/publisher/plans/vip/prices/vip-month/stop", "/publisher/plans/vip/grants",
    "/publisher/plans/vip/stop", "/publisher/promotions", "/publisher/promotions/1/retire",
    "/publisher/plans/prices/vip-month/rise", "/publisher/rises/1/call-off", "/publisher/refunds", "/publisher/people/import", "/publisher/people/1/sessions/end", "/publisher/insights/staying",
    "/publisher/safety", "/publisher/safety/caps", "/publisher/people/1/second-factor/reset", "/publisher/export", "/publisher/export/1/remove",
    "/publisher/insights/check", "/publisher/billing/check", "/publisher/billing/rounds/catch-up", "/publisher/billing/events/retry",
    "/publisher/billing/events/evt_1/retry", "/publisher/billing/readers/1/sync",
    "/publisher/first-steps/mail", "/publisher/first-steps/away",
)  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("path", PAGES)
def test_a_guest_is_led_to_sign_in(client: Browser, path: str) -> None:
    make_site()
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?next=%2Fpublisher")


@pytest.mark.once
@pytest.mark.parametrize("roles", [(), ("author",), ("moderator",), ("editor",)])
def test_nobody_but_a_publisher_comes_in(app: Flask, roles: tuple[str, ...]) -> None:
    make_site()
    browser = Browser(app).sign_in(make_user(roles=roles))
    assert {path: browser.get(path).status_code for path in PAGES} == dict.fromkeys(PAGES, 403)
    assert {path: browser.post(path).status_code for path in ACTIONS} == dict.fromkeys(ACTIONS, 403)


def test_a_guest_changes_nothing(client: Browser) -> None:
    make_site()
    assert {client.post(path).status_code for path in ACTIONS} == {303}


def test_every_action_here_is_listed_above(app: Flask) -> None:
    def pattern(path: str) -> str:
        return re.sub(r"/(\d+|vip|vip-month|evt_1|catch-up|away)(?=/|$)", "/*", path)

    rules = [rule for rule in app.url_map.iter_rules()
             if rule.rule.startswith("/publisher") and rule.endpoint.startswith("publisher.")
             and not rule.rule.endswith(".csv")]  # tables are offered by their page
    known = {method: {re.sub(r"<[^>]*>", "*", rule.rule) for rule in rules if method in (rule.methods or ())}
             for method in ("GET", "POST")}  # fmt: skip
    assert known == {"GET": {pattern(path) for path in PAGES}, "POST": {pattern(path) for path in ACTIONS}}


def test_a_form_without_its_token_changes_nothing(app: Flask) -> None:
    browser = office(app)
    assert {browser.post(path, token=False).status_code for path in ACTIONS} == {400}


def test_every_page_is_reached_by_links_from_the_overview(app: Flask) -> None:
    make_site()
    make_section("Politics")
    make_rule()
    make_plan("vip")
    publisher, browser = publisher_browser(app)
    with transaction():
        exports.ask(publisher.id)
        rises.plan_rise("sandbox", "vip-year", 6900, clock.now().date() + timedelta(days=20), publisher.id)
    exports.make(1)
    seen, waiting = set(), ["/publisher"]
    while waiting:
        path = waiting.pop()
        answer = browser.get(path)
        assert answer.status_code == 200, path
        page = "" if answer.mimetype == "application/zip" else answer.get_data(as_text=True)
        links = {link.split("#")[0] for link in re.findall(r'href="(/publisher[^"?]*)', page)}
        seen.add(path)
        waiting += sorted(links - seen - set(waiting))
    assert set(PAGES) <= seen


@pytest.mark.parametrize(
    "path",
    ["/publisher/sections/99", "/publisher/rules/99", "/publisher/people/99", "/publisher/plans/none",
     "/publisher/people/99999999999999999999", "/publisher/plans/%00", "/publisher/sections/2147483647"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(app: Flask, path: str) -> None:
    browser = office(app)
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code in {404, 405}


def test_what_is_not_there_cannot_be_changed(app: Flask) -> None:
    browser = office(app)
    paths = [path for path in ACTIONS if re.search(r"\d|vip", path) and "people/1" not in path]
    assert {path: browser.post(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    for path in ("roles", "membership", "membership/1/withdraw"):
        assert browser.post(f"/publisher/people/99/{path}").status_code == 404


def test_odd_characters_in_a_search_are_no_error(app: Flask) -> None:
    browser = office(app)
    assert browser.get("/publisher/people?q=%25_\\&after=x&show=nonsense").status_code == 200


def test_the_failures_are_shown_with_every_page_of_them(app: Flask) -> None:
    browser = office(app)
    make_failed_job("search.index")
    make_failed_event("evt_1")
    page = browser.get("/publisher/system").get_data(as_text=True)
    assert "search.index" in page
    assert "1 could not be dealt with" in page
    assert "evt_1" in browser.get("/publisher/billing").get_data(as_text=True)
    assert "<summary>ConnectionRefusedError: nobody there</summary>" in page
