"""What Subscriptions bring in: every change once, with its name, in whatever order we hear of it."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.insights import checking
from blueprints.membership import queries_catalogue, sync
from blueprints.membership.bookkeeping import Bookkeeper
from blueprints.membership.gateway import InvoiceState, Refused, SubscriptionState, gateway
from blueprints.membership.paying import ensure_price
from core import clock
from core.db import db, transaction
from jobs import worker
from models.membership import BillingCustomer, Price, Subscription
from models.movement import BilledInvoice, Movement
from models.user import User
from stripe_sandbox.cards import CARDS
from tests.browser import Browser
from tests.membership.conftest import Till, open_till
from tests.membership.test_own_page import pass_time
from tests.membership.test_sync import at_once, deliver
from tests.publisher.test_selling import code

VIP, GOLD, VIP_YEAR, GOLD_YEAR = 490 * 12, 990 * 12, 4900, 9900  # what they bring in a year


def told(till: Till, user: User | None = None) -> list[tuple[str, int, int]]:
    """(kind, before, after) of every movement, of one reader or of all."""
    rows = db.session().scalars(
        select(Movement).order_by(Movement.at, Movement.id).execution_options(populate_existing=True)
    ).all()
    if user is not None:
        own = {row.id for row in db.session().scalars(select(Subscription)) if customer_id(till, user) == row.customer_id}
        rows = [row for row in rows if row.subscription_id in own]
    return [(row.kind, row.before_cents, row.after_cents) for row in rows]


def customer_id(till: Till, user: User) -> int:
    return int(db.session().scalars(select(BillingCustomer.id).where(BillingCustomer.user_id == user.id)).one())


def again(till: Till, user: User, times: int = 1) -> None:
    for _ in range(times):
        sync.sync_customer(till.customer_of(user), "once more")


def joined(till: Till, price: str = "vip-month", card: str = "works") -> tuple[User, Browser]:
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser, price), card))
    till.deliver()
    return user, browser


def switch(till: Till, user: User, price: str) -> None:
    """At once, as the member's own page does it."""
    stripe = gateway()
    state = next(item for item in stripe.list_subscriptions(till.customer_of(user)) if item.status == "active")
    stripe.switch_now(state, at_stripe(price), clock.now(), f"test:{price}:{random.random()}")
    till.deliver()


def at_stripe(price: str) -> str:
    """A price of ours as Stripe knows it."""
    found = queries_catalogue.price_on_offer(price)
    assert found is not None
    return ensure_price(gateway(), found)


@pytest.mark.once
def test_a_membership_is_told_from_its_first_payment_to_its_end(till: Till) -> None:
    user, browser = joined(till)
    assert told(till) == [("new", 0, VIP)]
    pass_time(till, 40)
    assert told(till) == [("new", 0, VIP)]
    switch(till, user, "gold-month")
    assert told(till)[1:] == [("upgraded", VIP, GOLD)]
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    assert len(told(till)) == 2, "it runs to the end of what was paid for"
    pass_time(till, 40)
    assert told(till)[2:] == [("churned", GOLD, 0)]
    again(till, user, 3)
    assert len(told(till)) == 3
    till.join(Browser(till.app).sign_in(user), "vip-year")
    assert told(till)[3:] == [("recovered", 0, VIP_YEAR)]


def test_a_switch_is_dated_to_the_second_of_the_switch(till: Till) -> None:
    user, _ = joined(till)
    pass_time(till, 10)
    at = clock.now()
    switch(till, user, "gold-month")
    row = db.session().scalars(select(Movement).where(Movement.kind == "upgraded")).one()
    assert abs(row.at - at) < timedelta(seconds=5)
    assert row.cause.startswith("in_")
    assert row.from_plan_id != row.plan_id


@pytest.mark.once
def test_a_cheaper_plan_counts_from_the_period_it_begins_in(till: Till) -> None:
    user, browser = joined(till, "gold-month")
    browser.post("/account/membership/switch/vip-month", {})
    till.deliver()
    again(till, user)
    assert told(till) == [("new", 0, GOLD)]
    pass_time(till, 32)
    assert told(till)[1:] == [("downgraded", GOLD, VIP)]


def test_free_days_bring_nothing_until_they_are_paid_for(till: Till) -> None:
    user, browser = till.reader(roles=("publisher",))
    browser.post("/publisher/plans/vip/prices", {"amount": "4.90", "currency": "usd", "interval": "month", "trial_days": "14"})
    worker.run_all()
    key = db.session().scalars(select(Price.key).where(Price.trial_days == 14)).one()
    till.join(browser, key)
    assert told(till) == []
    pass_time(till, 15)
    assert told(till) == [("converted", 0, VIP)]
    again(till, user)
    assert told(till) == [("converted", 0, VIP)]


