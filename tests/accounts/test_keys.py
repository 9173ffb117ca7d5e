"""Keys for programs: made with a proof, shown once, and ended as browsers are."""

import re
from datetime import timedelta

import pytest
from flask import Flask, g
from sqlalchemy import select, update

from blueprints.accounts import service
from blueprints.accounts.api_keys import MOST_KEYS, digest, make_key, reading_with
from blueprints.accounts.copying import given_tables
from blueprints.accounts.factors import reset
from blueprints.accounts.passwords import hash_password
from blueprints.accounts.personal import HOLDINGS
from blueprints.accounts.session import end_other_sessions
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from core.step_up import PROOF_LASTS
from models.api_key import ApiKey
from models.browser_session import BrowserSession
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_site, make_user, viewer_of
from tests.threads.counting import statements
from tests.threads.test_together import at_once

PASSWORD = "the moon is made of 14 cheeses"


@pytest.fixture
def reader(app: Flask) -> User:
    make_site()
    return make_user("Rea Der", password=PASSWORD)


def rows() -> list[ApiKey]:
    return list(db.session().scalars(select(ApiKey).order_by(ApiKey.id).execution_options(populate_existing=True)))


def key_of(user: User, name: str = "My program") -> str:
    viewer = viewer_of(user)
    with transaction():
        return make_key(viewer, name)


def reads(key: str) -> bool:
    db.session.rollback()
    return reading_with(key) is not None


def proof_is_old() -> None:
    with transaction() as session:
        session.execute(update(BrowserSession).values(proved_at=clock.now() - PROOF_LASTS))


def test_a_key_is_made_and_shown_once_and_its_digest_alone_is_kept(app: Flask, reader: User) -> None:
    browser = Browser(app).sign_in(reader)
    answer = browser.post("/account/keys", {"key_name": "  The archive\x07 "})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    found = re.search(r"rejoinder_[0-9a-f]{64}", answer.get_data(as_text=True))
    assert found
    example = f'curl -H "Authorization: Bearer rejoinder_…" {app.config["SETTINGS"].base_url}/api/v1/me'
    assert example in text_of(answer)
    (row,) = rows()
    assert (row.name, row.key_hash, row.last_used_at) == ("The archive", digest(found[0]), None)
    page = browser.get("/account/keys")
    assert "The archive" in text_of(page)
    assert "never used" in text_of(page)
    assert found[0] not in page.get_data(as_text=True)
    assert reads(found[0])
    assert "last used" in text_of(browser.get("/account/keys"))


def test_a_name_is_one_line(app: Flask, reader: User) -> None:
    key_of(reader, " My\r\n\r\nprogram\t")
    assert [row.name for row in rows()] == ["My program"]


def test_its_owner_is_written_to_when_one_is_made(app: Flask, reader: User) -> None:
    key = key_of(reader, "The archive")
    mail = db.session().scalars(select(Mail)).one()
    assert "A key was made by which a program can read as you: The archive." in mail.text
    assert key not in mail.text + mail.html


@pytest.mark.parametrize("path", ["/account/keys", "/account/keys/1/revoke"])
def test_making_and_revoking_ask_for_a_fresh_proof_and_carry_the_name_on(app: Flask, reader: User, path: str) -> None:
    key_of(reader, "The first")
    browser = Browser(app).sign_in(reader)
    proof_is_old()
    asked = browser.post(path, {"key_name": "The second"})
    assert asked.status_code == 403
    assert len(rows()) == 1
    assert path == "/account/keys/1/revoke" or "The second" in asked.get_data(as_text=True)
    done = browser.post(path, {"key_name": "The second", "proof_password": PASSWORD})
    assert done.status_code in {200, 303}
    assert len(rows()) == (2 if path == "/account/keys" else 0)


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "x" * 61])
def test_a_key_needs_a_name(app: Flask, reader: User, name: str) -> None:
    answer = Browser(app).sign_in(reader).post("/account/keys", {"key_name": name})
    assert answer.status_code == 422
    assert rows() == []


def test_a_key_needs_a_confirmed_address(app: Flask) -> None:
    make_site()
    with pytest.raises(DomainError, match="Confirm"):
        key_of(make_user(confirmed=False))


def test_there_are_so_many_keys_of_one_person_and_no_more(app: Flask, reader: User) -> None:
    browser = Browser(app).sign_in(reader)
    for number in range(MOST_KEYS):
        key_of(reader, f"Program {number}")
    assert "Make a key" not in text_of(browser.get("/account/keys"))
    assert browser.post("/account/keys", {"key_name": "One more"}).status_code == 422
    key_of(make_user(), "Somebody else's")
    assert len(rows()) == MOST_KEYS + 1


