"""The desk with its scripts, in a real browser: keys, decisions without reloads, Undo, and who was first."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from core.db import db
from models.user import User
from tests.browser import Browser
from tests.moderation.desk import (
    actions,
    actions_on,
    comment,
    make_member,
    make_moderator,
    make_talk,
    play_the_ball,
    reject,
    report,
    say,
    statements,
)

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


@pytest.fixture
def desk(app: Flask, chromium: Chromium) -> Iterator[Open]:
    """Opens the desk in a browser, signed in as this person."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    contexts = []

    def visit(user: User, path: str = "/moderation", width: int = 1280) -> Page:
        cookie = Browser(app).sign_in(user).http.get_cookie("session")
        assert cookie is not None
        context = chromium.new_context(base_url=address, viewport={"width": width, "height": 800})
        contexts.append(context)
        context.add_cookies([{"name": "session", "value": cookie.value, "url": address}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()
    server.shutdown()
    thread.join()
    db.session.remove()


def make_reported(number: int = 3) -> list[int]:
    play_the_ball()  # before the site is looked at: its rules are kept in memory
    talk, ann = make_talk(), make_member("Ann Droste")
    ids = [say(talk, ann) for _ in range(number)]
    for comment_id in ids:
        report(comment_id, make_member())
    return ids


def look_again() -> None:
    """End this test's own reading, so that it sees what the server wrote since."""
    db.session.remove()


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('.case')?.id ?? ''"))


@pytest.mark.once
def test_a_shift_by_keyboard(desk: Open) -> None:
    one, two, three = make_reported()
    page = desk(make_moderator("Mo Adeyemi"))
    page.keyboard.press("j")
    assert focused(page) == f"case-{one}"
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert focused(page) == f"case-{one}"

    page.keyboard.press("a")
    expect(page.locator(f"#case-{one}")).to_contain_text("Kept")
    expect(page.locator("#live")).to_contain_text("2 left on this page")
    expect(page.locator(".desk__sub [aria-current]")).to_have_text("Reported2")
    assert focused(page) == f"case-{two}"
    assert page.url.endswith("/moderation")

    page.keyboard.press("u")
    expect(page.locator(f"#case-{one}")).to_contain_text("1 report")
    assert focused(page) == f"case-{one}"
    look_again()
    assert comment(one).report_count == 1

    page.keyboard.press("n")
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    page.keyboard.type("Play")
    statement = page.locator(f"#case-{two} .statement")
    expect(statement).to_contain_text("The rule: Play the ball.")
    shown = statement.locator("p").all_inner_texts()
    page.keyboard.press("Enter")
    expect(page.locator(f"#case-{two}")).to_contain_text("Rejected: Play the ball")
    assert focused(page) == f"case-{three}"
    look_again()
    assert statements(two)[0].text.split("\n\n") == shown
    assert actions_on(one) == ["keep", "reopen"]


@pytest.mark.once
def test_the_last_decision_says_that_nothing_waits(desk: Open) -> None:
    (one,) = make_reported(1)
    page = desk(make_moderator())
    empty = page.get_by_role("heading", name="Nothing waits here")
    expect(page.get_by_text("What weighs most first")).to_be_visible()
    expect(empty).to_be_hidden()
    page.locator(f"#case-{one}").get_by_role("button", name="Keep").click()
    expect(empty).to_be_visible()
    expect(page.get_by_text("What weighs most first")).to_be_hidden()
    expect(page.locator("#live")).to_contain_text("Nothing waits here")
    page.locator(f"#case-{one}").get_by_role("button", name="Undo").click()
    expect(empty).to_be_hidden()
    page.locator(f"#case-{one}").get_by_role("button", name="Keep").click()
    page.get_by_role("link", name="See what has come since").click()
    expect(page.locator(".case")).to_have_count(0)
    expect(empty).to_be_visible()


@pytest.mark.once
def test_keys_do_nothing_while_typing_and_can_be_turned_off(desk: Open) -> None:
    one, *_ = make_reported()
    page = desk(make_moderator())
    page.locator(f"#case-{one} summary", has_text="Reject").click()
    page.locator(f"#note-{one}").press_sequentially("a jar")
    assert actions() == []
    assert page.locator(f"#note-{one}").input_value() == "a jar"
    page.get_by_text("Keys", exact=True).click()
    page.get_by_label("Use keys").uncheck()
    page.locator(f"#case-{one}").focus()
    page.keyboard.press("a")
    page.reload()
    page.keyboard.press("j")
    assert focused(page) == ""
    look_again()
    assert actions() == []


@pytest.mark.once
def test_the_second_moderator_is_told_in_the_card(desk: Open) -> None:
    one, two, _ = make_reported()
    page = desk(make_moderator())
    reject(one, make_moderator("Flo Okafor"))
    look_again()
    page.locator(f"#case-{one}").get_by_role("button", name="Keep").click()
    notice = page.locator(f"#case-{one} .case__refused")
    expect(notice).to_contain_text("Already rejected by Flo Okafor just now: Play the ball.")
    assert notice.evaluate("element => element === document.activeElement")
    assert actions_on(one) == ["reject"]
    page.locator(f"#case-{two}").get_by_role("button", name="Keep").click()
    expect(page.locator(f"#case-{two}")).to_contain_text("Kept")
    look_again()
    assert actions_on(two) == ["keep"]


@pytest.mark.once
def test_a_suspension_from_the_card_and_its_undo(desk: Open) -> None:
    one, *_ = make_reported()
    page = desk(make_moderator(), width=320)
    card = page.locator(f"#case-{one}")
    card.locator("summary", has_text="Warn or restrict").click()
    card.get_by_role("button", name="Do it").click()
    expect(card.locator(".case__refused")).to_contain_text("Please say why")
    card.get_by_label("Why? The person reads this.").fill("Three insults in an hour.")
    card.get_by_role("button", name="Do it").click()
    expect(card).to_contain_text("Suspended")
    card.get_by_role("button", name="Undo").click()
    expect(card).to_contain_text("Taken back.")
    look_again()
    assert [row.action for row in actions()] == ["suspension", "lift"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
