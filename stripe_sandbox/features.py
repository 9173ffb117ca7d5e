"""Entitlement features: what products give, and who has it through which subscription."""

from .api import Call
from .errors import Refusal
from .events import emit
from .shapes import list_of, matches, merge_metadata
from .store import Transaction
from .wire import Json, new_id

GIVING = ("trialing", "active", "past_due")
MAX_KEY = 80


def create(call: Call) -> Json:
    key = call.params.get("lookup_key", "")
    if not key or len(key) > MAX_KEY:
        raise Refusal("A feature needs a lookup_key of at most 80 characters.", param="lookup_key")
    if call.tx.select("entitlements.feature", where=[matches("lookup_key", key)]):
        raise Refusal(f"A feature with the lookup key {key} exists already.", param="lookup_key")
    feature: Json = {
        "id": new_id("feat_"),
        "object": "entitlements.feature",
        "active": True,
        "livemode": False,
        "lookup_key": key,
        "metadata": merge_metadata({}, call.params.get("metadata")),
        "name": call.params.get("name") or key,
    }
    return call.tx.insert("entitlements.feature", feature)


def list_features(call: Call) -> Json:
    where = [matches("lookup_key", call.params["lookup_key"])] if "lookup_key" in call.params else []
    return call.page("entitlements.feature", where=where)


def attach(call: Call) -> Json:
    """A product gives a feature from now on."""
    product = call.refer("product", call.ids["product"], "product")
    feature = call.refer("entitlements.feature", call.params["entitlement_feature"], "entitlement_feature")
    attached: Json = {
        "id": new_id("prodft_"),
        "object": "product_feature",
        "entitlement_feature": feature,
        "livemode": False,
    }
    return call.tx.insert("product_feature", attached, parent=product["id"])


def list_attached(call: Call) -> Json:
    call.refer("product", call.ids["product"], "product")
    return call.page("product_feature", parent=call.ids["product"])


def detach(call: Call) -> Json:
    attached = call.load("product_feature")
    call.tx.mark_deleted(attached["id"])
    return {"id": attached["id"], "object": "product_feature", "deleted": True}


def _of(tx: Transaction, customer: str) -> list[Json]:
    found: dict[str, Json] = {}
    for subscription in tx.select("subscription", customer=customer):
        if subscription["status"] not in GIVING:
            continue
        for item in subscription["items"]["data"]:
            for attached in tx.select("product_feature", parent=item["price"]["product"]):
                feature = attached["entitlement_feature"]
                found[feature["id"]] = {
                    "id": f"ent_test_{customer[4:]}{feature['id'][5:13]}",
                    "object": "entitlements.active_entitlement",
                    "feature": feature["id"],
                    "livemode": False,
                    "lookup_key": feature["lookup_key"],
                }
    return sorted(found.values(), key=lambda one: str(one["lookup_key"]))


def list_active(call: Call) -> Json:
    customer = call.refer("customer", call.params["customer"], "customer")
    return list_of(_of(call.tx, customer["id"]), call.path)


def tell(tx: Transaction, subscription: Json) -> None:
    """What a customer has may have changed. Only where features are in use."""
    if not tx.select("product_feature", limit=1):
        return
    customer = subscription["customer"]
    active = _of(tx, customer)
    told = tx.setting(f"features:{customer}", "")
    now = ",".join(one["lookup_key"] for one in active)
    if told == now:
        return
    tx.set_setting(f"features:{customer}", now)
    summary = {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": list_of(active, f"/v1/customer/{customer}/entitlements"),
        "livemode": False,
    }
    emit(tx, "entitlements.active_entitlement_summary.updated", summary)

