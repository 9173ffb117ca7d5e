"""Stripe refuses, is slow, fails, has too much to do, or does what was asked and its answer is lost.

Readers keep access and are told in words; when Stripe is back and the reader presses again, nothing is there twice.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from sqlalchemy import select

from blueprints.membership.agreements import withdraw_path
from blueprints.membership.gateway import Gateway, InProcessTransport, gateway
from blueprints.membership.sandbox import host_of
from core import clock
from core.db import db
from jobs import worker
from models.membership import BillingCustomer
from models.user import User
from tests.browser import Browser, text_of
from tests.membership.conftest import Till
from tests.membership.test_switching import shown

BUSY = '{"error": {"type": "%s", "message": "Please try again later."}}'
FAULTS = ("refused", "slow", "500", "429", "answer lost")


class Faulty(InProcessTransport):
    """A line on which everything goes wrong in one way; `answer lost` does what was asked first."""

    def __init__(self, wsgi: Any, fault: str) -> None:
        super().__init__(wsgi)
        self.fault = fault
        self.done: list[str] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, *, _usage: Any = None) -> Any:
        if self.fault == "answer lost" and method.lower() != "get":
            self.done.append(url)
            super().request(method, url, headers, post_data)
        if self.fault in {"500", "429"}:
            kind = "api_error" if self.fault == "500" else "rate_limit_error"
            return BUSY % kind, int(self.fault), {"Request-Id": "req_faulty"}
        raise stripe.APIConnectionError("Read timed out" if self.fault == "slow" else "Connection refused",
                                        should_retry=self.fault != "refused")  # fmt: skip


@pytest.fixture(params=FAULTS)
def down(request: pytest.FixtureRequest, till: Till, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Break the line to Stripe in one way, or mend it."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)
    standing: Gateway = till.app.extensions["rejoinder_gateway"]
    host = host_of(till.app)
    broken = Gateway(
        host.key, mode=standing.mode, webhook_secrets=standing.webhook_secrets, api_base="http://sandbox.invalid",
        transport=Faulty(host, request.param),
    )  # fmt: skip

    def turn(is_down: bool) -> None:
        till.app.extensions["rejoinder_gateway"] = broken if is_down else standing

    yield turn
    turn(False)


def of(till: Till, user: User, kind: str) -> list[dict[str, Any]]:
    customer = till.customer_of(user)
    with till.sandbox.store.read() as tx:
        return list(tx.select(kind, customer=customer))


def settled(till: Till) -> None:
    """Stripe is back: webhooks arrive, jobs that failed are tried again, leases of the failed run out."""
    clock.shift(clock._offset.get() + clock.timedelta(hours=2))
    till.deliver()
    worker.run_all()


@pytest.mark.once
def test_joining_says_so_and_goes_on_where_it_was(till: Till, down: Callable[[bool], None]) -> None:
    user, browser = till.reader()
    down(True)
    refused = browser.post("/join/checkout", {"price": "vip-month", "article": "the-new-bridge"})
    assert refused.status_code == 503
    assert "The payment service does not answer at the moment" in text_of(refused)
    down(False)
    till.come_back(browser, till.pay(till.press(browser, article="the-new-bridge")))
    till.deliver()
    assert till.live(user) == ["vip"]
    assert till.customers() == 1
    assert len(of(till, user, "subscription")) == 1
    with till.sandbox.store.read() as tx:
        assert [each["status"] for each in tx.select("checkout.session")].count("open") == 0


@pytest.mark.once
def test_who_paid_waits_in_peace_and_has_access_when_stripe_is_back(till: Till, down: Callable[[bool], None]) -> None:
    user, browser = till.reader()
    back = till.pay(till.press(browser))
    down(True)
    page = till.come_back(browser, back)
    assert page.status_code == 200
    assert "Refresh" in page.headers
    till.sandbox.deliver_all(till.post_webhook)
    worker.run_due(100)
    down(False)
    assert till.come_back(browser, back).status_code == 303
    settled(till)
    assert till.live(user) == ["vip"]
    assert till.mails(user) == ["membership.welcome"]


def test_members_read_and_see_their_page_all_the_while(till: Till, down: Callable[[bool], None]) -> None:
    user, browser = till.reader()
    till.join(browser)
    down(True)
    for path in ("/", "/articles/the-new-bridge", "/account", "/account/membership", "/join"):
        assert browser.get(path).status_code == 200, path
    assert till.live(user) == ["vip"]
    card = browser.post("/account/membership/card")
    assert card.status_code == 503
    assert "What your membership gives you is not affected." in text_of(card)


@pytest.mark.once
def test_a_switch_is_charged_once(till: Till, down: Callable[[bool], None]) -> None:
    user, browser = till.reader()
    till.join(browser)
    _, form = shown(browser, "gold-month")
    down(True)
    answer = browser.post("/account/membership/switch/gold-month", form)
    assert answer.status_code == 503
    assert "What your membership gives you is not affected." in text_of(answer)
    assert till.live(user)
    down(False)
    browser.post("/account/membership/switch/gold-month", form)
    settled(till)
    paid = sorted(each["amount_paid"] for each in of(till, user, "invoice") if each["status"] == "paid")
    assert paid == sorted([490, int(form["amount"])])
    assert till.live(user) == ["gold"]


@pytest.mark.once
def test_cancelling_can_be_pressed_again(till: Till, down: Callable[[bool], None]) -> None:
    user, browser = till.reader()
    till.join(browser)
    down(True)
    answer = browser.post("/account/membership/cancel", {"sure": "yes"})
    assert answer.status_code == 503
    assert till.live(user) == ["vip"]
    down(False)
    assert browser.post("/account/membership/cancel", {"sure": "yes"}).status_code == 303
    settled(till)
    assert till.mails(user).count("membership.cancelled") == 1
    assert browser.post("/account/membership/resume").status_code == 303
    assert of(till, user, "subscription")[0]["cancel_at"] is None


def test_a_withdrawal_is_taken_at_once_and_the_money_follows_once(till: Till, down: Callable[[bool], None]) -> None:
    user, browser = till.reader()
    till.join(browser)
    address = withdraw_path(gateway().mode, of(till, user, "subscription")[0]["id"], user.id)
    down(True)
    assert Browser(till.app).post(address).status_code == 303
    worker.run_due(100)
    assert "membership.withdrawn" in till.mails(user)
    down(False)
    settled(till)
    assert [each["amount"] for each in refunds(till)] == [490]
    assert till.live(user) == []


def test_who_leaves_pays_no_more_though_stripe_was_down(till: Till, down: Callable[[bool], None]) -> None:
    from blueprints.accounts.service import delete_account
    from core.db import transaction

    user, browser = till.reader()
    till.join(browser)
    customer = till.customer_of(user)
    down(True)
    with transaction():
        delete_account(user.id, keep_words=True)
    worker.run_due(100)
    down(False)
    settled(till)
    with till.sandbox.store.read() as tx:
        assert [each["status"] for each in tx.select("subscription", customer=customer)] == ["canceled"]
    assert refunds(till) == []
    assert db.session().scalar(select(BillingCustomer.stripe_id)) == customer


def refunds(till: Till) -> list[dict[str, Any]]:
    with till.sandbox.store.read() as tx:
        return list(tx.select("refund"))
