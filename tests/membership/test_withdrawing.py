"""The right to withdraw: two steps, no signing in, a receipt at once, the money back; and proof of what was agreed to."""

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from blueprints.membership.agreements import withdraw_path, withdrawal_ends_at
from core import clock
from core.db import db
from core.network import network_of
from models.consent import Consent, Withdrawal
from models.membership import Payment
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.publisher.rows import at_once


def link_in_mail(user: User) -> str:
    mail = db.session().scalars(select(Mail).where(Mail.user_id == user.id, Mail.kind == "membership.welcome")).one()
    found = re.search(r"http://localhost(/withdraw/\S+)", mail.text)
    assert found
    return found[1]


def refunded() -> list[int]:
    return list(db.session().scalars(select(Payment.refunded_cents)))


@pytest.mark.once
def test_the_mail_leads_to_it_without_signing_in_and_the_money_goes_back(till: Till, client: Browser) -> None:
    user, browser = till.reader()
    till.join(browser, "gold-year")
    address = link_in_mail(user)
    page = text_of(client.get(address))
    assert "Confirm withdrawal" in page
    assert till.live(user) == ["gold"]
    done = client.post(address)
    assert done.status_code == 303
    receipt = db.session().scalars(select(Mail).where(Mail.kind == "membership.withdrawn")).one()
    assert receipt.recipient == user.email
    assert re.search(r"Received on \d+ \w+ \d{4}, \d\d:\d\d \(UTC\)", receipt.text)
    till.deliver()
    assert till.live(user) == []
    assert refunded() == [9900]
    assert "$99.00 are on their way back" in text_of(client.get(address))
    assert "membership.ended" not in till.mails(user)
    assert till.subscriptions()[0]["status"] == "canceled"


@pytest.mark.once
def test_looking_alone_withdraws_nothing(till: Till, client: Browser) -> None:
    user, browser = till.reader()
    till.join(browser)
    client.get(link_in_mail(user))
    till.deliver()
    assert till.live(user) == ["vip"]
    assert db.session().scalar(select(func.count()).select_from(Withdrawal)) == 0


@pytest.mark.once
def test_the_account_page_leads_there_by_the_words_of_the_law(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    assert "Withdraw from contract here" in text_of(browser.get("/account/membership"))
    answer = browser.get("/account/membership/withdraw")
    assert answer.status_code == 303
    assert answer.headers["Location"] == withdraw_path("sandbox", till.state(user).subscription, user.id)  # type: ignore[union-attr]


def test_pressed_twice_at_once_it_happens_once(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    address = link_in_mail(user)

    def press() -> Any:
        return Browser(till.app).post(address).status_code

    assert at_once(till.app, press, press) == [303, 303]
    till.deliver()
    assert refunded() == [490]
    assert till.mails(user).count("membership.withdrawn") == 1


@pytest.mark.once
def test_after_the_last_day_it_explains_and_leads_to_cancelling(till: Till, client: Browser) -> None:
    user, browser = till.reader()
    till.join(browser)
    address = link_in_mail(user)
    pass_time(till, 14)
    assert "Confirm withdrawal" in text_of(client.get(address))
    pass_time(till, 2)
    page = text_of(client.get(address))
    assert "The time to withdraw is over" in page
    assert "Cancel the membership" in page
    assert client.post(address).status_code == 409
    assert "Withdraw from contract here" not in text_of(browser.get("/account/membership"))
    till.deliver()
    assert till.live(user) == ["vip"]


@pytest.mark.once
@pytest.mark.parametrize("token", ["x", "WyJzYW5kYm94Iiwic3ViXzEiLDFd.forged"])
def test_a_forged_address_names_nothing(till: Till, client: Browser, token: str) -> None:
    assert client.get(f"/withdraw/{token}").status_code == 404
    assert client.post(f"/withdraw/{token}").status_code == 404


def test_the_last_day_is_over_in_every_time_zone() -> None:
    began = clock.now().replace(hour=23, minute=59)
    assert (withdrawal_ends_at(began) - began).total_seconds() >= 14 * 86_400 + 12 * 3600


@pytest.mark.once
def test_what_was_agreed_to_is_kept_word_for_word_and_shown(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    kept = db.session().scalars(select(Consent).where(Consent.user_id == user.id)).one()
    assert (kept.kind, kept.page, kept.network) == ("join", "/join", "127.0.0.0/24")
    assert "$4.90 today, then $4.90 every month until you cancel." in kept.shown
    page = text_of(browser.get("/account/membership/agreements"))
    assert "$4.90 today, then $4.90 every month until you cancel." in page
    assert "127.0.0.0/24" in page
    welcome = db.session().scalars(select(Mail).where(Mail.kind == "membership.welcome")).one()
    assert "$4.90 today, then $4.90 every month until you cancel." in welcome.text


@pytest.mark.parametrize(("address", "network"), [
    ("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::7", "2001:db8:1::/48"), ("::ffff:192.0.2.77", "192.0.2.0/24"),
    ("nobody", ""), (None, ""),
])  # fmt: skip
def test_a_network_names_no_machine(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_an_invoice_is_opened_by_its_owner_only(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    invoice = db.session().scalars(select(Payment.invoice_id)).one()
    page = browser.get("/account/membership")
    assert "Invoice and receipt" in text_of(page)
    assert "Visa ending in 4242" in text_of(page)
    answer = browser.post(f"/account/membership/invoices/{invoice}")
    assert answer.status_code == 303
    assert "/invoice/" in answer.headers["Location"]
    _, other = till.reader()
    assert other.post(f"/account/membership/invoices/{invoice}").status_code == 404
