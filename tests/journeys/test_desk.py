"""The moderators' desk, worked with keys alone: the start of a shift, a brigade, and two on one comment."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from blueprints.threads import service as threads
from blueprints.threads.queries_facts import facts_of_thread
from core.db import db, transaction
from models.article import Article
from models.thread import Comment
from models.user import ModeratedSection, User
from tests import factories
from tests.journeys import steps
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import assert_accessible
from tests.moderation.desk import as_viewer, report
from tests.threads.talk import make_member, say

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]

MOST_STOPS = 90  # between the top of a page and what is looked for


class Desk:
    """A discussion of its own, whose moderators see nothing else."""

    def __init__(self, backstage: Backstage, headline: str) -> None:
        self.backstage, self.path = backstage, backstage.article(headline)
        with backstage.inside():
            self.article = db.session().query(Article).where(Article.slug == self.path.rpartition("/")[2]).one()
            self.thread_id = factories.thread_of(self.article).id

    def moderator(self, name: str) -> Person:
        person = self.backstage.reader(name, roles=("moderator",))
        with self.backstage.inside():
            user = db.session().query(User).where(User.email == person.email).one()
            with transaction() as session:
                session.add(ModeratedSection(user_id=user.id, section_id=self.article.section_id))
        return person

    def reported(self, *words: str) -> list[int]:
        """Comments with these words, each by somebody else and reported once."""
        with self.backstage.inside():
            ids = [say(self.article, make_member(), text) for text in words]
            for comment_id in ids:
                report(comment_id, make_member())
            return ids

    def said(self, *words: str) -> list[int]:
        with self.backstage.inside():
            return [say(self.article, make_member(), text) for text in words]

    def status(self, comment_id: int) -> str:
        with self.backstage.inside():
            return str(db.session().scalar(db.select(Comment.status).where(Comment.id == comment_id)))


def tab_to(page: Page, name: str | re.Pattern[str]) -> None:
    """Go with the tab key to what is called so."""
    seen = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        found = page.locator(":focus")
        if not found.count():
            continue  # at the end of the page
        label = found.evaluate(
            "e => e.getAttribute('aria-label') ?? (e.labels?.[0]?.innerText || e.innerText || e.value || '')"
        ).strip()
        seen.append(label)
        if re.search(name, label) if isinstance(name, re.Pattern) else name in label:
            return
    raise AssertionError(f"the tab key does not come to {name}: {seen}")


def card(page: Page, comment_id: int):  # type: ignore[no-untyped-def]
    return page.locator(f"#case-{comment_id}")


def open_desk(new_browser: NewBrowser, person: Person, path: str) -> Page:
    page = new_browser().new_page()
    steps.come_in(page, person)
    page.goto(path)
    return page


@pytest.mark.once
def test_a_shift_begins_and_goes_by_keys(new_browser: NewBrowser, backstage: Backstage) -> None:
    desk = Desk(backstage, "The pier that was sold twice")
    one, two, three = desk.reported("The pier was never ours.", "You cannot count to three.", "Ask the harbour master.")
    page = open_desk(new_browser, desk.moderator("Mo"), "/moderation/shift")
    assert_accessible(page, "the start of a shift")
    tab_to(page, "Take 20 from Reported")
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 comments are yours")).to_be_visible()
    expect(page.locator(".case")).to_have_count(3)
    assert_accessible(page, "what was taken")
    expect(card(page, one)).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator(".keys[open]").get_by_text("this list")).to_be_visible()
    assert_accessible(page, "the keys of the desk")
    page.keyboard.press("?")
    expect(page.locator(".keys[open]")).to_have_count(0)
    page.keyboard.press("a")
    expect(card(page, two)).to_be_focused()
    page.keyboard.press("r")
    page.keyboard.press("ArrowDown")
    expect(card(page, two).locator(".statement")).to_be_visible()
    page.keyboard.press("Enter")
    expect(card(page, three)).to_be_focused()
    page.keyboard.press("u")
    expect(card(page, two).locator("[data-decide]")).not_to_have_count(0)
    page.keyboard.press("p")
    expect(card(page, two).get_by_text("Left to a colleague")).to_be_visible()
    expect(card(page, three)).to_be_focused()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="You hold nothing")).to_be_visible()
    assert [desk.status(comment_id) for comment_id in (one, two, three)] == ["published"] * 3
    page.goto("/moderation/shift")
    tab_to(page, "For the next shift")
    page.keyboard.type("The pier is calm again.")
    tab_to(page, "Leave the note")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The pier is calm again.").first).to_be_visible()


@pytest.mark.once
def test_a_brigade_is_stopped_by_keys(new_browser: NewBrowser, backstage: Backstage) -> None:
    desk = Desk(backstage, "A vote about a bridge")
    brigade = desk.said(*(f"Vote no, says number {number}!" for number in range(6)))
    (calm,) = desk.said("I walked over it this morning.")
    page = open_desk(new_browser, desk.moderator("Mo"), f"/moderation/threads/{desk.thread_id}")
    tab_to(page, "Switch surge mode on")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="End it now")).to_be_visible()
    assert_accessible(page, "a discussion in surge mode")
    with backstage.inside():
        viewer = as_viewer(make_member())
        with transaction() as session:
            facts = facts_of_thread(session, desk.thread_id)
            posted = threads.post_comment(session, viewer, facts, "I am new here, and say no too.")
    assert posted.status == "pending"
    page.goto("/moderation/unreviewed?q=says+number")
    expect(page.locator(".case")).to_have_count(6)
    tab_to(page, "Decide about several at once")
    page.keyboard.press("Enter")
    tab_to(page, "Decision")
    page.keyboard.type("Rej")
    tab_to(page, "Rule, to reject")
    page.keyboard.press("ArrowDown")
    tab_to(page, "Try on the whole view")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is decided yet.")).to_be_visible()
    expect(page.get_by_text("exactly these 6")).to_be_visible()
    assert_accessible(page, "a decision about many, tried")
    assert desk.status(brigade[0]) == "published"
    tab_to(page, "Reject 6 comments")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Take all of it back")).to_be_visible()
    expect(page.locator(".figures")).to_contain_text("done")
    expect(page.locator(".figures")).not_to_contain_text("to do")
    assert [desk.status(comment_id) for comment_id in brigade] == ["rejected"] * 6
    assert desk.status(calm) == "published"
    tab_to(page, "Take all of it back")
    page.keyboard.press("Enter")
    expect(page.get_by_text("All of it was taken back.")).to_be_visible()
    assert [desk.status(comment_id) for comment_id in brigade] == ["published"] * 6


@pytest.mark.once
def test_two_on_one_comment_see_each_other(new_browser: NewBrowser, backstage: Backstage) -> None:
    desk = Desk(backstage, "Who keeps the lighthouse")
    (one,) = desk.reported("Nobody keeps it, and you know it.")
    mo_is, flo_is = desk.moderator("Mo"), desk.moderator("Flo")
    flo = open_desk(new_browser, flo_is, "/moderation")
    mo = open_desk(new_browser, mo_is, "/moderation")
    tab_to(mo, "Take the next 20")
    mo.keyboard.press("Enter")
    expect(card(mo, one)).to_be_visible()
    expect(card(flo, one).get_by_text(f"{mo_is.name} has taken this")).to_be_visible()
    flo.keyboard.press("n")
    flo.keyboard.press("a")
    expect(card(flo, one)).to_have_attribute("data-done", "")
    expect(card(mo, one).get_by_text(re.compile(f"Kept by {flo_is.name}"))).to_be_visible()
    mo.keyboard.press("n")
    mo.keyboard.press("a")
    expect(card(mo, one).get_by_text(re.compile(f"Already kept by {flo_is.name}"))).to_be_visible()
    assert_accessible(mo, "a decision that came second")
    assert desk.status(one) == "published"


@pytest.mark.once
def test_a_branch_is_moved_to_the_story_it_is_about_and_back(new_browser: NewBrowser, backstage: Backstage) -> None:
    desk = Desk(backstage, "The bridge that stays open")
    there = backstage.article("The harbour that silts up")
    with backstage.inside():
        root = say(desk.article, make_member(), "The harbour needs a dredger.")
        say(desk.article, make_member(), "It needs two.", to=root)
    page = open_desk(new_browser, backstage.reader("Mo", roles=("moderator",)), f"/moderation/comments/{root}")
    page.get_by_role("link", name="Move").click()
    page.get_by_label("To the discussion of which article?").fill(there)
    page.get_by_label("Why? Its authors read this.").fill("This is about the harbour.")
    assert_accessible(page, "moving a branch")
    page.get_by_role("button", name="Move 2 comments").click()
    expect(page.get_by_text("Branch moved to “The harbour that silts up”").first).to_be_visible()
    reading = page.context.new_page()
    reading.goto(f"/comments/{root}")
    expect(reading.get_by_role("heading", level=1)).to_have_text("On “The harbour that silts up”")
    reading.get_by_role("link", name="See it in the whole thread").click()
    expect(reading.locator(f"#comment-{root}")).to_contain_text("The harbour needs a dredger.")
    expect(reading.get_by_text("It needs two.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Branch moved to “The bridge that stays open” (taken back)").first).to_be_visible()
    reading.goto(desk.path)
    expect(reading.locator(f"#comment-{root}")).to_contain_text("The harbour needs a dredger.")
