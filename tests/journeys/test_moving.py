"""Finding one's way through a long discussion: to one comment, by keys, past what was read, back to what is new."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import update

from core import clock
from core.db import db, transaction
from models.article import Article
from models.reading import ThreadVisit
from models.user import User
from tests.journeys import steps
from tests.journeys.backstage import Backstage
from tests.journeys.conftest import assert_accessible
from tests.threads.talk import make_member, say

pytestmark = [pytest.mark.browser, pytest.mark.once]
NewBrowser = Callable[..., BrowserContext]

ROOTS = 112
SHIFTS = """new Promise((answer) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => answer(sum), 300);
})"""


@dataclass
class Talk:
    """A long discussion, and people who go on with it."""

    backstage: Backstage
    address: str
    article_id: int = 0
    roots: list[int] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)  # each answers the one before
    siblings: list[int] = field(default_factory=list)  # answer what the chain began with

    def say(self, words: str, to: int | None = None) -> int:
        with self.backstage.inside():
            article, author = db.session.get(Article, self.article_id), make_member()
            assert article is not None
            return say(article, author, words, to=to)

    def let_time_pass(self, email: str) -> None:
        """As if this reader's last visit had been this morning."""
        with self.backstage.inside(), transaction() as session:
            user_id = session.query(User.id).filter(User.email == email).scalar()
            session.execute(
                update(ThreadVisit)
                .where(ThreadVisit.user_id == user_id)
                .values(visited_at=clock.now() - timedelta(hours=5))
                .execution_options(synchronize_session=False)
            )


@pytest.fixture(scope="module")
def talk(backstage: Backstage) -> Talk:
    address = backstage.article("A long discussion", thread_values={"pace_seconds": 0})
    made = Talk(backstage, address)
    with backstage.inside():
        article = db.session.query(Article).filter(Article.slug == address.rpartition("/")[2]).one()
        made.article_id = article.id
        ann, bob = make_member("Ann of the Long Talk"), make_member("بشرى الطويلة")
        for _ in range(ROOTS):
            made.roots.append(say(article, ann))
        made.chain = [made.roots[90]]
        for number in range(7):
            made.chain.append(say(article, (bob, ann)[number % 2], to=made.chain[-1]))
        made.siblings = [say(article, bob, to=made.roots[90]) for _ in range(5)]
    return made


def where(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def in_window(page: Page, comment_id: int) -> bool:
    box = page.locator(f"#comment-{comment_id}").bounding_box()
    assert box is not None
    return -5 <= box["y"] < (page.viewport_size or {})["height"]


def test_a_link_to_a_deep_comment_opens_it_in_context_and_in_the_whole_thread(
    new_browser: NewBrowser, talk: Talk, scripts: bool
) -> None:
    page = new_browser(scripts=scripts, width=320, height=700).new_page()
    target = talk.chain[5]
    page.goto(f"/comments/{target}")
    comment = page.locator(f"#comment-{target}")
    expect(comment).to_have_class(re.compile("is-target"))
    expect(comment).to_be_focused()
    assert in_window(page, target)
    for other in (talk.chain[0], talk.chain[4], talk.chain[6]):
        expect(page.locator(f"#comment-{other}")).to_be_visible()
    expect(page.get_by_role("article", name=re.compile("in reply to Ann of the Long Talk")).first).to_be_visible()
    wide, window = steps.width_of_content(page)
    assert wide <= window
    if scripts:
        assert_accessible(page, "a comment in its context")
    page.get_by_role("link", name="See it in the whole thread").click()
    expect(comment).to_be_focused()
    assert in_window(page, target)
    expect(page.locator(f"#comment-{talk.roots[89]}")).to_be_visible()
    page.get_by_role("link", name="Previous comments").first.click()
    expect(page.locator(f"#comment-{talk.roots[-1]}")).to_be_visible()
    page.goto(f"{talk.address}?sort=discussed")
    on = page.get_by_role("link", name=re.compile("Continue this thread under the comment of")).first
    on.click()
    expect(page.locator(f"#comment-{talk.chain[3]}")).to_be_focused()
    expect(page.locator(f"#comment-{talk.chain[4]}")).to_be_visible()


def test_a_folded_branch_stays_folded_and_nothing_jumps(new_browser: NewBrowser, talk: Talk) -> None:
    page = new_browser().new_page()
    address, root = f"{talk.address}?sort=discussed", talk.chain[0]
    page.goto(address)
    toggle, reply = page.locator(f'[data-fold="{root}"]'), page.locator(f"#comment-{talk.chain[1]}")
    expect(toggle).to_have_text(re.compile("^Hide 12 replies"))
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("button", name="Show 12 replies")).to_be_focused()
    expect(reply).to_be_hidden()
    page.reload()
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(reply).to_be_hidden()
    assert page.evaluate(SHIFTS) < 0.01
    page.goto(f"{address}#comment-{talk.chain[1]}")  # somebody comes for what is in it
    expect(reply).to_be_focused()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    without = new_browser(scripts=False).new_page()
    without.goto(address)
    expect(without.locator(f"#comment-{talk.chain[1]}")).to_be_visible()
    expect(without.locator(f'[data-fold="{root}"]')).to_be_hidden()


