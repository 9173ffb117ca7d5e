"""What is paid once: a Checkout session without a Subscription, and what became of its payment."""

from typing import Any

from blueprints.membership.gateway.money import MoneyCalls
from blueprints.membership.gateway.reading import field, session_state
from blueprints.membership.gateway.values import ChargeState, Missing, SessionState

FEW = 20  # tries with other cards, of which at most one succeeds


class OnceCalls(MoneyCalls):
    """What is paid once: a Checkout session without a Subscription, and what became of its payment."""

    def create_payment_session(
        self, *, customer: str, product: str, amount_cents: int, currency: str, words: str, receipt_email: str,
        reference: str, marks: dict[str, str], success_url: str, cancel_url: str, idempotency_key: str,
    ) -> SessionState:  # fmt: skip
        """Open a hosted Checkout in which an amount is paid once. No card is kept from it."""
        wanted: Any = {
            "mode": "payment",
            "ui_mode": "hosted_page",
            "customer": customer,
            "client_reference_id": reference,
            "line_items": [{
                "quantity": 1,
                "price_data": {"currency": currency, "product": product, "unit_amount": amount_cents},
            }],
            "payment_intent_data": {"description": words, "metadata": marks, "receipt_email": receipt_email},
            "metadata": marks,
            "success_url": success_url,
            "cancel_url": cancel_url,
        }  # fmt: skip
        made = self.ask(lambda: self.v1.checkout.sessions.create(wanted, {"idempotency_key": idempotency_key}))
        return session_state(made)

    def charge_of(self, intent: str) -> ChargeState | None:
        """The Charge that a PaymentIntent succeeded with, with what went back of it since."""
        charge = self._succeeded(intent)
        return self._charge(charge) if charge is not None else None

    def receipt_page(self, intent: str) -> str | None:
        """The address of a payment's receipt at Stripe: asked for each time, because it expires."""
        return field(self._succeeded(intent), "receipt_url")  # type: ignore[no-any-return]

    def _succeeded(self, intent: str) -> Any:
        try:
            found = self.ask(lambda: self.v1.charges.list({"payment_intent": intent, "limit": FEW}))
        except Missing:
            return None
        return next((charge for charge in found.data if charge.status == "succeeded"), None)
