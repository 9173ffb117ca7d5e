"""A discussion that goes on while it is read: nothing moves under the reader, and what is new waits for a press."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import select, update

from blueprints.threads import live, ordering, service, thread_state
from core import clock
from core.db import db, transaction
from models.article import Article
from models.live import LiveEvent
from models.user import User
from tests.factories import letters, thread_of
from tests.journeys import steps
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import assert_accessible
from tests.threads import talk

pytestmark = pytest.mark.browser
NewBrowser = Callable[..., BrowserContext]
HIDE = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"


def long() -> str:
    """Words that fill the page, each time others: what nearly everybody says is first read by a person."""
    return "\n\n".join(f"Paragraph number {number}: {letters()} and {letters()} fill it." for number in range(6))


class Talk:
    """A discussion of this journey's own, with people who speak in it behind the scenes."""

    def __init__(self, backstage: Backstage) -> None:
        self.backstage = backstage
        self.path = backstage.article(thread_values={"pace_seconds": 0})
        self.people = [backstage.member(), backstage.member()]
        with backstage.inside():
            self.article = db.session().scalar(select(Article).where(Article.slug == self.path.rpartition("/")[2]))

    def user(self, person: Person) -> User:
        found = db.session().scalar(select(User).where(User.email == person.email))
        assert found is not None
        return found

    def say(self, words: str, *, by: int = 0, to: int | None = None) -> int:
        with self.backstage.inside():
            return talk.say(self.article, self.user(self.people[by]), words, to=to)

    def edit(self, comment_id: int, words: str, *, by: int = 0) -> None:
        with self.backstage.inside():
            viewer = talk.as_viewer(self.user(self.people[by]))
            with transaction() as session:
                service.edit_comment(session, viewer, comment_id, words)

    def change(self, comment_id: int, status: str) -> None:
        with self.backstage.inside():
            talk.change(comment_id, status)

    def respect(self, comment_id: int, *, by: int = 1) -> None:
        with self.backstage.inside():
            talk.respect(comment_id, self.user(self.people[by]))

    def forget(self) -> None:
        """Let everything that was told so far be older than it is kept."""
        with self.backstage.inside(), transaction() as session:
            long_ago = clock.now() - live.EVENTS_KEPT - timedelta(hours=1)
            of_this = LiveEvent.thread_id == thread_of(self.article).id
            session.execute(update(LiveEvent).where(of_this).values(created_at=long_ago))
            live.forget_events(session, clock.now())

    def close(self, reason: str) -> None:
        with self.backstage.inside(), transaction() as session:
            thread_state.set_thread_state(session, thread_of(self.article).id, "closed", reason=reason)

    def open(self) -> None:
        with self.backstage.inside(), transaction() as session:
            thread_state.set_thread_state(session, thread_of(self.article).id, "open")


@pytest.fixture(params=["stream", pytest.param("asking", marks=pytest.mark.once)])
def reader(request: pytest.FixtureRequest, new_browser: NewBrowser) -> Iterator[Page]:
    """A visitor's page that hears of news by the stream, and one that cannot have it and asks."""
    context = new_browser(height=600)
    context.add_init_script("Math.random = () => 0")  # pages ask one after the other within seconds; this is the first
    if request.param == "asking":
        context.add_init_script("delete window.EventSource")
    page, asked = context.new_page(), set[str]()
    page.on("request", lambda sent: asked.update(re.findall(r"/(live|changes)\?after", sent.url)))
    yield page
    assert asked == {"live" if request.param == "stream" else "changes"}


@pytest.fixture
def told(backstage: Backstage) -> Talk:
    return Talk(backstage)


