"""Looking after one's account, and leaving."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from blueprints.accounts import passwords
from blueprints.accounts.jobs import erase_due
from blueprints.accounts.leaving import TIME_TO_CHANGE_ONES_MIND
from blueprints.accounts.signals import account_deleting_signal, name_changed_signal
from core import clock
from core.db import is_writing
from core.errors import DomainError
from tests.accounts.mailbox import OTHER_PASSWORD, PASSWORD, mails_to, newest_link
from tests.browser import Browser, text_of
from tests.factories import fresh, make_section, make_site, make_user

ADDRESS = "nora@example.test"
NEW_ADDRESS = "quist@example.test"


@pytest.fixture(autouse=True)
def _site(app: Flask) -> None:
    make_site()


@pytest.fixture
def nora(app: Flask):
    return make_user("Nora Quist", email=ADDRESS, password=PASSWORD)


def is_signed_in(client: Browser) -> bool:
    return client.get("/account").status_code == 200


def test_the_account_is_for_those_signed_in(client: Browser) -> None:
    for path in ("/account", "/account/settings", "/account/delete"):
        assert client.get(path).headers["Location"] == "/sign-in?next=" + path.replace("/", "%2F")
    for path in ("name", "email", "password", "sessions"):
        assert client.post(f"/account/settings/{path}").status_code == 303


def test_the_overview_leads_everywhere(client: Browser, nora) -> None:
    page = client.sign_in(nora).get("/account").get_data(as_text=True)
    for path in ("/account/membership", "/account/comments", "/account/settings"):
        assert f'href="{path}"' in page
    assert ADDRESS in page


def test_a_new_name_is_told_to_the_others(client: Browser, nora) -> None:
    heard = []

    def hear(_sender: object, user_id: int) -> None:
        heard.append((user_id, is_writing()))

    with name_changed_signal.connected_to(hear):
        assert client.sign_in(nora).post("/account/settings/name", {"display_name": "Nora K."}).status_code == 303
        assert client.post("/account/settings/name", {"display_name": "Nora K."}).status_code == 303
    assert heard == [(nora.id, True)]
    assert fresh(nora).display_name == "Nora K."
    assert fresh(nora).name_key == "norak"


def test_ones_own_name_may_be_written_differently(client: Browser, nora) -> None:
    client.sign_in(nora).post("/account/settings/name", {"display_name": "NORA quist"})
    assert fresh(nora).display_name == "NORA quist"


@pytest.mark.parametrize("wanted", ["Old Hand", "O1d Hand", "", "Moderator", "x" * 99])
def test_a_name_that_may_not_be_comes_back_with_a_sentence(client: Browser, nora, wanted: str) -> None:
    make_user("Old Hand")
    page = client.sign_in(nora).post("/account/settings/name", {"display_name": wanted})
    assert page.status_code == 422
    assert f'value="{wanted}"' in page.get_data(as_text=True)
    assert fresh(nora).display_name == "Nora Quist"


def test_a_new_address_counts_once_its_link_was_used(client: Browser, nora, app: Flask) -> None:
    client.sign_in(nora)
    done = client.post("/account/settings/email", {"new_email": " Quist@Example.test", "email_password": PASSWORD})
    assert done.status_code == 303
    link = newest_link(NEW_ADDRESS, "/account/email/")
    assert "Somebody asked to change your address" in mails_to(ADDRESS, "new-email-asked")[0].subject
    phone = Browser(app)
    assert phone.get(link).status_code == 200
    assert fresh(nora).email == ADDRESS
    assert phone.post(link).status_code == 303
    assert fresh(nora).email == NEW_ADDRESS
    assert not is_signed_in(phone)
    assert NEW_ADDRESS in mails_to(ADDRESS, "email-changed")[0].text
    assert phone.post(link).status_code == 410


def test_a_change_of_address_wants_the_password(client: Browser, nora) -> None:
    client.sign_in(nora)
    page = client.post("/account/settings/email", {"new_email": NEW_ADDRESS, "email_password": OTHER_PASSWORD})
    assert page.status_code == 422
    assert "This is not your password." in text_of(page)
    assert mails_to(NEW_ADDRESS) == []


def test_a_new_password_ends_the_wish_for_another_address(client: Browser, nora) -> None:
    client.sign_in(nora)
    client.post("/account/settings/email", {"new_email": NEW_ADDRESS, "email_password": PASSWORD})
    link = newest_link(NEW_ADDRESS, "/account/email/")
    client.post("/account/settings/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
    assert client.post(link).status_code == 410
    assert fresh(nora).email == ADDRESS


def test_the_link_to_a_new_address_expires(client: Browser, nora) -> None:
    client.sign_in(nora)
    client.post("/account/settings/email", {"new_email": NEW_ADDRESS, "email_password": PASSWORD})
    link = newest_link(NEW_ADDRESS, "/account/email/")
    with time_machine.travel(clock.now() + timedelta(days=3, minutes=1)):
        assert client.post(link).status_code == 410
    assert fresh(nora).email == ADDRESS


def test_an_address_that_has_an_account_is_told_and_not_taken(client: Browser, nora) -> None:
    make_user("Old Hand", email=NEW_ADDRESS)
    done = client.sign_in(nora).post(
        "/account/settings/email", {"new_email": NEW_ADDRESS, "email_password": PASSWORD}
    )
    assert done.status_code == 303
    assert [mail.kind for mail in mails_to(NEW_ADDRESS)] == ["known-address"]


def test_an_address_taken_in_between_stays_with_the_other(client: Browser, nora) -> None:
    client.sign_in(nora).post("/account/settings/email", {"new_email": NEW_ADDRESS, "email_password": PASSWORD})
    link = newest_link(NEW_ADDRESS, "/account/email/")
    make_user("Old Hand", email=NEW_ADDRESS)
    page = client.post(link)
    assert page.status_code == 409
    assert "another account has this address" in text_of(page)


def test_a_new_password_ends_all_other_sessions_and_this_one_goes_on(client: Browser, nora, app: Flask) -> None:
    elsewhere = Browser(app).sign_in(nora)
    client.sign_in(nora)
    done = client.post("/account/settings/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD})
    assert done.status_code == 303
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert passwords.is_password(OTHER_PASSWORD, fresh(nora).password)
    assert mails_to(ADDRESS, "password-changed")


@pytest.mark.parametrize(
    ("current", "new", "sentence"),
    [
        (OTHER_PASSWORD, "four plain wooden chairs", "This is not your password."),
        (PASSWORD, "Nora Quist1", "your name"),
        ("", "", "Please enter your current password."),
    ],
)
def test_a_password_is_not_changed_without_reason(client: Browser, nora, current: str, new: str, sentence: str) -> None:
    page = client.sign_in(nora).post("/account/settings/password", {"current_password": current, "new_password": new})
    assert page.status_code == 422
    assert sentence in text_of(page)
    assert passwords.is_password(PASSWORD, fresh(nora).password)


def test_signing_out_everywhere_means_here_too(client: Browser, nora, app: Flask) -> None:
    elsewhere = Browser(app).sign_in(nora)
    client.sign_in(nora).post("/account/settings/sessions")
    assert not is_signed_in(client)
    assert not is_signed_in(elsewhere)


def test_somebody_without_a_password_is_shown_the_way_to_one(client: Browser) -> None:
    client.sign_in(make_user(email=ADDRESS))
    for path in ("/account/settings", "/account/delete"):
        assert "You have no password yet" in text_of(client.get(path))
    assert client.post("/account/delete", {"words": "keep", "password": ""}).status_code == 422
    assert client.post("/account/delete", {"words": "keep", "password": PASSWORD}).status_code == 422


@pytest.mark.parametrize(("choice", "keep"), [("keep", True), ("delete", False)])
def test_who_leaves_leaves_nothing_behind(client: Browser, choice: str, keep: bool, app: Flask) -> None:
    nora = make_user(
        "Nora Quist", email=ADDRESS, password=PASSWORD, roles=("moderator",), sections=(make_section(),)
    )
    elsewhere = Browser(app).sign_in(nora)
    client.post("/forgot-password", {"email": ADDRESS})
    reset = newest_link(ADDRESS, "/reset-password/")
    heard = []

    def hear(_sender: object, user_id: int, keep_words: bool) -> None:
        heard.append((user_id, keep_words, is_writing()))

    with account_deleting_signal.connected_to(hear):
        done = client.sign_in(nora).post("/account/delete", {"words": choice, "password": PASSWORD})
        assert (done.status_code, done.headers["Location"]) == (303, "/account/delete")
        assert heard == []
        with time_machine.travel(clock.now() + TIME_TO_CHANGE_ONES_MIND):
            erase_due()
    assert heard == [(nora.id, keep, True)]
    row = fresh(nora)
    assert (row.display_name, row.password, row.active, row.confirmed_at) == ("Former reader", None, False, None)
    assert row.deleted_at is not None
    assert "nora" not in f"{row.email} {row.name_key} {row.name_skeleton}"
    assert not is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert client.post(reset, {"password": OTHER_PASSWORD}).status_code == 404
    left = mails_to(ADDRESS)
    assert [(mail.kind, mail.user_id) for mail in left] == [("account-deleted", None)]
    assert ("stays without your name" in left[0].text) is keep
    assert make_user("Nora Quist", email=ADDRESS).id != nora.id


def test_leaving_asks_for_the_password_and_the_choice(client: Browser, nora) -> None:
    client.sign_in(nora)
    assert "cannot be undone" in text_of(client.get("/account/delete"))
    for fields in ({"words": "keep", "password": OTHER_PASSWORD}, {"password": PASSWORD}, {"words": "x", "password": PASSWORD}):
        assert client.post("/account/delete", fields).status_code == 422
    assert fresh(nora).active


def test_another_domain_may_refuse_and_then_nothing_has_happened(client: Browser, nora) -> None:
    def refuse(_sender: object, user_id: int, keep_words: bool) -> None:
        raise DomainError("A payment is still on its way. Please try again tomorrow.")

    with account_deleting_signal.connected_to(refuse):
        client.sign_in(nora).post("/account/delete", {"words": "keep", "password": PASSWORD})
        with time_machine.travel(clock.now() + TIME_TO_CHANGE_ONES_MIND):
            erase_due()
    assert fresh(nora).active


def test_the_last_publisher_stays(client: Browser) -> None:
    publisher = make_user("Pat Moreau", roles=("publisher",), password=PASSWORD)
    page = client.sign_in(publisher).post("/account/delete", {"words": "keep", "password": PASSWORD})
    assert "only publisher" in text_of(page)
    make_user("Another", roles=("publisher",))
    assert client.post("/account/delete", {"words": "keep", "password": PASSWORD}).status_code == 303


def test_the_demonstrations_people_stay(client: Browser) -> None:
    person = make_user("Rosa Lindqvist", is_demo=True, password=PASSWORD)
    page = client.sign_in(person).post("/account/delete", {"words": "keep", "password": PASSWORD})
    assert "people of the demonstration stay" in text_of(page)
    assert fresh(person).active
