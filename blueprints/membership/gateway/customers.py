"""Customers, and the pages at Stripe that they pay and look after their card on."""

from typing import Any

from blueprints.membership.gateway.line import PAGE_SIZE, Line
from blueprints.membership.gateway.reading import card_facts, field, id_of, session_state
from blueprints.membership.gateway.values import CardFacts, CustomerState, Missing, Refused, SessionState


class CustomerCalls(Line):
    """Customers, and the pages at Stripe that they pay and look after their card on."""

    def create_customer(self, user_id: int, email: str, name: str, idempotency_key: str) -> str:
        """Make the reader's Customer; the same key gives the same one. Returns its id."""
        made = self.ask(lambda: self.v1.customers.create(
            {"email": email, "name": name, "metadata": {"user_id": str(user_id)}},
            {"idempotency_key": idempotency_key},
        ))  # fmt: skip
        return str(made.id)

    def retrieve_customer(self, customer: str) -> CustomerState:
        """The Customer; one that Stripe no longer knows counts as deleted."""
        try:
            found: Any = self.ask(lambda: self.v1.customers.retrieve(customer))
        except Missing:
            return CustomerState(customer, None, deleted=True)
        method = id_of(field(field(found, "invoice_settings"), "default_payment_method"))
        return CustomerState(customer, field(found, "email"), bool(field(found, "deleted")), method)

    def card(self, method: str) -> CardFacts | None:
        """The card of a payment method; None for another kind, or one that is gone."""
        try:
            return card_facts(self.ask(lambda: self.v1.payment_methods.retrieve(method)))
        except Missing:
            return None

    def update_customer_email(self, customer: str, email: str) -> None:
        """Tell Stripe the reader's new address, for receipts."""
        self.ask(lambda: self.v1.customers.update(customer, {"email": email}))

    def create_checkout_session(
        self, *, customer: str, price: str, user_id: int, attempt_id: int, success_url: str, cancel_url: str,
        idempotency_key: str, trial_days: int | None = None, promotion: str | None = None, quantity: int = 1,
    ) -> SessionState:  # fmt: skip
        """Open a hosted Checkout for one subscription, of so many seats.

        No `expires_at` is sent: Stripe's own 24 hours need no agreement between two clocks.
        """
        marks = {"user_id": str(user_id), "attempt_id": str(attempt_id)}
        started: Any = {"metadata": marks}
        if trial_days:
            ending = {"end_behavior": {"missing_payment_method": "cancel"}}
            started |= {"trial_period_days": trial_days, "trial_settings": ending}
        more: Any = {"discounts": [{"promotion_code": promotion}]} if promotion else {}
        wanted: Any = {
            "mode": "subscription",
            "ui_mode": "hosted_page",
            "customer": customer,
            "client_reference_id": str(user_id),
            "line_items": [{"price": price, "quantity": quantity}],
            "metadata": marks,
            "subscription_data": started,
            "success_url": success_url,
            "cancel_url": cancel_url,
            **more,
        }
        made = self.ask(lambda: self.v1.checkout.sessions.create(wanted, {"idempotency_key": idempotency_key}))
        return session_state(made)

    def retrieve_session(self, session_id: str) -> SessionState:
        """A Checkout session as it is now. Raises Missing."""
        return session_state(self.ask(lambda: self.v1.checkout.sessions.retrieve(session_id)))

    def expire_session(self, session_id: str) -> SessionState:
        """Close an open session, so that it cannot be paid; returns what it is then: perhaps complete already."""
        try:
            return session_state(self.ask(lambda: self.v1.checkout.sessions.expire(session_id)))
        except Refused:
            return self.retrieve_session(session_id)

    def create_portal_session(self, customer: str, return_url: str) -> str:
        """The address of a fresh Portal session; the account's own Portal settings are used, or made."""
        params: Any = {"customer": customer, "return_url": return_url}
        standing = self.ask(lambda: self.v1.billing_portal.configurations.list({"active": True, "limit": PAGE_SIZE}))
        chosen = next((item for item in standing.data if item.is_default), next(iter(standing.data), None))
        params["configuration"] = str(chosen.id) if chosen else self._make_portal()
        made = self.ask(lambda: self.v1.billing_portal.sessions.create(params))
        return str(made.url)

    def _make_portal(self) -> str:
        made = self.ask(lambda: self.v1.billing_portal.configurations.create({
            "features": {
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True},
                "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            },
        }))  # fmt: skip
        return str(made.id)
