"""Checkout sessions with mode=payment: something is bought once, by a customer or by nobody in particular."""

from . import discounts, invoices, payments
from .errors import Refusal, unsupported
from .shapes import merge_metadata
from .store import Transaction
from .wire import Json, new_id

HONOURED = frozenset({"description", "metadata", "receipt_email", "setup_future_usage", "statement_descriptor_suffix"})
FOREIGN = {"subscription": ("payment_intent_data", "customer_creation", "invoice_creation"),
           "payment": ("subscription_data", "payment_method_collection")}  # fmt: skip
LONGEST = {"description": 1000, "statement_descriptor_suffix": 22}


def check(params: Json) -> None:
    """Refuse what belongs to the other mode, and what Stripe acts on here and the sandbox does not."""
    mode = params["mode"]
    for name in FOREIGN[mode]:
        if name in params:
            raise Refusal(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    data = params.get("payment_intent_data", {})
    for name in data:
        if name not in HONOURED and not (name == "capture_method" and data[name] == "automatic"):
            raise unsupported(f"payment_intent_data[{name}]")
    for name, most in LONGEST.items():
        if len(data.get(name, "")) > most:
            raise Refusal(f"Invalid string: must be at most {most} characters", param=f"payment_intent_data[{name}]")
    if "@" not in data.get("receipt_email", "@"):
        raise Refusal(
            f"Invalid email address: {data['receipt_email']}", code="email_invalid",
            param="payment_intent_data[receipt_email]",
        )  # fmt: skip
    if "invoice_data" in params.get("invoice_creation", {}):
        raise unsupported("invoice_creation[invoice_data]")


def check_items(mode: str, items: list[Json]) -> None:
    """A subscription needs something that recurs; a payment must not have it."""
    recurring = [item["price"]["type"] == "recurring" for item in items]
    if mode == "payment" and any(recurring):
        raise Refusal(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices.",
            param="mode",
        )
    if mode == "subscription" and not any(recurring):
        raise Refusal(
            "You specified `subscription` mode but passed only one-time prices: one recurring price is needed.",
            param="line_items",
        )
    if len({item["currency"] for item in items}) > 1:
        raise Refusal("All line items must have the same currency.", param="line_items")


def makes_customer(params: Json) -> bool:
    """Whether a Customer comes to be where none was given."""
    invoiced = params.get("invoice_creation", {}).get("enabled", False)
    return params["mode"] == "subscription" or params.get("customer_creation") == "always" or bool(invoiced)


def mark(session: Json, params: Json) -> None:
    """What a new session of this mode says of itself."""
    asked = params.get("invoice_creation", {}).get("enabled", False)
    session["_intent_data"] = params.get("payment_intent_data", {})
    if session["mode"] != "payment":
        return
    data: Json = {"account_tax_ids": None, "custom_fields": None, "description": None, "footer": None, "issuer": None,
            "metadata": {}, "rendering_options": None}  # fmt: skip
    session.update(
        customer_creation=None if session["customer"] else "always" if makes_customer(params) else "if_required",
        invoice_creation={"enabled": bool(asked), "invoice_data": data},
        payment_method_collection="if_required",
    )


def open_intent(tx: Transaction, session: Json, customer: str | None) -> Json:
    """The payment intent of a session, made at the first attempt."""
    if session["mode"] == "subscription":
        return payments.open_intent(
            tx, amount=session["amount_total"], currency=session["currency"], customer=customer,
            description="Subscription creation", setup_future_usage="off_session",
        )  # fmt: skip
    data = session["_intent_data"]
    return payments.open_intent(
        tx, amount=session["amount_total"], currency=session["currency"], customer=customer,
        description=data.get("description"), metadata=merge_metadata({}, data.get("metadata")),
        setup_future_usage=data.get("setup_future_usage"), receipt_email=data.get("receipt_email"),
        suffix=data.get("statement_descriptor_suffix"),
    )  # fmt: skip


def complete(tx: Transaction, session: Json, customer: Json, method: Json | None, intent: Json | None) -> Json:
    """What a paid session has made: the fields to set on it."""
    if method and customer["id"] and session["_intent_data"].get("setup_future_usage"):
        payments.attach(tx, method, customer["id"])
    if session["_coupon"]:
        discounts.count(tx, session["_coupon"], session["_code"])
    made: Json = {"payment_intent": intent["id"] if intent else None, "invoice": None}
    if customer["id"] and session["invoice_creation"]["enabled"]:
        made["invoice"] = _invoice(tx, session, customer, intent)
    return made


def _invoice(tx: Transaction, session: Json, customer: Json, intent: Json | None) -> str:
    """The invoice that is written after the payment."""
    lines = [
        invoices.line(
            currency=item["currency"], amount=item["amount_total"], description=item["description"],
            price=item["price"], quantity=item["quantity"], period=(tx.now, tx.now), parent=None,
        )
        for item in session["_line_items"]
    ]  # fmt: skip
    invoice = invoices.build(
        tx, customer, lines, reason="manual", subscription=None, period=(tx.now, tx.now), identifier=new_id("in_")
    )
    invoices.draft(tx, invoice)
    invoices.finalize(tx, invoice)
    invoices.mark_paid(tx, invoice, intent)
    return str(invoice["id"])
