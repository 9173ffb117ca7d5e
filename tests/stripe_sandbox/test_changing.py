"""Switching plans: now, with the next invoice, at the end of the period; previews, clocks, features, search."""

from typing import Any

import pytest
import stripe

from tests.stripe_sandbox.conftest import World

DAY = 86_400


def item_of(subscription: Any) -> str:
    return str(subscription["items"].data[0].id)


def gold(world: World, **more: Any) -> stripe.Price:
    return world.price(product_data={"name": "VIP Gold"}, unit_amount=1500, **more)


def test_a_preview_names_the_amount_that_the_switch_then_charges(world: World) -> None:
    customer, subscription = world.member()
    world.sandbox.advance(10 * DAY)
    moment = world.sandbox.now()
    items: Any = [{"id": item_of(subscription), "price": gold(world).id}]
    details: Any = {"items": items, "proration_behavior": "always_invoice", "proration_date": moment}
    preview = world.api.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert 0 < preview.amount_due < 700
    before = len(world.api.invoices.list({"customer": customer.id}).data)
    world.sandbox.advance(3600)
    world.api.subscriptions.update(
        subscription.id, {"items": items, "proration_behavior": "always_invoice", "proration_date": moment}
    )
    invoices = world.api.invoices.list({"customer": customer.id}).data
    assert len(invoices) == before + 1
    assert invoices[0].amount_paid == preview.amount_due
    assert [line.amount < 0 for line in invoices[0].lines.data] == [True, False]


def test_prorations_wait_for_the_next_invoice_when_asked_to(world: World) -> None:
    customer, subscription = world.member()
    world.sandbox.advance(10 * DAY)
    world.delivered()
    world.api.subscriptions.update(subscription.id, {"items": [{"id": item_of(subscription), "price": gold(world).id}]})
    assert world.delivered().count("invoiceitem.created") == 2
    assert len(world.api.invoice_items.list({"customer": customer.id, "pending": True}).data) == 2
    coming = world.api.invoices.create_preview({"subscription": subscription.id})
    world.sandbox.advance(22 * DAY)
    newest = world.api.invoices.list({"customer": customer.id}).data[0]
    assert newest.amount_paid == coming.amount_due > 1500
    assert world.api.invoice_items.list({"customer": customer.id, "pending": True}).data == []


def test_a_downgrade_can_wait_for_the_end_of_the_period(world: World) -> None:
    dear, cheap = gold(world), world.price()
    customer, subscription = world.member(line_items=[{"price": dear.id, "quantity": 1}])
    schedule = world.api.subscription_schedules.create({"from_subscription": subscription.id})
    assert world.api.subscriptions.retrieve(subscription.id).schedule == schedule.id
    phase = schedule.phases[0]
    world.api.subscription_schedules.update(schedule.id, {
        "end_behavior": "release",
        "phases": [
            {"items": [{"price": dear.id, "quantity": 1}], "start_date": phase.start_date, "end_date": phase.end_date},
            {"items": [{"price": cheap.id, "quantity": 1}], "duration": {"interval": "month", "interval_count": 1}},
        ],
    })  # fmt: skip
    world.delivered()
    world.sandbox.advance(25 * DAY)
    assert world.api.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == dear.id
    world.sandbox.advance(8 * DAY)
    assert world.api.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == cheap.id
    assert world.api.invoices.list({"customer": customer.id}).data[0].amount_paid == 800
    world.sandbox.advance(32 * DAY)
    assert "subscription_schedule.released" in world.delivered()
    after = world.api.subscriptions.retrieve(subscription.id)
    assert (after.schedule, after.status) == (None, "active")


