"""A member leaves in peace, and changes their mind."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import assert_accessible

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]
MOST_PRESSES_TO_CANCEL = 3


def cancel_from(page: Page, place: str) -> int:
    """Cancel from a page of the site; returns how many presses it took."""
    page.goto(place)
    presses = 0
    for control in (
        page.get_by_role("contentinfo").get_by_role("link", name="Cancel membership"),
        page.get_by_role("main").get_by_role("button", name="Cancel membership"),
        page.get_by_role("button", name="Cancel now"),
    ):
        control.click()
        presses += 1
    return presses


def test_cancelling_takes_three_presses_and_can_be_taken_back(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    page, person, article = new_browser(scripts=scripts).new_page(), backstage.reader(), backstage.article()
    steps.reader_goes_to_payment(page, article, person, "Not yet said.")
    steps.pay(page)
    steps.expect_words_wait(page, "Not yet said.")

    assert cancel_from(page, "/") <= MOST_PRESSES_TO_CANCEL
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Cancelled: ends on \d+ \w+ \d{4}"))
    expect(page.get_by_role("main")).to_contain_text("Nothing more will be charged")
    page.goto(article)
    expect(page.get_by_role("button", name="Post comment")).to_be_visible()

    page.goto("/account/membership")
    page.get_by_role("button", name="Stay a member").click()
    expect(page.get_by_role("main")).to_contain_text("In force")
    expect(page.get_by_role("main")).to_contain_text("Next payment")

    assert cancel_from(page, article) <= MOST_PRESSES_TO_CANCEL
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Cancelled: ends on \d+ \w+ \d{4}"))
    page.goto(article)
    expect(page.get_by_role("button", name="Post comment")).to_be_visible()


@pytest.mark.once
def test_a_pause_is_offered_once_beside_the_button_that_cancels(new_browser: NewBrowser, backstage: Backstage) -> None:
    page, person, article = new_browser(width=320).new_page(), backstage.reader(), backstage.article()
    steps.reader_goes_to_payment(page, article, person, "Not yet said.")
    steps.pay(page)
    steps.expect_words_wait(page, "Not yet said.")
    page.goto("/account/membership")
    page.get_by_role("main").get_by_role("button", name="Cancel membership").click()
    expect(page.get_by_role("button", name="Cancel now")).to_be_visible()
    page.get_by_label("2 months, from").check()
    assert_accessible(page, "the page that asks before cancelling")
    page.get_by_role("button", name="Pause instead").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"In force until \d+ \w+ \d{4}, then paused until"))
    page.goto(article)
    expect(page.get_by_role("button", name="Post comment")).to_be_visible()

    assert cancel_from(page, "/") <= MOST_PRESSES_TO_CANCEL
    expect(page.get_by_role("button", name="Pause instead")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Cancelled: ends on \d+ \w+ \d{4}"))


@pytest.mark.once
def test_somebody_who_asks_before_cancelling_stays_a_member(new_browser: NewBrowser, backstage: Backstage) -> None:
    page = new_browser().new_page()
    steps.come_in(page, backstage.of_the_demo("Marisol T."))
    page.goto("/account/membership")
    page.get_by_role("main").get_by_role("button", name="Cancel membership").click()
    expect(page.get_by_role("heading", name="Cancel your VIP Gold membership?")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"You keep everything until \d+ \w+ \d{4}"))
    page.get_by_role("link", name="Stay a member").click()
    expect(page.get_by_role("main")).to_contain_text("In force")


@pytest.mark.once
def test_a_visitor_who_wants_to_cancel_signs_in_and_is_there(new_browser: NewBrowser) -> None:
    page = new_browser().new_page()
    page.goto("/")
    page.get_by_role("contentinfo").get_by_role("link", name="Cancel membership").click()
    page.get_by_role("button", name="Vic Tanaka").click()
    expect(page.get_by_role("heading", name="Membership", exact=True)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button", name="Cancel membership")).to_be_visible()
