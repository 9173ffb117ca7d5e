"""Bugs that others had, each tried here; docs/billing-cases.md lists all of them with what keeps them out."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership import sync
from blueprints.membership.gateway import gateway
from core.config import Settings
from core.db import db, transaction
from core.rendering import money
from jobs import worker
from models.membership import Payment, StripeEvent, Subscription
from models.user import User
from tests.browser import text_of
from tests.membership.conftest import Till
from tests.membership.test_switching import shown
from tests.membership.test_webhooks import event, send, signed

ROOT = Path(__file__).resolve().parents[2]
CASES = 70


def told(till: Till, **values: Any) -> int:
    body = json.dumps(event(**values))
    return send(till.app, body, signed(body)).status_code


def states() -> set[str]:
    return set(db.session().scalars(select(StripeEvent.state).execution_options(populate_existing=True)))


@pytest.mark.once
def test_many_declined_tries_make_one_customer_and_nothing_else(till: Till) -> None:
    user, browser = till.reader()
    for card in ("declined", "insufficient-funds", "expired", "wrong-cvc", "declined"):
        till.pay(till.press(browser), card)
    till.deliver()
    assert till.customers() == 1
    assert till.subscriptions() == []
    assert till.mails(user) == []


@pytest.mark.once
def test_nobody_becomes_a_member_by_the_address_of_who_pays(till: Till) -> None:
    payer, browser = till.reader(email="one@example.test")
    other, _ = till.reader(email="two@example.test")
    till.join(browser)
    gateway().client.v1.customers.update(till.customer_of(payer), {"email": "two@example.test"})
    till.deliver()
    sync.sync_customer(till.customer_of(payer), "test")
    assert till.live(payer) == ["vip"]
    assert till.live(other) == []


@pytest.mark.once
def test_somebody_who_owes_is_led_to_their_card_and_not_to_another_checkout(till: Till) -> None:
    _, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser), "fails-later"))
    till.sandbox.advance(32 * 86_400)
    till.deliver()
    answer = browser.post("/join/checkout", {"price": "gold-month"})
    assert answer.status_code == 409
    assert "Your card needs a look" in text_of(answer)
    assert len(till.subscriptions()) == 1


def test_an_unfinished_subscription_gives_nothing_and_blocks_nothing(till: Till) -> None:
    user, browser = till.reader()
    till.press(browser)
    with till.sandbox.store.read() as tx:
        price = next(each["id"] for each in tx.select("price") if each["unit_amount"] == 490)
    gateway().client.v1.subscriptions.create(
        {"customer": till.customer_of(user), "items": [{"price": price}], "payment_behavior": "default_incomplete"}
    )
    till.deliver()
    assert [row["status"] for row in till.subscriptions()] == ["incomplete"]
    assert till.live(user) == []
    till.join(browser)
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_who_left_joins_again(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    for times in range(2, 6):  # several, as Stripe's names have no order within a second
        running = next(each["id"] for each in till.subscriptions() if each["status"] == "active")
        gateway().cancel_subscription(running)
        till.deliver()
        assert till.live(user) == []
        till.join(browser)
        assert till.live(user) == ["vip"]
        assert till.mails(user).count("membership.welcome") == times


def test_an_event_whose_object_is_gone_is_dealt_with(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    gateway().client.v1.customers.delete(till.customer_of(user))
    till.deliver()
    assert states() <= {"done", "ignored"}
    assert till.live(user) == []


@pytest.mark.once
def test_events_without_an_id_a_subscription_or_a_customer_break_nothing(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    customer = till.customer_of(user)
    shapes = [
        ("invoice.upcoming", {"object": "invoice", "customer": customer, "id": None}),
        ("invoice.paid", {"object": "invoice", "customer": customer, "id": "in_1", "parent": None}),
        ("invoice.paid", {"object": "invoice", "customer": None, "id": "in_2"}),
        ("charge.refunded", {"object": "charge", "id": "ch_1", "customer": None, "payment_intent": None}),
        ("charge.dispute.created", {"object": "dispute", "id": "dp_1", "charge": "ch_nobody"}),
        ("customer.subscription.updated", {"object": "subscription", "id": "sub_1", "customer": {"id": customer}}),
        ("payment_method.attached", {"object": "payment_method", "id": "pm_1", "customer": "cus_deleted"}),
        ("customer.deleted", {"object": "customer", "id": "cus_nobody"}),
    ]
    for number, (kind, thing) in enumerate(shapes):
        assert told(till, identifier=f"evt_shape{number}", type=kind, data={"object": thing}) == 200, kind
    worker.run_all()
    assert states() <= {"done", "ignored"}
    assert till.live(user) == ["vip"]


def test_a_trial_that_is_cancelled_now_ends_now(till: Till) -> None:
    from tests.proof.flows import Stand, on_trial

    user, browser = till.reader()
    on_trial(Stand(till, user, browser))
    till.deliver()
    assert till.live(user) == ["vip"]
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    till.deliver()
    assert till.live(user) == []


def test_the_end_of_a_trial_is_what_stripe_says_now(till: Till) -> None:
    from tests.proof.flows import Stand, on_trial

    user, browser = till.reader()
    on_trial(Stand(till, user, browser))
    till.deliver()
    before = db.session().scalar(select(Subscription.trial_ends_at))
    gateway().client.v1.subscriptions.update(till.subscriptions()[0]["id"], {"trial_end": "now"})
    till.deliver()
    after = db.session().scalar(select(Subscription.trial_ends_at))
    assert before is not None
    assert after is None or after < before


@pytest.mark.once
def test_a_switch_leaves_one_item(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    _, form = shown(browser, "gold-month")
    browser.post("/account/membership/switch/gold-month", form)
    assert [len(each["items"]["data"]) for each in till.subscriptions()] == [1]


@pytest.mark.once
def test_what_others_wrote_at_stripe_stays(till: Till) -> None:
    from blueprints.accounts.service import take_new_email

    user, browser = till.reader()
    till.join(browser)
    v1 = gateway().client.v1
    customer = till.customer_of(user)
    v1.customers.update(customer, {"metadata": {"crm": "4711"}})
    with transaction():
        take_new_email(user.id, "new.address@example.test")
    till.deliver()
    sync.sync_customer(customer, "test")
    assert v1.customers.retrieve(customer).metadata.to_dict() == {"user_id": str(user.id), "crm": "4711"}


def test_no_failure_is_mailed_while_the_payment_is_open_in_the_browser(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser), "3d-secure")
    till.deliver()
    till.pay(till.press(browser), "declined")
    till.deliver()
    assert till.mails(user) == []


def test_an_address_that_no_mail_reaches_keeps_no_payment_from_counting(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    with transaction() as session:
        row = session.get(User, user.id)
        assert row is not None
        row.email = "not an address"
    till.deliver()
    assert till.live(user) == ["vip"]
    assert states() <= {"done", "ignored"}


def test_money_is_whole_minor_units_from_stripe_to_the_page(till: Till) -> None:
    assert money(490, "jpy") == "¥490"
    assert money(490, "usd") == "$4.90"
    _, browser = till.reader()
    till.join(browser)
    intent = gateway().list_charges(till.subscriptions()[0]["customer"])[0].intent
    gateway().client.v1.refunds.create({"payment_intent": str(intent), "amount": 123})
    till.deliver()
    assert db.session().execute(select(Payment.amount_cents, Payment.refunded_cents)).all() == [(490, 123)]


def test_keys_and_secrets_of_any_shape_are_taken_at_their_word() -> None:
    settings = Settings(
        stripe_secret_key="rk_test_" + "x" * 200, stripe_webhook_secrets=" whsec_a+/=, we-b_2 ,",
    )  # fmt: skip
    assert settings.webhook_secrets == ("whsec_a+/=", "we-b_2")


def test_every_case_is_listed_once_and_every_test_it_names_exists() -> None:
    text = (ROOT / "docs" / "billing-cases.md").read_text()
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.M)] == list(range(1, CASES + 1))
    known = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"def (test_\w+)", path.read_text()))
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named - known == set()
    flows = re.findall(r'Flow\("([^"]+)"', (ROOT / "tests" / "proof" / "flows.py").read_text())
    assert set(re.findall(r"flow “([^”]+)”", text)) <= set(flows)
