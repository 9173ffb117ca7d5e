"""Invoices: drafted, finalised, collected, retried; and the payments made on them."""

from typing import Any

from . import payments
from .api import Call, slice_page
from .errors import Refusal
from .events import changed, emit
from .shapes import list_of, matches
from .store import Transaction
from .wire import Json, new_id

DRAFT_SECONDS = 3600
DAY = 24 * 3600
RETRY_DAYS = (3, 5, 7)


def line_for(tx: Transaction, item: Json, subscription: str, start: int, end: int) -> Json:
    """One invoice line for one period of a subscription item."""
    price, quantity = item["price"], item["quantity"]
    product = tx.find("product", price["product"], deleted=True) or {"name": "Deleted product"}
    return line(
        currency=price["currency"],
        amount=price["unit_amount"] * quantity,
        description=f"{quantity} × {product['name']}",
        price=price,
        quantity=quantity,
        period=(start, end),
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription,
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
    )


def line(
    *, currency: str, amount: int, description: str, price: Json, quantity: int, period: tuple[int, int], parent: Any
) -> Json:
    details = (parent["subscription_item_details"] or parent["invoice_item_details"]) if parent else None
    subscription = details["subscription"] if details else None
    return {
        "id": new_id("il_"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subscription": subscription,
        "subtotal": amount,
        "taxes": [],
        "_price": price,
    }


def build(
    tx: Transaction,
    customer: Json,
    lines: list[Json],
    *,
    reason: str,
    subscription: Json | None,
    period: tuple[int, int],
    identifier: str,
) -> Json:
    """A draft invoice, not stored yet."""
    discount = sum(d["amount"] for item in lines for d in item["discount_amounts"])
    subtotal = sum(item["amount"] for item in lines)
    total = max(0, subtotal - discount)
    for item in lines:
        item["invoice"] = identifier
    parent = subscription and {
        "quote_details": None,
        "subscription_details": {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]},
        "type": "subscription_details",
    }
    by_discount: dict[str, int] = {}
    for item in lines:
        for given in item["discount_amounts"]:
            by_discount[given["discount"]] = by_discount.get(given["discount"], 0) + given["amount"]
    return {
        "id": identifier,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Demo",
        "account_tax_ids": None,
        "amount_due": total,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": total,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": tx.now + DRAFT_SECONDS if reason == "subscription_cycle" else None,
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": tx.now,
        "currency": lines[0]["currency"],
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": list(by_discount),
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": list_of(lines, f"/v1/invoices/{identifier}/lines"),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": tx.now + DRAFT_SECONDS if reason == "subscription_cycle" else None,
        "number": None,
        "on_behalf_of": None,
        "parent": parent,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "test_clock": None,
        "total": total,
        "total_discount_amounts": [{"amount": v, "discount": k} for k, v in by_discount.items()],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": tx.now,
    }


def draft(tx: Transaction, invoice: Json) -> Json:
    """Store a built invoice; a renewal's draft is finalised an hour later."""
    subscription = subscription_of(invoice)
    due_at = invoice["automatically_finalizes_at"]
    tx.insert("invoice", invoice, customer=invoice["customer"], parent=subscription, due_at=due_at)
    emit(tx, "invoice.created", invoice)
    return invoice


def subscription_of(invoice: Json) -> str | None:
    parent = invoice["parent"]
    return parent["subscription_details"]["subscription"] if parent else None


def finalize(tx: Transaction, invoice: Json) -> Json:
    customer = tx.find("customer", invoice["customer"], deleted=True)
    if customer is None:
        raise RuntimeError(f"Invoice {invoice['id']} has no customer.")
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    customer["currency"] = customer["currency"] or invoice["currency"]
    tx.save(customer)
    invoice["_token"] = new_id("invtok_")
    url = f"{tx.public_url}/invoice/{invoice['id']}/{invoice['_token']}"
    invoice.update(
        status="open",
        number=f"{customer['invoice_prefix']}-{number:04d}",
        automatically_finalizes_at=None,
        effective_at=tx.now,
        ending_balance=0,
        hosted_invoice_url=url,
        invoice_pdf=f"{url}/pdf",
    )
    invoice["status_transitions"]["finalized_at"] = tx.now
    tx.set_due(invoice["id"], None)
    emit(tx, "invoice.finalized", tx.save(invoice))
    return invoice


def mark_paid(tx: Transaction, invoice: Json, intent: Json | None) -> Json:
    """The invoice is settled, by `intent` or because nothing was due."""
    before = {key: invoice[key] for key in ("amount_paid", "amount_remaining", "attempted", "attempt_count", "status")}
    before["status_transitions"] = dict(invoice["status_transitions"])
    before["next_payment_attempt"] = invoice["next_payment_attempt"]
    before["auto_advance"] = invoice["auto_advance"]
    paid = intent["amount_received"] if intent else 0
    invoice.update(
        status="paid",
        amount_paid=paid,
        amount_remaining=invoice["amount_due"] - paid,
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if intent else 0),
        auto_advance=False,
        next_payment_attempt=None,
    )
    invoice["status_transitions"] = dict(invoice["status_transitions"], paid_at=tx.now)
    tx.save(invoice)
    tx.set_due(invoice["id"], None)
    changed(tx, "invoice.updated", invoice | before, invoice)
    emit(tx, "invoice.paid", invoice)
    emit(tx, "invoice.payment_succeeded", invoice)
    if intent:
        _record_payment(tx, invoice, intent)
    return invoice


