"""A membership given to somebody, and one shared with a group: from the first press to the first comment."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import assert_accessible, mail_link

pytestmark = [pytest.mark.browser, pytest.mark.once]
NewBrowser = Callable[..., BrowserContext]


def give_a_year(page: Page, address: str) -> None:
    """From the plans to a gift that is paid, with a slip on the way."""
    page.goto("/join")
    page.get_by_role("link", name="Give a membership").click()
    page.get_by_label("For", exact=True).fill("Aunt Ilse")
    page.get_by_label("Your words to them").fill("For the long evenings.")
    page.get_by_role("button", name="Go on to pay").click()
    expect(page.get_by_role("alert")).to_contain_text("Please choose what you give.")
    expect(page.get_by_label("Your words to them")).to_have_value("For the long evenings.")
    page.get_by_label("VIP for a year").check()
    page.get_by_label("Their e-mail address").fill(address)
    page.get_by_role("button", name="Go on to pay").click()
    expect(page.get_by_role("heading", name="Pay for VIP")).to_be_visible()
    steps.pay(page)
    expect(page.get_by_role("heading", name="Your gift to Aunt Ilse")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("$49.00 on")


def test_a_gift_goes_from_a_press_to_the_comment_of_somebody_new(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    giving, giver, article = new_browser(scripts=scripts).new_page(), backstage.reader(), backstage.article()
    taker = steps.newcomer("Ilse")
    steps.come_in(giving, giver)
    give_a_year(giving, taker.email)
    if scripts:  # axe is one itself
        assert_accessible(giving, "the gift's page")

    taking = new_browser(scripts=scripts, width=320).new_page()
    taking.goto(mail_link(taking, taker.email, r"/gifts/\S+"))
    expect(taking.get_by_role("heading", name=f"{giver.name} gives you VIP")).to_be_visible()
    expect(taking.get_by_role("main")).to_contain_text("For the long evenings.")
    if scripts:
        assert_accessible(taking, "the gift's link")
    taking.get_by_role("link", name="Sign up and take it").click()
    steps.fill_sign_up(taking, taker)
    steps.confirm_address(taking, taker)
    taking.get_by_role("button", name="Take the gift").click()
    expect(taking.get_by_role("main")).to_contain_text(re.compile(r"A gift to you, until \d+ \w+ \d{4}"))
    steps.post(taking, article, "Thank you for the long evenings.")

    giving.reload()
    expect(giving.get_by_role("main")).to_contain_text("Taken on")
    expect(giving.get_by_role("button", name="Take the gift back")).to_have_count(0)


def test_a_group_is_bought_filled_and_thinned(new_browser: NewBrowser, backstage: Backstage) -> None:
    owning, owner, friend = new_browser().new_page(), backstage.reader(), backstage.reader()
    article = backstage.article()
    steps.come_in(owning, owner)
    owning.goto("/join")
    owning.get_by_role("link", name="seats for a group").click()
    owning.get_by_label("Seats, yours included").fill("2")
    owning.get_by_role("button", name="Show what that costs").click()
    expect(owning.get_by_role("main")).to_contain_text("2 seats at $4.90, yours included.")
    owning.get_by_role("button", name="Buy 2 seats of VIP").click()
    steps.expect_payment_page(owning)
    steps.pay(owning)
    expect(owning.get_by_role("heading", name="Your group")).to_be_visible()
    link = owning.get_by_label("Link to the group").input_value()

    page = new_browser(width=320).new_page()
    page.goto(link)
    assert_accessible(page, "the seat's link")
    page.get_by_role("link", name="I have an account").click()
    page.get_by_label("E-mail address").fill(friend.email)
    page.get_by_label("Password").fill(friend.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Take the seat").click()
    expect(page.get_by_role("main")).to_contain_text("A seat in a group")
    steps.post(page, article, "From the second seat.")

    owning.reload()
    assert_accessible(owning, "the group's page")
    expect(owning.get_by_role("main")).to_contain_text("All seats are given.")
    owning.get_by_role("button", name=f"Remove {friend.name}").click()
    expect(owning.get_by_role("main")).not_to_contain_text(friend.name)
    page.goto(article)
    expect(page.get_by_role("button", name="Post comment")).to_have_count(0)
