"""Any order, any repeat, any loss, at the same moment: the same end."""

import itertools
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.membership import jobs_health as billing_jobs
from blueprints.membership import queries_subscriptions, sync
from blueprints.membership.agreements import Origin
from blueprints.membership.gateway import gateway
from blueprints.membership.webhooks import HANDLERS
from core import clock
from core.db import db, transaction
from jobs import worker
from models.membership import BillingCustomer, CheckoutAttempt, StripeEvent
from stripe_sandbox.delivery import signature
from tests.conftest import examples
from tests.membership.conftest import Till


def deliver(till: Till, event: dict[str, Any]) -> None:
    """Deliver one event by hand, signed afresh."""
    import json
    import time

    body = json.dumps(event).encode()
    header = signature(gateway().webhook_secrets[0], body, int(time.time()))
    assert till.post_webhook("http://localhost/webhooks/stripe", body, {"Stripe-Signature": header}) == 200


def at_once(app: Flask, *calls: Callable[[], Any]) -> list[BaseException]:
    """Run the calls in threads that begin together, each in its own application context; what they raised."""
    barrier = threading.Barrier(len(calls))
    problems: list[BaseException] = []

    def run(call: Callable[[], Any]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                call()
            except BaseException as problem:
                problems.append(problem)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    return problems


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_events_and_redirect_ends_the_same(till: Till, data: st.DataObject) -> None:
    user, browser = till.reader()
    before = till.customers()
    back = till.pay(till.press(browser))
    customer = till.customer_of(user)
    told = [event for event in till.events() if event["data"]["object"].get("customer") == customer]
    assert {"checkout.session.completed", "customer.subscription.created", "invoice.paid"} <= {e["type"] for e in told}
    steps: list[Any] = data.draw(st.lists(st.sampled_from(told), min_size=1, max_size=len(told) * 2))
    place = data.draw(st.integers(0, len(steps)))
    run_between = data.draw(st.lists(st.booleans(), min_size=len(steps) + 1, max_size=len(steps) + 1))
    for step, run in zip([*steps[:place], None, *steps[place:]], run_between, strict=True):
        if step is None:
            till.come_back(browser, back)
        else:
            deliver(till, step)
        if run:
            worker.run_all()
    worker.run_all()
    entitlements = till.entitlements(user)
    assert [(row.ends_at, row.source) for row in entitlements] == [(None, "stripe")]
    started = next(item["start_date"] for item in till.subscriptions() if item["customer"] == customer)
    assert int(entitlements[0].starts_at.timestamp()) == started
    assert till.mails(user) == ["membership.welcome"]
    assert len(till.memberships(user)) == 1
    assert till.customers() == before + 1


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_events_from_all_of_a_membership_in_any_order_end_the_same(till: Till, seed: int) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    gateway().cancel_at_period_end(next(s["id"] for s in till.subscriptions() if s["customer"] == till.customer_of(user)))
    till.sandbox.advance(32 * 24 * 3600)
    events = [event for event in till.events() if event["data"]["object"].get("customer") == till.customer_of(user)]
    random.Random(seed).shuffle(events)
    for event in events:
        deliver(till, event)
        worker.run_all()
    assert till.live(user) == []
    assert till.entitlements(user) == []
    assert till.mails(user) == []


def test_events_that_never_came_are_caught_up(till: Till) -> None:
    user, browser = till.reader()
    till.sandbox.set_delivery_mode("lost")
    till.pay(till.press(browser))
    assert till.deliver() == 0
    assert till.live(user) == []
    billing_jobs.catch_up()
    worker.run_all()
    assert till.live(user) == ["vip"]
    stored = till.count(StripeEvent)
    billing_jobs.catch_up()
    assert till.count(StripeEvent) == stored


def test_an_event_given_up_on_is_tried_again_when_stripe_is_back(till: Till, stripe_down: Any) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    till.sandbox.deliver_all(till.post_webhook)
    real = till.app.extensions["rejoinder_gateway"]
    stripe_down()
    for hour in range(12):
        clock.shift(clock.timedelta(hours=hour))
        worker.run_due(100)
    till.app.extensions["rejoinder_gateway"] = real
    worker.run_due(100)
    assert till.live(user) == []
    billing_jobs.catch_up()
    worker.run_all()
    assert till.live(user) == ["vip"]


def test_reconciling_finds_what_neither_webhook_nor_catch_up_told(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    till.sandbox.set_delivery_mode("lost")
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    assert till.live(user) == ["vip"]
    with transaction():
        from jobs.queue import enqueue

        enqueue("stripe.reconcile")
    worker.run_all()
    assert till.live(user) == []


def test_the_reconcile_command_tells_what_it_did(till: Till) -> None:
    user, browser = till.reader()
    till.sandbox.set_delivery_mode("lost")
    till.pay(till.press(browser))
    result = till.app.test_cli_runner().invoke(args=["billing", "reconcile"])
    assert result.exit_code == 0, result.output
    assert "1 customer compared" in result.output
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_the_doctor_is_content_with_the_sandbox(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    result = till.app.test_cli_runner().invoke(args=["billing", "doctor"])
    assert "WRONG" not in result.output
    assert result.exit_code == 0


def test_the_doctor_names_what_is_wrong(till: Till, stripe_down: Any) -> None:
    stripe_down()
    result = till.app.test_cli_runner().invoke(args=["billing", "doctor"])
    assert result.exit_code == 1
    assert "WRONG Stripe: " in result.output


def test_two_presses_at_once_make_one_customer_and_one_session(till: Till) -> None:
    user, _ = till.reader()
    viewer = till.viewer(user)
    from blueprints.membership.checkout import start_checkout

    urls: list[str] = []

    def press() -> None:
        urls.append(start_checkout(viewer, "vip-month", "/account/membership", "http://localhost", Origin("/join")))

    assert at_once(till.app, press, press, press) == []
    assert len(set(urls)) == 1
    assert till.customers() == 1
    assert till.count(CheckoutAttempt) == 1
    assert till.count(BillingCustomer) == 1


def test_two_prices_pressed_at_once_leave_one_open_session(till: Till) -> None:
    user, _ = till.reader()
    viewer = till.viewer(user)
    from blueprints.membership.checkout import start_checkout
    from core.errors import Conflict

    def press(price: str) -> Callable[[], Any]:
        return lambda: start_checkout(viewer, price, "/account/membership", "http://localhost", Origin("/join"))

    problems = at_once(till.app, press("vip-month"), press("gold-month"))
    assert all(isinstance(problem, Conflict) for problem in problems), problems
    with till.sandbox.store.read() as tx:
        assert [s["status"] for s in tx.select("checkout.session")].count("open") == 1


def test_redirect_and_webhooks_at_once_grant_once(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    customer = till.customer_of(user)
    calls = [lambda: sync.sync_customer(customer, "at once")] * 4
    assert at_once(till.app, *calls) == []
    assert till.live(user) == ["vip"]
    assert till.mails(user) == ["membership.welcome"]
    assert len(till.memberships(user)) == 1


def test_workers_at_once_deal_with_every_event(till: Till) -> None:
    user, browser = till.reader()
    back = till.pay(till.press(browser))
    till.sandbox.deliver_all(till.post_webhook)
    assert at_once(till.app, worker.run_all, worker.run_all, lambda: till.come_back(browser, back)) == []
    worker.run_all()
    states = set(db.session().scalars(select(StripeEvent.state).where(StripeEvent.type.in_(HANDLERS))))
    assert states <= {"done", "ignored"}
    assert till.mails(user) == ["membership.welcome"]
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_an_older_fetch_never_lands_on_a_newer_one(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    user, browser = till.reader()
    till.join(browser)
    customer = till.customer_of(user)
    subscription = till.subscriptions()[0]["id"]
    stripe = gateway()
    held, go_on = threading.Event(), threading.Event()
    first = itertools.count()
    fetch = sync.fetch_picture

    def slow_fetch(*args: Any) -> Any:
        picture = fetch(*args)
        if next(first) == 0:
            held.set()
            go_on.wait(10)
        return picture

    monkeypatch.setattr(sync, "fetch_picture", slow_fetch)
    monkeypatch.setattr(sync, "TURN", clock.timedelta(seconds=0))

    def slow() -> None:
        with till.app.app_context():
            sync.sync_customer(customer, "slow")

    thread = threading.Thread(target=slow)
    thread.start()
    assert held.wait(10)
    stripe.cancel_subscription(subscription)
    sync.sync_customer(customer, "quick")
    go_on.set()
    thread.join()
    db.session.rollback()
    assert till.live(user) == []


@pytest.mark.once
def test_a_sync_that_waits_is_as_fresh_as_its_call(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    customer = till.customer_of(user)
    mode = gateway().mode
    taken = sync._try_turn(mode, customer)
    assert taken is not None
    with pytest.raises(sync.Busy):
        sync.sync_customer(customer, "impatient", wait=0.1)
    sync._give_back_turn(mode, customer, taken[0])
    assert sync.sync_customer(customer, "patient", wait=0.1)
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_a_dead_process_gives_its_turn_away_in_time(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    sync._try_turn(gateway().mode, till.customer_of(user))
    clock.shift(sync.TURN + clock.timedelta(seconds=1))
    assert sync.sync_customer(till.customer_of(user), "later", wait=0.1)


def test_a_customer_of_nobody_is_not_ours(till: Till) -> None:
    assert sync.sync_customer("cus_nobody", "test") is False


@pytest.mark.once
def test_what_is_not_our_product_gives_nothing(till: Till) -> None:
    user, browser = till.reader()
    till.press(browser)
    client = gateway().client.v1
    product = client.products.create({"name": "A tote bag club"})
    price = client.prices.create(
        {"product": product.id, "unit_amount": 900, "currency": "usd", "recurring": {"interval": "month"}}
    )
    client.subscriptions.create(
        {"customer": till.customer_of(user), "items": [{"price": price.id}], "payment_behavior": "default_incomplete"}
    )
    till.deliver()
    sync.sync_customer(till.customer_of(user), "test")
    assert till.live(user) == []
    assert queries_subscriptions.known_subscriptions("sandbox", [s["id"] for s in till.subscriptions()]) == {}


@pytest.mark.once
def test_more_subscriptions_than_a_page_are_all_seen(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    from blueprints.membership.gateway import line

    monkeypatch.setattr(line, "PAGE_SIZE", 2)
    user, browser = till.reader()
    for _ in range(5):
        till.join(browser)
        gateway().cancel_subscription(till.subscriptions()[0]["id"])
        till.deliver()
    till.join(browser)
    assert len(gateway().list_subscriptions(till.customer_of(user))) == 6
    assert till.live(user) == ["vip"]
    assert len(till.entitlements(user)) == 6


@pytest.mark.once
def test_a_full_refund_ends_access_and_a_partial_one_does_not(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    client = gateway().client.v1
    intent = gateway().list_charges(till.customer_of(user))[0].intent
    client.refunds.create({"payment_intent": str(intent), "amount": 100})
    till.deliver()
    assert till.live(user) == ["vip"]
    client.refunds.create({"payment_intent": str(intent)})
    till.deliver()
    assert till.live(user) == []
    assert till.mails(user) == ["membership.welcome", "membership.ended"]


@pytest.mark.once
def test_a_disputed_payment_ends_access(till: Till) -> None:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser), "disputed"))
    till.deliver()
    assert till.live(user) == []


@pytest.mark.once
def test_a_deleted_account_pays_no_more(till: Till) -> None:
    from blueprints.accounts.service import delete_account

    user, browser = till.reader()
    till.join(browser)
    with transaction():
        delete_account(user.id, keep_words=True)
    till.deliver()
    assert [item["status"] for item in till.subscriptions()] == ["canceled"]
    assert till.live(user) == []
    till.deliver()
    assert not [row for row in db.session().scalars(select(StripeEvent)) if row.state == "failed"]


@pytest.mark.once
def test_an_account_deleted_while_stripe_is_down_is_ended_later(till: Till, stripe_down: Any) -> None:
    from blueprints.accounts.service import delete_account

    user, browser = till.reader()
    till.join(browser)
    real = till.app.extensions["rejoinder_gateway"]
    stripe_down()
    with transaction():
        delete_account(user.id, keep_words=True)
    worker.run_due(100)
    assert till.subscriptions()[0]["status"] == "active"
    till.app.extensions["rejoinder_gateway"] = real
    clock.shift(clock.timedelta(minutes=5))
    worker.run_all()
    assert till.subscriptions()[0]["status"] == "canceled"


@pytest.mark.once
def test_deleting_an_account_whose_plan_was_cancelled_already_is_done(till: Till) -> None:
    from blueprints.accounts.service import delete_account

    user, browser = till.reader()
    till.join(browser)
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    with transaction():
        delete_account(user.id, keep_words=True)
    till.deliver()
    assert till.live(user) == []


def test_a_page_left_open_cannot_be_paid_after_the_account_is_gone(till: Till) -> None:
    from blueprints.accounts.service import delete_account

    user, browser = till.reader()
    url = till.press(browser)
    with transaction():
        delete_account(user.id, keep_words=True)
    worker.run_all()
    from tests.browser import Browser

    assert Browser(till.app).http.get(url.removeprefix("http://localhost")).status_code == 410
    assert till.subscriptions() == []
    assert till.live(user) == []


def test_no_call_to_stripe_is_made_inside_a_transaction(till: Till) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction():
        gateway().retrieve_customer("cus_x")


@pytest.mark.once
def test_listeners_hear_of_every_change_once(till: Till) -> None:
    from blueprints.membership.signals import membership_changed_signal

    heard: list[int] = []

    def listen(_sender: object, *, user_id: int) -> None:
        heard.append(user_id)

    user, browser = till.reader()
    with membership_changed_signal.connected_to(listen):
        till.join(browser)
        assert heard == [user.id]
        browser.post("/account/membership/cancel", {"sure": "yes"})
        till.deliver()
        assert heard == [user.id, user.id]


def test_demo_members_buy_their_plan_once(till: Till) -> None:
    from blueprints.membership.demo import join_in_sandbox
    from tests.factories import make_plan, make_user

    user = make_user(plan=make_plan("vip"))
    join_in_sandbox(user.id, "vip-month")
    join_in_sandbox(user.id, "vip-month")
    till.deliver()
    assert till.live(user) == ["vip"]
    assert len(till.subscriptions()) == 1


@pytest.mark.once
def test_a_new_address_is_told_to_stripe(till: Till) -> None:
    from blueprints.accounts.service import take_new_email

    user, browser = till.reader()
    till.join(browser)
    with transaction():
        take_new_email(user.id, "ada.new@example.test")
    till.deliver()
    assert gateway().retrieve_customer(till.customer_of(user)).email == "ada.new@example.test"
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_the_same_calls_work_over_real_http(till: Till, tmp_path: Any) -> None:
    from blueprints.membership.gateway import Gateway, PlanOffer, PriceOffer, Unavailable
    from stripe_sandbox.serve import start

    server, sandbox = start(0, None, "whsec_other", tmp_path / "other.sqlite3")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    door = Gateway(
        "sk_test_sandbox", mode="test", webhook_secrets=("whsec_other",),
        api_base=f"http://127.0.0.1:{server.server_port}/",
    )  # fmt: skip
    try:
        offer = PlanOffer("vip", "VIP", (PriceOffer("vip-month", 490, "usd", "month"),))
        ids = door.ensure_product_and_prices(offer)
        assert door.ensure_product_and_prices(offer) == ids
        customer = door.create_customer(1, "ada@example.test", "Ada", "key-1")
        assert door.create_customer(1, "ada@example.test", "Ada", "key-1") == customer
        assert door.list_subscriptions(customer) == []
    finally:
        server.shutdown()
        server.server_close()
        sandbox.close()
    with pytest.raises(Unavailable):
        door.retrieve_customer(customer)
