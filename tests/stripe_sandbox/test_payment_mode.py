"""Checkout with mode=payment: paid once, refunded, disputed; its page, receipt and invoice; what it refuses."""

from typing import Any

import pytest
import stripe

from tests.stripe_sandbox.annotations import FILES, load, problems
from tests.stripe_sandbox.conftest import SITE, World

ONCE = [
    "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed",
]  # fmt: skip


def bought(world: World, customer: str | None = None, amount: int = 4900, **more: Any) -> Any:
    """A session in which something is bought once."""
    given: dict[str, Any] = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {"currency": "eur", "unit_amount": amount, "product_data": {"name": "VIP for a year"}},
            }
        ],
        "success_url": f"{SITE}/gifts/7?session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{SITE}/gifts/new",
    }
    if customer:
        given["customer"] = customer
    return world.api.checkout.sessions.create(given | more)


def test_something_bought_once_is_a_payment_and_no_subscription(world: World) -> None:
    customer = world.customer()
    session = bought(
        world, customer.id, client_reference_id="7",
        payment_intent_data={"description": "A gift", "metadata": {"gift": "7"}, "receipt_email": "rosa@example.test"},
    )  # fmt: skip
    world.delivered()
    page = world.browser.get(world.page(session.url)).text
    assert "Pay for VIP for a year" in page
    assert "This is paid once. Nothing renews." in page
    assert world.pay(session).location == f"{SITE}/gifts/7?session={session.id}"
    assert world.delivered() == ONCE
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge", "line_items"]})
    assert (done.mode, done.status, done.payment_status) == ("payment", "complete", "paid")
    assert (done.subscription, done.invoice, done.customer) == (None, None, customer.id)
    assert (done.payment_intent.amount_received, done.payment_intent.metadata["gift"]) == (4900, "7")
    charge = done.payment_intent.latest_charge
    assert (charge.receipt_email, charge.description) == ("rosa@example.test", "A gift")
    assert "€49.00" in world.browser.get(world.page(charge.receipt_url)).text
    assert world.api.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    assert world.api.payment_methods.list({"customer": customer.id}).data == []


def test_who_buys_once_without_a_customer_makes_none(world: World) -> None:
    session = bought(world)
    assert world.pay(session, email="guest@example.test").status_code == 303
    done = world.api.checkout.sessions.retrieve(session.id)
    assert (done.customer, done.customer_creation, done.customer_details.email) == (
        None,
        "if_required",
        "guest@example.test",
    )
    assert world.api.customers.list().data == []
    made = bought(world, customer_creation="always")
    world.pay(made, email="guest@example.test")
    assert world.api.checkout.sessions.retrieve(made.id).customer == world.api.customers.list().data[0].id


def test_a_card_is_kept_only_when_that_was_asked_for(world: World) -> None:
    customer = world.customer()
    session = bought(world, customer.id, payment_intent_data={"setup_future_usage": "off_session"})
    world.pay(session)
    assert len(world.api.payment_methods.list({"customer": customer.id}).data) == 1


def test_a_declined_card_leaves_it_open_and_another_pays_the_same_intent(world: World) -> None:
    session = bought(world, world.customer().id)
    assert "Your card was declined." in world.refusal(world.pay(session, "declined"), session)
    world.pay(session)
    world.pay(session)
    assert len(world.api.payment_intents.list().data) == 1
    assert [charge.status for charge in world.api.charges.list().data] == ["succeeded", "failed"]


def test_a_check_by_the_bank_stands_before_the_payment(world: World) -> None:
    session = bought(world, world.customer().id)
    assert world.pay(session, "3d-secure").location == f"/pay/{session.id}/verify"
    assert world.browser.post(f"/pay/{session.id}/verify", data={"answer": "complete"}).location.startswith(SITE)
    assert world.api.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_a_payment_is_given_back_in_parts_and_no_further(world: World) -> None:
    session = bought(world, world.customer().id)
    world.pay(session)
    intent = world.api.checkout.sessions.retrieve(session.id).payment_intent
    world.delivered()
    world.api.refunds.create({"payment_intent": str(intent), "amount": 900})
    world.api.refunds.create({"payment_intent": str(intent)})
    assert world.delivered() == ["refund.created", "charge.refunded", "refund.updated"] * 2
    charge = world.api.charges.list({"payment_intent": str(intent)}).data[0]
    assert (charge.amount_refunded, charge.refunded) == (4900, True)
    assert "Given back" in world.browser.get(world.page(str(charge.receipt_url))).text
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        world.api.refunds.create({"payment_intent": str(intent)})


