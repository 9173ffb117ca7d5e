"""Webhook endpoints: where events are delivered."""

from collections.abc import Collection

from . import delivery
from .api import Call
from .errors import API_VERSION, Refusal
from .shapes import merge_metadata, web_url
from .store import Store, Transaction
from .wire import Json, new_id


def _insert(tx: Transaction, url: str, events: list[str], secret: str, *, configured: bool) -> Json:
    made: Json = {
        "id": new_id("we_"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": tx.now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_secret": secret,
        "_configured": configured,
    }
    return tx.insert("webhook_endpoint", made)


def configure(store: Store, url: str | None, secret: str, events: Collection[str]) -> None:
    """Make the configured endpoint the one given; safe when several processes start at once."""
    wanted = sorted(events)
    with store.write() as tx:
        for old in tx.select("webhook_endpoint"):
            if not old["_configured"]:
                continue
            if url == old["url"] and secret == old["_secret"]:
                if wanted != old["enabled_events"]:
                    tx.save(old | {"enabled_events": wanted})
                url = None
                continue
            tx.mark_deleted(old["id"])
            delivery.give_up(tx, old["id"])
        if url:
            _insert(tx, url, wanted, secret, configured=True)


def create(call: Call) -> Json:
    params = call.params
    version = params.get("api_version", API_VERSION)
    if version != API_VERSION:
        raise Refusal(f"The sandbox speaks {API_VERSION} only.", code="sandbox_unsupported", param="api_version")
    secret = new_id("whsec_")
    made = _insert(call.tx, web_url(params["url"], "url"), params["enabled_events"], secret, configured=False)
    made["description"] = params.get("description") or None
    made["metadata"] = merge_metadata({}, params.get("metadata"))
    call.tx.save(made)
    return made | {"secret": secret}  # shown this once, as Stripe does


def update(call: Call) -> Json:
    found, params = call.load("webhook_endpoint", "webhook_endpoint"), call.params
    if "url" in params:
        found["url"] = web_url(params["url"], "url")
    if "enabled_events" in params:
        found["enabled_events"] = params["enabled_events"]
    if "disabled" in params:
        found["status"] = "disabled" if params["disabled"] else "enabled"
    if "description" in params:
        found["description"] = params["description"] or None
    found["metadata"] = merge_metadata(found["metadata"], params.get("metadata"))
    return call.tx.save(found)


def delete(call: Call) -> Json:
    found = call.load("webhook_endpoint", "webhook_endpoint")
    call.tx.mark_deleted(found["id"])
    delivery.give_up(call.tx, found["id"])
    return {"id": found["id"], "object": "webhook_endpoint", "deleted": True}
