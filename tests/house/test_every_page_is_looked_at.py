"""Every page with an address of its own is among those that a real browser looks at."""

from flask import Flask

from tests.browser import Browser
from tests.factories import make_site, make_user
from tests.journeys.test_pages import MAIN, OTHER


def test_every_page_is_among_those_that_a_browser_looks_at(app: Flask) -> None:
    """Pages for several things at once (`/comments/1`) cannot be found like this; who makes one adds an example."""
    make_site()
    listed = {address.partition("?")[0] for pages in (MAIN, OTHER) for each in pages.values() for address in each}
    addresses = {
        rule.rule for rule in app.url_map.iter_rules()
        if rule.methods and "GET" in rule.methods and not rule.arguments and rule.rule not in listed
    }  # fmt: skip
    people = Browser(app), Browser(app).sign_in(make_user(roles=("publisher",)))
    missing = sorted(address for address in addresses if any(_is_page(browser, address) for browser in people))
    assert not missing, f"{missing}: add these to the lists in tests/journeys/test_pages.py"


def _is_page(browser: Browser, address: str) -> bool:
    answer = browser.get(address)
    return answer.status_code == 200 and answer.mimetype == "text/html"
