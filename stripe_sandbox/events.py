"""Events: what happened, as an object and as deliveries to every endpoint that wants it."""

from typing import TYPE_CHECKING, Any

from .errors import API_VERSION
from .store import Transaction
from .wire import Json, new_id, public

if TYPE_CHECKING:
    from .api import Call

DELAY_SECONDS = 60.0
SHUFFLE_SECONDS = 4.0
MODES = {
    "normal": "In order, at once",
    "shuffled": "In any order",
    "duplicated": "Each one twice",
    "delayed": "A minute late",
    "held": "Kept back until released",
    "wrong-signature": "Signed with a wrong secret",
    "lost": "Never sent",
}


def emit(tx: Transaction, type: str, thing: Json, previous: Json | None = None) -> Json:
    """Record one event about `thing` as it is now; `previous` holds the old values of what changed."""
    from .delivery import schedule

    data: Json = {"object": public(thing)}
    if previous is not None:
        data["previous_attributes"] = public(previous)
    event: Json = {
        "id": new_id("evt_"),
        "object": "event",
        "api_version": API_VERSION,
        "created": tx.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": dict(tx.request),
        "type": type,
    }
    tx.insert("event", event, parent=thing.get("id"))
    event["pending_webhooks"] = schedule(tx, event)
    tx.save(event)
    tx.emitted = True
    return event


def changed(tx: Transaction, type: str, before: Json, after: Json) -> Json | None:
    """An `…updated` event, unless nothing public changed."""
    old = difference(public(before), public(after))
    return emit(tx, type, after, old) if old else None


def difference(before: Json, after: Json) -> Json:
    """The old values of what differs; hashes by key, lists whole, as in `previous_attributes`."""
    result: Json = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list":
            result[key] = difference(old, new)
        else:
            result[key] = old
    return result


def list_events(call: "Call") -> Json:
    where: list[tuple[str, list[Any]]] = []
    if wanted := call.params.get("type"):
        where.append(("json_extract(data, '$.type') GLOB ?", [wanted]))
    if types := call.params.get("types"):
        where.append((f"json_extract(data, '$.type') IN ({', '.join('?' * len(types))})", list(types)))
    if "delivery_success" in call.params:
        pending = "EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = objects.id AND d.state <> 'delivered')"
        where.append((f"NOT {pending}" if call.params["delivery_success"] else pending, []))
    return call.page("event", where=where)
