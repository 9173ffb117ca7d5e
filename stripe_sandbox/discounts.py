"""Coupons, promotion codes, and the discounts they become on a subscription."""

import secrets
from typing import Any

from .api import Call
from .errors import Refusal, unsupported
from .events import changed, emit
from .periods import add_interval
from .shapes import currency, matches, merge_metadata
from .store import Transaction
from .wire import Json, money, new_id

CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 8


def create_coupon(call: Call) -> Json:
    params = call.params
    identifier = params.get("id") or _code()
    if call.tx.find(None, identifier, deleted=True):
        raise Refusal("Coupon already exists.", code="resource_already_exists", param="id")
    if ("percent_off" in params) == ("amount_off" in params):
        raise Refusal("You must pass exactly one of: percent_off, amount_off.", param="percent_off")
    if "percent_off" in params and not 0 < params["percent_off"] <= 100:
        raise Refusal("Invalid percent_off: must be more than 0 and at most 100.", param="percent_off")
    if "amount_off" in params and (params["amount_off"] < 1 or "currency" not in params):
        raise Refusal("You must pass `currency` and a positive `amount_off`.", param="amount_off")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise Refusal("duration_in_months is needed when, and only when, duration is repeating.", param="duration")
    coupon: Json = {
        "id": identifier,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": call.now,
        "currency": currency(params["currency"]) if "amount_off" in params else None,
        "duration": duration,
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
        "_products": (params.get("applies_to") or {}).get("products", []),
    }
    for product in coupon["_products"]:
        call.refer("product", product, "applies_to[products]")
    call.tx.insert("coupon", coupon)
    emit(call.tx, "coupon.created", coupon)
    return coupon


def update_coupon(call: Call) -> Json:
    coupon = call.load("coupon", "coupon")
    before = dict(coupon)
    if "name" in call.params:
        coupon["name"] = call.params["name"]
    coupon["metadata"] = merge_metadata(coupon["metadata"], call.params.get("metadata"))
    changed(call.tx, "coupon.updated", before, call.tx.save(coupon))
    return coupon


def delete_coupon(call: Call) -> Json:
    coupon = call.load("coupon", "coupon")
    call.tx.mark_deleted(coupon["id"])
    emit(call.tx, "coupon.deleted", coupon)
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


