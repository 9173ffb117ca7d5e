"""Refunds: they change the charge, never the subscription or the invoice."""

from .api import Call
from .errors import Refusal
from .events import emit
from .shapes import merge_metadata
from .store import Transaction
from .wire import Json, money, new_id


def create(call: Call) -> Json:
    charge = _charge(call)
    left = charge["amount"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise Refusal("Only a succeeded charge can be refunded.", param="charge")
    if left == 0:
        raise Refusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = call.params.get("amount", left)
    if amount < 1:
        raise Refusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise Refusal(
            f"Refund amount ({money(amount, charge['currency'])}) is greater than unrefunded amount on charge "
            f"({money(left, charge['currency'])})",
            param="amount",
        )
    metadata = merge_metadata({}, call.params.get("metadata"))
    return refund(call.tx, charge, amount, call.params.get("reason"), metadata)


def _charge(call: Call) -> Json:
    params = call.params
    if ("charge" in params) == ("payment_intent" in params):
        raise Refusal("You must provide exactly one of: charge, payment_intent.", code="parameter_missing")
    if "charge" in params:
        return call.refer("charge", params["charge"], "charge")
    intent = call.refer("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise Refusal(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return call.refer("charge", intent["latest_charge"], "payment_intent")


def refund(tx: Transaction, charge: Json, amount: int, reason: str | None, metadata: Json) -> Json:
    """Give back part or all of a charge; the caller has checked the amount."""
    made: Json = {
        "id": new_id("re_"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    tx.insert("refund", made, customer=charge["customer"], parent=charge["id"])
    emit(tx, "refund.created", made)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    changes = {name: old for name, old in before.items() if charge[name] != old}
    emit(tx, "charge.refunded", tx.save(charge), changes)
    old_details = made["destination_details"]
    made["destination_details"] = {
        "card": {"reference": new_id("")[:12], "reference_status": "available", "type": "refund"},
        "type": "card",
    }
    emit(tx, "refund.updated", tx.save(made), {"destination_details": old_details})
    return made


def update(call: Call) -> Json:
    found = call.load("refund", "refund")
    old = dict(found["metadata"])
    found["metadata"] = merge_metadata(found["metadata"], call.params.get("metadata"))
    if found["metadata"] != old:
        emit(call.tx, "refund.updated", call.tx.save(found), {"metadata": old})
    return found


def list_refunds(call: Call) -> Json:
    charge = call.params.get("charge")
    if intent := call.params.get("payment_intent"):
        return call.page("refund", where=[("json_extract(data, '$.payment_intent') = ?", [intent])])
    return call.page("refund", parent=charge)
