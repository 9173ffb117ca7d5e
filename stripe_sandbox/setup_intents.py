"""Setup intents: a card kept for later without a payment, as a trial's checkout does."""

from .api import Call
from .cards import CARDS, authentication_error, decline_error
from .events import emit
from .payments import attach
from .store import Transaction
from .wire import Json, new_id, public


def open_intent(tx: Transaction, customer: str | None, *, usage: str = "off_session") -> Json:
    """A new setup intent, waiting for a card."""
    identifier = new_id("seti_")
    intent: Json = {
        "id": identifier,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "attach_to_self": False,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{identifier}_secret_{new_id('')}",
        "created": tx.now,
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "managed_payments": None,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"mandate_options": None, "network": None, "request_three_d_secure": "any"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": usage,
    }
    tx.insert("setup_intent", intent, customer=customer)
    emit(tx, "setup_intent.created", intent)
    return intent


def attempt(tx: Transaction, intent: Json, method: Json, *, authenticated: bool = False) -> Json:
    """Keep this card. The status tells the outcome: succeeded, requires_action or requires_payment_method."""
    card = CARDS[method["_card"]]
    intent.update(payment_method=method["id"], next_action=None, last_setup_error=None)
    if card.authenticate != "never" and not authenticated and not method["_authenticated"]:
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        emit(tx, "setup_intent.requires_action", tx.save(intent))
        return intent
    if authenticated:
        method["_authenticated"] = True
        tx.save(method)
    if card.decline:
        error = decline_error(card.decline, "", public(method))
        return _failed(tx, intent, {name: value for name, value in error.items() if name != "charge"})
    intent["status"] = "succeeded"
    emit(tx, "setup_intent.succeeded", tx.save(intent))
    if intent["customer"]:
        attach(tx, method, intent["customer"])
    return intent


def fail_authentication(tx: Transaction, intent: Json, method: Json) -> Json:
    """The bank's check was not passed."""
    return _failed(tx, intent, authentication_error(public(method), "setup_intent"))


def _failed(tx: Transaction, intent: Json, error: Json) -> Json:
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error
    )
    emit(tx, "setup_intent.setup_failed", tx.save(intent))
    return intent


def list_intents(call: Call) -> Json:
    return call.page("setup_intent", customer=call.params.get("customer"))