def test_a_discount_counts_while_it_lasts_and_one_for_a_single_invoice_never(till: Till) -> None:
    _, publisher = till.reader(roles=("publisher",))
    code(publisher)  # half off the first payment
    code(publisher, code="LASTING", kind="percent", worth="33", duration="repeating", months="2")
    ends: dict[str, list[tuple[str, int, int]]] = {}
    for name in ("SPRING-27", "LASTING"):
        user, browser = till.reader()
        answer = browser.post("/join/checkout", {"price": "vip-month", "code": name})
        till.come_back(browser, till.pay(str(answer.headers["Location"])))
        till.deliver()
        ends[name] = told(till, user)
        if name == "LASTING":
            pass_time(till, 100)
            ends["later"] = told(till, user)
    assert ends["SPRING-27"] == [("new", 0, VIP)]
    assert ends["LASTING"] == [("new", 0, (490 - 162) * 12)]
    assert ends["later"] == [("new", 0, (490 - 162) * 12), ("repriced", (490 - 162) * 12, VIP)]


@pytest.mark.once
def test_what_is_owed_still_counts_until_the_subscription_ends_or_recovers(till: Till) -> None:
    user, _ = joined(till, card="fails-later")
    pass_time(till, 33)
    assert till.state(user).status == "past_due"  # type: ignore[union-attr]
    assert told(till) == [("new", 0, VIP)]
    pass_time(till, 30)
    assert told(till) == [("new", 0, VIP), ("churned", VIP, 0)]


@pytest.mark.once
def test_seats_count_as_often_as_they_are(till: Till) -> None:
    user, _ = joined(till)
    stripe = gateway()
    state = stripe.list_subscriptions(till.customer_of(user))[0]
    stripe.ask(lambda: stripe.v1.subscriptions.update(
        state.id, {"items": [{"id": state.item, "quantity": 3}], "proration_behavior": "always_invoice"}))
    till.deliver()
    assert told(till)[1:] == [("upgraded", VIP, 3 * VIP)]


def test_a_switch_that_no_invoice_shows_is_seen_all_the_same(till: Till) -> None:
    user, _ = joined(till)
    stripe = gateway()
    state = stripe.list_subscriptions(till.customer_of(user))[0]
    stripe.ask(lambda: stripe.v1.subscriptions.update(
        state.id, {"items": [{"id": state.item, "quantity": 2}], "proration_behavior": "create_prorations"}))
    till.deliver()
    assert told(till)[1:] == [("upgraded", VIP, 2 * VIP)]
    pass_time(till, 32)
    again(till, user)
    assert len(told(till)) == 2


@pytest.mark.once
def test_a_pause_brings_nothing_and_its_end_brings_it_back(till: Till) -> None:
    user, _ = joined(till)
    stripe = gateway()
    subscription = stripe.list_subscriptions(till.customer_of(user))[0].id
    stripe.pause_until(subscription, clock.now() + timedelta(days=70))
    till.deliver()
    assert told(till)[1:] == [("paused", VIP, 0)]
    pass_time(till, 40)
    again(till, user)
    assert len(told(till)) == 2
    pass_time(till, 60)
    again(till, user)
    assert told(till)[2:] == [("recovered", 0, VIP)]
    assert checking.compare("sandbox").differences == ()


def test_a_renewal_during_a_pause_brings_nothing_while_its_invoice_waits_to_be_void(till: Till) -> None:
    user, _ = joined(till)
    state = gateway().list_subscriptions(till.customer_of(user))[0]
    assert state.period_end_at is not None
    gateway().pause_until(state.id, clock.now() + timedelta(days=70))
    till.deliver()
    to_the_renewal(till, user, minutes=10)
    till.deliver()
    assert gateway().list_invoices(till.customer_of(user))[0].status == "draft"
    assert told(till) == [("new", 0, VIP), ("paused", VIP, 0)]


