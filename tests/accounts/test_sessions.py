"""Signed-in browsers: listed, ended, renewed, and asked once more in front of what cannot be undone."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, func, select, update

from blueprints.accounts import proving
from blueprints.accounts import session as sessions
from blueprints.accounts.service import delete_account
from core import clock
from core.db import db, transaction
from core.guards import signed_in
from core.step_up import PROOF_LASTS, step_up
from jobs.worker import run_all
from models.browser_session import BrowserSession
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_session, make_site, make_user

PASSWORD = "correct horse battery staple"
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture
def reader(app: Flask) -> User:
    make_site()
    return make_user("Ann Ash", email="ann@example.test", password=PASSWORD)


def rows() -> list[BrowserSession]:
    return list(db.session().scalars(select(BrowserSession).order_by(BrowserSession.id).execution_options(populate_existing=True)))


def signed_in_by_form(app: Flask) -> Browser:
    browser = Browser(app)
    answer = browser.post("/sign-in", {"email": "ann@example.test", "password": PASSWORD}, headers=FIREFOX, environ_base={"REMOTE_ADDR": "203.0.113.77"})
    assert answer.status_code == 303
    return browser


def stale(browser: Browser) -> Browser:
    """A quarter of an hour after the last proof."""
    with transaction() as session:
        session.execute(update(BrowserSession).values(proved_at=clock.now() - PROOF_LASTS))
    return browser


def test_signing_in_keeps_browser_and_network_but_neither_key_nor_address(app: Flask, reader: User) -> None:
    browser = signed_in_by_form(app)
    [row] = rows()
    assert (row.device, row.network) == ("Firefox on Linux", "203.0.113.0/24")
    with browser.http.session_transaction() as cookie:
        assert sessions.key_digest(cookie["_user_id"]) == row.key_hash != cookie["_user_id"]
    page = text_of(browser.get("/account/browsers"))
    assert "Firefox on Linux This browser" in page
    assert "203.0.113.77" not in page


def test_one_browser_is_signed_out_from_another(app: Flask, reader: User) -> None:
    here, there = signed_in_by_form(app), signed_in_by_form(app)
    there_row = rows()[1]
    here.follow(here.post(f"/account/browsers/{there_row.id}/end"))
    assert there.get("/account").status_code == 303
    assert here.get("/account").status_code == 200


def test_nobody_ends_a_browser_of_somebody_else(app: Flask, reader: User) -> None:
    signed_in_by_form(app)
    Browser(app).sign_in(make_user()).post(f"/account/browsers/{rows()[0].id}/end")
    assert rows()[0].user_id == reader.id


def test_a_new_password_ends_every_browser_but_this_one_which_gets_another_key(app: Flask, reader: User) -> None:
    here, there = signed_in_by_form(app), signed_in_by_form(app)
    before = {row.key_hash for row in rows()}
    form = {"current_password": PASSWORD, "new_password": "seven lilac harbour tunes"}
    assert here.post("/account/settings/password", form).status_code == 303
    assert there.get("/account").status_code == 303
    assert here.get("/account").status_code == 200
    assert not before & {row.key_hash for row in rows()}


def test_signing_in_gives_a_new_key_and_ends_the_session_before(app: Flask, reader: User) -> None:
    browser = signed_in_by_form(app)
    first = rows()[0].key_hash
    browser.post("/sign-in", {"email": "ann@example.test", "password": PASSWORD})
    [second] = rows()
    assert first != second.key_hash


def test_a_cookie_kept_from_before_signing_out_is_worth_nothing(app: Flask, reader: User) -> None:
    browser = signed_in_by_form(app)
    kept = browser.http.get_cookie("session")
    browser.post("/sign-out")
    thief = Browser(app)
    thief.http.set_cookie("session", kept.value)
    assert thief.get("/account").status_code == 303


def test_other_rights_mean_another_key(app: Flask, reader: User) -> None:
    browser = signed_in_by_form(app)
    kept, before = browser.http.get_cookie("session"), rows()[0].key_hash
    boss = Browser(app).sign_in(make_user(roles=("publisher",)))
    from blueprints.publisher.service import seen_rights

    boss.post(f"/publisher/people/{reader.id}/roles", {"roles": "author", "seen": seen_rights(frozenset(), frozenset())})
    assert browser.get("/newsroom").status_code == 200
    assert rows()[0].key_hash != before
    thief = Browser(app)
    thief.http.set_cookie("session", kept.value)
    assert thief.get("/newsroom").status_code == 303


def test_a_page_of_a_signed_in_reader_writes_nothing_until_minutes_have_passed(app: Flask, reader: User) -> None:
    browser = signed_in_by_form(app)
    writes: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if "browser_session" in statement and not statement.startswith("SELECT"):
            writes.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        for _ in range(3):
            browser.get("/account")
        assert writes == []
        with time_machine.travel(clock.now() + sessions.SEEN_EVERY * 1.1, tick=False):
            for _ in range(3):
                browser.get("/account", environ_base={"REMOTE_ADDR": "198.51.100.9"})
                db.session.rollback()  # ends the read, as the end of a real request does
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len(writes) == 1
    assert rows()[0].network == "198.51.100.0/24"


def test_an_unused_session_ends_and_its_row_goes(app: Flask, reader: User) -> None:
    browser = signed_in_by_form(app)
    with transaction() as session:
        session.execute(update(BrowserSession).values(expires_at=clock.now()))
    assert browser.get("/account").status_code == 303
    from blueprints.accounts.jobs import forget_sessions

    forget_sessions()
    assert rows() == []


def test_a_session_ends_after_half_a_year_however_often_it_is_used(app: Flask, reader: User) -> None:
    make_session(reader)
    with transaction() as session:
        session.execute(update(BrowserSession).values(created_at=clock.now() - sessions.LONGEST_LIFETIME - timedelta(days=1)))
    from blueprints.accounts.jobs import forget_sessions

    forget_sessions()
    assert rows() == []


# Step-up, at a route like those that carry the mark


@pytest.fixture
def guarded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[str]]]:
    """Puts the mark on two routes of every day; gives what reached the view behind it."""
    from flask import request

    reached: list[dict[str, list[str]]] = []

    def view() -> str:
        reached.append(request.form.to_dict(flat=False))
        return "done"

    for endpoint in ("accounts.change_name", "accounts.overview"):
        monkeypatch.setitem(app.view_functions, endpoint, signed_in(step_up("To try this")(view)))
    return reached


def test_a_fresh_sign_in_is_proof_enough(app: Flask, reader: User, guarded: list[dict[str, list[str]]]) -> None:
    assert signed_in_by_form(app).post("/account/settings/name", {"ids": ["1", "2"]}).text == "done"


def test_an_old_one_is_asked_once_more_and_nothing_typed_is_lost(
    app: Flask, reader: User, guarded: list[dict[str, list[str]]]
) -> None:
    browser = stale(signed_in_by_form(app))
    before = rows()[0].key_hash
    asked = browser.post("/account/settings/name", {"ids": ["1", "2"], "note": 'A "note" <b>'})
    assert asked.status_code == 403
    assert guarded == []
    assert "To try this, please show once more that it is you." in text_of(asked)
    assert 'name="ids" value="1"' in asked.text
    assert 'value="A &#34;note&#34; &lt;b&gt;"' in asked.text
    wrong = browser.post("/account/settings/name", {"ids": ["1", "2"], "proof_password": "not this one"})
    assert wrong.status_code == 422
    assert proving.WRONG_PASSWORD in text_of(wrong)
    assert 'name="ids" value="2"' in wrong.text
    assert "not this one" not in wrong.text
    done = browser.post("/account/settings/name", {"ids": ["1", "2"], "proof_password": PASSWORD})
    assert done.text == "done"
    assert guarded[0]["ids"] == ["1", "2"]
    assert rows()[0].key_hash != before
    assert browser.post("/account/settings/name", {}).text == "done"


def test_a_page_behind_the_mark_is_come_back_to(app: Flask, reader: User, guarded: list[dict[str, list[str]]]) -> None:
    browser = stale(signed_in_by_form(app))
    asked = browser.get("/account?tab=1")
    assert asked.headers["Location"] == "/account/prove?next=%2Faccount%3Ftab%3D1"
    assert browser.get(asked.headers["Location"]).status_code == 200
    went = browser.post("/account/prove", {"proof_password": PASSWORD, "next": "/account?tab=1"})
    assert browser.follow(went).text == "done"


def test_a_script_is_told_where_to_ask(app: Flask, reader: User, guarded: list[dict[str, list[str]]]) -> None:
    browser = stale(signed_in_by_form(app))
    answer = browser.post("/account/settings/name", {}, headers={"X-Requested-With": "fetch", "Referer": "http://localhost/moderation"})
    assert (answer.status_code, answer.headers["X-Step-Up"]) == (403, "/account/prove?next=%2Fmoderation")
    assert guarded == []


def test_a_person_of_the_demonstration_proves_it_by_a_press_and_others_do_not(app: Flask, guarded: list[dict[str, list[str]]]) -> None:
    make_site()
    for is_demo in (True, False):
        browser = stale(Browser(app).sign_in(make_user(is_demo=is_demo)))
        answer = browser.post("/account/settings/name", {"proof_press": "1"})
        assert (answer.text == "done") is is_demo
    app.config["PRODUCTION"] = True
    try:
        browser = stale(Browser(app).sign_in(make_user(is_demo=True)))
        assert browser.post("/account/settings/name", {"proof_press": "1"}).status_code == 422
    finally:
        app.config["PRODUCTION"] = False


def test_everything_of_a_session_goes_with_the_account(app: Flask, reader: User) -> None:
    signed_in_by_form(app)
    with transaction():
        delete_account(reader.id, keep_words=True)
    run_all()
    assert db.session().scalar(select(func.count()).select_from(BrowserSession)) == 0
