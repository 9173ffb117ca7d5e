"""Billing portal: configurations and sessions."""

from typing import Any

from .api import Call
from .errors import Refusal, unsupported
from .events import changed, emit
from .shapes import matches, merge_metadata, web_url
from .store import Transaction
from .wire import Json, new_id

LIFETIME = 3600
FEEDBACK = {
    "too_expensive": "It’s too expensive",
    "missing_features": "I need more features",
    "switched_service": "I found an alternative",
    "unused": "I don’t use it enough",
    "customer_service": "The service was not what I expected",
    "too_complex": "It was hard to use",
    "low_quality": "The quality was not what I expected",
    "other": "Another reason",
}


def create_configuration(call: Call) -> Json:
    return _insert_configuration(call.tx, call.params, default=_default(call.tx) is None)


def _insert_configuration(tx: Transaction, params: Json, *, default: bool) -> Json:
    configuration: Json = {
        "id": new_id("bpc_"),
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": _profile(params.get("business_profile")),
        "created": tx.now,
        "default_return_url": params.get("default_return_url") or None,
        "features": _features({}, params.get("features", {})),
        "is_default": default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params.get("name") or None,
        "updated": tx.now,
    }
    tx.insert("billing_portal.configuration", configuration)
    emit(tx, "billing_portal.configuration.created", configuration)
    return configuration


def _profile(given: Any) -> Json:
    names = ("headline", "privacy_policy_url", "terms_of_service_url")
    return {name: (given or {}).get(name) or None for name in names}


def _features(old: Json, given: Json) -> Json:
    """Stripe's defaults, what was set before, and what is set now."""
    if given.get("subscription_pause", {}).get("enabled"):
        raise unsupported("features[subscription_pause][enabled]")
    now: Json = old or {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "cancellation_reason": {"enabled": False, "options": list(FEEDBACK)},
            "enabled": False,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_pause": {
            "duration": {
                "interval_options": [{"interval": "month", "interval_count": 1}],
                "type": "interval_options",
            },
            "enabled": False,
        },
        "subscription_update": {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": [],
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    }
    merged = {}
    for name, value in now.items():
        added = given.get(name, {})
        merged[name] = value | {key: item for key, item in added.items() if key in value and item != ""}
    for product in merged["subscription_update"]["products"]:
        product.setdefault("adjustable_quantity", {"enabled": False, "maximum": None, "minimum": 1})
    return merged


def _default(tx: Transaction) -> Json | None:
    found = tx.select("billing_portal.configuration", where=[matches("is_default", True)], limit=1)
    return found[0] if found else None


def update_configuration(call: Call) -> Json:
    configuration = call.load("billing_portal.configuration", "configuration")
    before, params = dict(configuration), call.params
    if "active" in params:
        if configuration["is_default"] and not params["active"]:
            raise Refusal("You cannot deactivate the default configuration.", param="active")
        configuration["active"] = params["active"]
    if "business_profile" in params:
        configuration["business_profile"] = _profile(configuration["business_profile"] | params["business_profile"])
    if "default_return_url" in params:
        configuration["default_return_url"] = params["default_return_url"] or None
    if "name" in params:
        configuration["name"] = params["name"] or None
    if "features" in params:
        configuration["features"] = _features(configuration["features"], params["features"])
    configuration["metadata"] = merge_metadata(configuration["metadata"], params.get("metadata"))
    configuration["updated"] = call.now
    changed(call.tx, "billing_portal.configuration.updated", before, call.tx.save(configuration))
    return configuration


def list_configurations(call: Call) -> Json:
    where = [matches(name, call.params[name]) for name in ("active", "is_default") if name in call.params]
    return call.page("billing_portal.configuration", where=where)


def create_session(call: Call) -> Json:
    params = call.params
    if "customer" not in params:
        raise Refusal("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.refer("customer", params["customer"], "customer")
    if chosen := params.get("configuration"):
        configuration: Json | None = call.refer("billing_portal.configuration", chosen, "configuration")
    else:
        configuration = _default(call.tx)
    if configuration is None:
        raise Refusal(
            "You can’t create a portal session in test mode until you save your customer portal settings in test mode: "
            "create a configuration first (POST /v1/billing_portal/configurations)."
        )
    back = params.get("return_url") or configuration["default_return_url"]
    if back:
        web_url(back, "return_url")
    identifier = new_id("bps_")
    session: Json = {
        "id": identifier,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": call.now,
        "customer": customer["id"],
        "customer_account": None,
        "flow": _flow(call, params["flow_data"], customer) if "flow_data" in params else None,
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": back,
        "url": f"{call.tx.public_url}/portal/{identifier}",
        "_expired": False,
    }
    due_at = call.now + LIFETIME
    return call.tx.insert("billing_portal.session", session, customer=customer["id"], due_at=due_at)


def _flow(call: Call, given: Json, customer: Json) -> Json:
    """A deep link to one task: cancelling, or changing the card."""
    kind = given["type"]
    if kind not in ("subscription_cancel", "payment_method_update"):
        raise unsupported(f"flow_data[type]={kind}")
    after = given.get("after_completion", {"type": "portal_homepage"})
    if after["type"] == "redirect":
        web_url(after.get("redirect", {}).get("return_url", ""), "flow_data[after_completion][redirect][return_url]")
    cancel = given.get("subscription_cancel")
    if kind == "subscription_cancel":
        if not cancel:
            raise Refusal(
                "Missing required param: flow_data[subscription_cancel].",
                code="parameter_missing",
                param="flow_data[subscription_cancel]",
            )
        at = "flow_data[subscription_cancel][subscription]"
        if call.refer("subscription", cancel["subscription"], at)["customer"] != customer["id"]:
            raise Refusal("The subscription belongs to another customer.", param=at)
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation"),
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": cancel and {"retention": None, "subscription": cancel["subscription"]},
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": kind,
    }