def test_an_invoice_is_written_for_it_when_that_was_asked_for(world: World) -> None:
    customer = world.customer()
    session = bought(world, customer.id, invoice_creation={"enabled": True})
    world.delivered()
    world.pay(session)
    told = world.delivered()
    assert told[-1] == "checkout.session.completed"
    assert {"invoice.created", "invoice.finalized", "invoice.paid", "invoice_payment.paid"} <= set(told)
    done = world.api.checkout.sessions.retrieve(session.id, {"expand": ["invoice"]})
    assert (done.invoice.status, done.invoice.amount_paid, done.invoice.parent) == ("paid", 4900, None)
    assert "VIP for a year" in world.browser.get(world.page(done.invoice.hosted_invoice_url)).text


def test_a_code_of_everything_leaves_nothing_to_pay(world: World) -> None:
    coupon = world.api.coupons.create({"percent_off": 100, "duration": "once"})
    session = bought(world, world.customer().id, discounts=[{"coupon": coupon.id}])
    assert "Finish without a card" in world.browser.get(world.page(session.url)).text
    assert world.pay(session, "none").status_code == 303
    done = world.api.checkout.sessions.retrieve(session.id)
    assert (done.payment_status, done.payment_intent) == ("no_payment_required", None)
    assert world.api.coupons.retrieve(coupon.id).times_redeemed == 1


def test_what_nobody_paid_expires(world: World) -> None:
    session = bought(world)
    world.sandbox.advance(25 * 3600)
    assert world.api.checkout.sessions.retrieve(session.id).status == "expired"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"subscription_data": {"trial_period_days": 3}}, "can not pass `subscription_data` in `payment` mode"),
        ({"payment_method_collection": "always"}, "can not pass `payment_method_collection` in `payment` mode"),
        ({"payment_intent_data": {"receipt_email": "nobody"}}, "Invalid email address"),
        ({"payment_intent_data": {"description": "x" * 1001}}, "at most 1000 characters"),
        ({"payment_intent_data": {"capture_method": "manual"}}, "does not act on it"),
        ({"payment_intent_data": {"bogus": "1"}}, "unknown parameter: payment_intent_data\\[bogus\\]"),
        ({"payment_intent_data": {"setup_future_usage": "sometimes"}}, "must be one of"),
        ({"customer_creation": "never"}, "must be one of"),
    ],
)
def test_what_a_payment_cannot_have_is_refused(world: World, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=sentence):
        bought(world, **more)


def test_a_price_that_recurs_is_not_paid_once_and_the_reverse(world: World) -> None:
    price = world.price()
    with pytest.raises(stripe.InvalidRequestError, match="passed a recurring price"):
        bought(world, line_items=[{"price": price.id, "quantity": 1}])
    for name, value in (("payment_intent_data", {"description": "x"}), ("invoice_creation", {"enabled": True})):
        with pytest.raises(stripe.InvalidRequestError, match=f"can not pass `{name}` in `subscription` mode"):
            world.session(**{name: value})


def test_its_objects_are_what_the_package_says_they_are(world: World) -> None:
    customer = world.customer()
    for more in ({}, {"invoice_creation": {"enabled": True}}):
        world.pay(bought(world, customer.id, **more), "disputed")
    for path in ("checkout/sessions", "payment_intents", "charges", "invoices", "disputes", "prices"):
        for thing in world.raw("GET", f"/v1/{path}").json["data"]:
            assert problems(load(FILES[thing["object"]]), thing) == []
