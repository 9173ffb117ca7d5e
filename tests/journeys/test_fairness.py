"""Fair process in a browser: a decision is objected to and overruled by somebody else; an outsider notifies of a crime."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from blueprints.moderation import casefile
from tests.journeys import steps
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import assert_accessible, mail_link

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]


def come(new_browser: NewBrowser, person: Person) -> Page:
    page = new_browser().new_page()
    steps.come_in(page, person)
    return page


def press(page: Page, name: str) -> None:
    """Press a button as who has no mouse does."""
    button = page.get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")


@pytest.mark.once
def test_an_appeal_is_decided_by_another_moderator_and_the_case_is_taken_home(
    new_browser: NewBrowser, backstage: Backstage
) -> None:
    words = "The minister has been absent from this vote, and from that one."
    author = come(new_browser, backstage.member("Author"))
    first = come(new_browser, backstage.reader("First", roles=("moderator",)))
    second = come(new_browser, backstage.reader("Second", roles=("moderator",)))
    number = steps.comment_id(steps.post(author, backstage.article(), words))

    first.goto(f"/moderation/comments/{number}")
    first.get_by_text("Reject …").click()
    first.get_by_label("Which rule was broken?").first.select_option(index=1)
    press(first, "Reject and tell the author")
    expect(first.locator(".case-done").first).to_be_visible()

    author.goto("/account/comments")
    author.get_by_role("link", name="Object to the decision").click()
    for said in ("A person decided this.", "You can also turn to", "go to court"):
        expect(author.locator(".statement").last).to_contain_text(said)
    assert_accessible(author, "what was decided")
    author.get_by_label("Why do you think the decision is wrong?").fill("It is in the minutes of the house.")
    press(author, "Send the objection")
    expect(author.get_by_text("Waiting for an answer")).to_be_visible()

    first.goto("/moderation/objections")
    expect(first.get_by_role("heading", name="Left to somebody else")).to_be_visible()
    assert_accessible(first, "objections left to others")
    expect(first.get_by_text("It is in the minutes of the house.")).to_have_count(0)
    second.goto("/moderation/objections")
    assert_accessible(second, "objections that wait")
    case = second.locator("article.case", has_text="It is in the minutes of the house.")
    expect(case).to_contain_text(words)
    case.get_by_label("Your reason, which the author reads").fill("The minutes say so indeed.")
    press(second, "Reverse it")
    expect(second.locator(".case-done")).to_be_visible()

    author.goto(f"/comments/{number}/appeal")
    expect(author.get_by_text("The minutes say so indeed.")).to_be_visible()
    author.goto(f"/comments/{number}")
    expect(steps.comment(author, words)).to_have_attribute("data-status", "published")

    author.goto("/account/record")
    expect(author.get_by_role("cell", name="Reversed")).to_be_visible()
    assert_accessible(author, "one's own record")
    with author.expect_download() as taken:
        press(author, "Download my case")
    with open(taken.value.path(), encoding="utf-8") as file:
        entries, own, problems = casefile.check(json.load(file))
    assert (own, problems) == (2, [])
    assert entries >= own


@pytest.mark.once
def test_an_outsider_without_scripts_notifies_of_a_crime_and_reads_the_decision(
    new_browser: NewBrowser, backstage: Backstage
) -> None:
    words = "Nora took the money out of the box, everybody knows it."
    author = come(new_browser, backstage.member("Author"))
    number = steps.comment_id(steps.post(author, backstage.article(), words))
    outsider = new_browser(scripts=False).new_page()
    outsider.goto(f"/comments/{number}")
    steps.comment(outsider, words).get_by_role("link", name="Report").click()
    outsider.get_by_role("link", name="Notify us of illegal content").click()
    outsider.get_by_role("button", name="Send the notice").click()
    expect(outsider.get_by_role("alert")).to_contain_text("Please choose what is illegal about it.")
    outsider.get_by_label("It says something false").check()
    outsider.get_by_label("Why do you think that it is illegal?").fill("I never took it, and I have the receipts.")
    outsider.get_by_label("Your name").fill("Nora Outside")
    outsider.get_by_label("Your e-mail address").fill("nora-outside@example.test")
    outsider.get_by_label("I believe in good faith").check()
    outsider.get_by_role("button", name="Send the notice").click()
    expect(outsider.get_by_text("Waiting for a decision")).to_be_visible()
    reference = outsider.get_by_role("heading", level=1).inner_text().removeprefix("Your notice ")
    receipt = mail_link(outsider, "nora-outside@example.test", rf"/illegal-content/{reference}/[\w-]+")

    desk = come(new_browser, backstage.reader("Desk", roles=("moderator",)))
    desk.goto("/moderation/illegal-content")
    assert_accessible(desk, "notices that wait")
    desk.get_by_role("link", name=reference).click()
    expect(desk.get_by_text(words)).to_be_visible()
    assert_accessible(desk, "a notice")
    desk.get_by_label("It is illegal: remove it").check()
    desk.get_by_label("The law it breaks").fill("§ 186 of the Criminal Code")
    desk.get_by_label("Your reasons, which the notifier reads").fill("It states a fact that is false.")
    press(desk, "Send the decision to both sides")
    expect(desk.get_by_text("The content was removed or not published: § 186")).to_be_visible()

    outsider.goto(receipt)
    expect(outsider.get_by_text("It states a fact that is false.")).to_be_visible()
    outsider.goto(f"/comments/{number}")
    expect(steps.comment(outsider, words)).to_have_count(0)
    author.goto("/account/comments")
    told = author.locator(".mine li", has_text=words)
    expect(told).to_contain_text("§ 186 of the Criminal Code")
    expect(told).not_to_contain_text("Nora Outside")
    reader = new_browser().new_page()
    reader.goto(receipt)
    assert_accessible(reader, "the state of a notice")