def test_two_who_make_the_last_key_at_once_make_one(app: Flask, reader: User) -> None:
    for number in range(MOST_KEYS - 1):
        key_of(reader, f"Program {number}")
    viewer = viewer_of(reader)
    db.session.rollback()

    def make() -> None:
        with transaction():
            make_key(viewer, "The last one")

    refused = at_once(app, [make, make, make])
    assert [type(error) for error in refused] == [DomainError, DomainError]
    assert len(rows()) == MOST_KEYS


@pytest.mark.parametrize("one", [True, False])
def test_who_is_signed_out_meanwhile_takes_no_key_along(reader: User, one: bool) -> None:
    thief = viewer_of(reader)
    with transaction():
        if one:
            service.end_one_session(reader.id, thief.session_id or 0)
        else:
            service.end_all_sessions(reader.id)
    with pytest.raises(DomainError, match="signed out meanwhile"), transaction():
        make_key(thief, "Left behind")
    assert rows() == []


def test_nobody_sees_or_revokes_a_key_of_somebody_else(app: Flask, reader: User) -> None:
    key = key_of(reader, "The secret plan")
    stranger = Browser(app).sign_in(make_user())
    assert "The secret plan" not in stranger.get("/account/keys").get_data(as_text=True)
    assert stranger.post(f"/account/keys/{rows()[0].id}/revoke").status_code == 303
    assert reads(key)
    assert Browser(app).post(f"/account/keys/{rows()[0].id}/revoke").status_code == 303
    assert reads(key)


def test_a_revoked_key_reads_nothing_more_and_the_others_do(app: Flask, reader: User) -> None:
    first, second = key_of(reader, "One"), key_of(reader, "Two")
    browser = Browser(app).sign_in(reader)
    answer = browser.post(f"/account/keys/{rows()[0].id}/revoke")
    assert "The key is revoked" in text_of(browser.follow(answer))
    assert not reads(first)
    assert reads(second)
    again = browser.follow(browser.post("/account/keys/1/revoke"))
    assert "This key is revoked already" in text_of(again)


def test_a_key_ends_when_all_browsers_do(app: Flask) -> None:
    make_site()
    for end in ("password", "link", "everywhere", "factors", "leaving"):
        user, other = make_user(password=PASSWORD), make_user()
        key, others = key_of(user), key_of(other)
        browser, hashed = Browser(app).sign_in(user), hash_password("quite another sentence 74")
        if end == "password":
            new = "quite another sentence 73"
            browser.post("/account/settings/password", {"current_password": PASSWORD, "new_password": new})
        elif end == "everywhere":
            browser.post("/account/settings/sessions")
        else:
            with transaction():
                if end == "link":
                    service.reset_password(user.id, hashed)
                elif end == "factors":
                    reset(user.id)
                else:
                    service.delete_account(user.id, keep_words=True)
        assert not reads(key), end
        assert reads(others), end


def test_a_second_factor_that_is_added_ends_no_key(app: Flask, reader: User) -> None:
    """Other browsers are signed out then; a program has no part in signing in."""
    key = key_of(reader)
    with app.test_request_context(), transaction():
        g.viewer = viewer_of(reader)
        end_other_sessions(reader.id)
    assert reads(key)


def test_the_last_use_is_noted_every_few_minutes_at_most(app: Flask, reader: User) -> None:
    key = key_of(reader)
    assert reads(key)
    first = rows()[0].last_used_at
    assert reads(key)
    assert rows()[0].last_used_at == first
    clock.shift(timedelta(minutes=11))
    try:
        assert reads(key)
    finally:
        clock.shift(timedelta())
    assert rows()[0].last_used_at > first


def test_a_key_gives_no_power_of_the_staff(app: Flask) -> None:
    make_site()
    reading = reading_with(key_of(make_user(roles=("publisher", "moderator"))))
    assert reading is not None
    assert not reading.viewer.is_staff
    assert reading.viewer.waiting_roles == frozenset()
    assert reading.viewer.section_ids == frozenset()
    assert reading.viewer.proved_at is None


@pytest.mark.parametrize("sent", ["", "x", "rejoinder_" + "G" * 64, "rejoinder_" + "0" * 63, "rejoinder_" + "0" * 64 + "\n"])
def test_what_cannot_be_a_key_is_not_looked_for(app: Flask, sent: str) -> None:
    with statements() as asked:
        assert reading_with(sent) is None
    assert asked == []


def test_a_copy_of_ones_data_names_the_keys_and_not_what_they_are(app: Flask, reader: User) -> None:
    assert "api_key" in given_tables()
    assert HOLDINGS["api_key"].hides == ("key_hash",)
