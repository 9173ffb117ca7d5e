"""A checkout session as it looks: its fields when it is made, its dates, the addresses it leads to."""


from . import checkout_payment
from .api import Call
from .errors import Refusal
from .shapes import empty_address, merge_metadata
from .wire import Json

MIN_LIFETIME = 30 * 60
MAX_LIFETIME = 24 * 3600
CLOCK_SLACK = 60
ECHOED = "allow_promotion_codes billing_address_collection locale submit_type payment_method_collection"


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


def shape_of(call: Call, identifier: str, customer: Json | None, items: list[Json]) -> Json:
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
        "customer_details": details_of(email, None) if email else None,
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


def details_of(email: str | None, name: str | None) -> Json:
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


def has_trial(data: Json) -> bool:
    """Whether what is bought begins with a free time."""
    return bool(data.get("trial_end") or data.get("trial_period_days"))


def return_url(session: Json) -> str:
    """success_url with its template filled in."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])
