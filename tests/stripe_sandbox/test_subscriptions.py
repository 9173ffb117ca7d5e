"""Life after joining: portal, cancelling, resuming, renewing, failing, refunding, leaving."""

from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from tests.stripe_sandbox.conftest import SITE, World

MONTH = 31 * 86_400
DAY = 86_400


def changes(world: World) -> list[set[str]]:
    """What each subscription update of the last round says it changed."""
    return [
        set(event.data.to_dict().get("previous_attributes", {}))
        for event in world.inbox
        if event.type == "customer.subscription.updated"
    ]


def test_the_portal_shows_plan_card_next_payment_and_invoices(world: World) -> None:
    world.configure_portal()
    customer, _ = world.member()
    text = world.browser.get(world.portal(customer.id)).text
    for expected in ("VIP", "€8.00 every month", "Next payment", "Visa ending in 4242", "Invoices", "View"):
        assert expected in text
    assert f'href="{SITE}/account/membership"' in text


def test_cancelling_in_the_portal_sets_cancel_at_and_leaves_the_boolean(world: World) -> None:
    world.configure_portal()
    customer, subscription = world.member()
    path = f"{world.portal(customer.id)}/cancel/{subscription.id}"
    assert "Cancel VIP?" in world.browser.get(path).text
    world.delivered()
    answer = world.browser.post(path, data={"feedback": "other", "comment": "Bye"})
    assert answer.status_code == 303
    found = world.api.subscriptions.retrieve(subscription.id)
    assert found.cancel_at == found["items"].data[0].current_period_end
    assert found.cancel_at_period_end is False
    assert (found.status, found.cancellation_details.feedback) == ("active", "other")
    assert world.delivered() == ["customer.subscription.updated"]
    assert changes(world) == [{"cancel_at", "canceled_at", "cancellation_details"}]
    assert world.browser.post(path).status_code == 303
    assert world.delivered() == []


def test_a_scheduled_end_can_be_taken_back(world: World) -> None:
    world.configure_portal()
    customer, subscription = world.member()
    portal = world.portal(customer.id)
    world.browser.post(f"{portal}/cancel/{subscription.id}")
    text = world.browser.get(portal).text
    assert "Keep my plan" in text
    assert "Ends on" in text
    world.browser.post(f"{portal}/resume/{subscription.id}")
    found = world.api.subscriptions.retrieve(subscription.id)
    assert (found.cancel_at, found.canceled_at, found.cancellation_details.reason) == (None, None, None)


def test_the_portal_shows_only_what_is_configured(world: World) -> None:
    world.api.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    customer, subscription = world.member()
    portal = world.portal(customer.id)
    text = world.browser.get(portal).text
    assert "Cancel plan" not in text
    assert "Change card" not in text
    assert world.browser.post(f"{portal}/cancel/{subscription.id}").status_code == 404
    assert world.browser.post(f"{portal}/card", data={"card": "works"}).status_code == 404


def test_a_portal_link_belongs_to_its_customer_and_expires(world: World) -> None:
    world.configure_portal()
    customer, _ = world.member()
    _, foreign = world.member()
    portal = world.portal(customer.id)
    assert world.browser.get(f"{portal}/cancel/{foreign.id}").status_code == 404
    assert world.browser.post(f"{portal}/cancel/{foreign.id}").status_code == 404
    world.sandbox.advance(3600)
    assert world.browser.get(portal).status_code == 410
    assert world.browser.get("/portal/bps_nobody").status_code == 404


def test_a_portal_needs_a_configuration(world: World) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="configuration"):
        world.portal(world.customer().id)


def test_a_deep_link_leads_to_cancelling_and_back(world: World) -> None:
    world.configure_portal()
    customer, subscription = world.member()
    after = {"type": "redirect", "redirect": {"return_url": f"{SITE}/bye"}}
    flow: Any = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
    portal = world.portal(customer.id, flow_data=flow | {"after_completion": after})
    answer = world.browser.get(portal)
    assert answer.location == f"{portal}/cancel/{subscription.id}"
    assert world.browser.post(answer.location).location == f"{SITE}/bye"


def test_a_new_card_serves_the_next_payments(world: World) -> None:
    world.configure_portal()
    customer, subscription = world.member("fails-later")
    world.delivered()
    portal = world.portal(customer.id)
    assert world.browser.post(f"{portal}/card", data={"number": "4000 0000 0000 0002"}).status_code == 422
    assert world.browser.post(f"{portal}/card", data={"number": "1234"}).status_code == 422
    assert world.delivered() == []
    assert world.browser.post(f"{portal}/card", data={"card": "works"}).status_code == 303
    assert world.delivered() == ["payment_method.attached", "customer.updated", "customer.subscription.updated"]
    world.sandbox.advance(MONTH + DAY)
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"