def test_a_renewal_and_a_switch_in_one_second_are_both_in_the_books(till: Till) -> None:
    user, _ = joined(till, "gold-month")
    to_the_renewal(till, user)
    till.deliver()
    stripe = gateway()
    state = stripe.list_subscriptions(till.customer_of(user))[0]
    begins = max(invoice.lines[0].starts_at for invoice in stripe.list_invoices(till.customer_of(user)))
    stripe.switch_now(state, at_stripe("gold-year"), begins, "in the same second")
    pass_time(till, 1)
    assert told(till) == [("new", 0, GOLD), ("downgraded", GOLD, GOLD_YEAR)]
    assert checking.compare("sandbox").differences == ()
    row = db.session().scalars(select(BilledInvoice).where(BilledInvoice.yearly_cents == GOLD)).all()[-1]
    row.yearly_cents = GOLD + 12  # billed at what no movement of that second says
    db.session().flush()
    (found,) = checking.compare("sandbox").differences
    assert (found.kind, found.expected, found.found) == ("rate", GOLD + 12, GOLD_YEAR)


def test_a_switch_that_was_seen_before_its_invoice_names_it_afterwards(till: Till) -> None:
    user, _ = joined(till)
    stripe, customer = gateway(), till.customer_of(user)
    pass_time(till, 3)
    stripe.switch_now(stripe.list_subscriptions(customer)[0], at_stripe("gold-year"), clock.now(), "seen too early")
    state, invoices = stripe.list_subscriptions(customer)[0], stripe.list_invoices(customer)
    seen_at = clock.now() + timedelta(seconds=2)
    for known in (invoices[1:], invoices):
        keep(seen_at, state, known)
        seen_at += timedelta(hours=1)
    assert told(till) == [("new", 0, VIP), ("upgraded", VIP, GOLD_YEAR)]
    assert db.session().scalars(select(Movement.cause).where(Movement.number == 2)).one() == invoices[0].id
    till.deliver()
    assert checking.compare("sandbox").differences == ()


def test_a_switch_in_the_second_of_a_pause_is_in_the_books(till: Till) -> None:
    user, _ = joined(till)
    stripe, customer = gateway(), till.customer_of(user)
    pass_time(till, 3)
    at = clock.now()
    stripe.pause_until(stripe.list_subscriptions(customer)[0].id, at + timedelta(days=40))
    keep(at, stripe.list_subscriptions(customer)[0], stripe.list_invoices(customer))
    stripe.switch_now(stripe.list_subscriptions(customer)[0], at_stripe("gold-year"), at, "in the same second")
    till.deliver()
    assert told(till) == [("new", 0, VIP), ("paused", VIP, 0), ("recovered", 0, GOLD_YEAR), ("paused", GOLD_YEAR, 0)]
    assert checking.compare("sandbox").differences == ()


def keep(at: datetime, state: SubscriptionState, invoices: list[InvoiceState]) -> None:
    """Keep the books of the only member as of this moment."""
    with transaction():
        row, mirror = (db.session().scalars(select(model)).one() for model in (BillingCustomer, Subscription))
        Bookkeeper(row, at).keep(state, mirror, invoices)


def to_the_renewal(till: Till, user: User, minutes: int = 0) -> None:
    """To the very second in which the running period ends, or so many minutes later."""
    state = gateway().list_subscriptions(till.customer_of(user))[0]
    assert state.period_end_at is not None
    ahead = int(state.period_end_at.timestamp()) - till.sandbox.now() + minutes * 60
    till.sandbox.advance(max(0, ahead))
    clock.shift(clock._offset.get() + timedelta(seconds=max(0, ahead)))


@pytest.mark.once
def test_a_refund_changes_the_payment_and_not_what_comes_in(till: Till) -> None:
    user, _ = joined(till)
    stripe = gateway()
    invoice = stripe.list_invoices(till.customer_of(user))[0]
    stripe.refund(invoice.intents[0], "refund:test")
    till.deliver()
    assert told(till) == [("new", 0, VIP)]


def test_a_deleted_customer_brings_nothing_any_more(till: Till) -> None:
    user, _ = joined(till)
    stripe = gateway()
    stripe.ask(lambda: stripe.v1.customers.delete(till.customer_of(user)))
    till.deliver()
    assert told(till) == [("new", 0, VIP), ("churned", VIP, 0)]


def test_many_syncs_at_once_write_each_movement_once(till: Till) -> None:
    user, browser = till.reader()
    till.pay(till.press(browser))
    customer = till.customer_of(user)

    def look() -> None:
        sync.sync_customer(customer, "at once", wait=60)

    assert at_once(till.app, look, look, look, look) == []
    assert told(till) == [("new", 0, VIP)]
    gateway().cancel_subscription(gateway().list_subscriptions(customer)[0].id)
    assert at_once(till.app, look, look, look, look) == []
    assert told(till) == [("new", 0, VIP), ("churned", VIP, 0)]
    chain_holds()