def ask_now(page: Page) -> None:
    """Where a page asks at intervals, have it ask as if the reader had come back to it."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def at(page: Page, comment_id: int) -> Locator:
    return page.locator(f"#comment-{comment_id}")


def top_of(found: Locator) -> float:
    box = found.bounding_box()
    assert box is not None
    return box["y"]


def test_new_comments_and_replies_wait_for_a_press_and_get_the_focus(
    new_browser: NewBrowser, reader: Page, told: Talk
) -> None:
    root, other = told.say("What was there before."), told.say(f"Something else.\n\n{long()}")
    *_, behind = [told.say(f"Answer number {number}.", by=1, to=other) for number in range(5)]
    writer = new_browser().new_page()
    reader.goto(told.path)
    steps.come_in(writer, told.people[1])
    writer.goto(told.path)
    at(reader, other).scroll_into_view_if_needed()
    before = [top_of(at(reader, one)) for one in (root, other)]

    mine = steps.post(writer, told.path, "News from another browser.")
    new = steps.comment_id(mine)
    writer.locator(f'[data-reply="{root}"]').click()
    writer.locator(f"#reply-{root} textarea").fill("And an answer.")
    writer.locator(f"#reply-{root} button.button--primary").click()
    expect(steps.comment(writer, "And an answer.")).to_be_focused()

    told.say("An answer to what the page leaves out.", to=behind)
    ask_now(reader)
    button = reader.get_by_role("button", name="1 new comment", exact=True)
    replies = reader.get_by_role("button", name="1 new reply", exact=True)
    expect(button).to_be_visible()
    expect(replies).to_be_visible()
    expect(reader.locator("#comments-title")).to_have_text("10 comments")
    steps.expect_announced(reader, re.compile("^1 new (comment|reply)[.]"))
    expect(at(reader, other).locator("xpath=..").locator("[data-more]")).to_have_text("Show 3 more replies")
    expect(at(reader, new)).to_have_count(0)
    assert [top_of(at(reader, one)) for one in (root, other)] == before
    assert_accessible(reader, "a thread with news")

    replies.click()
    answer = steps.comment(reader, "And an answer.")
    expect(answer).to_be_focused()
    expect(reader.locator("li", has=at(reader, root)).last.locator(".comment").last).to_contain_text("And an answer.")
    button.press("Enter")
    expect(at(reader, new)).to_be_focused()
    expect(reader.locator("#comment-list > li").first).to_contain_text("News from another browser.")
    expect(reader.locator(".new-comments, .new-replies")).to_have_count(0)

    # One's own are not news in the browser that sent them.
    ask_now(writer)
    expect(writer.locator("#comments-title")).to_have_text("10 comments")
    expect(writer.locator(".new-comments, .new-replies")).to_have_count(0)


def test_edits_removals_and_respect_show_in_place_and_nothing_moves(reader: Page, told: Talk) -> None:
    above = told.say(f"The first one.\n\n{long()}")
    seen, gone, parent = told.say("One wrod is wrong here."), told.say(f"To be removed.\n\n{long()}"), told.say("A question.")
    reply = told.say("Its answer.", by=1, to=parent)
    below = told.say("The last one.")
    page = reader
    page.goto(f"{told.path}?sort=oldest")
    at(page, seen).scroll_into_view_if_needed()
    page.evaluate("window.scrollBy(0, 120)")
    everything = (above, seen, gone, parent, reply, below)
    before, scroll = [top_of(at(page, one)) for one in everything], page.evaluate("scrollY")

    told.edit(seen, "One word is right here.")
    told.change(gone, "rejected")
    told.change(parent, "deleted")
    told.respect(seen)
    ask_now(page)
    expect(at(page, seen)).to_contain_text("One word is right here.")
    expect(at(page, seen).locator(".comment__who")).to_contain_text("edited")
    expect(at(page, gone)).to_contain_text("no longer here")
    expect(at(page, parent)).to_contain_text("Deleted by its author")
    expect(page.locator(f'[data-respect="{seen}"] .act__count')).to_have_text("1")
    expect(page.locator("#comments-title")).to_have_text("4 comments")
    assert ([top_of(at(page, one)) for one in everything], page.evaluate("scrollY")) == (before, scroll)

    # A text that would grow, or that somebody is at work with, waits for a press.
    told.edit(seen, f"One word is right here.\n\n{long()}")
    ask_now(page)
    offer = at(page, seen).get_by_role("button", name="Edited: show")
    expect(offer).to_be_visible()
    assert [top_of(at(page, one)) for one in everything] == before
    offer.click()
    expect(at(page, seen)).to_contain_text("number 5")
    expect(at(page, seen)).to_be_focused()

    told.change(gone, "published")
    ask_now(page)
    expect(at(page, gone)).to_contain_text("To be removed.")
    expect(page.locator(f'[data-respect="{gone}"]')).to_be_visible()


@pytest.mark.once
def test_the_page_of_one_comment_goes_on_with_its_own_branch_alone(reader: Page, told: Talk) -> None:
    root = told.say("What this is about.")
    seen = told.say("One wrod is wrong here.", by=1, to=root)
    reader.goto(f"/comments/{seen}")
    title = reader.locator("#comments-title").inner_text()
    told.edit(seen, "One word is right here.", by=1)
    told.respect(seen, by=0)
    ask_now(reader)
    at(reader, seen).get_by_role("button", name="Edited: show").click()  # the focus is in it
    expect(at(reader, seen)).to_contain_text("One word is right here.")
    expect(reader.locator(f'[data-respect="{seen}"] .act__count')).to_have_text("1")
    told.say("Something else.")
    reply = told.say("And an answer.", to=seen)
    ask_now(reader)
    button = reader.get_by_role("button", name="1 new reply", exact=True)
    expect(button).to_be_visible()
    expect(reader.get_by_role("button", name=re.compile("new comment"))).to_have_count(0)
    assert_accessible(reader, "the page of one comment, with news")
    button.click()
    expect(at(reader, reply)).to_be_focused()
    expect(at(reader, reply)).to_contain_text("And an answer.")
    assert reader.locator("#comments-title").inner_text() == title


def test_a_discussion_that_is_closed_leaves_the_words_to_be_copied(new_browser: NewBrowser, told: Talk) -> None:
    root = told.say("Before the end.")
    context = new_browser()
    context.add_init_script("delete window.EventSource")
    page = context.new_page()
    steps.come_in(page, told.people[1])
    steps.type_words(page, told.path, "Words that came too late.")
    page.locator(f'[data-reply="{root}"]').click()
    page.locator(f"#reply-{root} textarea").fill("An answer that came too late.")
    told.close("We close at night.")
    ask_now(page)
    expect(page.locator("#composer")).to_contain_text("We close at night.")
    expect(page.locator("#composer .composer__kept")).to_have_text("Words that came too late.")
    expect(at(page, root).locator(".composer__kept")).to_have_text("An answer that came too late.")
    expect(at(page, root).locator(".composer")).to_be_focused()
    expect(page.locator("form.composer")).to_have_count(0)
    with page.expect_response("**/composer"):  # nothing more will come, and the page looks once more how things stand
        ask_now(page)
    expect(page.locator("[data-live-pause]")).to_be_hidden()
    expect(page.locator("#composer .composer__kept")).to_have_text("Words that came too late.")
    assert_accessible(page, "a thread that was just closed")
    told.open()
    ask_now(page)
    expect(page.locator("#composer textarea")).to_have_value("Words that came too late.")
    expect(page.locator("[data-live-pause]")).to_be_visible()


@pytest.mark.once
def test_a_hidden_page_counts_in_its_title_and_a_reader_can_have_it_quiet(new_browser: NewBrowser, told: Talk) -> None:
    told.say("Before.")
    context = new_browser()
    page = context.new_page()
    page.clock.install()
    page.goto(told.path)
    expect(page.locator("[data-live-pause]")).to_be_visible()
    page.evaluate(HIDE, True)
    told.say("While nobody looks.")
    page.clock.fast_forward(90_000)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    page.evaluate(HIDE, False)
    expect(page).to_have_title(re.compile(r"^A story of this journey"))
    expect(page.locator(".new-comments button")).to_have_text("1 new comment")

    other = context.new_page()
    other.goto(told.path)
    other.get_by_role("button", name="Pause live updates").click()
    expect(page.get_by_role("button", name="Resume live updates")).to_be_visible()
    told.say("Said into the quiet.")
    ask_now(page)
    page.clock.fast_forward(90_000)
    page.wait_for_timeout(300)
    expect(page.locator(".new-comments button")).to_have_text("1 new comment")
    page.get_by_role("button", name="Resume live updates").click()
    expect(page.locator(".new-comments button")).to_have_text("2 new comments")


@pytest.mark.once
def test_on_a_later_page_news_lead_to_the_newest_and_a_page_too_old_is_loaded_again(
    new_browser: NewBrowser, told: Talk
) -> None:
    told.say("The older one.")
    newest = told.say("The newer one.")
    context = new_browser(width=320, height=600)
    context.add_init_script("delete window.EventSource")
    page = context.new_page()
    page.goto(f"{told.path}?sort=newest&after={ordering.root_cursor('newest', ordering.RootCursor(newest))}")
    expect(at(page, newest)).to_have_count(0)
    new = told.say("Newer still.")
    ask_now(page)
    page.get_by_role("button", name="1 new comment", exact=True).click()
    expect(page).to_have_url(re.compile(r"sort=newest#comments$"))
    expect(at(page, new)).to_be_visible()

    told.say("Before a long time.")
    told.say("And after it.")
    told.forget()
    ask_now(page)
    again = page.get_by_role("button", name="load the page again")
    expect(again).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert_accessible(page, "a page that is too old")
    again.click()
    expect(steps.comment(page, "And after it.")).to_be_visible()
