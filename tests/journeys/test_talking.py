"""Talking in a thread, with scripts: nothing reloads, the focus goes where the news is, a voice says what happened."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.conftest import assert_accessible

pytestmark = [pytest.mark.browser, pytest.mark.once]
STORY = "/articles/caracas-and-washington-agree-they-are-talking"
NewBrowser = Callable[..., BrowserContext]


def open_story(new_browser: NewBrowser, name: str = "Vic Tanaka", **options: int) -> tuple[Page, list[str]]:
    page = new_browser(**options).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    page.goto("/sign-in")
    page.locator("button.person", has_text=name).first.click()
    page.goto(STORY)
    return page, problems


def test_a_comment_is_posted_in_place_and_gets_the_focus(new_browser: NewBrowser) -> None:
    page, problems = open_story(new_browser)
    page.evaluate("window.stayed = true")
    count = int(re.sub(r"\D", "", page.locator("#comments-title").inner_text()))
    page.fill("#composer textarea", "The import licences are the whole story.")
    page.click("#composer button.button--primary")
    new = page.locator("#comment-list > li").first.locator("> .comment")
    expect(new).to_contain_text("The import licences are the whole story.")
    expect(new).to_be_focused()
    expect(page.locator("#live")).to_have_text("Posted.")
    expect(page.locator("#composer textarea")).to_have_value("")
    expect(new.locator("[data-edit-until]")).to_contain_text(re.compile(r"[45]:\d\d left"))
    for place in ("#comments-title", ".article__facts a[href='#comments']"):
        expect(page.locator(place)).to_have_text(f"{count + 1} comments")
    assert page.evaluate("window.stayed") is True
    assert problems == []
    assert_accessible(page, "an article with a thread")


def test_a_refusal_keeps_the_words_and_says_why(new_browser: NewBrowser) -> None:
    page, problems = open_story(new_browser, "Marisol T.")
    for _ in range(2):
        page.fill("#composer textarea", "Said once is enough, and twice is refused.")
        page.click("#composer button.button--primary")
        expect(page.locator("#live")).not_to_be_empty()
    expect(page.locator("#composer .composer__error")).to_contain_text("already said exactly this")
    expect(page.locator("#composer textarea")).to_have_value("Said once is enough, and twice is refused.")
    expect(page.locator("#composer textarea")).to_be_focused()
    page.fill("#composer textarea", "So something else is said instead.")
    page.click("#composer button.button--primary")
    expect(page.locator("#comment-list")).to_contain_text("So something else is said instead.")
    expect(page.locator("#composer .composer__error")).to_have_count(0)
    assert problems == []


def test_a_held_comment_says_so_at_once(new_browser: NewBrowser) -> None:
    page, _ = open_story(new_browser)
    count = page.locator("#comments-title").inner_text()
    page.fill("#composer textarea", "Write to me at vic@example.com about the licences.")
    page.click("#composer button.button--primary")
    expect(page.locator("#own-comments .comment")).to_contain_text("Only you can see this")
    expect(page.locator("#comments-title")).to_have_text(count)
    expect(page.locator("#live")).to_contain_text("Held: This seems to hold an e-mail address")


def test_a_reply_opens_under_its_comment_and_lands_there(new_browser: NewBrowser) -> None:
    page, problems = open_story(new_browser)
    root = page.locator("#comment-list > li").filter(has=page.locator("[data-reply]")).first
    comment_id = root.locator("[data-reply]").first.get_attribute("data-reply")
    opener = page.locator(f'[data-reply="{comment_id}"]')
    opener.focus()
    page.keyboard.press("Enter")
    field = page.locator(f"#reply-{comment_id} textarea")
    expect(field).to_be_focused()
    page.locator(f"#reply-{comment_id} [data-cancel]").click()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    field.fill("A reply that finds its place.")
    page.keyboard.press("Control+Enter")
    answer = page.locator(f'.comment[data-parent="{comment_id}"]', has_text="A reply that finds its place.")
    expect(answer).to_be_focused()
    expect(page.locator(f"#reply-{comment_id}")).to_have_count(0)
    assert answer.evaluate("(element, id) => !!element.closest('ol.comments').closest('li').querySelector(`:scope > #comment-${id}`)", comment_id)
    assert problems == []


def test_respect_shows_at_once_and_stays(new_browser: NewBrowser) -> None:
    page, problems = open_story(new_browser, "Rosa Lindqvist")
    button = page.locator('[data-respect][aria-pressed="false"]').first
    key = button.get_attribute("data-respect")
    button = page.locator(f'[data-respect="{key}"]')
    before = int(button.locator(".act__count").inner_text() or 0)
    with page.expect_response("**/respect") as answer:
        button.click()
    assert answer.value.status == 200
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button.locator(".act__count")).to_have_text(str(before + 1))
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    with page.expect_response("**/respect"):
        button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert problems == []


def test_more_replies_come_in_place(new_browser: NewBrowser) -> None:
    page, problems = open_story(new_browser)
    link = page.locator("[data-more]").first
    root = link.locator("xpath=..").locator("> .comment").get_attribute("id")
    branch = page.locator("#comment-list > li").filter(has=page.locator(f"#{root}"))
    before = branch.locator(".comment").count()
    wanted = int(re.sub(r"\D", "", link.inner_text()))
    link.click()
    expect(branch.locator("[data-more]")).to_have_count(0)
    assert branch.locator(".comment").count() >= before + wanted
    expect(page.locator(".comment:focus")).to_have_count(1)
    ids = branch.locator(".comment").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))
    assert problems == []


def test_words_half_written_are_there_after_a_reload(new_browser: NewBrowser) -> None:
    page, _ = open_story(new_browser, "Marisol T.")
    with page.expect_response("**/drafts"):
        page.locator("#composer textarea").press_sequentially("Half a thought")
    page.reload()
    expect(page.locator("#composer textarea")).to_have_value("Half a thought")
    page.click("#composer button[name=discard]")
    expect(page.locator("#composer textarea")).to_have_value("")


def test_the_pages_around_a_comment_are_accessible(new_browser: NewBrowser) -> None:
    page, _ = open_story(new_browser, width=320, height=700)
    permalink = page.locator(".comment__time").first.get_attribute("href")
    for path in (permalink, f"{permalink}/report", f"{permalink}/reply", "/account/comments"):
        page.goto(str(path))
        assert_accessible(page, str(path))
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
