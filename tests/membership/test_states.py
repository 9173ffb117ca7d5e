"""Every state that Stripe knows, from the Subscription at Stripe to who may read: asked of our own tables and the clock."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from blueprints.membership import sync
from blueprints.membership.gateway import gateway
from blueprints.membership.service import end_grant, grant
from core import clock
from core.db import db, transaction
from jobs import worker
from models.membership import Membership, StripeEvent, Subscription
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_user
from tests.membership.conftest import Till
from tests.membership.test_own_page import pass_time
from tests.membership.test_sync import deliver

DAY = timedelta(days=1)


def client() -> Any:
    return gateway().client.v1


def stripe_price(till: Till, key: str = "vip-month") -> str:
    from blueprints.membership import queries_catalogue
    from blueprints.membership.paying import ensure_price

    price = queries_catalogue.price_on_offer(key)
    assert price is not None
    return ensure_price(gateway(), price)


def customer(till: Till, user: User) -> str:
    from blueprints.membership.paying import ensure_customer

    return ensure_customer(gateway(), user.id, user.email, user.display_name)


def status(user: User) -> list[str]:
    from models.membership import BillingCustomer

    rows = select(Subscription.status).join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
    return list(db.session().scalars(rows.where(BillingCustomer.user_id == user.id).order_by(Subscription.id)))


def may_read(browser: Browser) -> bool:
    """Whether a page for members shows its end to this person now."""
    return "Second paragraph." in text_of(browser.get("/articles/for-members"))


@pytest.fixture
def for_members(till: Till) -> None:
    make_article("For members", slug="for-members", read_audience="members")


def test_incomplete_gives_nothing_and_blocks_nothing(till: Till) -> None:
    user, browser = till.reader()
    client().subscriptions.create({
        "customer": customer(till, user), "items": [{"price": stripe_price(till)}], "payment_behavior": "default_incomplete",
    })  # fmt: skip
    till.deliver()
    assert status(user) == ["incomplete"]
    assert till.live(user) == []
    pass_time(till, 1.1)
    assert status(user) == ["incomplete_expired"]
    assert till.live(user) == []
    till.join(browser)
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_a_trial_gives_access_and_the_first_payment_goes_on_with_it(till: Till) -> None:
    from models.membership import Price

    with transaction() as session:
        session.scalars(select(Price).where(Price.key == "vip-month")).one().trial_days = 14
    user, browser = till.reader()
    till.join(browser)
    assert status(user) == ["trialing"]
    assert till.live(user) == ["vip"]
    pass_time(till, 14.2)
    assert status(user) == ["active"]
    assert till.live(user) == ["vip"]


def test_a_trial_that_ran_out_without_a_card_is_paused_and_may_join_anew(till: Till) -> None:
    user, browser = till.reader()
    client().subscriptions.create({
        "customer": customer(till, user), "items": [{"price": stripe_price(till)}], "trial_period_days": 7,
        "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
    })  # fmt: skip
    till.deliver()
    assert till.live(user) == ["vip"]
    pass_time(till, 7.2)
    assert status(user) == ["paused"]
    assert till.live(user) == []
    assert "Paused" in text_of(browser.get("/account/membership"))
    till.join(browser)
    assert till.live(user) == ["vip"]


@pytest.mark.parametrize(("behavior", "lasts"), [("void", False), ("keep_as_draft", True), ("mark_uncollectible", True)])
def test_collection_that_is_paused_gives_access_as_it_was_meant(till: Till, behavior: str, lasts: bool) -> None:
    user, browser = till.reader()
    till.join(browser)
    subscription = till.subscriptions()[0]["id"]
    client().subscriptions.update(subscription, {"pause_collection": {"behavior": behavior}})
    till.deliver()
    assert status(user) == ["active"]
    assert till.live(user) == ["vip"]
    with till.sandbox.store.read() as tx:
        before = len([item for item in tx.select("charge") if item["status"] == "succeeded"])
    clock.shift(clock._offset.get() + 32 * DAY)
    assert (till.live(user) == ["vip"]) is lasts  # by our clock alone, whatever Stripe does
    clock.shift(clock._offset.get() - 32 * DAY)
    pass_time(till, 33)
    with till.sandbox.store.read() as tx:
        assert len([item for item in tx.select("charge") if item["status"] == "succeeded"]) == before
    client().subscriptions.update(subscription, {"pause_collection": ""})
    till.deliver()
    assert till.live(user) == ["vip"]
    assert till.mails(user).count("membership.welcome") == 1


@pytest.mark.once
@pytest.mark.parametrize("form", [{"cancel_at_period_end": True}, {"cancel_at": "end"}])
def test_both_forms_of_a_scheduled_cancellation_keep_what_was_paid_to_the_minute(till: Till, form: dict[str, Any]) -> None:
    user, browser = till.reader()
    till.join(browser)
    state = till.state(user)
    assert state is not None
    assert state.period_end_at is not None
    end = state.period_end_at
    change = {"cancel_at": int((end - 5 * DAY).timestamp())} if "cancel_at" in form else form
    ends = end - 5 * DAY if "cancel_at" in form else end
    client().subscriptions.update(state.subscription, change)
    till.deliver()
    assert till.entitlements(user)[0].ends_at == ends
    assert "Cancelled: ends on" in text_of(browser.get("/account/membership"))
    clock.shift(clock._offset.get() + (ends - clock.now()) - timedelta(minutes=1))
    assert till.live(user) == ["vip"]
    clock.shift(clock._offset.get() + timedelta(minutes=1, seconds=1))
    assert till.live(user) == []  # without a word from Stripe


def test_a_cancellation_at_once_after_one_for_later_takes_the_later_end_back(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    till.deliver()
    assert till.live(user) == []
    assert status(user) == ["canceled"]


def test_of_two_bought_at_once_the_older_stays_and_the_newer_is_paid_back(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    first = till.subscriptions()[0]["id"]
    pass_time(till, 0.01)
    second = client().subscriptions.create({
        "customer": till.customer_of(user), "items": [{"price": stripe_price(till, "gold-month")}],
        "default_payment_method": till.subscriptions()[0]["default_payment_method"],
    })  # fmt: skip
    till.deliver()
    worker.run_all()
    till.deliver()
    states = {item["id"]: item["status"] for item in till.subscriptions()}
    assert states == {first: "active", str(second.id): "canceled"}
    assert till.live(user) == ["vip"]
    with till.sandbox.store.read() as tx:
        refunds = [item["amount"] for item in tx.select("refund")]
    assert refunds == [990]
    assert till.mails(user).count("membership.duplicate") == 1


@pytest.mark.once
def test_an_ending_and_a_new_one_stand_side_by_side(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    browser.post("/account/membership/cancel", {"sure": "yes"})
    till.deliver()
    client().subscriptions.create({
        "customer": till.customer_of(user), "items": [{"price": stripe_price(till, "gold-month")}],
        "default_payment_method": till.subscriptions()[0]["default_payment_method"],
    })  # fmt: skip
    till.deliver()
    assert sorted(till.live(user)) == ["gold", "vip"]
    pass_time(till, 32)
    assert till.live(user) == ["gold"]


def test_events_of_unknown_and_deleted_customers_and_of_other_worlds_are_kept_and_do_nothing(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    template = next(event for event in till.events() if event["type"] == "customer.subscription.created")
    unknown = {**template, "id": "evt_unknown", "data": {"object": {**template["data"]["object"], "customer": "cus_unknown"}}}
    live = {**template, "id": "evt_live", "livemode": True}
    connected = {**template, "id": "evt_connected", "account": "acct_1"}
    for event in (unknown, live, connected):
        deliver(till, event)
    worker.run_all()
    rows = {row.id: row.state for row in db.session().execute(select(StripeEvent.id, StripeEvent.state))}
    assert {rows[name] for name in ("evt_unknown", "evt_live", "evt_connected")} == {"ignored"}
    client().customers.delete(till.customer_of(user))
    till.deliver()
    assert till.live(user) == []
    assert status(user) == ["canceled"]
    deliver(till, {**template, "id": "evt_late"})
    worker.run_all()
    assert till.live(user) == []
    assert not [row for row in db.session().scalars(select(StripeEvent)) if row.state == "failed"]
    till.join(browser)  # with a new Customer
    assert till.live(user) == ["vip"]


@pytest.mark.once
def test_what_was_bought_in_another_mode_is_never_mixed_in(till: Till) -> None:
    from blueprints.membership import queries_customers, queries_subscriptions
    from models.membership import BillingCustomer, Plan

    user, browser = till.reader()
    till.join(browser)
    with transaction() as session:
        other = BillingCustomer(mode="live", user_id=user.id, stripe_id="cus_live", generation=0, applied_generation=0)
        session.add(other)
        session.flush()
        plan = session.scalars(select(Plan).where(Plan.key == "gold")).one()
        session.add(Subscription(
            mode="live", stripe_id="sub_live", customer_id=other.id, plan_id=plan.id, status="active",
            started_at=clock.now(), fetched_at=clock.now(),
        ))  # fmt: skip
    state = till.state(user)
    assert state is not None
    assert state.plan_key == "vip"
    assert sync.sync_customer("cus_live", "test") is False
    assert [row.stripe_id for row in queries_customers.customers_after("sandbox", 0, 10)] == [till.customer_of(user)]
    assert queries_subscriptions.known_subscriptions("sandbox", ["sub_live"]) == {}


@pytest.mark.once
def test_an_event_of_another_version_is_noticed_and_dealt_with_all_the_same(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    template = next(event for event in till.events() if event["type"] == "invoice.paid")
    deliver(till, {**template, "id": "evt_old", "api_version": "2019-05-16"})
    worker.run_all()
    row = db.session().get(StripeEvent, "evt_old")
    assert row is not None
    assert (row.api_version, row.state) == ("2019-05-16", "done")
    result = till.app.test_cli_runner().invoke(args=["billing", "doctor"])
    assert "2019-05-16" in result.output
    assert result.exit_code == 1


@pytest.mark.once
@pytest.mark.parametrize("setting", [True, False])
def test_a_refund_ends_access_as_the_publisher_set_it(till: Till, setting: bool) -> None:
    publisher = Browser(till.app).sign_in(make_user(roles=("publisher",)))
    assert "Giving back the whole of the last payment ends access" in text_of(publisher.get("/publisher/plans"))
    user, browser = till.reader()
    till.join(browser)
    form = {"dispute_ends_access": "y"} | ({"refund_ends_access": "y"} if setting else {})
    assert publisher.post("/publisher/refunds", form).status_code == 303
    intent = gateway().list_charges(till.customer_of(user))[0].intent
    client().refunds.create({"payment_intent": str(intent)})
    till.deliver()
    assert (till.live(user) == []) is setting
    publisher.post("/publisher/refunds", {"dispute_ends_access": "y"} | ({} if setting else {"refund_ends_access": "y"}))
    worker.run_all()
    assert (till.live(user) == []) is not setting  # whoever is a member already is looked at anew


@pytest.mark.once
@pytest.mark.parametrize("setting", [True, False])
def test_a_dispute_ends_access_as_the_publisher_set_it_and_winning_gives_it_back(till: Till, setting: bool) -> None:
    publisher = Browser(till.app).sign_in(make_user(roles=("publisher",)))
    publisher.post("/publisher/refunds", {"dispute_ends_access": "y"} if setting else {})
    user, browser = till.reader()
    till.come_back(browser, till.pay(till.press(browser), "disputed"))
    till.deliver()
    assert (till.live(user) == []) is setting
    from stripe_sandbox import disputes

    with till.sandbox.store.write() as tx:
        disputes.decide(tx, tx.select("dispute")[0], won=True)
    till.deliver()
    assert till.live(user) == ["vip"]


@pytest.mark.usefixtures("for_members")
@pytest.mark.parametrize("source", ["complimentary", "staff"])
def test_what_is_given_ends_to_the_second_without_anybody_doing_anything(till: Till, source: Any) -> None:
    user, browser = till.reader()
    assert not may_read(browser)
    end = clock.now() + 10 * DAY
    with transaction():
        grant(user.id, "vip", source=source, source_ref=f"test:{user.id}", ends_at=end)
    assert may_read(browser)
    clock.shift(end - clock.now() + clock._offset.get() - timedelta(seconds=3))
    assert may_read(browser)
    clock.shift(clock._offset.get() + timedelta(seconds=3))
    assert not may_read(browser)


@pytest.mark.usefixtures("for_members")
def test_what_is_given_can_be_taken_back_and_a_paid_plan_stays(till: Till) -> None:
    user, browser = till.reader()
    with transaction():
        grant(user.id, "vip", source="complimentary", source_ref="test:1")
    till.join(browser, "gold-month")
    assert may_read(browser)
    with transaction():
        end_grant("complimentary", "test:1")
    assert may_read(browser)
    assert till.live(user) == ["gold"]
    rows = select(Membership).where(Membership.user_id == user.id, Membership.ended_at.is_(None))
    assert len(db.session().scalars(rows).all()) == 1


@pytest.mark.once
def test_a_portal_of_stripes_cancels_as_our_own_page_does(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    portal = urlsplit(browser.post("/account/membership/card").headers["Location"]).path
    Browser(till.app).http.post(f"{portal}/cancel/{till.subscriptions()[0]['id']}", data={})
    till.deliver()
    assert till.subscriptions()[0]["cancel_at_period_end"] is False
    state = till.state(user)
    assert state is not None
    assert state.is_ending
    assert till.mails(user) == ["membership.welcome", "membership.cancelled"]