def test_keys_move_the_focus_and_can_be_turned_off(new_browser: NewBrowser, backstage: Backstage, talk: Talk) -> None:
    page, reader = new_browser().new_page(), backstage.member()
    steps.come_in(page, reader)
    page.goto(f"{talk.address}?sort=oldest")
    first, second = (f"comment-{comment_id}" for comment_id in talk.roots[:2])
    for key, expected in (("j", first), ("j", second), ("k", first)):
        page.keyboard.press(key)
        assert where(page) == expected
    assert in_window(page, talk.roots[0])
    words = steps.words_in_composer(page)
    words.focus()
    page.keyboard.type("jk?n")
    expect(words).to_have_value("jk?n")
    words.fill("")
    page.locator(f"#{first}").focus()
    page.keyboard.press("Shift+?")
    dialog = page.get_by_role("dialog", name="Keys in discussions")
    expect(dialog).to_be_visible()
    assert_accessible(page, "the keys of a discussion")
    with page.expect_response("**/account/reading"):
        dialog.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.locator(f"#{first}").focus()
    page.keyboard.press("j")
    assert where(page) == first
    page.reload()
    page.keyboard.press("j")
    assert where(page) == ""
    page.goto("/account/reading")
    page.get_by_label("On", exact=True).check()
    page.get_by_role("button", name="Save").click()
    page.goto(f"{talk.address}?sort=oldest")
    page.keyboard.press("j")
    assert where(page) == first


def test_what_is_new_is_found_by_key_also_on_other_pages(
    new_browser: NewBrowser, backstage: Backstage, talk: Talk
) -> None:
    page, reader = new_browser().new_page(), backstage.member()
    steps.come_in(page, reader)
    address = f"{talk.address}?sort=oldest"
    with page.expect_response("**/visit") as noted:
        page.goto(address)
    assert noted.value.status == 204
    expect(page.locator(".thread__since")).to_have_css("padding", "0px")  # nothing is said, so there is no band
    expect(page.locator(".comment__new")).to_have_count(0)
    near = [talk.say("New words below the first."), talk.say("And an answer to the second.", to=talk.roots[1])]
    talk.let_time_pass(reader.email)
    page.goto(address)
    expect(page.locator(".thread__since")).to_contain_text("2 new since your last visit")
    page.keyboard.press("n")
    assert where(page) == f"comment-{near[1]}"
    expect(page.locator(f"#comment-{near[1]} .comment__new")).to_have_text("New")
    page.keyboard.press("n")
    expect(page.locator(":focus")).to_contain_text("1 new on other pages")
    page.keyboard.press("n")
    expect(page.locator(f"#comment-{near[0]}")).to_be_focused()
    assert in_window(page, near[0])
    page.keyboard.press("p")
    expect(page.locator(":focus")).to_have_text(re.compile("Go to the first"))
    assert_accessible(page, "a discussion with new comments")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".comment__new")).to_have_count(0)


def test_what_is_new_is_found_without_scripts(new_browser: NewBrowser, backstage: Backstage, talk: Talk) -> None:
    page, reader = new_browser(scripts=False).new_page(), backstage.member()
    steps.come_in(page, reader)
    page.goto(talk.address)
    page.get_by_role("button", name="Remember that I have read this far").click()
    expect(page).to_have_url(re.compile(re.escape(talk.address)))
    far = talk.say("New words that stand at the end.")
    page.goto(f"{talk.address}?sort=oldest")
    expect(page.locator(".thread__since")).to_contain_text("1 new since your last visit")
    page.get_by_role("link", name="Go to the first new comment").click()
    comment = page.locator(f"#comment-{far}")
    expect(comment).to_be_focused()
    expect(comment.locator(".comment__new")).to_have_text("New")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".thread__since")).not_to_contain_text("new since")