def create_promotion_code(call: Call) -> Json:
    params = call.params
    coupon = params["promotion"].get("coupon")
    if not coupon:
        raise Refusal("Missing required param: promotion[coupon].", code="parameter_missing", param="promotion[coupon]")
    call.refer("coupon", coupon, "promotion[coupon]")
    for name, value in params.get("restrictions", {}).items():
        if value and name != "first_time_transaction":
            raise unsupported(f"restrictions[{name}]")
    code = params.get("code") or _code()
    if _by_code(call.tx, code):
        raise Refusal("An active promotion code with this code already exists.", param="code")
    if customer := params.get("customer"):
        call.refer("customer", customer, "customer")
    made: Json = {
        "id": new_id("promo_"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": code,
        "created": call.now,
        "customer": customer,
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": bool(params.get("restrictions", {}).get("first_time_transaction")),
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }
    call.tx.insert("promotion_code", made)
    emit(call.tx, "promotion_code.created", made)
    return made


def update_promotion_code(call: Call) -> Json:
    found = call.load("promotion_code", "promotion_code")
    before = dict(found)
    if "active" in call.params:
        found["active"] = call.params["active"]
    found["metadata"] = merge_metadata(found["metadata"], call.params.get("metadata"))
    changed(call.tx, "promotion_code.updated", before, call.tx.save(found))
    return found


def list_promotion_codes(call: Call) -> Json:
    params = call.params
    where = [matches(name, params[name]) for name in ("active", "code", "customer") if name in params]
    if "coupon" in params:
        where.append(matches("promotion.coupon", params["coupon"]))
    return call.page("promotion_code", where=where)


def _code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def _by_code(tx: Transaction, code: str) -> Json | None:
    active = [matches("active", True), ("lower(json_extract(data, '$.code')) = ?", [code.lower()])]
    found = tx.select("promotion_code", where=active, limit=1)
    return found[0] if found else None


def _usable(tx: Transaction, thing: Json) -> bool:
    last = thing.get("redeem_by") or thing.get("expires_at")
    spent = thing["max_redemptions"] is not None and thing["times_redeemed"] >= thing["max_redemptions"]
    return not spent and not (last and last <= tx.now)


def for_session(call: Call, given: list[Json]) -> tuple[Json, Json | None] | None:
    """The coupon (and promotion code) that `discounts` names, or None."""
    if not given:
        return None
    if len(given) > 1:
        raise Refusal("You can only apply one discount to a Checkout Session.", param="discounts")
    code = None
    if "promotion_code" in given[0]:
        code = call.refer("promotion_code", given[0]["promotion_code"], "discounts[0][promotion_code]")
        identifier = code["promotion"]["coupon"]
    else:
        identifier = given[0].get("coupon", "")
    coupon = call.refer("coupon", identifier, "discounts[0][coupon]")
    if not _usable(call.tx, coupon) or (code and not (code["active"] and _usable(call.tx, code))):
        raise Refusal("This coupon or promotion code is no longer valid.", param="discounts[0]")
    if code and _only_first(call.tx, code, call.params.get("customer")):
        raise Refusal(
            "This promotion code cannot be redeemed because the associated customer has prior transactions.",
            code="promotion_code_customer_not_first_time",
            param="discounts[0]",
        )
    return coupon, code


def _only_first(tx: Transaction, code: Json, customer: str | None) -> bool:
    """Whether the code is for a first payment, and this customer has paid before."""
    if not code["restrictions"]["first_time_transaction"] or customer is None:
        return False
    return any(charge["status"] == "succeeded" for charge in tx.select("charge", customer=customer))


def typed(tx: Transaction, session: Json, text: str) -> tuple[Json, Json] | None:
    """What a code typed on the hosted page is worth for this session; None when nothing."""
    code = _by_code(tx, text.strip())
    coupon = tx.find("coupon", code["promotion"]["coupon"]) if code else None
    if code is None or coupon is None or not (_usable(tx, code) and _usable(tx, coupon)):
        return None
    if code["customer"] not in (None, session["_customer"]) or _only_first(tx, code, session["_customer"]):
        return None
    if coupon["currency"] not in (None, session["currency"]):
        return None
    return coupon, code


def apply_to_session(session: Json, coupon: Json, code: Json | None) -> None:
    """Put the discount on the session's amounts; the caller stores it."""
    left = coupon["amount_off"]
    for item in session["_line_items"]:
        off = worth(coupon, item["amount_subtotal"], left) if covers(coupon, item["price"]["product"]) else 0
        left = None if left is None else left - off
        item.update(amount_discount=off, amount_total=item["amount_subtotal"] - off)
    total = sum(item["amount_discount"] for item in session["_line_items"])
    session.update(
        discounts=[{"coupon": None if code else coupon["id"], "promotion_code": code["id"] if code else None}],
        amount_total=max(0, session["amount_subtotal"] - total),
        total_details=dict(session["total_details"], amount_discount=total),
        _coupon=coupon["id"],
        _code=code["id"] if code else None,
    )


def covers(coupon: Json, product: str) -> bool:
    """Whether a coupon applies to what is sold as this product."""
    return not coupon["_products"] or product in coupon["_products"]


def worth(coupon: Json, amount: int, left: int | None) -> int:
    """How much comes off `amount`; `left` is what remains of an amount_off."""
    if coupon["percent_off"] is not None:
        off: int = round(amount * coupon["percent_off"] / 100)
        return off
    return min(amount, left or 0)


def words(coupon: Json) -> str:
    """`20% off` or `€5.00 off`, and for how long."""
    if coupon["percent_off"] is not None:
        off = f"{coupon['percent_off']:g}% off"
    else:
        off = f"{money(coupon['amount_off'], coupon['currency'])} off"
    months = coupon["duration_in_months"]
    long = {"once": "the first payment", "forever": "every payment", "repeating": f"for {months} months"}
    return f"{off} {long[coupon['duration']]}"


def redeem(tx: Transaction, subscription: Json, coupon_id: str, code_id: str | None, session: str) -> None:
    """Make the discount of a new subscription; its events follow the subscription's own."""
    coupon = tx.find("coupon", coupon_id, deleted=True)
    if coupon is None:
        return
    end = None
    if coupon["duration"] == "repeating":
        end = add_interval(tx.now, "month", coupon["duration_in_months"])
    discount: Json = {
        "id": new_id("di_"),
        "object": "discount",
        "checkout_session": session,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code_id,
        "source": {"coupon": coupon_id, "type": "coupon"},
        "start": tx.now,
        "subscription": subscription["id"],
        "subscription_item": None,
    }
    tx.insert("discount", discount, customer=subscription["customer"], parent=subscription["id"])
    subscription["discounts"] = [discount["id"]]
    count(tx, coupon_id, code_id)


def count(tx: Transaction, coupon_id: str, code_id: str | None) -> None:
    """Note that a coupon, and perhaps its code, was used once more."""
    for thing in (tx.find("coupon", coupon_id, deleted=True), tx.find("promotion_code", code_id or "")):
        if thing:
            thing["times_redeemed"] += 1
            tx.save(thing)


def announce(tx: Transaction, subscription: Json) -> None:
    for identifier in subscription["discounts"]:
        if found := tx.find("discount", identifier):
            emit(tx, "customer.discount.created", found)


def on_lines(tx: Transaction, subscription: Json, lines: list[Json], at: int) -> None:
    """Take what the subscription's discounts are worth at that time off the invoice lines."""
    for identifier in subscription["discounts"]:
        discount = tx.find("discount", identifier)
        coupon = tx.find("coupon", discount["source"]["coupon"], deleted=True) if discount else None
        if discount is None or coupon is None or (discount["end"] is not None and discount["end"] <= at):
            continue
        left = coupon["amount_off"]
        for line in lines:
            if not covers(coupon, line["pricing"]["price_details"]["product"]):
                continue
            off = worth(coupon, line["amount"], left)
            left = None if left is None else left - off
            line["discount_amounts"].append({"amount": off, "discount": identifier})


def drop_spent(tx: Transaction, subscription: Json) -> None:
    """A `once` discount is gone after its invoice, a `repeating` one after its months."""
    kept: list[Any] = []
    for identifier in subscription["discounts"]:
        discount = tx.find("discount", identifier)
        coupon = tx.find("coupon", discount["source"]["coupon"], deleted=True) if discount else None
        if discount is None or coupon is None:
            continue
        if coupon["duration"] == "once" or (discount["end"] is not None and discount["end"] <= tx.now):
            tx.mark_deleted(identifier)
            emit(tx, "customer.discount.deleted", discount)
        else:
            kept.append(identifier)
    subscription["discounts"] = kept
