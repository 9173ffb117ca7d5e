"""Discussions that go their own way: a quiz before the first comment, questions to a guest, slow mode."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from core.db import db, transaction
from models.article import Article
from models.thread import Thread
from tests.factories import thread_of
from tests.journeys import steps
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import assert_accessible

pytestmark = [pytest.mark.browser, pytest.mark.once]
NewBrowser = Callable[..., BrowserContext]

ELECTION = "/articles/how-to-watch-an-election-you-were-not-invited-to"
SLOW = "/articles/eleven-minutes-for-four-hundred-pages"
RIGHT = ("Photograph the sheet on the station’s door", "The government very probably won, by less than it said")


def answer(page: Page, *choices: str) -> None:
    for choice in choices:
        page.get_by_label(choice).check()
    page.get_by_role("button", name="Check my answers").click()


def test_a_quiz_is_answered_between_the_words_and_their_posting(
    new_browser: NewBrowser, backstage: Backstage, scripts: bool
) -> None:
    person = backstage.member("Curious")
    page = new_browser(scripts=scripts, width=320).new_page()
    steps.come_in(page, person)
    page.goto(ELECTION)
    expect(steps.composer(page)).to_contain_text("A short quiz about the story comes before your first comment here.")
    words = f"Facing out, I thought, and went to look at our own door. {person.name}"
    steps.words_in_composer(page).fill(words)
    steps.press_main_button(page)
    expect(page.get_by_role("heading", name="A few questions about the story first")).to_be_visible()
    if scripts:
        expect(page).to_have_url(re.compile(ELECTION))
        expect(steps.focused(page)).to_have_attribute("type", "radio")
    if scripts:
        assert_accessible(page, "the quiz")
    answer(page, "Vote in another town", RIGHT[1])
    expect(page.get_by_text("Nearly: one answer is not what the story says.")).to_be_visible()
    expect(page.get_by_text("It stands in italics, before “What a door knows”.")).to_be_visible()
    if scripts:
        assert_accessible(page, "the quiz with a wrong answer")
    answer(page, RIGHT[0])
    expect(page.get_by_text("one press posts them")).to_be_visible()
    expect(steps.words_in_composer(page)).to_have_value(words)
    assert backstage.count_comments(person.email) == 0
    steps.press_main_button(page)
    expect(steps.comment(page, words)).to_be_visible()


def guest_and_article(backstage: Backstage) -> tuple[Person, str]:
    """An article under which this person answers readers."""
    from blueprints.threads.settings import Conversation, Guest, change
    from models.user import User

    guest = backstage.reader("Ingrid")
    path = backstage.article("The winter timetable")
    with backstage.inside():
        article = db.session().query(Article).where(Article.slug == path.rpartition("/")[2]).one()
        user = db.session().query(User).where(User.email == guest.email).one()
        wanted = Conversation(takes_questions=True, guests=(Guest(user.id, "Drew up the timetable"),))
        thread_id = thread_of(article).id
        with transaction() as session:
            thread = session.get(Thread, thread_id, with_for_update=True)
            assert thread is not None
            change(session, thread, wanted, None)
    return guest, path


def test_a_reader_asks_and_a_guest_answers(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    guest, path = guest_and_article(backstage)
    member, other = backstage.member("Asker"), backstage.member("Other")
    asking, talking, answering = (new_browser(scripts=scripts, width=width).new_page() for width in (320, 1280, 1280))
    steps.come_in(asking, member)
    question = f"When does the night train run in winter? {member.name}"
    asking.goto(path)
    expect(asking.get_by_text("Our guest answers your questions")).to_be_visible()
    expect(asking.get_by_label("Your question")).to_be_visible()
    steps.post(asking, path, question)
    steps.come_in(talking, other)
    talking.goto(f"{path}?sort=unanswered")
    talking.get_by_role("link", name="Reply", exact=True).first.click()
    talking.locator(".composer--reply textarea").fill(f"I wonder too. {other.name}")
    talking.get_by_role("button", name="Post reply").click()
    expect(steps.comment(talking, "I wonder too.")).to_be_visible()
    steps.come_in(answering, guest)
    answering.goto(path)
    answering.get_by_role("link", name="Answer the readers: 1 question").click()
    expect(steps.comment(answering, question)).to_be_visible()
    if scripts:
        assert_accessible(answering, "the guest's page")
    answering.get_by_role("link", name="Reply", exact=True).first.click()
    answering.locator(".composer--reply textarea").fill("Every night but Saturday.")
    answering.get_by_role("button", name="Post reply").click()
    expect(steps.comment(answering, "Every night but Saturday.")).to_be_visible()
    if scripts:
        shown = answering.locator("#comment-list .comment")
        expect(shown.nth(1)).to_contain_text("Every night but Saturday.")  # before the reply that was there first
    asking.goto(path)
    expect(asking.get_by_role("link", name="Answered 1")).to_have_attribute("aria-current", "true")
    shown = asking.locator("#comment-list .comment")
    expect(shown.nth(0)).to_contain_text(question)
    expect(shown.nth(1)).to_contain_text("Every night but Saturday.")
    expect(shown.nth(1)).to_contain_text("Drew up the timetable")
    expect(shown.nth(2)).to_contain_text("I wonder too.")
    if scripts:
        assert_accessible(asking, "questions and answers")
    wide, window = steps.width_of_content(asking)
    assert wide <= window


def test_slow_mode_is_told_and_counted_down(new_browser: NewBrowser, backstage: Backstage, scripts: bool) -> None:
    person = backstage.member("Quick")
    page = new_browser(scripts=scripts).new_page()
    steps.come_in(page, person)
    page.goto(SLOW)
    expect(steps.composer(page)).to_contain_text("Slow mode: at least 5 minutes between two comments of one person.")
    steps.post(page, SLOW, f"Four hundred pages is a long afternoon. {person.name}")
    if scripts:
        expect(steps.composer(page)).to_contain_text(re.compile(r"can be sent in (5:00|4:5\d)"))
    page.goto(SLOW)
    wait = r"can be sent in (5:00|4:\d\d)" if scripts else r"can be sent at \d\d:\d\d:\d\d UTC"
    expect(steps.composer(page)).to_contain_text(re.compile(wait))
    words = f"And another thing, at once. {person.name}"
    steps.words_in_composer(page).fill(words)
    steps.press_main_button(page)
    expect(page.locator(".composer__error")).to_contain_text(re.compile("You can send this in [45] minutes"))
    expect(steps.words_in_composer(page)).to_have_value(words)
    if scripts:
        assert_accessible(page, "a comment sent too soon")