def chain_holds() -> None:
    """Each movement begins where the last one ended, and the last one says what the Subscription brings now."""
    for mirror in db.session().scalars(select(Subscription).execution_options(populate_existing=True)):
        rows = db.session().scalars(select(Movement).where(Movement.subscription_id == mirror.id).order_by(Movement.number)).all()
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        before, at = 0, None
        for row in rows:
            assert row.before_cents == before
            assert at is None or row.at >= at
            before, at = row.after_cents, row.at
        assert before == mirror.yearly_cents


STEPS = ("month", "gold", "vip", "year", "cancel", "resume", "now", "fail", "mend", "refund", "seats", "pause", "again", "renewal")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_and_however_we_hear_of_it_the_books_agree(
    app: Flask, begin_anew: Callable[[], None], data: st.DataObject
) -> None:
    """A member's life at random; heard as it happens, or all at once and shuffled in the end: the same sums."""
    begin_anew()
    clock.shift(timedelta())
    till = open_till(app)
    user, browser = till.reader()
    heard = data.draw(st.booleans())
    till.come_back(browser, till.pay(till.press(browser, data.draw(st.sampled_from(["vip-month", "gold-year"])))))
    customer = till.customer_of(user)
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=7)):
        live(till, user, customer, step)
        if heard:
            till.deliver()
            chain_holds()
    if not heard:
        events = till.events()
        random.Random(data.draw(st.integers(0, 99))).shuffle(events)
        for event in events:
            deliver(till, event)
        worker.run_all()
    again(till, user)
    chain_holds()
    expected = {item.id: item for item in gateway().list_subscriptions(customer)}
    for mirror in db.session().scalars(select(Subscription).where(Subscription.customer_id == customer_id(till, user))):
        state = expected[mirror.stripe_id]
        item = state.sold[0]
        brings = item.unit_cents * item.quantity * (12 if item.interval == "month" else 1)
        runs = state.status in ("active", "past_due") and not state.void_while_paused
        assert mirror.yearly_cents == (brings if runs else 0)
    for billed in db.session().scalars(select(BilledInvoice).where(BilledInvoice.status == "paid")):
        assert billed.paid_cents == billed.total_cents
    assert checking.compare("sandbox").differences == ()


def live(till: Till, user: User, customer: str, step: str) -> None:
    """One thing that happens to a Subscription; what is not possible now does not happen."""
    stripe = gateway()
    running = [item for item in stripe.list_subscriptions(customer) if item.status in ("active", "past_due")]
    if step == "again" and not running:
        browser = Browser(till.app).sign_in(user)  # the one from before was signed out meanwhile
        till.come_back(browser, till.pay(till.press(browser, "vip-month")))
    if not running:
        return
    state = running[0]
    item: dict[str, Any] = {"id": state.item}
    try:
        if step == "month":
            till.sandbox.advance(31 * 86_400)
            clock.shift(clock._offset.get() + timedelta(days=31))
        elif step == "renewal":
            to_the_renewal(till, user)
        elif step in ("gold", "vip", "year"):
            key = {"gold": "gold-month", "vip": "vip-month", "year": "gold-year"}[step]
            stripe.switch_now(state, at_stripe(key), clock.now().replace(microsecond=0), f"life:{random.random()}")
        elif step == "seats":
            stripe.ask(lambda: stripe.v1.subscriptions.update(
                state.id, {"items": [{**item, "quantity": state.quantity + 1}], "proration_behavior": "always_invoice"}))
        elif step == "cancel":
            stripe.cancel_at_period_end(state.id)
        elif step == "resume":
            stripe.resume_subscription(state)
        elif step == "pause":
            stripe.pause_until(state.id, clock.now() + timedelta(days=40))
        elif step == "now":
            stripe.cancel_subscription(state.id)
        elif step in ("fail", "mend"):
            pay_with(till, customer, "fails-later" if step == "fail" else "works")
        elif step == "refund":
            paid = [one for one in stripe.list_invoices(customer) if one.intents and one.status == "paid"]
            if paid:
                stripe.refund(paid[0].intents[0], f"life:{paid[0].id}")
    except Refused:
        return


def pay_with(till: Till, customer: str, card: str) -> None:
    """Another card for what comes next."""
    stripe = gateway()
    made = stripe.ask(lambda: stripe.v1.payment_methods.create({"type": "card", "card": {"number": CARDS[card].number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}}))
    stripe.ask(lambda: stripe.v1.payment_methods.attach(made.id, {"customer": customer}))
    for state in stripe.list_subscriptions(customer):
        if state.status in ("active", "past_due"):
            stripe.ask(lambda state=state: stripe.v1.subscriptions.update(state.id, {"default_payment_method": made.id}))
