"""Finding what was said, and holding up what is worth reading."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import assert_accessible

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]


def test_a_visitor_finds_a_comment_from_the_discussion_and_reads_it_in_its_place(
    new_browser: NewBrowser, scripts: bool
) -> None:
    page = new_browser(scripts=scripts).new_page()
    page.goto(f"{steps.LEAD}#comments")
    page.get_by_role("searchbox", name="Search this discussion").fill('salary "official rate"')
    page.get_by_role("searchbox", name="Search this discussion").press("Enter")
    expect(page.locator("mark", has_text="official rate")).to_be_visible()
    expect(page.get_by_role("searchbox", name="Words to look for")).to_have_value('salary "official rate"')
    expect(page.locator(".found")).to_have_count(1)
    if scripts:
        assert_accessible(page, "what was found")
    page.get_by_role("link", name="Everywhere").click()
    expect(page.locator(".found")).to_have_count(1)
    page.get_by_role("link", name="Read it in its place").click()
    expect(page).to_have_url(re.compile(r"/comments/\d+$"))
    expect(page.locator(".comment.is-target")).to_contain_text("official rate")


def test_an_editor_picks_a_comment_its_author_is_thanked_and_everybody_finds_it(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    member, editor = backstage.member("Ann"), backstage.reader("Editor", roles=("editor",))
    article = backstage.article()
    author = new_browser(scripts=scripts).new_page()
    steps.come_in(author, member)
    steps.post(author, article, "A clear view of the harbour.")

    newsroom = new_browser(scripts=scripts).new_page()
    steps.come_in(newsroom, editor)
    newsroom.goto(article)
    steps.comment(newsroom, "A clear view").get_by_role("link", name="Pick", exact=True).click()
    expect(newsroom.get_by_text("It would be a first")).to_be_visible()
    newsroom.get_by_label("Why is it worth reading?").fill("From somebody who was there.")
    newsroom.get_by_role("button", name="Pick it").click()
    expect(newsroom.get_by_text("Its author is told and thanked")).to_be_visible()
    expect(steps.comment(newsroom, "A clear view").get_by_role("link", name="Picked")).to_be_visible()

    visitor = new_browser(scripts=scripts).new_page()
    visitor.goto(article)
    visitor.get_by_role("link", name=re.compile("^Picks")).click()
    expect(steps.comment(visitor, "A clear view").locator(".badge", has_text="Pick")).to_be_visible()
    expect(visitor.get_by_text("From somebody who was there.")).to_be_visible()
    if scripts:
        assert_accessible(visitor, "the Picks of a discussion")

    for _ in range(60):  # a server that has just started has the work of a whole first day before it
        author.goto("/account/notices")
        if author.get_by_text("picked your comment").count():
            break
        author.wait_for_timeout(500)
    expect(author.get_by_text("picked your comment")).to_be_visible()


@pytest.mark.once
def test_a_name_leads_to_a_page_only_after_its_person_opened_it(new_browser: NewBrowser, backstage: Backstage) -> None:
    member = backstage.member("Ann")
    article = backstage.article()
    own, visitor = new_browser(scripts=False).new_page(), new_browser().new_page()
    steps.come_in(own, member)
    steps.post(own, article, "Words under my name.")
    visitor.goto(article)
    expect(visitor.get_by_role("link", name=member.name)).to_have_count(0)
    own.goto("/account/settings")
    own.get_by_label("Others may see my page").check()
    own.locator("form", has=own.get_by_label("Others may see my page")).get_by_role("button", name="Save").click()
    expect(own.get_by_text("Others can see your page now.")).to_be_visible()
    visitor.reload()
    visitor.get_by_role("link", name=member.name).click()
    expect(visitor.get_by_role("heading", name=member.name)).to_be_visible()
    expect(visitor.get_by_text("Words under my name.")).to_be_visible()
    assert_accessible(visitor, "a person's page")
