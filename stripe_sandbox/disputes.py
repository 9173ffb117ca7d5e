"""Disputes: a card's owner asks the bank for the money back; the subscription goes on."""

from .api import Call
from .events import emit
from .shapes import matches
from .store import Transaction
from .wire import Json, new_id

ANSWER_SECONDS = 14 * 86_400
OPEN = ("needs_response", "under_review")


def open_dispute(tx: Transaction, charge: Json) -> Json:
    """The bank takes the money until the dispute is decided."""
    dispute: Json = {
        "id": new_id("du_"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": tx.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": tx.now + ANSWER_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_method": "not_submitted",
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "network": charge["payment_method_details"]["card"]["brand"],
                "case_type": "chargeback",
                "network_reason_code": "83",
            },
            "type": "card",
        },
        "reason": "fraudulent",
        "status": "needs_response",
    }
    tx.insert("dispute", dispute, customer=charge["customer"], parent=charge["id"])
    charge["disputed"] = True
    tx.save(charge)
    emit(tx, "charge.dispute.created", dispute)
    emit(tx, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def decide(tx: Transaction, dispute: Json, *, won: bool) -> None:
    """The bank's decision. The charge keeps saying that it was disputed."""
    before = {"status": dispute["status"]}
    dispute["status"] = "won" if won else "lost"
    tx.save(dispute)
    emit(tx, "charge.dispute.updated", dispute, before)
    emit(tx, "charge.dispute.closed", dispute)
    if won:
        emit(tx, "charge.dispute.funds_reinstated", dispute)


def close(call: Call) -> Json:
    dispute = call.load("dispute", "dispute")
    if dispute["status"] in OPEN:
        decide(call.tx, dispute, won=False)
    return dispute


def list_disputes(call: Call) -> Json:
    params = call.params
    where = [matches("payment_intent", params["payment_intent"])] if "payment_intent" in params else []
    return call.page("dispute", parent=params.get("charge"), where=where)
