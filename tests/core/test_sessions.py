"""The session cookie: remembered signatures open nothing that would not open anyway."""

from base64 import urlsafe_b64decode
from datetime import timedelta

import pytest
import time_machine
from flask import flash, get_flashed_messages, session
from itsdangerous import BadSignature, URLSafeTimedSerializer

from core import clock, csrf, sessions
from core.sessions import KnownCookies
from core.signing import AHEAD_SECONDS, Signer
from tests.browser import Browser
from tests.factories import make_site, make_user


@pytest.fixture
def cookies() -> KnownCookies:
    return KnownCookies(URLSafeTimedSerializer("a key", salt="cookie-session"))


def test_a_known_cookie_says_the_same_again(cookies):
    cookie = cookies.dumps({"_user_id": "ann", "since": 5})
    assert [cookies.loads(cookie, 60) for _ in range(3)] == [{"_user_id": "ann", "since": 5}] * 3


def test_what_one_request_changes_the_next_does_not_see(cookies):
    for cookie in (cookies.dumps({"_user_id": "ann"}), cookies.dumps({"list": [1]})):
        first = cookies.loads(cookie, 60)
        before = str(first)
        first["more"] = "this"
        first.setdefault("list", []).append(2)
        assert str(cookies.loads(cookie, 60)) == before


def test_a_cookie_that_was_touched_is_refused_whatever_was_known_before(cookies):
    cookie = cookies.dumps({"_user_id": "ann"})
    cookies.loads(cookie, 60)
    for wrong in (cookie[:-2] + ("A" if cookie[-2] != "A" else "B") + cookie[-1], "x" + cookie, cookie.replace(".", ".A", 1)):
        with pytest.raises(BadSignature):
            cookies.loads(wrong, 60)


def test_a_known_cookie_grows_old(cookies):
    with time_machine.travel(0, tick=False) as clock:
        cookie = cookies.dumps({"_user_id": "ann"})
        cookies.loads(cookie, 60)
        clock.shift(timedelta(seconds=61))
        with pytest.raises(BadSignature):
            cookies.loads(cookie, 60)


def test_a_host_whose_clock_is_behind_takes_the_session_of_another_one(app):
    make_site()
    with time_machine.travel(clock.now() + timedelta(seconds=5)):
        browser = Browser(app).sign_in(make_user("Ann"))
    app.session_interface.get_signing_serializer(app)._known.clear()  # as at another host
    for _ in range(2):  # its signature is worked out, and known
        assert "Ann" in browser.get("/rules").text


def test_a_visitors_form_of_a_host_whose_clock_goes_before_is_taken(app):
    with app.test_request_context(method="POST"):
        with time_machine.travel(clock.now() + timedelta(seconds=5)):
            token = csrf.guest_token()
        assert csrf._is_guest_token(token)


def test_what_is_signed_far_from_now_is_refused():
    with time_machine.travel(1_000_000, tick=False) as moment:
        signed = Signer("a key").sign("words")
        for seconds, holds in ((-AHEAD_SECONDS - 1, False), (-AHEAD_SECONDS, True), (60, True), (61, False)):
            moment.move_to(1_000_000 + seconds)
            assert Signer("a key").validate(signed, max_age=60) == holds


def test_no_more_cookies_are_kept_than_that(cookies, monkeypatch):
    monkeypatch.setattr(sessions, "KEPT_COOKIES", 3)
    for number in range(10):
        cookies.loads(cookies.dumps({"n": number}), 60)
    assert len(cookies._known) <= 3


def test_signing_out_ends_a_session_that_was_known(app):
    make_site()
    browser = Browser(app).sign_in(make_user("Ann"))
    assert "Ann" in browser.get("/rules").text
    assert "Ann" in browser.get("/rules").text
    browser.post("/sign-out")
    assert "Ann" not in browser.get("/rules").text


def test_messages_reach_their_reader_once(app):
    with app.test_request_context():
        flash("Hello")
        value = app.session_interface.get_signing_serializer(app).dumps(dict(session))
    for _ in range(2):  # the same cookie again, as from two tabs
        with app.test_request_context(headers={"Cookie": f"session={value}"}):
            flash("and more")
            assert get_flashed_messages() == ["Hello", "and more"]


def test_the_cookie_is_signed_with_sha_256(app):
    make_site()
    signature = Browser(app).sign_in(make_user()).http.get_cookie("session").value.rpartition(".")[2]
    assert len(urlsafe_b64decode(signature + "=")) == 32
