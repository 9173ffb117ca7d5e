"""Pending invoice items: prorations that wait for the next invoice."""

from typing import Any

from . import invoices
from .api import Call
from .events import emit
from .store import Transaction
from .wire import Json, new_id


def pend(tx: Transaction, subscription: Json, line: Json) -> Json:
    """Keep a proration line until the next invoice."""
    details = line["parent"]["subscription_item_details"]
    item: Json = {
        "id": new_id("ii_"),
        "object": "invoiceitem",
        "amount": line["amount"],
        "currency": line["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": tx.now,
        "description": line["description"],
        "discountable": False,
        "discounts": [],
        "frozen_fields": None,
        "invoice": None,
        "invoicing_rules": [],
        "livemode": False,
        "metadata": {},
        "net_amount": line["amount"],
        "parent": {
            "subscription_details": {
                "subscription": subscription["id"], "subscription_item": details["subscription_item"],
            },
            "type": "subscription_details",
        },
        "period": line["period"],
        "pricing": line["pricing"],
        "proration": True,
        "proration_details": {"credited_items": None, "discount_amounts": line["_off"]},
        "quantity": line["quantity"],
        "quantity_decimal": line["quantity_decimal"],
        "tax_rates": [],
        "test_clock": subscription["test_clock"],
        "_price": line["_price"],
        "_is_credit": line["_is_credit"],
    }  # fmt: skip
    tx.insert("invoiceitem", item, customer=subscription["customer"], parent=subscription["id"])
    emit(tx, "invoiceitem.created", item)
    return item


def waiting(tx: Transaction, subscription: str) -> list[Json]:
    """The items that no invoice has taken yet, the oldest first."""
    found = tx.select("invoiceitem", parent=subscription)
    return [item for item in reversed(found) if item["invoice"] is None]


def lines_of(tx: Transaction, subscription: str) -> list[Json]:
    """The pending items as lines of an invoice; they stay pending until `take`."""
    lines = []
    for item in waiting(tx, subscription):
        line = invoices.line(
            currency=item["currency"], amount=item["amount"], description=item["description"], price=item["_price"],
            quantity=item["quantity"], period=(item["period"]["start"], item["period"]["end"]),
            parent={
                "invoice_item_details": {
                    "invoice_item": item["id"], "proration": True, "proration_details": {"credited_items": None},
                    "subscription": subscription,
                },
                "subscription_item_details": None,
                "type": "invoice_item_details",
            },
        )  # fmt: skip
        lines.append(line | {"discountable": False, "_is_credit": item["_is_credit"]})
    return lines


def take(tx: Transaction, subscription: str, invoice: str) -> None:
    """The invoice of this id has the pending items now."""
    for item in waiting(tx, subscription):
        item["invoice"] = invoice
        tx.save(item)


def list_items(call: Call) -> Json:
    where: list[tuple[str, list[Any]]] = []
    if call.params.get("pending"):
        where.append(("json_extract(data, '$.invoice') IS NULL", []))
    if invoice := call.params.get("invoice"):
        where.append(("json_extract(data, '$.invoice') = ?", [invoice]))
    return call.page("invoiceitem", customer=call.params.get("customer"), where=where)
