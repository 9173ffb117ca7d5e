"""Checkout sessions: created by API, paid on the hosted page, expired by time or by call."""

from typing import Any

from . import (
    catalogue,
    checkout_payment,
    customers,
    discounts,
    disputes,
    invoices,
    lifecycle,
    payments,
    setup_intents,
    subscription_calls,
    subscriptions,
)
from .api import Call, slice_page
from .cards import CARDS, Card
from .errors import Refusal, unsupported
from .events import emit
from .shapes import empty_address, list_of, matches, merge_metadata, web_url
from .store import Transaction
from .wire import Json, new_id

MIN_LIFETIME = 30 * 60
MAX_LIFETIME = 24 * 3600
CLOCK_SLACK = 60
MAX_REFERENCE = 200
ECHOED = "allow_promotion_codes billing_address_collection locale submit_type payment_method_collection"
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
    session = _shape(call, identifier, customer, items)
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


def _expires_at(call: Call) -> int:
    given = call.params.get("expires_at")
    if given is None:
        return call.now + MAX_LIFETIME
    if given < call.now + MIN_LIFETIME - CLOCK_SLACK:
        raise Refusal(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if given > call.now + MAX_LIFETIME + CLOCK_SLACK:
        raise Refusal(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return int(given)


def _shape(call: Call, identifier: str, customer: Json | None, items: list[Json]) -> Json:
    params = call.params
    trial = has_trial(params.get("subscription_data", {}))
    total = 0 if trial else sum(item["amount_total"] for item in items)
    email = customer["email"] if customer else params.get("customer_email")
    session: Json = {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": call.now,
        "currency": items[0]["currency"],
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": customer["id"] if customer else None,
        "customer_account": None,
        "customer_creation": None if customer else "always",
        "customer_details": _details(email, None) if email else None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": _expires_at(call),
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "managed_payments": {"enabled": False},
        "metadata": merge_metadata({}, params.get("metadata")),
        "mode": params["mode"],
        "optional_items": None,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "always",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": {
            "allow_redisplay_filters": ["always"],
            "payment_method_remove": "disabled",
            "payment_method_save": None,
        },
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": params["success_url"],
        "tax_id_collection": {"enabled": False, "required": "never"},
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{call.tx.public_url}/pay/{identifier}",
        "wallet_options": None,
        "_line_items": items,
        "_subscription_data": params.get("subscription_data", {}),
        "_customer": customer["id"] if customer else None,
        "_intent": None,
        "_method": None,
        "_email": email,
        "_coupon": None,
        "_code": None,
    }
    checkout_payment.mark(session, params)
    for name in ECHOED.split():
        if name in params:
            session[name] = params[name]
    return session


def _details(email: str | None, name: str | None) -> Json:
    return {
        "address": empty_address(),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
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


def pay(tx: Transaction, session: Json, card: Card, email: str | None) -> Json:
    """One attempt with this card. The answer is the payment intent, whose status tells the outcome;
    a success has completed the session. The caller has checked that the session is open."""
    customer = _payer(tx, session, email)
    method = payments.new_method(tx, card, customer["email"], customer["name"])
    session["_method"] = method["id"]
    if has_trial(session["_subscription_data"]):
        return _keep_card(tx, session, customer, method)
    if session["amount_total"] == 0:
        _complete(tx, session, customer, method, None)
        return {"status": "succeeded"}
    intent = tx.find("payment_intent", session["_intent"] or "")
    if intent is None:
        intent = checkout_payment.open_intent(tx, session, customer["id"])
        session["_intent"] = intent["id"]
    tx.save(session)
    payments.attempt(tx, intent, method)
    if intent["status"] == "succeeded":
        _complete(tx, session, customer, method, intent)
    return intent


def has_trial(data: Json) -> bool:
    """Whether what is bought begins with a free time."""
    return bool(data.get("trial_end") or data.get("trial_period_days"))


def _keep_card(tx: Transaction, session: Json, customer: Json, method: Json) -> Json:
    """A trial takes no money now: the card is only kept, by a setup intent."""
    intent = tx.find("setup_intent", session["setup_intent"] or "")
    if intent is None:
        intent = setup_intents.open_intent(tx, customer["id"])
        session["setup_intent"] = intent["id"]
    tx.save(session)
    setup_intents.attempt(tx, intent, method)
    if intent["status"] == "succeeded":
        _complete(tx, session, customer, method, None)
    return intent


def start_without_card(tx: Transaction, session: Json, email: str | None) -> None:
    """Complete a trial whose session asks for a card only when something is due."""
    _complete(tx, session, _payer(tx, session, email), None, None)


def intent_of(tx: Transaction, session: Json) -> Json | None:
    """The payment or setup intent of a session, once a card was tried."""
    return tx.find("setup_intent", session["setup_intent"] or "") or tx.find("payment_intent", session["_intent"] or "")


def authenticate(tx: Transaction, session: Json, *, passed: bool) -> Json:
    """The answer of the 3-D Secure page."""
    intent = intent_of(tx, session)
    method = tx.find("payment_method", session["_method"] or "")
    if intent is None or method is None or intent["status"] != "requires_action":
        return intent or {"status": "requires_payment_method", "last_payment_error": None}
    if intent["object"] == "setup_intent":
        if not passed:
            return setup_intents.fail_authentication(tx, intent, method)
        setup_intents.attempt(tx, intent, method, authenticated=True)
        if intent["status"] == "succeeded":
            _complete(tx, session, _payer(tx, session, None), method, None)
        return intent
    if not passed:
        return payments.fail_authentication(tx, intent, method)
    payments.attempt(tx, intent, method, authenticated=True)
    if intent["status"] == "succeeded":
        _complete(tx, session, _payer(tx, session, None), method, intent)
    return intent


def _payer(tx: Transaction, session: Json, email: str | None) -> Json:
    """The session's customer; made once, at the first attempt, when none was given."""
    if session["_customer"]:
        found = tx.find("customer", session["_customer"])
        if found is None:
            raise Refusal("The customer of this checkout has been deleted.")
        return found
    if session["customer_creation"] == "if_required":
        session["_email"] = session["_email"] or email or ""
        return {"id": None, "email": session["_email"], "name": None}
    customer = customers.new_customer(tx, {"email": session["_email"] or email or ""})
    session["_customer"], session["_email"] = customer["id"], customer["email"]
    tx.save(session)
    return customer


def _complete(tx: Transaction, session: Json, customer: Json, method: Json | None, intent: Json | None) -> None:
    """Paid: only now what was bought comes to be."""
    subscription = None
    if session["mode"] == "payment":
        made = checkout_payment.complete(tx, session, customer, method, intent)
    else:
        subscription = _begin_subscription(tx, session, customer, method, intent)
        made = {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    session.update(
        status="complete",
        payment_status="paid" if intent else "no_payment_required",
        customer=customer["id"],
        customer_details=_details(customer["email"], customer["name"]),
        url=None,
        **made,
    )
    tx.save(session)
    tx.set_customer(session["id"], customer["id"])
    tx.set_due(session["id"], None)
    emit(tx, "checkout.session.completed", session)
    notice = subscriptions.trial_notice_at(subscription) if subscription else None
    if subscription and notice is not None and notice <= tx.now:
        subscriptions.tell_of_trial(tx, subscription)
    will_dispute = intent and method and CARDS[method["_card"]].disputed
    charge = tx.find("charge", intent["latest_charge"]) if intent and will_dispute else None
    if charge:
        disputes.open_dispute(tx, charge)


def _begin_subscription(
    tx: Transaction, session: Json, customer: Json, method: Json | None, intent: Json | None
) -> Json:
    """The subscription and its first invoice."""
    if method:
        payments.attach(tx, method, customer["id"])
    data = session["_subscription_data"]
    days = data.get("trial_period_days")
    chosen = [(item["price"], item["quantity"]) for item in session["_line_items"]]
    subscription = subscriptions.build(
        tx,
        customer,
        chosen,
        metadata=merge_metadata({}, data.get("metadata")),
        default_payment_method=method["id"] if method else None,
        description=data.get("description"),
        trial_end=tx.now + days * 86_400 if days else data.get("trial_end"),
        without_card=subscription_calls.without_card(data),
    )
    subscription["latest_invoice"] = new_id("in_")
    if session["_coupon"]:
        discounts.redeem(tx, subscription, session["_coupon"], session["_code"], session["id"])
    subscriptions.store_new(tx, subscription)
    discounts.announce(tx, subscription)
    invoices.mark_paid(tx, subscriptions.first_invoice(tx, customer, subscription), intent)
    return subscription


def return_url(session: Json) -> str:
    """success_url with its template filled in."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def listed(session: Json) -> Any:
    return list_of(session["_line_items"], f"/v1/checkout/sessions/{session['id']}/line_items")
