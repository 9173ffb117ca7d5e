"""Known and unknown addresses: the same answers after the same work. Work is counted, because clocks lie in tests.

What counts is what takes time: passwords hashed and checked, statements put to the database, mails sent at once.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import event

from blueprints.accounts import passwords
from core.db import db
from tests.accounts.mailbox import OTHER_PASSWORD, PASSWORD
from tests.browser import Browser, text_of
from tests.factories import letters, make_site, make_user

KNOWN, UNKNOWN = "known@example.test", "nobody@example.test"


@pytest.fixture(autouse=True)
def _somebody(app: Flask) -> None:
    make_site()
    make_user("Nora Quist", email=KNOWN, password=PASSWORD)
    make_user("Otto Ash", email="asker@example.test", password=PASSWORD)


@contextmanager
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Notes every statement's kind and table, and every hashing."""
    done: list[str] = []

    def statement(_connection: object, _cursor: object, text: str, *_rest: object) -> None:
        table = re.search(r'(?:FROM|INTO|UPDATE)\s+"?(\w+)', text)
        word = text.split()[0].upper().replace("ROLLBACK", "RELEASE")  # either ends a savepoint
        done.append(f"{word} {table[1] if table else ''}")

    with monkeypatch.context() as patch:
        true = passwords.hasher
        noted = SimpleNamespace(check_needs_rehash=true.check_needs_rehash)
        noted.verify = lambda *a: done.append("argon2") or true.verify(*a)
        noted.hash = lambda *a: done.append("argon2") or true.hash(*a)
        patch.setattr(passwords, "hasher", noted)
        event.listen(db.engine, "before_cursor_execute", statement)
        try:
            yield done
        finally:
            event.remove(db.engine, "before_cursor_execute", statement)


def sign_in(browser: Browser, email: str):
    return browser.post("/sign-in", {"email": email, "password": OTHER_PASSWORD})


def sign_up(browser: Browser, email: str):
    return browser.post("/sign-up", {"email": email, "password": OTHER_PASSWORD, "display_name": f"New {letters()}"})


def sign_up_badly(browser: Browser, email: str):
    return browser.post("/sign-up", {"email": email, "password": "short", "display_name": "Nora Quist"})


def ask_for_reset(browser: Browser, email: str):
    return browser.post("/forgot-password", {"email": email})


def ask_again(browser: Browser, email: str):
    return browser.post("/resend-confirmation", {"email": email})


def change_address(browser: Browser, email: str):
    browser.post("/sign-in", {"email": "asker@example.test", "password": PASSWORD})
    return browser.post("/account/settings/email", {"new_email": email, "email_password": PASSWORD})


@pytest.mark.once
@pytest.mark.parametrize("ask", [sign_in, sign_up, sign_up_badly, ask_for_reset, ask_again, change_address])
def test_a_known_address_gets_the_same_answer_after_the_same_work(
    app: Flask, monkeypatch: pytest.MonkeyPatch, ask: Callable
) -> None:
    ask(Browser(app), "first@example.test")  # what is only done once
    seen = []
    for email in (UNKNOWN, KNOWN):
        browser = Browser(app)
        with work(monkeypatch) as done:
            answer = ask(browser, email)
        words = text_of(browser.follow(answer) if answer.status_code == 303 else answer).replace(email, "THE ADDRESS")
        headers = {name: len(value) for name, value in answer.headers if name not in {"Date", "Set-Cookie", "Content-Length"}}
        seen.append((answer.status_code, answer.headers.get("Location"), words, headers, sorted(done)))
    assert seen[0] == seen[1]
    assert "argon2" in seen[0][4] or ask in {ask_for_reset, ask_again, sign_up_badly}


@pytest.fixture
def production(app: Flask) -> Iterator[None]:
    app.config["PRODUCTION"] = True
    yield
    app.config["PRODUCTION"] = False


@pytest.mark.usefixtures("production")
def test_guessing_elsewhere_does_not_lock_the_owner_out(app: Flask) -> None:
    owner = Browser(app)
    right = {"email": KNOWN, "password": PASSWORD}
    assert owner.post("/sign-in", right).status_code == 303
    owner.post("/sign-out")
    for _ in range(11):
        guesser = sign_in(Browser(app), KNOWN)
    assert guesser.status_code == 429
    assert "on a browser on which you have signed in before" in text_of(guesser)
    assert Browser(app).post("/sign-in", right).status_code == 429
    assert owner.post("/sign-in", right).status_code == 303


@pytest.mark.usefixtures("production")
def test_a_known_browser_guesses_no_more_than_any_other(app: Flask) -> None:
    browser = Browser(app)
    browser.post("/sign-in", {"email": KNOWN, "password": PASSWORD})
    browser.post("/sign-out")
    assert [sign_in(browser, KNOWN).status_code for _ in range(11)] == [422] * 10 + [429]


@pytest.mark.usefixtures("production")
def test_knowing_one_account_opens_no_way_to_another(app: Flask) -> None:
    browser = Browser(app)
    browser.post("/sign-in", {"email": "asker@example.test", "password": PASSWORD})
    browser.post("/sign-out")
    for _ in range(11):
        sign_in(Browser(app), KNOWN)
    assert sign_in(browser, KNOWN).status_code == 429
    forged = Browser(app)
    forged.http.set_cookie("known", "eyJhIjoiYiJ9.AAAA")
    assert sign_in(forged, KNOWN).status_code == 429


def test_over_tls_every_cookie_belongs_to_this_host_alone(tmp_path: Path) -> None:
    from app import create_app
    from core.config import Settings
    from core.migrations import upgrade_if_needed
    from tests.factories import make_article, make_plan

    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'tls.sqlite3'}", data_dir=tmp_path, secret_key="a-key-for-tests-only",
        site_url="https://paper.example", mail_url="smtp://localhost", stripe_secret_key="sk_test_x",
        stripe_webhook_secrets="whsec_x", trusted_proxies=1,
    )  # fmt: skip
    app = create_app(settings)
    app.testing = True
    with app.app_context():
        upgrade_if_needed()
        make_site()
        make_user(email=KNOWN, password=PASSWORD)
        make_plan()
        article = make_article()
        secure = {"base_url": "https://paper.example"}
        with app.test_request_context():
            from core.csrf import guest_token

            token = guest_token()
        cookies = []
        for path, fields in (("/sign-in", {"email": KNOWN, "password": PASSWORD}), (f"/articles/{article.slug}/comments", {"body": "Words."})):
            answer = Browser(app).http.post(path, data={**fields, "csrf_token": token}, **secure)
            cookies += answer.headers.getlist("Set-Cookie")
        assert len(cookies) >= 3, cookies
        for cookie in cookies:
            assert cookie.startswith("__Host-"), cookie
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; ")), cookie
            assert "Domain" not in cookie
        db.session.remove()
        db.engine.dispose()
