"""Signing in with more than a password: codes of an app, recovery codes, and what staff can do without."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask
from sqlalchemy import select, update

from blueprints.accounts import factors, totp
from core import clock
from core.db import db, transaction
from core.sealing import is_sealed_as_now, seal, unseal
from core.step_up import PROOF_LASTS
from models.browser_session import BrowserSession
from models.second_factor import AuthenticatorApp, RecoveryCode
from models.user import User
from tests.accounts.mailbox import PASSWORD, mails_to
from tests.browser import Browser, text_of
from tests.factories import make_session, make_site, make_user

ADDRESS = "ann@example.test"


@pytest.fixture
def ann(app: Flask) -> User:
    make_site()
    return make_user("Ann Ash", email=ADDRESS, password=PASSWORD)


@pytest.fixture
def clock_hand() -> Iterator[Any]:
    """A clock that stands until it is moved, in the middle of a step."""
    with time_machine.travel(1_800_000_015, tick=False) as hand:
        yield hand


def secret_of(user: User) -> str:
    row = db.session().scalar(select(AuthenticatorApp).where(AuthenticatorApp.user_id == user.id))
    found = unseal(row.sealed_secret, factors.SEALED_FOR)
    assert found is not None
    return found


def code_of(user: User, steps: int = 0) -> str:
    return totp.code_at(secret_of(user), totp.step_at(clock.now()) + steps)


def with_app(app: Flask, user: User) -> tuple[Browser, list[str]]:
    """Set an app up, as a person does; gives the browser and the recovery codes shown."""
    browser = Browser(app).sign_in(user)
    page = browser.follow(browser.post("/account/security/app"))
    assert totp.grouped(secret_of(user)) in text_of(page)
    answer = browser.post("/account/security/app/confirm", {"code": code_of(user)})
    assert answer.status_code == 200, text_of(answer)
    return browser, re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){5}", answer.text)


def password_given(app: Flask) -> Browser:
    browser = Browser(app)
    answer = browser.post("/sign-in", {"email": ADDRESS, "password": PASSWORD, "next": "/rules"})
    assert answer.headers["Location"] == "/sign-in/second?next=%2Frules"
    return browser


def is_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def test_the_password_alone_opens_nothing_once_there_is_an_app(app: Flask, ann: User, clock_hand) -> None:
    with_app(app, ann)
    clock_hand.shift(30)
    browser = password_given(app)
    assert not is_in(browser)
    refused = browser.post("/sign-in/second", {"code": "000000"})
    assert refused.status_code == 422
    assert factors.WRONG_CODE in text_of(refused)
    assert not is_in(browser)
    taken = browser.post("/sign-in/second", {"code": f" {code_of(ann)[:3]} {code_of(ann)[3:]} ", "next": "/rules"})
    assert taken.headers["Location"] == "/rules"
    assert is_in(browser)


def test_no_code_is_taken_twice_not_even_the_one_that_set_up_the_app(app: Flask, ann: User, clock_hand) -> None:
    with_app(app, ann)
    browser = password_given(app)
    assert browser.post("/sign-in/second", {"code": code_of(ann)}).status_code == 422
    clock_hand.shift(30)
    code = code_of(ann)
    assert browser.post("/sign-in/second", {"code": code}).status_code == 303
    assert password_given(app).post("/sign-in/second", {"code": code}).status_code == 422
    assert password_given(app).post("/sign-in/second", {"code": code_of(ann, -1)}).status_code == 422


def test_of_a_code_used_in_two_places_at_once_one_is_taken(app: Flask, ann: User, clock_hand) -> None:
    with_app(app, ann)
    clock_hand.shift(60)
    code, user_id = code_of(ann), ann.id

    def use(_number: int) -> bool:
        with app.app_context(), transaction():
            return factors.use_code(user_id, code)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == [False, False, False, True]


def test_a_recovery_code_lets_in_once(app: Flask, ann: User, clock_hand) -> None:
    _, codes = with_app(app, ann)
    assert len(set(codes)) == factors.CODES
    stored = set(db.session().scalars(select(RecoveryCode.code_hash)))
    assert not stored & {code.replace("-", "") for code in codes}
    browser = password_given(app)
    assert browser.post("/sign-in/second", {"code": codes[3].upper()}).status_code == 303
    assert is_in(browser)
    assert password_given(app).post("/sign-in/second", {"code": codes[3]}).status_code == 422
    assert "9 of them are left" in mails_to(ADDRESS)[-1].text
    assert "You have 9 left" in text_of(browser.get("/account/security"))


def test_new_recovery_codes_end_the_old(app: Flask, ann: User, clock_hand) -> None:
    browser, old = with_app(app, ann)
    new = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){5}", browser.post("/account/security/codes").text)
    assert not set(new) & set(old)
    assert password_given(app).post("/sign-in/second", {"code": old[0]}).status_code == 422
    assert password_given(app).post("/sign-in/second", {"code": new[0]}).status_code == 303
    assert new[1] not in browser.get("/account/security").text


def test_what_another_account_has_is_worth_nothing(app: Flask, ann: User, clock_hand) -> None:
    other = make_user(email="other@example.test", password=PASSWORD)
    _, others_codes = with_app(app, other)
    with_app(app, ann)
    clock_hand.shift(30)
    browser = password_given(app)
    assert browser.post("/sign-in/second", {"code": others_codes[0]}).status_code == 422
    assert browser.post("/sign-in/second", {"code": code_of(other)}).status_code == 422


def test_the_second_step_is_for_nobody_else_and_not_for_long(app: Flask, ann: User, clock_hand) -> None:
    with_app(app, ann)
    assert Browser(app).get("/sign-in/second").headers["Location"] == "/sign-in"
    browser = password_given(app)
    clock_hand.shift(11 * 60)
    assert browser.post("/sign-in/second", {"code": code_of(ann)}).headers["Location"] == "/sign-in"
    assert not is_in(browser)


def test_a_new_password_ends_what_was_begun_with_the_old(app: Flask, ann: User, clock_hand) -> None:
    here, _ = with_app(app, ann)
    browser = password_given(app)
    here.post("/account/settings/password", {"current_password": PASSWORD, "new_password": "seven lilac harbour tunes"})
    clock_hand.shift(30)
    assert browser.post("/sign-in/second", {"code": code_of(ann)}).headers["Location"] == "/sign-in"


def test_a_mailed_link_to_a_new_password_does_not_go_around_the_second_factor(app: Flask, ann: User, clock_hand) -> None:
    from blueprints.accounts import tokens

    with_app(app, ann)
    token = tokens.issue("reset", db.session().get_one(User, ann.id, populate_existing=True))
    browser = Browser(app)
    answer = browser.post(f"/reset-password/{token}", {"password": "seven lilac harbour tunes"})
    assert answer.headers["Location"].startswith("/sign-in/second")
    assert not is_in(browser)
    clock_hand.shift(30)
    browser.post("/sign-in/second", {"code": code_of(ann)})
    assert is_in(browser)


def test_codes_cannot_be_guessed_for_long(app: Flask, ann: User, clock_hand, monkeypatch: pytest.MonkeyPatch) -> None:
    with_app(app, ann)
    browser = password_given(app)
    monkeypatch.setitem(app.config, "PRODUCTION", True)
    answers = [browser.post("/sign-in/second", {"code": f"{number:06}"}).status_code for number in range(12)]
    assert answers == [422] * 10 + [429] * 2


def test_setting_up_ends_every_other_browser_and_gives_this_one_another_key(app: Flask, ann: User, clock_hand) -> None:
    other = Browser(app).sign_in(ann)
    browser, _ = with_app(app, ann)
    assert is_in(browser)
    assert not is_in(other)
    assert "authenticator app was set up" in mails_to(ADDRESS)[-1].text


def test_what_is_changed_here_asks_for_a_fresh_proof_and_then_for_the_second_factor(app: Flask, ann: User, clock_hand) -> None:
    browser, _ = with_app(app, ann)
    clock_hand.shift(PROOF_LASTS.total_seconds() + 1)
    for path in ("app/remove", "codes", "passkeys"):
        assert browser.post(f"/account/security/{path}").status_code == 403
    assert browser.post("/account/security/app/remove", {"proof_password": PASSWORD}).status_code == 422
    assert browser.post("/account/security/app/remove", {"proof_code": code_of(ann)}).status_code == 303
    assert db.session().scalar(select(AuthenticatorApp.user_id)) is None
    assert db.session().scalar(select(RecoveryCode.id)) is None
    assert Browser(app).post("/sign-in", {"email": ADDRESS, "password": PASSWORD}).headers["Location"] == "/"


def test_a_new_address_or_password_asks_for_the_second_factor_too_and_loses_nothing(app: Flask, ann: User, clock_hand) -> None:
    browser, _ = with_app(app, ann)
    asked_for = "Your second factor is asked for on the next page."
    assert asked_for not in text_of(browser.get("/account/settings"))
    clock_hand.shift(PROOF_LASTS.total_seconds() + 1)
    assert text_of(browser.get("/account/settings")).count(asked_for) == 2
    wish = {"new_email": "new@example.test", "email_password": PASSWORD}
    asked = browser.post("/account/settings/email", wish)
    assert asked.status_code == 403
    assert "To change your e-mail address, please show once more" in text_of(asked)
    assert 'name="new_email" value="new@example.test"' in asked.text
    for wrong in ({"proof_password": PASSWORD}, {"proof_code": "000000"}):
        assert browser.post("/account/settings/email", wish | wrong).status_code == 422
    assert mails_to("new@example.test") == []
    assert browser.post("/account/settings/email", wish | {"proof_code": code_of(ann)}).status_code == 303
    assert [mail.kind for mail in mails_to("new@example.test")] == ["new-email"]

    clock_hand.shift(PROOF_LASTS.total_seconds() + 1)
    change = {"current_password": "not the password", "new_password": "seven lilac harbour tunes"}
    assert browser.post("/account/settings/password", change).status_code == 403
    # The factor alone is not enough either: whose hands a telephone is in says nothing about the password.
    assert browser.post("/account/settings/password", change | {"proof_code": code_of(ann)}).status_code == 422
    assert browser.post("/account/settings/password", change | {"current_password": PASSWORD}).status_code == 303
    assert is_in(browser)


def test_without_a_second_factor_the_password_is_enough_to_change_it(app: Flask, ann: User, clock_hand) -> None:
    browser = Browser(app).sign_in(ann)
    clock_hand.shift(PROOF_LASTS.total_seconds() + 1)
    assert "second factor is asked for" not in text_of(browser.get("/account/settings"))
    change = {"current_password": PASSWORD, "new_password": "seven lilac harbour tunes"}
    assert browser.post("/account/settings/password", change).status_code == 303


def test_a_copy_of_the_database_gives_no_secret_away(app: Flask, ann: User, clock_hand, monkeypatch: pytest.MonkeyPatch) -> None:
    with_app(app, ann)
    row = db.session().scalar(select(AuthenticatorApp))
    assert secret_of(ann) not in row.sealed_secret
    monkeypatch.setitem(app.config, "SECRET_KEY", "another key, after the first was lost")
    assert unseal(row.sealed_secret, factors.SEALED_FOR) is None


def test_a_secret_that_an_earlier_version_sealed_works_on_and_is_sealed_anew(app: Flask, ann: User, clock_hand) -> None:
    with_app(app, ann)
    clock_hand.shift(30)
    secret = secret_of(ann)
    key = HKDF(SHA256(), 32, salt=None, info=b"rejoinder sealing authenticator app").derive(app.config["SECRET_KEY"].encode())
    earlier = Fernet(urlsafe_b64encode(key)).encrypt(secret.encode()).decode()
    with transaction() as session:
        session.execute(update(AuthenticatorApp).values(sealed_secret=earlier))
    assert secret_of(ann) == secret
    assert password_given(app).post("/sign-in/second", {"code": code_of(ann)}).status_code == 303
    kept = db.session().scalar(select(AuthenticatorApp.sealed_secret))
    assert (kept != earlier, is_sealed_as_now(kept), secret_of(ann)) == (True, True, secret)


def test_what_is_sealed_opens_for_its_purpose_and_unaltered_only(app: Flask) -> None:
    sealed = seal("a secret", "one purpose")
    assert sealed != seal("a secret", "one purpose")
    assert unseal(sealed, "one purpose") == "a secret"
    altered = sealed[:-2] + ("AA" if sealed[-2:] != "AA" else "BB")
    assert [unseal(other, "one purpose") for other in (altered, sealed[:20], "g1.", "g1.é", "", "é", "gAAAAA")] == [None] * 7
    assert unseal(sealed, "another purpose") is None


# Staff


def bare(app: Flask, user: User) -> Browser:
    """A browser in which nobody has shown a second factor."""
    browser = Browser(app).sign_in(user)
    with transaction() as session:
        session.execute(update(BrowserSession).where(BrowserSession.user_id == user.id).values(second_factor_at=None))
    return browser


def test_staff_have_their_powers_with_a_second_factor_only_where_it_is_required(app: Flask, clock_hand) -> None:
    make_site(staff_second_factor="required")
    mo = make_user("Mo Ash", roles=("moderator",), email=ADDRESS, password=PASSWORD)
    browser = bare(app, mo)
    asked = browser.get("/moderation")
    assert asked.headers["Location"] == "/account/security?next=%2Fmoderation"
    assert "Your work waits for a second factor" in text_of(browser.get(asked.headers["Location"]))
    assert 'href="/moderation"' not in browser.get("/rules").text
    assert browser.post("/moderation/people/1/sanctions", {"kind": "ban"}).headers["Location"].startswith("/account/security")
    browser.post("/account/security/app", {"next": "/moderation"})
    shown = browser.post("/account/security/app/confirm", {"code": code_of(mo), "next": "/moderation"})
    assert 'href="/moderation"' in shown.text
    assert browser.get("/moderation").status_code == 200


@pytest.mark.parametrize(("chosen", "production", "status"), [
    (None, False, 200), (None, True, 303), ("offered", True, 200), ("required", False, 303),
])  # fmt: skip
def test_the_publisher_says_whether_and_else_the_mode_does(
    app: Flask, monkeypatch: pytest.MonkeyPatch, chosen: str | None, production: bool, status: int
) -> None:
    make_site(staff_second_factor=chosen)
    monkeypatch.setitem(app.config, "PRODUCTION", production)
    assert bare(app, make_user(roles=("moderator",))).get("/moderation").status_code == status


def test_the_publisher_sees_who_has_one_sets_it_and_helps_who_lost_theirs(app: Flask, ann: User, clock_hand) -> None:
    with transaction() as session:
        from models.user import RoleGrant

        session.add(RoleGrant(user_id=ann.id, name="editor"))
    anns, _ = with_app(app, ann)
    boss = Browser(app).sign_in(make_user("Pat", roles=("publisher",)))
    page = text_of(boss.get("/publisher/safety"))
    assert "Ann Ash editor App" in page
    assert boss.post("/publisher/safety", {"staff_second_factor": "required"}).status_code == 303
    assert "It is required of everybody who works here" in text_of(boss.get("/publisher/safety"))
    assert boss.post("/publisher/safety", {"staff_second_factor": "never"}).status_code == 422
    boss.post(f"/publisher/people/{ann.id}/second-factor/reset")
    assert not is_in(anns)
    assert Browser(app).post("/sign-in", {"email": ADDRESS, "password": PASSWORD}).headers["Location"] == "/"
    assert "removed every second factor" in mails_to(ADDRESS)[-1].text


def test_the_publisher_signs_somebody_out_everywhere(app: Flask, ann: User) -> None:
    anns = Browser(app).sign_in(ann)
    Browser(app).sign_in(make_user(roles=("editor",))).post(f"/publisher/people/{ann.id}/sessions/end")
    assert is_in(anns)
    Browser(app).sign_in(make_user(roles=("publisher",))).post(f"/publisher/people/{ann.id}/sessions/end")
    assert not is_in(anns)


def test_the_operator_helps_too(app: Flask, ann: User, clock_hand) -> None:
    with_app(app, ann)
    done = app.test_cli_runner().invoke(args=["users", "reset-second-factor", "--email", "ANN@example.test"])
    assert "signs in with the password alone now" in done.output
    assert Browser(app).post("/sign-in", {"email": ADDRESS, "password": PASSWORD}).headers["Location"] == "/"


def test_a_session_of_years_is_listed_with_its_second_factor(app: Flask, ann: User) -> None:
    make_session(ann, device="Safari on Mac")
    assert "with a second factor" in text_of(Browser(app).sign_in(ann).get("/account/browsers"))