def test_a_plan_for_later_can_be_dropped_and_goes_with_its_subscription(world: World) -> None:
    _, subscription = world.member()
    schedule = world.api.subscription_schedules.create({"from_subscription": subscription.id})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        world.api.subscription_schedules.create({"from_subscription": subscription.id})
    assert world.api.subscription_schedules.release(schedule.id).status == "released"
    again = world.api.subscription_schedules.create({"from_subscription": subscription.id})
    world.api.subscriptions.cancel(subscription.id)
    assert world.api.subscription_schedules.retrieve(again.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        world.api.subscription_schedules.release(again.id)


def test_the_portal_shows_what_a_switch_costs_and_makes_it(world: World) -> None:
    dear = gold(world)
    world.api.billing_portal.configurations.create({"features": {"subscription_update": {
        "enabled": True, "default_allowed_updates": ["price"], "proration_behavior": "always_invoice",
        "products": [{"product": str(dear.product), "prices": [dear.id]}],
    }}})  # fmt: skip
    customer, subscription = world.member()
    page = f"{world.portal(customer.id)}/switch/{subscription.id}"
    assert "€7.00" in world.browser.get(page).text
    assert world.browser.post(page, data={"price": dear.id}).status_code == 303
    assert world.api.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == dear.id
    assert world.api.invoices.list({"customer": customer.id}).data[0].amount_paid == 700


def test_a_switch_that_is_not_paid_changes_nothing(world: World) -> None:
    dear = gold(world)
    customer, subscription = world.member("fails-later")
    method = world.api.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    world.api.subscriptions.update(subscription.id, {"default_payment_method": method.id})
    with pytest.raises(stripe.CardError):
        world.api.subscriptions.update(
            subscription.id,
            {"items": [{"id": item_of(subscription), "price": dear.id}], "proration_behavior": "always_invoice"},
        )
    assert world.api.subscriptions.retrieve(subscription.id)["items"].data[0].price.id != dear.id
    assert len(world.api.invoices.list({"customer": customer.id}).data) == 1


def test_a_test_clock_moves_the_sandbox_forward_and_never_back(world: World) -> None:
    clock = world.api.test_helpers.test_clocks.create({"frozen_time": world.sandbox.now()})
    customer = world.customer(test_clock=clock.id)
    session = world.session(customer.id)
    world.pay(session)
    subscription = world.api.subscriptions.list({"customer": customer.id}).data[0]
    assert subscription.test_clock == clock.id
    world.api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": world.sandbox.now() + 32 * DAY})
    assert world.api.test_helpers.test_clocks.retrieve(clock.id).status == "ready"
    assert len(world.api.invoices.list({"customer": customer.id, "status": "paid"}).data) == 2
    with pytest.raises(stripe.InvalidRequestError, match="forward"):
        world.api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": world.sandbox.now() - DAY})


def test_customers_are_found_by_their_fields(world: World) -> None:
    rosa = world.customer(metadata={"user_id": "7"})
    world.customer(email="vic@example.test", metadata={"user_id": "8"})
    found = world.api.customers.search({"query": "email:'rosa@example.test' AND metadata['user_id']:'7'"})
    assert [one.id for one in found.data] == [rosa.id]
    assert world.api.customers.search({"query": "metadata['user_id']:'9'"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="parse"):
        world.api.customers.search({"query": "everybody"})


def test_a_product_gives_its_features_while_the_subscription_lasts(world: World) -> None:
    price = world.price()
    feature = world.api.entitlements.features.create({"lookup_key": "comment", "name": "Comment"})
    world.api.products.features.create(str(price.product), {"entitlement_feature": feature.id})
    customer, subscription = world.member(line_items=[{"price": price.id, "quantity": 1}])
    assert "entitlements.active_entitlement_summary.updated" in world.delivered()
    active = world.api.entitlements.active_entitlements.list({"customer": customer.id}).data
    assert [one.lookup_key for one in active] == ["comment"]
    world.api.subscriptions.cancel(subscription.id)
    assert world.api.entitlements.active_entitlements.list({"customer": customer.id}).data == []
    assert world.delivered()[-1] == "entitlements.active_entitlement_summary.updated"


def test_the_panel_retires_prices_refunds_in_part_and_shows_an_event(world: World) -> None:
    customer, subscription = world.member()
    world.delivered()
    text = world.browser.get("/").text
    event = world.api.events.list({"type": "invoice.paid"}).data[0]
    assert f"/events/{event.id}" in text
    shown = world.browser.get(f"/events/{event.id}").text
    assert "answered 200" in shown
    assert "&#34;billing_reason&#34;" in shown
    price = subscription["items"].data[0].price.id
    world.browser.post("/", data={"action": "archive-price", "id": price})
    assert world.api.prices.retrieve(price).active is False
    world.browser.post("/", data={"action": "part-refund", "id": subscription.id})
    assert world.api.charges.list({"customer": customer.id}).data[0].amount_refunded == 400
    world.browser.post("/", data={"action": "outcome", "outcome": "unpaid"})
    assert 'value="unpaid" selected' in world.browser.get("/").text


def test_a_new_cycle_begins_now_and_is_billed_as_previewed(world: World) -> None:
    _, subscription = world.member()
    anchor: Any = {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"}
    world.sandbox.advance(10 * 86_400)
    preview = world.api.invoices.create_preview({"subscription": subscription.id, "subscription_details": anchor})
    assert preview.amount_due == 800
    before, after = world.sandbox.now(), world.api.subscriptions.update(subscription.id, anchor)
    item = after["items"].data[0]
    assert before <= item.current_period_start <= world.sandbox.now()
    newest = world.api.invoices.list({"subscription": subscription.id}).data[0]
    assert (newest.status, newest.amount_paid, newest.billing_reason) == ("paid", 800, "subscription_update")
    assert world.api.subscriptions.update(subscription.id, {"billing_cycle_anchor": {"type": "unchanged"}}).id == subscription.id
    with pytest.raises(stripe.InvalidRequestError, match="must be in the future"):
        world.api.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void", "resumes_at": 1}})


@pytest.mark.parametrize(("duration", "new_costs"), [("forever", 1200), ("once", 1500)])
def test_a_switch_credits_what_was_billed_after_a_discount(world: World, duration: Any, new_costs: int) -> None:
    coupon = world.api.coupons.create({"percent_off": 20, "duration": duration})
    dear = gold(world)
    customer, subscription = world.member(discounts=[{"coupon": coupon.id}])
    start, end = (subscription["items"].data[0][f"current_period_{edge}"] for edge in ("start", "end"))
    moment = start + (end - start) // 4
    items: Any = [{"id": item_of(subscription), "price": dear.id}]
    details: Any = {"items": items, "proration_behavior": "always_invoice", "proration_date": moment}
    preview = world.api.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})
    assert [line.amount for line in preview.lines.data] == [-480, new_costs * 3 // 4]  # of 800, less a fifth, for a month
    world.sandbox.advance(moment - start)
    world.api.subscriptions.update(subscription.id, {"items": items, "proration_behavior": "create_prorations"})
    waiting = world.api.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert sorted(item.amount for item in waiting) == [-480, new_costs * 3 // 4]
    (told,) = [item.proration_details for item in waiting if item.amount < 0]
    assert [one.amount for one in told.discount_amounts] == [120]
    back: Any = [{"id": item_of(subscription), "price": subscription["items"].data[0].price.id}]
    world.sandbox.advance((end - start) // 4)
    world.api.subscriptions.update(subscription.id, {"items": back, "proration_behavior": "create_prorations"})
    again = world.api.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert -(new_costs // 2) in [item.amount for item in again]  # what waits to be billed is credited as well
