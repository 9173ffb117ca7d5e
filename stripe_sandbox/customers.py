"""Customers."""

import re

from . import subscriptions
from .api import Call, page_limit
from .errors import Refusal
from .events import changed, emit
from .shapes import empty_address, matches, merge_metadata, set_given
from .store import Transaction
from .wire import Json, new_id

PLAIN = "business_name description individual_name name phone preferred_locales tax_exempt"
ACTS_ON = PLAIN + " address email invoice_settings metadata shipping"
CREATE = ACTS_ON + " test_clock"
MAX_EMAIL = 512


def create(call: Call) -> Json:
    if clock := call.params.get("test_clock"):
        call.refer("test_helpers.test_clock", clock, "test_clock")
    customer = new_customer(call.tx, call.params)
    if method := call.params.get("invoice_settings", {}).get("default_payment_method"):
        raise Refusal(
            f"No such PaymentMethod: '{method}'; it must be attached to the customer first.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )
    return customer


def new_customer(tx: Transaction, params: Json) -> Json:
    """Insert a customer and tell the world."""
    customer: Json = {
        "id": new_id("cus_"),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": tx.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_id("")[:8].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": params.get("test_clock"),
    }
    _apply(customer, params)
    tx.insert("customer", customer)
    emit(tx, "customer.created", customer)
    return customer


def _apply(customer: Json, params: Json) -> None:
    set_given(customer, params, PLAIN)
    if "email" in params:
        email = params["email"] or None
        if email and ("@" not in email or len(email) > MAX_EMAIL or email != email.strip()):
            raise Refusal(f"Invalid email address: {email}", code="email_invalid", param="email")
        customer["email"] = email
    if "address" in params:
        customer["address"] = empty_address(params["address"]) if params["address"] else None
    if "shipping" in params:
        customer["shipping"] = params["shipping"] or None
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))


def retrieve(call: Call) -> Json:
    customer = call.load("customer", deleted=True)
    if customer.get("deleted"):
        return {"id": customer["id"], "object": "customer", "deleted": True}
    return customer


def update(call: Call) -> Json:
    customer = call.load("customer")
    before = dict(customer)
    _apply(customer, call.params)
    settings = call.params.get("invoice_settings", {})
    if "default_payment_method" in settings:
        set_default_method(call.tx, customer, settings["default_payment_method"])
    changed(call.tx, "customer.updated", before, call.tx.save(customer))
    return customer


def set_default_method(tx: Transaction, customer: Json, method_id: str | None) -> None:
    """Make an attached payment method the default for invoices; the caller saves the customer."""
    method = tx.find("payment_method", method_id) if method_id else None
    if method_id and (method is None or method["customer"] != customer["id"]):
        raise Refusal(
            f"No such PaymentMethod: '{method_id}'; it's possible that it belongs to another customer.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )
    customer["invoice_settings"] = dict(customer["invoice_settings"], default_payment_method=method_id or None)


def delete(call: Call) -> Json:
    customer = call.load("customer")
    delete_now(call.tx, customer)
    return {"id": customer["id"], "object": "customer", "deleted": True}


def delete_now(tx: Transaction, customer: Json) -> None:
    """Ends every subscription at once, then the customer, in that order of events."""
    for subscription in reversed(tx.select("subscription", customer=customer["id"])):
        if subscription["status"] != "canceled":
            subscriptions.end(tx, subscription, reason="cancellation_requested")
    for method in tx.select("payment_method", customer=customer["id"]):
        method["customer"] = None
        tx.save(method)
        tx.set_customer(method["id"], None)
    tx.mark_deleted(customer["id"])
    emit(tx, "customer.deleted", customer)


def list_customers(call: Call) -> Json:
    where = [matches("email", call.params["email"])] if "email" in call.params else []
    return call.page("customer", where=where)


_TERM = re.compile(r"""\s*(?:(email|name|phone)|metadata\[['"]([^'"\]]{1,40})['"]\])\s*:\s*(['"])(.*?)\3\s*""")


def search(call: Call) -> Json:
    """`email:'x' AND metadata['k']:'v'`: exact values joined with AND or OR, as one page."""
    text = call.params.get("query", "")
    found: set[str] | None = None
    joint, at = "AND", 0
    while at < len(text) or found is None:
        term = _TERM.match(text, at)
        if term is None:
            raise Refusal("We were unable to parse your search query.", param="query")
        field = term[1] or f'metadata."{term[2]}"'
        rows = call.tx.select("customer", where=[matches(field, term[4])])
        ids = {row["id"] for row in rows}
        found = ids if found is None else (found & ids if joint == "AND" else found | ids)
        at = term.end()
        if at < len(text):
            joint = text[at:].split(None, 1)[0].upper()
            if joint not in ("AND", "OR"):
                raise Refusal("We were unable to parse your search query.", param="query")
            at += len(joint)
    limit = page_limit(call.params)
    chosen = [row for row in call.tx.select("customer") if row["id"] in found]
    return {
        "object": "search_result", "url": call.path, "has_more": len(chosen) > limit, "data": chosen[:limit],
        "next_page": None,
    }  # fmt: skip


def use_method(tx: Transaction, customer: Json, method_id: str) -> None:
    """The portal's card change: the default for invoices and for every running subscription."""
    before = dict(customer)
    set_default_method(tx, customer, method_id)
    changed(tx, "customer.updated", before, tx.save(customer))
    for subscription in tx.select("subscription", customer=customer["id"]):
        if subscription["status"] not in subscriptions.ENDED:
            old = dict(subscription)
            subscription["default_payment_method"] = method_id
            subscriptions.save(tx, subscription, old)
