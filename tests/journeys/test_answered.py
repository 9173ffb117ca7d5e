"""Being answered: one replies, the other sees the bell, opens what it says and lands on the reply."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import BrowserContext, Error, Page, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import assert_accessible

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]
PATIENCE = 20


def signed_in(new_browser: NewBrowser, person: Person, *, scripts: bool) -> Page:
    page = new_browser(scripts=scripts).new_page()
    steps.come_in(page, person)
    return page


def wait_for_bell(page: Page, number: str) -> None:
    """The worker tells within moments; the number is on the next page."""
    for _ in range(PATIENCE):
        page.goto("/about")
        with suppress(AssertionError, Error):
            expect(page.locator(".bell__count")).to_have_text(number, timeout=1_000)
            return
    raise AssertionError("the bell says nothing")


def reply_to(page: Page, comment_id: int, words: str) -> None:
    page.goto(f"/comments/{comment_id}/reply")
    page.locator("textarea[name=body]").fill(words)
    page.get_by_role("button", name="Post reply").click()
    expect(steps.comment(page, words)).to_be_visible()


@pytest.mark.once
def test_a_reply_rings_the_bell_and_leads_to_where_it_stands(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    ann, bob, story = backstage.member("Ann"), backstage.member("Bob"), backstage.article()
    hers = signed_in(new_browser, ann, scripts=scripts)
    asked = steps.comment_id(steps.post(hers, story, f"What did the minister know? {scripts}"))
    his = signed_in(new_browser, bob, scripts=scripts)
    reply_to(his, asked, f"More than she said. {scripts}")
    wait_for_bell(hers, "1")
    hers.locator(".bell").click()
    expect(hers.get_by_role("heading", name="Notices")).to_be_visible()
    if scripts:
        assert_accessible(hers, "the list of notices")
    hers.get_by_role("button", name=f"{bob.name} replied to you").click()
    reply = steps.comment(hers, f"More than she said. {scripts}")
    expect(reply).to_be_visible()
    expect(reply).to_be_in_viewport()
    expect(hers.locator(".bell__count")).to_have_count(0)


@pytest.mark.once
def test_a_reader_follows_a_discussion_and_mutes_a_person_in_it(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    ann, bob, story = backstage.member("Ann"), backstage.member("Bob"), backstage.article()
    his = signed_in(new_browser, bob, scripts=scripts)
    said = steps.comment_id(steps.post(his, story, f"The first word. {scripts}"))
    hers = signed_in(new_browser, ann, scripts=scripts)
    hers.goto(story)
    hers.get_by_role("button", name="Follow this discussion").click()
    expect(hers.get_by_role("button", name="Following this discussion")).to_be_visible()
    steps.post(his, story, f"The second word. {scripts}")
    wait_for_bell(hers, "1")
    hers.goto(f"/comments/{said}/more")
    if scripts:
        assert_accessible(hers, "what can be done about a comment")
    hers.get_by_role("link", name="Mute").click()
    hers.get_by_role("button", name="Mute", exact=True).click()
    expect(hers.get_by_role("alert").or_(hers.get_by_role("status")).filter(has_text="You have muted")).to_be_visible()
    hers.goto(story)
    expect(hers.locator(".bell__count")).to_have_count(0)
    first = steps.comment(hers, f"The first word. {scripts}")
    expect(first).to_be_hidden()
    hers.locator("details.muted-person").filter(has_text="The first word.").locator("summary").click()
    expect(first).to_be_visible()
    hers.goto("/account/following")
    hers.get_by_role("button", name="Hear of them again").click()
    hers.goto(story)
    expect(first).to_be_visible()


@pytest.mark.once
def test_looking_at_a_reply_quiets_the_bell_by_itself(new_browser: NewBrowser, backstage: Backstage) -> None:
    ann, bob, story = backstage.member("Ann"), backstage.member("Bob"), backstage.article()
    hers = signed_in(new_browser, ann, scripts=True)
    asked = steps.comment_id(steps.post(hers, story, "Who signed it?"))
    his = signed_in(new_browser, bob, scripts=True)
    reply_to(his, asked, "The deputy did.")
    reply = steps.comment_id(steps.comment(his, "The deputy did."))
    wait_for_bell(hers, "1")
    hers.goto(f"/comments/{reply}")
    expect(hers.locator(".bell__count")).to_have_count(0)
    hers.goto("/about")
    expect(hers.locator(".bell__count")).to_have_count(0)
