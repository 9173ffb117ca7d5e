"""Products and prices."""

from typing import Any

from .api import Call
from .errors import Refusal
from .events import changed, emit
from .shapes import currency, matches, merge_metadata, set_given
from .store import Transaction
from .wire import Json, new_id

PRODUCT_FIELDS = "active description images marketing_features name statement_descriptor tax_code unit_label url"
PRICE_PARAMS = (
    "active billing_scheme currency lookup_key metadata nickname product product_data recurring tax_behavior "
    "transfer_lookup_key unit_amount"
)
MAX_AMOUNT = 99_999_999


def create_product(call: Call) -> Json:
    params = call.params
    identifier = params.get("id") or new_id("prod_")
    if call.tx.find(None, identifier, deleted=True):
        raise Refusal(f"Product already exists: {identifier}", code="resource_already_exists", param="id")
    product = _new_product(call.tx, identifier, params)
    if data := params.get("default_price_data"):
        _only(data, "currency metadata recurring tax_behavior unit_amount", "default_price_data")
        product["default_price"] = new_id("price_")
        call.tx.save(product)
        emit(call.tx, "product.created", product)
        _new_price(call.tx, data | {"product": product["id"]}, product["default_price"])
    else:
        emit(call.tx, "product.created", product)
    return product


def _new_product(tx: Transaction, identifier: str, params: Json) -> Json:
    product: Json = {
        "id": identifier,
        "object": "product",
        "active": True,
        "created": tx.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": tx.now,
        "url": None,
    }
    set_given(product, params, PRODUCT_FIELDS)
    return tx.insert("product", product)


def update_product(call: Call) -> Json:
    product = call.load("product")
    before = dict(product)
    set_given(product, call.params, PRODUCT_FIELDS)
    product["metadata"] = merge_metadata(product["metadata"], call.params.get("metadata"))
    if price := call.params.get("default_price"):
        call.refer("price", price, "default_price")
        product["default_price"] = price
    if product != before:
        product["updated"] = call.now
    changed(call.tx, "product.updated", before, call.tx.save(product))
    return product


def delete_product(call: Call) -> Json:
    product = call.load("product")
    if call.tx.select("price", parent=product["id"], limit=1):
        raise Refusal("This product cannot be deleted because it has one or more user-created prices.")
    call.tx.mark_deleted(product["id"])
    emit(call.tx, "product.deleted", product)
    return {"id": product["id"], "object": "product", "deleted": True}


def list_products(call: Call) -> Json:
    where = []
    if "active" in call.params:
        where.append(matches("active", call.params["active"]))
    if ids := call.params.get("ids"):
        where.append((f"id IN ({', '.join('?' * len(ids))})", list(ids)))
    return call.page("product", where=where)


def create_price(call: Call) -> Json:
    params = dict(call.params)
    if ("product" in params) == ("product_data" in params):
        raise Refusal("You must specify exactly one of: product, product_data.", param="product")
    if data := params.pop("product_data", None):
        product = _new_product(call.tx, data.get("id") or new_id("prod_"), data)
        emit(call.tx, "product.created", product)
        params["product"] = product["id"]
    else:
        call.refer("product", params["product"], "product")
    return _new_price(call.tx, params, new_id("price_"))


def price_from_data(call: Call, data: Json, at: str) -> Json:
    """The price that an inline `price_data` stands for."""
    _only(data, "currency product product_data recurring tax_behavior unit_amount", at)
    inner = Call(call.tx, data, call.ids, call.path)
    return create_price(inner)


def _new_price(tx: Transaction, params: Json, identifier: str) -> Json:
    amount = params.get("unit_amount")
    if amount is None:
        raise Refusal(
            "You must specify unit_amount: the sandbox has no decimal, custom or tiered amounts.",
            code="parameter_missing",
            param="unit_amount",
        )
    if not 0 <= amount <= MAX_AMOUNT:
        raise Refusal(f"Invalid unit_amount: must be between 0 and {MAX_AMOUNT}.", param="unit_amount")
    if params.get("billing_scheme", "per_unit") != "per_unit":
        raise Refusal("The sandbox has no tiered prices.", code="sandbox_unsupported", param="billing_scheme")
    if lookup := params.get("lookup_key"):
        _take_lookup_key(tx, lookup, params.get("transfer_lookup_key", False))
    price: Json = {
        "id": identifier,
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": "per_unit",
        "created": tx.now,
        "currency": currency(params["currency"]),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup,
        "metadata": merge_metadata({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": params["product"],
        "recurring": _recurring(params.get("recurring")),
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if params.get("recurring") else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    tx.insert("price", price, parent=price["product"])
    emit(tx, "price.created", price)
    return price


def _recurring(given: Any) -> Json | None:
    if not given:
        return None
    if given.get("usage_type", "licensed") != "licensed":
        raise Refusal("The sandbox has no metered prices.", code="sandbox_unsupported", param="recurring[usage_type]")
    count = given.get("interval_count", 1)
    longest = {"day": 1095, "week": 156, "month": 36, "year": 3}[given["interval"]]
    if not 1 <= count <= longest:
        raise Refusal("Invalid interval_count: three years is the longest interval.", param="recurring[interval_count]")
    return {
        "interval": given["interval"],
        "interval_count": count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _take_lookup_key(tx: Transaction, lookup: str, transfer: bool, except_id: str = "") -> None:
    for holder in tx.select("price", where=[matches("lookup_key", lookup)]):
        if holder["id"] == except_id:
            continue
        if not transfer:
            raise Refusal(f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key")
        before = dict(holder)
        holder["lookup_key"] = None
        changed(tx, "price.updated", before, tx.save(holder))


def update_price(call: Call) -> Json:
    price = call.load("price", "price")
    before = dict(price)
    if lookup := call.params.get("lookup_key"):
        _take_lookup_key(call.tx, lookup, call.params.get("transfer_lookup_key", False), price["id"])
    set_given(price, call.params, "active lookup_key nickname")
    if "tax_behavior" in call.params:
        if price["tax_behavior"] not in ("unspecified", call.params["tax_behavior"]):
            raise Refusal("You cannot change tax_behavior once it is set.", param="tax_behavior")
        price["tax_behavior"] = call.params["tax_behavior"]
    price["metadata"] = merge_metadata(price["metadata"], call.params.get("metadata"))
    changed(call.tx, "price.updated", before, call.tx.save(price))
    return price


def list_prices(call: Call) -> Json:
    params = call.params
    where = [matches(name, params[name]) for name in ("active", "currency", "type") if name in params]
    if keys := params.get("lookup_keys"):
        where.append((f"json_extract(data, '$.lookup_key') IN ({', '.join('?' * len(keys))})", list(keys)))
    for name, value in params.get("recurring", {}).items():
        where.append(matches(f"recurring.{name}", value))
    return call.page("price", parent=params.get("product"), where=where)


def _only(data: Json, names: str, at: str) -> None:
    from .errors import unsupported

    for name in data:
        if name not in names.split():
            raise unsupported(f"{at}[{name}]")
