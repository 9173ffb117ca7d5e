"""Payment methods, payment intents and charges: money that does not move, in the right order."""

from typing import Any

from .api import Call
from .cards import BRANDS, CARDS, Card, authentication_error, by_number, decline_error
from .errors import Refusal
from .events import changed, emit
from .shapes import empty_address, merge_metadata
from .store import Transaction
from .wire import Json, new_id, public

TEST_METHODS = {
    "pm_card_visa": "works",
    "pm_card_mastercard": "mastercard",
    "pm_card_amex": "amex",
    "pm_card_chargeDeclined": "declined",
    "pm_card_visa_chargeDeclined": "declined",
    "pm_card_chargeCustomerFail": "fails-later",
    "pm_card_authenticationRequired": "3d-secure-always",
}
CARD_YEARS = 4


def new_method(tx: Transaction, card: Card, email: str | None, name: str | None = None) -> Json:
    """A card that is not attached to anyone yet."""
    method: Json = {
        "id": new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {
            "address": empty_address(),
            "email": email,
            "name": name,
            "phone": None,
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": card.brand,
            "exp_month": 12,
            "exp_year": 1970 + tx.now // 31_556_952 + CARD_YEARS,
            "fingerprint": f"sandbox{card.number[-9:]}",
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": tx.now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_card": card.key,
        "_authenticated": False,
    }
    return tx.insert("payment_method", method)


def attach(tx: Transaction, method: Json, customer: str) -> Json:
    if method["customer"] == customer:
        return method
    if method["customer"]:
        raise Refusal("The payment method you provided has already been attached to a customer.")
    method["customer"] = customer
    tx.save(method)
    tx.set_customer(method["id"], customer)
    emit(tx, "payment_method.attached", method)
    return method


def describe(method: Json | None) -> str:
    """`Visa ending in 4242`."""
    if method is None:
        return "No card"
    card = method["card"]
    return f"{BRANDS.get(card['brand'], card['brand'])} ending in {card['last4']}"


def open_intent(
    tx: Transaction,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    description: str | None = None,
    metadata: Json | None = None,
    setup_future_usage: str | None = None,
    receipt_email: str | None = None,
    suffix: str | None = None,
) -> Json:
    identifier = new_id("pi_")
    intent: Json = {
        "id": identifier,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{identifier}_secret_{new_id('')}",
        "confirmation_method": "automatic",
        "created": tx.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": metadata or {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"installments": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": receipt_email,
        "review": None,
        "setup_future_usage": setup_future_usage,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": suffix,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    tx.insert("payment_intent", intent, customer=customer)
    emit(tx, "payment_intent.created", intent)
    return intent


def attempt(
    tx: Transaction, intent: Json, method: Json, *, authenticated: bool = False, off_session: bool = False
) -> Json:
    """Charge once. The intent's status tells the outcome: succeeded, requires_action or
    requires_payment_method (declined, with `last_payment_error`)."""
    card = CARDS[method["_card"]]
    intent["payment_method"] = method["id"]
    intent["next_action"] = intent["last_payment_error"] = None
    unknown = card.authenticate == "always" or (card.authenticate == "once" and not method["_authenticated"])
    if unknown and not authenticated:
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        emit(tx, "payment_intent.requires_action", tx.save(intent))
        return intent
    if authenticated:
        method["_authenticated"] = True
        tx.save(method)
    reason = card.decline or ("generic_decline" if card.later_fails and off_session else None)
    if reason:
        return _decline(tx, intent, method, reason)
    charge = _charge(tx, intent, method, None)
    emit(tx, "charge.succeeded", charge)
    intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
    emit(tx, "payment_intent.succeeded", tx.save(intent))
    return intent


def _decline(tx: Transaction, intent: Json, method: Json, reason: str) -> Json:
    charge = _charge(tx, intent, method, reason)
    emit(tx, "charge.failed", charge)
    intent["last_payment_error"] = decline_error(reason, charge["id"], public(method))
    intent.update(status="requires_payment_method", payment_method=None, latest_charge=charge["id"])
    emit(tx, "payment_intent.payment_failed", tx.save(intent))
    return intent


def fail_authentication(tx: Transaction, intent: Json, method: Json) -> Json:
    """The bank's check was not passed."""
    charge = _charge(tx, intent, method, "authentication_required")
    emit(tx, "charge.failed", charge)
    intent["last_payment_error"] = authentication_error(public(method))
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, latest_charge=charge["id"])
    emit(tx, "payment_intent.payment_failed", tx.save(intent))
    return intent


def _charge(tx: Transaction, intent: Json, method: Json, reason: str | None) -> Json:
    card = method["card"]
    identifier, token = new_id("ch_"), new_id("invtok_")
    message = decline_error(reason, identifier, {})["message"] if reason in _DECLINES else None
    charge: Json = {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if reason else intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "DEMO",
        "captured": not reason,
        "created": tx.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": "card_declined" if reason else None,
        "failure_message": (message or "The card's owner was not confirmed.") if reason else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": _outcome(reason),
        "paid": not reason,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card_details(card, intent["amount"], reason), "type": "card"},
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None if reason else f"{tx.public_url}/receipt/{identifier}/{token}",
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if reason else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
        "_token": token,
    }
    return tx.insert("charge", charge, customer=intent["customer"], parent=intent["id"])