def _record_payment(tx: Transaction, invoice: Json, intent: Json) -> None:
    payment = _payment(tx, invoice, intent)
    payment.update(status="paid", amount_paid=intent["amount_received"])
    payment["status_transitions"]["paid_at"] = tx.now
    emit(tx, "invoice_payment.paid", tx.save(payment))


def _payment(tx: Transaction, invoice: Json, intent: Json) -> Json:
    """The record that ties an invoice to its payment intent; one for each pair."""
    for found in tx.select("invoice_payment", parent=invoice["id"]):
        if found["payment"]["payment_intent"] == intent["id"]:
            return found
    payment: Json = {
        "id": new_id("inpay_"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": tx.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return tx.insert("invoice_payment", payment, customer=invoice["customer"], parent=invoice["id"])


def intent_of(tx: Transaction, invoice: Json) -> Json | None:
    """The payment intent that collects this invoice, once there is one."""
    for payment in tx.select("invoice_payment", parent=invoice["id"], limit=1):
        return tx.find("payment_intent", payment["payment"]["payment_intent"])
    return None


def collect(tx: Transaction, invoice: Json, method: Json | None, *, off_session: bool) -> Json | None:
    """Try to charge an open invoice once. Returns the intent, or None when there is nothing to pay
    or no card. A success marks the invoice paid; a failure only counts the attempt."""
    if invoice["amount_due"] == 0:
        mark_paid(tx, invoice, None)
        return None
    if method is None:
        invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
        tx.save(invoice)
        return None
    intent = intent_of(tx, invoice)
    if intent is None:
        what = "creation" if invoice["billing_reason"] == "subscription_create" else "update"
        intent = payments.open_intent(
            tx,
            amount=invoice["amount_due"],
            currency=invoice["currency"],
            customer=invoice["customer"],
            description=f"Subscription {what}",
        )
        _payment(tx, invoice, intent)
    payments.attempt(tx, intent, method, off_session=off_session)
    if intent["status"] == "succeeded":
        mark_paid(tx, invoice, intent)
    else:
        invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
        tx.save(invoice)
    return intent


def plan_retry(tx: Transaction, invoice: Json) -> bool:
    """Set the next automatic attempt; False when the last one is over."""
    tries: int = invoice["attempt_count"]
    more = tries <= len(RETRY_DAYS)
    invoice["next_payment_attempt"] = tx.now + RETRY_DAYS[tries - 1] * DAY if more else None
    tx.save(invoice)
    tx.set_due(invoice["id"], invoice["next_payment_attempt"])
    return more


def stop_collecting(tx: Transaction, subscription: str) -> None:
    """A cancelled subscription's open invoices are no longer charged by themselves."""
    for invoice in tx.select("invoice", parent=subscription):
        if invoice["status"] in ("open", "draft") and invoice["auto_advance"]:
            before = dict(invoice)
            invoice.update(auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
            tx.set_due(invoice["id"], None)
            changed(tx, "invoice.updated", before, tx.save(invoice))


def hold(tx: Transaction, invoice: Json) -> None:
    """A draft made while collecting is paused stays one."""
    before = dict(invoice)
    invoice.update(auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
    tx.set_due(invoice["id"], None)
    changed(tx, "invoice.updated", before, tx.save(invoice))


def give_up(tx: Transaction, invoice: Json, status: str) -> Json:
    """Nothing will be collected: `void` or `uncollectible`."""
    before = dict(invoice, status_transitions=dict(invoice["status_transitions"]))
    invoice.update(status=status, auto_advance=False, next_payment_attempt=None)
    at = "voided_at" if status == "void" else "marked_uncollectible_at"
    invoice["status_transitions"] = dict(invoice["status_transitions"]) | {at: tx.now}
    tx.set_due(invoice["id"], None)
    tx.save(invoice)
    changed(tx, "invoice.updated", before, invoice)
    emit(tx, "invoice.voided" if status == "void" else "invoice.marked_uncollectible", invoice)
    return invoice


def list_invoices(call: Call) -> Json:
    params = call.params
    where = [matches(name, params[name]) for name in ("status", "collection_method") if name in params]
    return call.page("invoice", customer=params.get("customer"), parent=params.get("subscription"), where=where)


def list_lines(call: Call) -> Json:
    return slice_page(call.load("invoice", "invoice")["lines"]["data"], call.params, call.path)


def list_payments(call: Call) -> Json:
    params, where = call.params, []
    if "status" in params:
        where.append(matches("status", params["status"]))
    if payment := params.get("payment"):
        if payment["type"] != "payment_intent":
            return call.page("invoice_payment", where=[("0", [])])
        where.append(matches("payment.payment_intent", payment.get("payment_intent", "")))
    return call.page("invoice_payment", parent=params.get("invoice"), where=where)


def void(call: Call) -> Json:
    invoice = call.load("invoice", "invoice")
    if invoice["status"] != "open":
        raise Refusal(f"You can only void an open invoice; this one is {invoice['status']}.")
    return give_up(call.tx, invoice, "void")
