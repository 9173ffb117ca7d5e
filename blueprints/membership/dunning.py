"""Trying the card again for a payment that is missing, at the member's own press."""

from blueprints.membership.gateway import Refused, gateway
from blueprints.membership.manage import follow_up, state_of
from core import clock
from core.errors import Conflict, DomainError

ASKED_BY_THE_BANK = {"invoice_payment_intent_requires_action", "subscription_payment_intent_requires_action"}


def pay_now(user_id: int) -> str | None:
    """Try the card on file for what this member owes. None when it is paid, else where the bank's question is answered.

    Presses within a minute make one try with one card, and what was paid meanwhile counts as done. Raises NotFound,
    Conflict, DomainError with the card's answer, or GatewayError.
    """
    stripe, state = gateway(), state_of(user_id)
    if not state.is_owing:
        raise Conflict("Nothing is owed for your membership.")
    owed = [
        invoice for invoice in stripe.list_invoices(state.customer)
        if invoice.subscription == state.subscription and invoice.status == "open"
    ]  # fmt: skip
    minute = int(clock.now().timestamp()) // 60
    for invoice in reversed(owed):
        try:
            stripe.pay_invoice(invoice.id, f"pay:{invoice.id}:{state.card}:{minute}")
        except Refused as refusal:
            follow_up(state.customer)
            if refusal.code == "invoice_already_paid":
                continue
            if refusal.code in ASKED_BY_THE_BANK:
                return stripe.invoice_page(invoice.id)
            sentence = f"The payment did not go through: {refusal} You can change the card, and try again."
            raise DomainError(sentence, 402) from None
    follow_up(state.customer)
    return None
