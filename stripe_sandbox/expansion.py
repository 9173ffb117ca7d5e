"""`expand`: ids replaced by the objects they name, to four levels; and lists shown only when asked for."""

from typing import Any

from .errors import Refusal
from .store import Transaction
from .wire import Json

MAX_LEVELS = 4

# Fields that hold an id and may be expanded.
EXPANDABLE: dict[str, frozenset[str]] = {
    kind: frozenset(fields.split())
    for kind, fields in {
        "customer": "default_source test_clock",
        "product": "default_price",
        "price": "product",
        "promotion_code": "customer coupon",
        "discount": "customer promotion_code coupon",
        "checkout.session": "customer subscription invoice payment_intent setup_intent coupon promotion_code",
        "subscription": "customer latest_invoice default_payment_method schedule pending_setup_intent discounts",
        "subscription_item": "discounts",
        "invoice": "customer default_payment_method discounts discount subscription",
        "line_item": "subscription price discounts",
        "invoice_payment": "invoice payment_intent charge",
        "payment_intent": "customer payment_method latest_charge",
        "charge": "customer payment_intent balance_transaction",
        "payment_method": "customer",
        "dispute": "charge payment_intent",
        "refund": "charge payment_intent payment_method balance_transaction",
        "billing_portal.session": "configuration",
    }.items()
}


def check_depth(paths: list[str]) -> None:
    for path in paths:
        if path.count(".") >= MAX_LEVELS:
            raise Refusal(
                f"You cannot expand more than {MAX_LEVELS} levels of a property. Property: {path}",
                remembered=False,
            )


def render(tx: Transaction, thing: Json, paths: list[str]) -> Json:
    """A copy-free view of `thing` with every path expanded."""
    thing = refresh(tx, thing)
    for path in paths:
        _walk(tx, thing, path.split("."), path, "")
    return thing


def refresh(tx: Transaction, thing: Any) -> Any:
    """Objects keep copies of the prices they were sold at; show the price as it is now."""
    if isinstance(thing, dict):
        if thing.get("object") == "event":  # an event keeps what was true when it happened
            return thing
        for key, value in thing.items():
            if key == "price" and isinstance(value, dict) and (now := tx.find("price", value.get("id", ""))):
                thing[key] = now
            else:
                refresh(tx, value)
    elif isinstance(thing, list):
        for item in thing:
            refresh(tx, item)
    return thing


def _walk(tx: Transaction, node: Any, parts: list[str], path: str, owner: str) -> None:
    if isinstance(node, list):
        for item in node:
            _walk(tx, item, parts, path, owner)
        return
    if not isinstance(node, dict):
        raise _refuse(path)
    kind = node.get("object", owner)
    field, rest = parts[0], parts[1:]
    if field not in node:
        included = _included(tx, node, field)
        if included is None:
            # A field that other objects of the kind have (a null parent, say) is passed over.
            if field in EXPANDABLE.get(kind, ()):
                return
            raise _refuse(path)
        node[field] = included
    value = node[field]
    if isinstance(value, str):
        if field not in EXPANDABLE.get(kind, ()):
            raise _refuse(path)
        found = tx.find(None, value, deleted=True)
        if found is not None:
            node[field] = _stub(found)
    elif isinstance(value, list) and field in EXPANDABLE.get(kind, ()):
        node[field] = [_found(tx, item) for item in value]
    elif value is not None and not rest and not isinstance(value, dict):
        raise _refuse(path)
    if rest and node[field] is not None:
        _walk(tx, node[field], rest, path, kind)


def _found(tx: Transaction, item: Any) -> Any:
    """A discount that is over is shown with all it was, marked as deleted: invoices still name it."""
    return (tx.find(None, item, deleted=True) or item) if isinstance(item, str) else item


def _stub(found: Json) -> Json:
    """What an expanded deleted object shows."""
    if found.get("deleted"):
        return {"id": found["id"], "object": found["object"], "deleted": True}
    return found


def _refuse(path: str) -> Refusal:
    return Refusal(
        f"This property cannot be expanded ({path}). You may want to try expanding a different property.",
        remembered=False,
    )


def _included(tx: Transaction, node: Json, field: str) -> Any:
    """Lists that Stripe leaves out until they are asked for."""
    identifier = node.get("id", "")
    wanted = (node.get("object"), field)
    if wanted == ("invoice", "payments"):
        rows = tx.select("invoice_payment", parent=identifier)
        return _list(rows, f"/v1/invoices/{identifier}/payments")
    if wanted == ("checkout.session", "line_items"):
        return _list(node.get("_line_items", []), f"/v1/checkout/sessions/{identifier}/line_items")
    if wanted == ("customer", "subscriptions"):
        live: list[tuple[str, list[Any]]] = [("json_extract(data, '$.status') <> 'canceled'", [])]
        rows = tx.select("subscription", customer=identifier, where=live)
        return _list(rows, f"/v1/customers/{identifier}/subscriptions")
    if wanted == ("charge", "refunds"):
        return _list(tx.select("refund", parent=identifier), f"/v1/charges/{identifier}/refunds")
    return None


def _list(rows: list[Json], url: str) -> Json:
    return {"object": "list", "data": rows, "has_more": False, "url": url}
