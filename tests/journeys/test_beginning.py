"""From an empty machine to a paper with its first comment, as production: with scripts, and without."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from blueprints.accounts import totp
from core import clock
from tests.conftest import PATIENCE_MS
from tests.journeys import steps
from tests.journeys.conftest import ROOT, assert_accessible, database, pictures_wanted, wait_for
from tests.journeys.watch import Watch
from tests.notifications.smtp_server import MailServer

pytestmark = pytest.mark.browser
PASSWORD = "a-quiet-harbour-at-noon"
KEYS = {"SECRET_KEY": "k" * 40, "STRIPE_SECRET_KEY": "sk_test_nothing", "STRIPE_WEBHOOK_SECRETS": "whsec_nothing"}


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def started(
    tmp_path: Path, worker_name: str, mail_server: MailServer, start_fresh_database: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """A production start on an empty database: its address, and what it printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | KEYS | {
        "PORT": str(port), "HOST": "127.0.0.1", "DATA_DIR": str(tmp_path), "SITE_URL": url, "WEB_PROCESSES": "1",
        "REJOINDER_MODE": "production", "MAIL_URL": mail_server.url, "STRIPE_API_BASE": "http://127.0.0.1:1",
        "DATABASE_URL": start_fresh_database(worker_name),
    }  # fmt: skip
    log = tmp_path / "server.log"
    with log.open("w") as file:
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=file, stderr=file)
        try:
            wait_for(url, server, log)
            yield url, log.read_text()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


@pytest.fixture
def start_fresh_database() -> Iterator[Callable[[str], str]]:
    drops: list[Callable[[], None]] = []

    def make(worker: str) -> str:
        url, drop = database(f"{worker}_begin")
        drops.append(drop)
        return url

    yield make
    for drop in drops:
        drop()


@pytest.fixture
def closing(started: tuple[str, str]) -> Iterator[ExitStack]:
    """Closes the browsers before the server is told to end, which gives open pages some seconds to go."""
    with ExitStack() as stack:
        yield stack


def look(page: Page, name: str) -> None:
    if folder := pictures_wanted():
        page.screenshot(path=folder / f"begin-{name}.png", full_page=True)


def test_a_new_publisher_comes_from_the_first_start_to_the_first_comment(
    chromium: Browser, started: tuple[str, str], closing: ExitStack, mail_server: MailServer, scripts: bool, tmp_path: Path
) -> None:
    url, printed = started
    watch = Watch(url)
    context = closing.enter_context(chromium.new_context(base_url=url, java_script_enabled=scripts, reduced_motion="reduce"))
    context.set_default_timeout(PATIENCE_MS)
    watch.over(context)
    page = context.new_page()
    link = re.search(rf"{url}/begin/\S+", printed)
    assert link is not None, printed

    page.goto(link[0])
    look(page, "link")
    page.get_by_label("Display name").fill("Wren Castellano")
    page.get_by_label("E-mail address").fill("wren@example.test")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make me the publisher").click()
    expect(page.locator(".field__error").first).to_be_visible()
    expect(page.get_by_label("Display name")).to_have_value("Wren Castellano")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make me the publisher").click()

    # In production a publisher has a second factor; afterwards they go on to where they were led.
    page.get_by_role("button", name="Set up an app").click()
    secret = page.locator(".steps__secret").inner_text().replace(" ", "").strip()
    page.get_by_label("Code").fill(totp.code_at(secret, totp.step_at(clock.now())))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("link", name="I have kept them").click()
    page.goto("/publisher/first-steps")
    expect(page.get_by_text(re.compile(r"[01] of 9 done"))).to_be_visible()  # the mail about the second factor may be out
    if scripts:
        assert_accessible(page, "first steps")
    look(page, "steps")

    page.get_by_role("link", name="Name it").click()
    page.get_by_label("Name of the paper").fill("The Harbour")
    page.get_by_label("Colour of links and buttons").select_option("blue")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-colour", "blue")

    page.goto("/publisher/first-steps")
    page.get_by_role("link", name="Add one").click()
    page.get_by_label("Name").fill("Quays")
    page.get_by_role("button", name="Add").click()

    page.goto("/publisher/first-steps")
    page.get_by_role("button", name="Send me a mail").click()
    for _ in range(80):
        if "Mail from your paper arrives" in {mail.message["Subject"] for mail in mail_server.received}:
            break
        time.sleep(0.25)
    page.goto("/publisher/first-steps")
    expect(page.get_by_text("Mail has gone out")).to_be_visible()
    assert {mail.message["Subject"]: mail.recipients for mail in mail_server.received}["Mail from your paper arrives"] == [
        "wren@example.test"
    ]

    page.locator("#step-stripe a").click()  # a job may have looked at the account by now
    expect(page.get_by_role("heading", name="Health of payments")).to_be_visible()

    page.goto("/publisher/first-steps")
    page.get_by_role("link", name="Write it").click()
    page.get_by_label("Headline").fill("The harbour opens")
    page.get_by_label("Text").first.fill("A first paragraph.\n\nA second one.")
    page.get_by_role("button", name="Publish").first.click()
    page.goto("/publisher/first-steps")
    page.get_by_role("link", name="Open the story").click()
    window = closing.enter_context(chromium.new_context(base_url=url, java_script_enabled=scripts)).new_page()
    window.set_default_timeout(PATIENCE_MS)
    window.goto(page.url)
    expect(window.get_by_text("Nobody has said anything yet")).to_be_visible()
    steps.words_in_composer(page).fill("The first word here.")
    steps.press_main_button(page)
    expect(steps.comment(page, "The first word here.")).to_be_visible()
    if scripts:
        expect(window.get_by_role("button", name="1 new comment")).to_be_visible()
        expect(window.get_by_text("Nobody has said anything yet")).to_be_hidden()
        window.get_by_role("button", name="1 new comment").click()
        expect(steps.comment(window, "The first word here.")).to_be_visible()

    page.goto("/publisher/first-steps")
    expect(page.get_by_text("6 of 9 done")).to_be_visible()
    look(page, "later")
    page.get_by_role("button", name="Put away").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("See what is missing")).to_have_count(0)

    stranger = closing.enter_context(chromium.new_context(base_url=url, java_script_enabled=scripts)).new_page()
    assert (answer := stranger.goto(link[0])) is not None
    assert answer.status == 404
    assert watch.problems == []

    log = (tmp_path / "server.log").read_text().replace(link[0], "")  # which is printed for the operator, once
    secrets = ["wren@example.test", PASSWORD, secret, "The first word here.", *KEYS.values(), link[0].rpartition("/")[2]]
    secrets += [str(cookie["value"]) for cookie in context.cookies()]
    assert [each for each in secrets if each in log] == []