def test_the_api_cancels_at_the_period_end_and_takes_it_back(world: World) -> None:
    _, subscription = world.member()
    end = subscription["items"].data[0].current_period_end
    found = world.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (found.cancel_at_period_end, found.cancel_at) == (True, end)
    found = world.api.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert (found.cancel_at_period_end, found.cancel_at, found.canceled_at) == (False, None, None)
    found = world.api.subscriptions.update(subscription.id, {"cancel_at": "min_period_end"})
    assert (found.cancel_at_period_end, found.cancel_at) == (False, end)
    assert world.api.subscriptions.update(subscription.id, {"cancel_at": ""}).cancel_at is None


def test_at_the_end_of_the_period_a_cancelled_subscription_is_over(world: World) -> None:
    _, subscription = world.member()
    end = subscription["items"].data[0].current_period_end
    asked = world.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True}).canceled_at
    world.delivered()
    world.sandbox.advance(MONTH)
    found = world.api.subscriptions.retrieve(subscription.id)
    assert (found.status, found.ended_at, found.canceled_at) == ("canceled", end, asked)
    assert world.delivered() == ["customer.subscription.deleted"]
    assert len(world.api.invoices.list().data) == 1


def test_cancelling_now_ends_at_once_without_a_refund(world: World) -> None:
    customer, subscription = world.member()
    world.delivered()
    found = world.api.subscriptions.cancel(subscription.id)
    assert (found.status, found.ended_at) == ("canceled", found.canceled_at)
    assert world.delivered() == ["customer.subscription.deleted"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.subscriptions.cancel(subscription.id)
    assert caught.value.http_status == 404
    assert world.api.subscriptions.list({"customer": customer.id}).data == []
    for status in ("all", "canceled", "ended"):
        assert len(world.api.subscriptions.list({"customer": customer.id, "status": status}).data) == 1


def test_a_renewal_moves_the_period_first_and_charges_an_hour_later(world: World) -> None:
    _, subscription = world.member()
    end = subscription["items"].data[0].current_period_end
    world.delivered()
    world.sandbox.advance(end - world.sandbox.now())
    assert world.delivered() == ["invoice.upcoming", "customer.subscription.updated", "invoice.created"]
    assert "id" not in world.inbox[-3].data.object
    found = world.api.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert found["items"].data[0].current_period_start == end
    assert (found.latest_invoice.status, found.latest_invoice.billing_reason) == ("draft", "subscription_cycle")
    world.sandbox.advance(3600)
    assert world.delivered() == [
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    assert {"items", "latest_invoice"} in changes(world)


def test_a_year_passes_in_twelve_renewals_on_the_same_day(world: World) -> None:
    _, subscription = world.member()
    start = subscription["items"].data[0].current_period_start
    world.sandbox.advance(366 * DAY)
    assert len(world.api.invoices.list({"limit": 100, "status": "paid"}).data) == 13
    moved = world.api.subscriptions.retrieve(subscription.id)["items"].data[0].current_period_start
    assert 365 * DAY <= moved - start <= 366 * DAY


def test_a_failed_renewal_is_past_due_and_recovers_with_another_card(world: World) -> None:
    world.configure_portal()
    customer, subscription = world.member("fails-later")
    world.delivered()
    world.sandbox.advance(MONTH + 2 * 3600)
    assert world.delivered()[-5:] == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    failed = next(event for event in world.inbox if event.type == "invoice.payment_failed").data.object
    assert failed["attempt_count"] == 1
    assert failed["next_payment_attempt"] > world.sandbox.now()
    assert world.api.subscriptions.retrieve(subscription.id).status == "past_due"
    assert "last payment failed" in world.browser.get(world.portal(customer.id)).text
    world.browser.post(f"{world.portal(customer.id)}/card", data={"card": "works"})
    world.sandbox.advance(4 * DAY)
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"
    assert world.delivered()[-1] == "customer.subscription.updated"


def test_an_open_invoice_can_be_paid_by_api_and_on_its_page(world: World) -> None:
    _customer, subscription = world.member("fails-later")
    world.sandbox.advance(MONTH + 2 * 3600)
    invoice = world.api.invoices.list({"status": "open"}).data[0]
    with pytest.raises(stripe.CardError):
        world.api.invoices.pay(invoice.id, {"payment_method": "pm_card_chargeDeclined"})
    assert world.api.invoices.retrieve(invoice.id).attempt_count == 2
    path = world.page(invoice.hosted_invoice_url)
    assert "Pay this invoice" in world.browser.get(path).text
    assert world.browser.post(path, data={"card": "declined"}).status_code == 422
    assert world.browser.post(path, data={"card": "works"}).status_code == 303
    assert "Paid." in world.browser.get(path).text
    assert world.browser.get(f"{path}/pdf").get_data().startswith(b"%PDF-")
    assert world.browser.get(path[:-1] + "_").status_code == 404
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.invoices.pay(invoice.id)
    assert caught.value.code == "invoice_already_paid"


def test_after_the_last_try_the_subscription_ends_for_want_of_payment(world: World) -> None:
    _, subscription = world.member("fails-later")
    world.sandbox.advance(MONTH + 20 * DAY)
    found = world.api.subscriptions.retrieve(subscription.id)
    assert (found.status, found.cancellation_details.reason) == ("canceled", "payment_failed")
    world.delivered()
    tries = [e.data.object for e in world.inbox if e.type == "invoice.payment_failed"]
    assert [one["attempt_count"] for one in tries] == [1, 2, 3, 4]
    assert tries[-1]["next_payment_attempt"] is None


def test_a_card_that_always_wants_3d_secure_cannot_renew_alone(world: World) -> None:
    customer = world.customer()
    session = world.session(customer.id)
    world.pay(session, "3d-secure-always")
    world.browser.post(f"/pay/{session.id}/verify", data={"answer": "complete"})
    world.delivered()
    world.sandbox.advance(MONTH + 2 * 3600)
    types = world.delivered()
    wanted = ["payment_intent.requires_action", "invoice.payment_action_required", "invoice.payment_failed"]
    assert types[-4:-1] == wanted


def test_refunds_change_the_charge_and_nothing_else(world: World) -> None:
    customer, subscription = world.member()
    intent = world.api.payment_intents.list({"customer": customer.id}).data[0]
    world.delivered()
    first = world.api.refunds.create({"payment_intent": intent.id, "amount": 300, "reason": "requested_by_customer"})
    charge = world.api.charges.retrieve(intent.latest_charge)
    assert (first.status, charge.amount_refunded, charge.refunded) == ("succeeded", 300, False)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        world.api.refunds.create({"charge": charge.id, "amount": 501})
    world.api.refunds.create({"charge": charge.id})
    assert world.api.charges.retrieve(charge.id).refunded is True
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_already_refunded"
    assert world.delivered() == ["refund.created", "charge.refunded", "refund.updated"] * 2
    assert [item.amount for item in world.api.refunds.list({"charge": charge.id}).data] == [500, 300]
    assert world.api.subscriptions.retrieve(subscription.id).status == "active"
    assert world.api.invoices.list().data[0].status == "paid"


def test_a_disputed_card_opens_a_dispute_that_can_be_won(world: World) -> None:
    customer, subscription = world.member("disputed")
    assert world.delivered()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    charge = world.api.charges.list({"customer": customer.id}).data[0]
    assert charge.disputed is True
    assert world.api.disputes.list({"charge": charge.id}).data[0].status == "needs_response"
    world.browser.post("/", data={"action": "dispute-won", "id": subscription.id})
    assert world.api.disputes.list({"charge": charge.id}).data[0].status == "won"
    assert world.delivered() == [
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_deleting_a_customer_ends_the_subscription_first(world: World) -> None:
    customer, _ = world.member()
    world.delivered()
    world.api.customers.delete(customer.id)
    assert world.delivered() == ["customer.subscription.deleted", "customer.deleted"]


def test_a_switch_bills_the_difference_at_once(world: World) -> None:
    customer, subscription = world.member()
    gold = world.price(product_data={"name": "VIP Gold"}, unit_amount=1600)
    item = subscription["items"].data[0]
    world.delivered()
    found = world.api.subscriptions.update(
        subscription.id,
        {"items": [{"id": item.id, "price": gold.id}], "proration_behavior": "always_invoice"},
    )
    assert found["items"].data[0].price.id == gold.id
    invoice = world.api.invoices.retrieve(found.latest_invoice)
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert 790 <= invoice.total <= 800
    types = world.delivered()
    assert (types[0], types[1], types[-1]) == ("customer.subscription.updated", "invoice.created", "invoice_payment.paid")
    assert customer.id == invoice.customer


def test_the_preview_shows_the_next_renewal_and_stores_nothing(world: World) -> None:
    _, subscription = world.member()
    preview = world.api.invoices.create_preview({"subscription": subscription.id})
    assert (preview.amount_due, preview.status) == (800, "draft")
    assert len(world.api.invoices.list().data) == 1
    world.api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.api.invoices.create_preview({"subscription": subscription.id})
    assert caught.value.code == "invoice_upcoming_none"


def test_a_subscription_made_by_api_is_incomplete_until_paid(world: World) -> None:
    customer = world.customer()
    price = world.price()
    method = world.api.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    asked: Any = {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": method.id}
    made = world.api.subscriptions.create(asked)
    assert made.status == "incomplete"
    world.sandbox.advance(24 * 3600)
    assert world.api.subscriptions.retrieve(made.id).status == "incomplete_expired"
    good = world.api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    assert world.api.subscriptions.create(asked | {"default_payment_method": good.id}).status == "active"
    with pytest.raises(stripe.CardError):
        world.api.subscriptions.create(asked | {"payment_behavior": "error_if_incomplete"})


def test_a_coupon_takes_off_the_first_payment_only(world: World) -> None:
    coupon = world.api.coupons.create({"percent_off": 25, "duration": "once"})
    customer, subscription = world.member(discounts=[{"coupon": coupon.id}])
    invoice = world.api.invoices.retrieve(subscription.latest_invoice)
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (800, 600, 600)
    assert world.api.coupons.retrieve(coupon.id).times_redeemed == 1
    shown = world.api.subscriptions.retrieve(subscription.id, {"expand": ["discounts.source.coupon"]})
    assert shown.discounts[0].source.coupon.percent_off == 25
    assert "customer.discount.created" in world.delivered()
    assert world.api.invoices.create_preview({"subscription": subscription.id}).total == 800
    world.sandbox.advance(MONTH + 2 * 3600)
    assert world.api.invoices.list({"customer": customer.id}).data[0].amount_paid == 800
    assert "customer.discount.deleted" in world.delivered()


def test_a_promotion_code_is_typed_on_the_page(world: World) -> None:
    coupon = world.api.coupons.create({"amount_off": 500, "currency": "eur", "duration": "forever"})
    code = world.api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"})
    session = world.session(world.customer().id, allow_promotion_codes=True)
    path = f"/pay/{session.id}"
    assert "This code is not valid here." in world.refusal(world.browser.post(path, data={"code": "winter"}), session)
    assert world.browser.post(path, data={"code": "spring"}).status_code == 303
    text = world.browser.get(path).text
    assert "€5.00 off every payment" in text
    assert "The next payment of €3.00" in text
    assert world.pay(session).status_code == 303
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["invoice", "discounts.promotion_code"]})
    assert (done.amount_total, done.invoice.amount_paid) == (300, 300)
    assert done.discounts[0].promotion_code.code == code.code


def test_a_free_join_takes_no_money(world: World) -> None:
    coupon = world.api.coupons.create({"percent_off": 100, "duration": "once"})
    session = world.session(world.customer().id, discounts=[{"coupon": coupon.id}])
    world.pay(session)
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert (done.payment_status, done.invoice.amount_paid) == ("no_payment_required", 0)
    assert world.api.payment_intents.list().data == []


def test_the_panel_moves_the_clock_past_the_next_renewal(world: World) -> None:
    _, subscription = world.member()
    world.browser.post("/", data={"action": "toggle-card", "id": subscription.id})
    world.browser.post("/", data={"action": "advance", "step": "renewal"})
    assert world.api.subscriptions.retrieve(subscription.id).status == "past_due"
    assert urlsplit(world.browser.post("/", data={"action": "nonsense"}).text) is not None
    assert world.browser.post("/", data={"action": "nonsense"}).status_code == 409


def test_the_clock_does_not_go_back(world: World) -> None:
    with pytest.raises(ValueError, match="forward"):
        world.sandbox.advance(-1)


def test_a_portal_that_cancels_at_once_ends_the_plan(world: World) -> None:
    world.api.billing_portal.configurations.create(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}}
    )
    customer, subscription = world.member()
    path = f"{world.portal(customer.id)}/cancel/{subscription.id}"
    assert "It ends at once" in world.browser.get(path).text
    world.browser.post(path)
    assert world.api.subscriptions.retrieve(subscription.id).status == "canceled"
    assert "customer.subscription.deleted" in world.delivered()
