"""Calls about checkout sessions: made, listed, expired. They are paid on the hosted page."""

from . import catalogue, checkout_payment, discounts, lifecycle, subscription_calls, subscriptions
from .api import Call, slice_page
from .checkout_session import ECHOED, shape_of
from .errors import Refusal, unsupported
from .shapes import matches, web_url
from .wire import Json, new_id

MAX_REFERENCE = 200
CREATE = ECHOED + (
    " allowed_payment_method_types automatic_tax cancel_url client_reference_id customer customer_creation"
    " customer_email customer_update discounts expires_at invoice_creation line_items metadata mode"
    " payment_intent_data subscription_data"
    " success_url tax_id_collection ui_mode"
)


def create(call: Call) -> Json:
    params = call.params
    _refuse_what_is_not_played(params)
    customer = _customer(call)
    items = [_line_item(call, given, index) for index, given in enumerate(params.get("line_items") or [])]
    if not items:
        raise Refusal("Missing required param: line_items.", code="parameter_missing", param="line_items")
    checkout_payment.check_items(params["mode"], items)
    subscriptions.same_interval([item["price"] for item in items if item["price"]["recurring"]])
    identifier = new_id("cs_test_")
    subscription_calls.trial_end_of(call, params.get("subscription_data", {}), "subscription_data.")
    session = shape_of(call, identifier, customer, items)
    if "discounts" in params and "allow_promotion_codes" in params:
        raise Refusal("You may only specify one of these parameters: allow_promotion_codes, discounts.")
    if found := discounts.for_session(call, params.get("discounts") or []):
        discounts.apply_to_session(session, *found)
    return call.tx.insert("checkout.session", session, customer=session["customer"], due_at=session["expires_at"])


def _refuse_what_is_not_played(params: Json) -> None:
    """Refuse plainly instead of pretending."""
    if params.get("mode") is None:
        raise Refusal("Missing required param: mode.", code="parameter_missing", param="mode")
    if params["mode"] not in ("payment", "subscription"):
        raise unsupported(f"mode={params['mode']}")
    checkout_payment.check(params)
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise unsupported(f"ui_mode={params['ui_mode']}")
    for name in ("automatic_tax", "tax_id_collection"):
        if params.get(name, {}).get("enabled"):
            raise unsupported(f"{name}[enabled]")
    for name in params.get("subscription_data", {}):
        if name not in ("metadata", "description", "billing_mode", "trial_end", "trial_period_days", "trial_settings"):
            raise unsupported(f"subscription_data[{name}]")
    if params.get("subscription_data", {}).get("billing_mode", {}).get("type", "flexible") != "flexible":
        raise unsupported("subscription_data[billing_mode][type]")
    if "success_url" not in params:
        raise Refusal("Missing required param: success_url.", code="parameter_missing", param="success_url")
    for name in ("success_url", "cancel_url"):
        if name in params:
            web_url(params[name], name)
    if len(params.get("client_reference_id", "")) > MAX_REFERENCE:
        raise Refusal(f"Invalid string: must be at most {MAX_REFERENCE} characters", param="client_reference_id")


def _customer(call: Call) -> Json | None:
    if "customer" not in call.params:
        if "customer_update" in call.params:
            raise Refusal("`customer_update` can only be used with `customer`.", param="customer_update")
        return None
    for other in ("customer_email", "customer_creation"):
        if other in call.params:
            raise Refusal(f"You may only specify one of these parameters: customer, {other}.", param="customer")
    return call.refer("customer", call.params["customer"], "customer")


def _line_item(call: Call, given: Json, index: int) -> Json:
    at = f"line_items[{index}]"
    for name in given:
        if name not in ("price", "price_data", "quantity"):
            raise unsupported(f"{at}[{name}]")
    if ("price" in given) == ("price_data" in given):
        raise Refusal(f"You must specify either `price` or `price_data` in `{at}`.", param=at)
    if "price_data" in given:
        price = catalogue.price_from_data(call, given["price_data"], f"{at}[price_data]")
        price["active"] = False  # for this session only
        call.tx.save(price)
    else:
        price = call.refer("price", given["price"], f"{at}[price]")
        if not price["active"]:
            raise Refusal(
                "The price specified is inactive. This field only accepts active prices.", param=f"{at}[price]"
            )
    if price["type"] != "recurring" and call.params["mode"] == "subscription":
        raise unsupported(f"{at}[price] with type=one_time")
    quantity = given.get("quantity")
    if quantity is None or quantity < 1:
        raise Refusal(f"Quantity is required. Add `quantity` to `{at}`", param=f"{at}[quantity]")
    product = call.tx.find("product", price["product"]) or {"name": price["product"]}
    amount = price["unit_amount"] * quantity
    return {
        "id": new_id("li_"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def expire(call: Call) -> Json:
    session = call.load("checkout.session", "session")
    if session["status"] != "open":
        raise Refusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status '
            f"of `{session['status']}`."
        )
    lifecycle.expire_session(call.tx, session)
    return session


def list_sessions(call: Call) -> Json:
    params, where = call.params, []
    for name in ("status", "subscription", "payment_intent"):
        if name in params:
            where.append(matches(name, params[name]))
    if email := params.get("customer_details", {}).get("email"):
        where.append(matches("customer_details.email", email))
    return call.page("checkout.session", customer=params.get("customer"), where=where)


def line_items(call: Call) -> Json:
    return slice_page(call.load("checkout.session", "session")["_line_items"], call.params, call.path)
