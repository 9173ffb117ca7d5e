"""From a card on the hosted page to what was bought: attempts, 3-D Secure, and a session that is complete."""

from . import (
    checkout_payment,
    customers,
    discounts,
    disputes,
    invoices,
    payments,
    setup_intents,
    subscription_calls,
    subscriptions,
)
from .cards import CARDS, Card
from .checkout_session import details_of, has_trial
from .errors import Refusal
from .events import emit
from .shapes import merge_metadata
from .store import Transaction
from .wire import Json, new_id


def pay(tx: Transaction, session: Json, card: Card, email: str | None) -> Json:
    """One attempt with this card. The answer is the payment intent, whose status tells the outcome;
    a success has completed the session. The caller has checked that the session is open."""
    customer = _payer(tx, session, email)
    method = payments.new_method(tx, card, customer["email"], customer["name"])
    session["_method"] = method["id"]
    if has_trial(session["_subscription_data"]):
        return _keep_card(tx, session, customer, method)
    if session["amount_total"] == 0:
        _complete(tx, session, customer, method, None)
        return {"status": "succeeded"}
    intent = tx.find("payment_intent", session["_intent"] or "")
    if intent is None:
        intent = checkout_payment.open_intent(tx, session, customer["id"])
        session["_intent"] = intent["id"]
    tx.save(session)
    payments.attempt(tx, intent, method)
    if intent["status"] == "succeeded":
        _complete(tx, session, customer, method, intent)
    return intent


def _keep_card(tx: Transaction, session: Json, customer: Json, method: Json) -> Json:
    """A trial takes no money now: the card is only kept, by a setup intent."""
    intent = tx.find("setup_intent", session["setup_intent"] or "")
    if intent is None:
        intent = setup_intents.open_intent(tx, customer["id"])
        session["setup_intent"] = intent["id"]
    tx.save(session)
    setup_intents.attempt(tx, intent, method)
    if intent["status"] == "succeeded":
        _complete(tx, session, customer, method, None)
    return intent


def start_without_card(tx: Transaction, session: Json, email: str | None) -> None:
    """Complete a trial whose session asks for a card only when something is due."""
    _complete(tx, session, _payer(tx, session, email), None, None)


def intent_of(tx: Transaction, session: Json) -> Json | None:
    """The payment or setup intent of a session, once a card was tried."""
    return tx.find("setup_intent", session["setup_intent"] or "") or tx.find("payment_intent", session["_intent"] or "")


def authenticate(tx: Transaction, session: Json, *, passed: bool) -> Json:
    """The answer of the 3-D Secure page."""
    intent = intent_of(tx, session)
    method = tx.find("payment_method", session["_method"] or "")
    if intent is None or method is None or intent["status"] != "requires_action":
        return intent or {"status": "requires_payment_method", "last_payment_error": None}
    if intent["object"] == "setup_intent":
        if not passed:
            return setup_intents.fail_authentication(tx, intent, method)
        setup_intents.attempt(tx, intent, method, authenticated=True)
        if intent["status"] == "succeeded":
            _complete(tx, session, _payer(tx, session, None), method, None)
        return intent
    if not passed:
        return payments.fail_authentication(tx, intent, method)
    payments.attempt(tx, intent, method, authenticated=True)
    if intent["status"] == "succeeded":
        _complete(tx, session, _payer(tx, session, None), method, intent)
    return intent


def _payer(tx: Transaction, session: Json, email: str | None) -> Json:
    """The session's customer; made once, at the first attempt, when none was given."""
    if session["_customer"]:
        found = tx.find("customer", session["_customer"])
        if found is None:
            raise Refusal("The customer of this checkout has been deleted.")
        return found
    if session["customer_creation"] == "if_required":
        session["_email"] = session["_email"] or email or ""
        return {"id": None, "email": session["_email"], "name": None}
    customer = customers.new_customer(tx, {"email": session["_email"] or email or ""})
    session["_customer"], session["_email"] = customer["id"], customer["email"]
    tx.save(session)
    return customer


def _complete(tx: Transaction, session: Json, customer: Json, method: Json | None, intent: Json | None) -> None:
    """Paid: only now what was bought comes to be."""
    subscription = None
    if session["mode"] == "payment":
        made = checkout_payment.complete(tx, session, customer, method, intent)
    else:
        subscription = _begin_subscription(tx, session, customer, method, intent)
        made = {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    session.update(
        status="complete",
        payment_status="paid" if intent else "no_payment_required",
        customer=customer["id"],
        customer_details=details_of(customer["email"], customer["name"]),
        url=None,
        **made,
    )
    tx.save(session)
    tx.set_customer(session["id"], customer["id"])
    tx.set_due(session["id"], None)
    emit(tx, "checkout.session.completed", session)
    notice = subscriptions.trial_notice_at(subscription) if subscription else None
    if subscription and notice is not None and notice <= tx.now:
        subscriptions.tell_of_trial(tx, subscription)
    will_dispute = intent and method and CARDS[method["_card"]].disputed
    charge = tx.find("charge", intent["latest_charge"]) if intent and will_dispute else None
    if charge:
        disputes.open_dispute(tx, charge)


def _begin_subscription(
    tx: Transaction, session: Json, customer: Json, method: Json | None, intent: Json | None
) -> Json:
    """The subscription and its first invoice."""
    if method:
        payments.attach(tx, method, customer["id"])
    data = session["_subscription_data"]
    days = data.get("trial_period_days")
    chosen = [(item["price"], item["quantity"]) for item in session["_line_items"]]
    subscription = subscriptions.build(
        tx,
        customer,
        chosen,
        metadata=merge_metadata({}, data.get("metadata")),
        default_payment_method=method["id"] if method else None,
        description=data.get("description"),
        trial_end=tx.now + days * 86_400 if days else data.get("trial_end"),
        without_card=subscription_calls.without_card(data),
    )
    subscription["latest_invoice"] = new_id("in_")
    if session["_coupon"]:
        discounts.redeem(tx, subscription, session["_coupon"], session["_code"], session["id"])
    subscriptions.store_new(tx, subscription)
    discounts.announce(tx, subscription)
    invoices.mark_paid(tx, subscriptions.first_invoice(tx, customer, subscription), intent)
    return subscription