_DECLINES = {"generic_decline", "insufficient_funds", "expired_card", "incorrect_cvc"}


def _outcome(reason: str | None) -> Json:
    return {
        "advice_code": "try_again_later" if reason else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if reason else "approved_by_network",
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "The bank did not return any further details with this decline."
        if reason
        else "Payment complete.",
        "type": "issuer_declined" if reason else "authorized",
    }


def _card_details(card: Json, amount: int, reason: str | None) -> Json:
    return {
        "amount_authorized": None if reason else amount,
        "authorization_code": None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "transaction_link_id": None,
        "wallet": None,
    }


def create_method(call: Call) -> Json:
    if call.params.get("type", "card") != "card" or "card" not in call.params:
        raise Refusal("The sandbox has cards only.", code="sandbox_unsupported", param="type")
    card = by_number(str(call.params["card"].get("number", "")))
    if card is None:
        raise Refusal("Only the listed test numbers are accepted.", code="incorrect_number", param="card[number]")
    details = call.params.get("billing_details") or {}
    method = new_method(call.tx, card, details.get("email") or None, details.get("name") or None)
    method["metadata"] = merge_metadata({}, call.params.get("metadata"))
    return call.tx.save(method)


def find_method(call: Call, identifier: str, param: str) -> Json:
    """A payment method, or one of Stripe's named test methods made into a fresh one."""
    if key := TEST_METHODS.get(identifier):
        return new_method(call.tx, CARDS[key], None)
    found = call.tx.find("payment_method", identifier)
    if found is None:
        status = 400 if param != "payment_method" else 404
        raise Refusal(f"No such PaymentMethod: '{identifier}'", status=status, code="resource_missing", param=param)
    return found


def attach_method(call: Call) -> Json:
    if "customer" not in call.params:
        raise Refusal("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.refer("customer", call.params["customer"], "customer")
    return attach(call.tx, find_method(call, call.ids["payment_method"], "payment_method"), customer["id"])


def detach_method(call: Call) -> Json:
    method = find_method(call, call.ids["payment_method"], "payment_method")
    if not method["customer"]:
        raise Refusal("The payment method you provided is not attached to a customer so detachment is impossible.")
    detach(call.tx, method)
    return method


def detach(tx: Transaction, method: Json) -> None:
    before, owner = dict(method), tx.find("customer", method["customer"])
    method["customer"] = None
    tx.save(method)
    tx.set_customer(method["id"], None)
    emit(tx, "payment_method.detached", method, {"customer": before["customer"]})
    if owner and owner["invoice_settings"]["default_payment_method"] == method["id"]:
        old = dict(owner)
        owner["invoice_settings"] = dict(owner["invoice_settings"], default_payment_method=None)
        changed(tx, "customer.updated", old, tx.save(owner))


def retrieve_method(call: Call) -> Json:
    return call.load("payment_method", "payment_method")


def list_methods(call: Call) -> Json:
    customer = call.ids.get("customer") or call.params.get("customer")
    if call.params.get("type", "card") != "card":
        return call.page("payment_method", where=[("0", [])])
    if customer is None:
        return call.page("payment_method")
    call.refer("customer", customer, "customer")
    return call.page("payment_method", customer=customer)


def list_intents(call: Call) -> Json:
    return call.page("payment_intent", customer=call.params.get("customer"))


def list_charges(call: Call) -> Json:
    return call.page("charge", customer=call.params.get("customer"), parent=call.params.get("payment_intent"))


def update_described(kind: str, name: str) -> Any:
    """A handler that changes description and metadata only."""

    def update(call: Call) -> Json:
        thing = call.load(kind, name)
        before = dict(thing)
        if "description" in call.params:
            thing["description"] = call.params["description"] or None
        thing["metadata"] = merge_metadata(thing["metadata"], call.params.get("metadata"))
        changed(call.tx, f"{kind}.updated", before, call.tx.save(thing))
        return thing

    return update
