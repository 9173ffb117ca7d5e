"""What was asked for, paid, given back and disputed."""

from typing import Any, Literal

from blueprints.membership.gateway.line import PAGE_SIZE, Line
from blueprints.membership.gateway.reading import field, id_of, invoice_state
from blueprints.membership.gateway.values import ChargeState, InvoiceState, Missing, Refused

RefundReason = Literal["duplicate", "requested_by_customer"]


class MoneyCalls(Line):
    """What was asked for, paid, given back and disputed."""

    def list_invoices(self, customer: str) -> list[InvoiceState]:
        """Every Invoice of a Customer, newest first."""
        expand = ["data.payments", "data.discounts.source.coupon"]
        return [invoice_state(item) for item in self.every("/v1/invoices", customer=customer, expand=expand)]

    def list_charges(self, customer: str) -> list[ChargeState]:
        """Every Charge of a Customer, with what was refunded and whether a dispute stands."""
        return [self._charge(charge) for charge in self.every("/v1/charges", customer=customer)]

    def customer_of_charge(self, charge: str) -> str | None:
        """Whose Charge it is: disputes and refunds name only the Charge."""
        try:
            return id_of(field(self.ask(lambda: self.v1.charges.retrieve(charge)), "customer"))
        except Missing:
            return None

    def invoice_page(self, invoice: str) -> str | None:
        """The address of an Invoice's own page, with its receipt: asked for each time, because it expires."""
        return invoice_state(self.ask(lambda: self.v1.invoices.retrieve(invoice))).page

    def pay_invoice(self, invoice: str, idempotency_key: str) -> None:
        """Charge an open Invoice to the card on file now. Raises Refused with the card's answer."""
        self.ask(lambda: self.v1.invoices.pay(invoice, {}, {"idempotency_key": idempotency_key}))

    def refund(self, intent: str, idempotency_key: str, *, reason: RefundReason = "duplicate") -> None:
        """Give back the whole of a payment; one that was given back already counts as done."""
        try:
            self.ask(lambda: self.v1.refunds.create(
                {"payment_intent": intent, "reason": reason}, {"idempotency_key": idempotency_key}))  # fmt: skip
        except Refused as refusal:
            if refusal.code != "charge_already_refunded":
                raise

    def _charge(self, charge: Any) -> ChargeState:
        intent = id_of(field(charge, "payment_intent"))
        disputed = bool(field(charge, "disputed"))
        if disputed:
            disputes = self.ask(lambda: self.v1.disputes.list({"charge": str(charge.id), "limit": PAGE_SIZE}))
            disputed = any(item.status not in {"won", "warning_closed", "prevented"} for item in disputes.data)
        return ChargeState(str(charge.id), intent, int(charge.amount_refunded), disputed)
