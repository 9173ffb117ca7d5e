"""Trials: free first, then a first payment; with a card, without one, ended early; and pauses."""

import pytest
import stripe

from tests.stripe_sandbox.conftest import World

DAY = 86_400


def trial(world: World, card: str = "works", days: int = 14, **more: object) -> tuple[stripe.Customer, stripe.Subscription]:
    customer = world.customer()
    session = world.session(customer.id, subscription_data={"trial_period_days": days, **more})
    assert (session.amount_total, session.payment_status) == (0, "unpaid")
    assert world.pay(session, card).status_code == 303
    return customer, world.api.subscriptions.list({"customer": customer.id}).data[0]


def test_a_trial_takes_no_money_and_keeps_the_card(world: World) -> None:
    customer, subscription = trial(world)
    told = [name for name in world.delivered() if not name.startswith(("product.", "price."))]
    assert told == [
        "customer.created", "setup_intent.created", "setup_intent.succeeded", "payment_method.attached",
        "customer.subscription.created", "invoice.created", "invoice.finalized", "invoice.updated", "invoice.paid",
        "invoice.payment_succeeded", "checkout.session.completed",
    ]  # fmt: skip
    assert subscription.status == "trialing"
    assert subscription.trial_end == subscription["items"].data[0].current_period_end == subscription.start_date + 14 * DAY
    invoice = world.api.invoices.retrieve(str(subscription.latest_invoice))
    assert (invoice.amount_paid, invoice.status, invoice.billing_reason) == (0, "paid", "subscription_create")
    assert world.api.charges.list({"customer": customer.id}).data == []
    session = world.api.checkout.sessions.list({"customer": customer.id}).data[0]
    assert (session.payment_status, session.status) == ("no_payment_required", "complete")
    assert world.api.setup_intents.retrieve(str(session.setup_intent)).status == "succeeded"


def test_the_page_of_a_trial_says_what_is_free_and_what_is_paid_first(world: World) -> None:
    session = world.session(world.customer().id, subscription_data={"trial_period_days": 14})
    text = world.browser.get(world.page(str(session.url))).text
    assert "Free until" in text
    assert "The first payment of €8.00" in text


def test_the_end_is_told_three_days_before_and_the_first_payment_follows(world: World) -> None:
    customer, subscription = trial(world)
    world.delivered()
    world.sandbox.advance(10 * DAY)
    assert world.delivered() == ["invoice.upcoming"]
    world.sandbox.advance(2 * DAY)
    assert world.delivered() == ["customer.subscription.trial_will_end"]
    world.sandbox.advance(3 * DAY)
    types = world.delivered()
    assert types[:2] == ["customer.subscription.updated", "invoice.created"]
    assert types[-3:] == ["invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"]
    after = world.api.subscriptions.retrieve(subscription.id)
    assert after.status == "active"
    assert after.billing_cycle_anchor == subscription.trial_end
    assert [charge.amount for charge in world.api.charges.list({"customer": customer.id}).data] == [800]


def test_the_end_of_a_short_trial_is_told_at_once(world: World) -> None:
    trial(world, days=2)
    assert world.delivered()[-1] == "customer.subscription.trial_will_end"


def test_a_declined_card_begins_no_trial(world: World) -> None:
    customer = world.customer()
    session = world.session(customer.id, subscription_data={"trial_period_days": 14})
    world.refusal(world.pay(session, "declined"), session)
    assert "setup_intent.setup_failed" in world.delivered()
    assert world.api.subscriptions.list({"customer": customer.id, "status": "all"}).data == []


def test_a_3d_secure_check_guards_a_trial_as_well(world: World) -> None:
    customer = world.customer()
    session = world.session(customer.id, subscription_data={"trial_period_days": 14})
    assert world.pay(session, "3d-secure").location.endswith("/verify")
    assert world.browser.post(f"/pay/{session.id}/verify", data={"answer": "complete"}).status_code == 303
    assert world.api.subscriptions.list({"customer": customer.id}).data[0].status == "trialing"


@pytest.mark.parametrize(("behaviour", "status", "event"), [
    ("cancel", "canceled", "customer.subscription.deleted"),
    ("pause", "paused", "customer.subscription.paused"),
])  # fmt: skip
def test_a_trial_without_a_card_ends_as_it_was_told(world: World, behaviour: str, status: str, event: str) -> None:
    customer = world.customer()
    data = {"trial_period_days": 7, "trial_settings": {"end_behavior": {"missing_payment_method": behaviour}}}
    session = world.session(customer.id, subscription_data=data, payment_method_collection="if_required")
    assert "Begin without a card" in world.browser.get(world.page(str(session.url))).text
    assert world.pay(session, "none").status_code == 303
    world.sandbox.advance(8 * DAY)
    assert event in world.delivered()
    found = world.api.subscriptions.list({"customer": customer.id, "status": "all"}).data[0]
    assert found.status == status
    if status == "paused":
        world.api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        method = world.api.payment_methods.list({"customer": customer.id}).data[0]
        world.api.subscriptions.update(found.id, {"default_payment_method": method.id})
        assert world.api.subscriptions.resume(found.id).status == "active"
        assert "customer.subscription.resumed" in world.delivered()


def test_a_trial_ended_now_is_charged_within_the_hour(world: World) -> None:
    customer, subscription = trial(world)
    world.api.subscriptions.update(subscription.id, {"trial_end": "now"})
    world.sandbox.advance(3700)
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"
    assert len(world.api.charges.list({"customer": customer.id}).data) == 1


@pytest.mark.parametrize(("behaviour", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")])
def test_while_collecting_is_paused_renewals_cost_nothing(world: World, behaviour: str, status: str) -> None:
    customer, subscription = world.member()
    resumes_at = world.sandbox.now() + 40 * DAY
    world.api.subscriptions.update(
        subscription.id, {"pause_collection": {"behavior": behaviour, "resumes_at": resumes_at}}  # type: ignore[typeddict-item]
    )
    world.sandbox.advance(32 * DAY)
    newest = world.api.invoices.list({"customer": customer.id}).data[0]
    assert newest.status == status
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"
    world.sandbox.advance(10 * DAY)
    assert world.api.subscriptions.retrieve(subscription.id).pause_collection is None
    assert len(world.api.charges.list({"customer": customer.id}).data) == 1


def test_after_the_last_try_an_account_may_keep_the_subscription_unpaid(world: World) -> None:
    with world.sandbox.store.write() as tx:
        tx.set_setting("after_last_try", "unpaid")
    _, subscription = world.member("fails-later")
    world.sandbox.advance(31 * DAY + 3 * 3600)
    world.sandbox.advance(20 * DAY)
    assert world.api.subscriptions.retrieve(subscription.id).status == "unpaid"
