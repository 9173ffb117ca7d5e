"""Passkeys and codes in a real browser, with an authenticator that Chromium itself plays."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from blueprints.accounts import totp
from core import clock
from tests.conftest import PATIENCE_MS
from tests.journeys.backstage import Backstage, Person
from tests.journeys.conftest import Site, assert_accessible
from tests.journeys.watch import Watch

pytestmark = [pytest.mark.browser, pytest.mark.once]

AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def named(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser that opens the site by a name: passkeys are bound to names."""
    url = f"http://localhost:{urlsplit(site.url).port}"
    context = chromium.new_context(base_url=url, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    watching = Watch(url)
    watching.over(context)
    yield context
    context.close()
    assert watching.problems == []


def with_authenticator(page: Page) -> None:
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})


def give_password(page: Page, person: Person) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page, person: Person) -> None:
    page.locator("details.menu > summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_passkey_is_made_signs_in_alone_and_stands_beside_the_password(named: BrowserContext, backstage: Backstage) -> None:
    person, page = backstage.reader("Nora"), named.new_page()
    with_authenticator(page)
    give_password(page, person)
    page.goto("/account/security")
    assert_accessible(page, "how one signs in")
    page.get_by_label("Name of the passkey").fill("My laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)
    assert_accessible(page, "recovery codes")
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("My laptop")).to_be_visible()
    sign_out(page, person)
    page.goto("/sign-in?next=/account/security")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("My laptop")).to_be_visible()
    sign_out(page, person)
    give_password(page, person)
    expect(page.get_by_role("heading", name="Your second factor")).to_be_visible()
    assert_accessible(page, "the second step")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("details.menu > summary")).to_contain_text(person.name)


def test_a_passkey_nobody_has_says_so_and_the_password_still_works(named: BrowserContext, backstage: Backstage) -> None:
    person, page = backstage.reader("Otto"), named.new_page()
    with_authenticator(page)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Nothing came of it")).to_be_visible()
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("details.menu > summary")).to_contain_text(person.name)


def test_an_app_is_set_up_and_asked_for_without_scripts(new_browser, backstage: Backstage) -> None:
    person = backstage.reader("Ida", roles=("moderator",))
    page = new_browser(scripts=False, width=320).new_page()
    give_password(page, person)
    page.goto("/account/security")
    page.get_by_role("button", name="Set up an app").click()
    expect(page.get_by_role("img", name=re.compile("QR code"))).to_be_visible()
    secret = page.locator(".steps__secret").inner_text().replace(" ", "").strip()
    code = totp.code_at(secret, totp.step_at(clock.now()))
    page.get_by_label("Code").fill(f"{code[:3]} {code[3:]}")
    page.get_by_role("button", name="Confirm").click()
    codes = page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    page.goto("/account/browsers")
    expect(page.get_by_text("This browser")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere, here too").click()
    give_password(page, person)
    page.get_by_label("Code").fill("not a code")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("details.menu > summary")).to_contain_text(person.name)


def test_a_key_is_made_used_and_revoked_without_scripts(new_browser, backstage: Backstage, playwright) -> None:
    person = backstage.reader("Kay")
    page = new_browser(scripts=False, width=320).new_page()
    give_password(page, person)
    page.goto("/account/settings")
    page.get_by_role("link", name="See the keys of your programs").click()
    page.get_by_label("Name of the key").fill("The archive")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator(".steps__secret").inner_text().strip()
    page.get_by_role("link", name="I have kept it").click()
    expect(page.locator("main")).to_contain_text("never used")
    expect(page.locator("main")).not_to_contain_text(key)

    program = playwright.request.new_context(base_url=page.url, extra_http_headers={"Authorization": f"Bearer {key}"})
    assert program.get("/api/v1/me").json()["name"] == person.name
    page.reload()
    expect(page.locator("main")).to_contain_text("last used")
    page.get_by_role("button", name="Revoke The archive").click()
    expect(page.get_by_role("region", name="Messages")).to_contain_text("The key is revoked")
    assert program.get("/api/v1/me").status == 401
    program.dispose()
