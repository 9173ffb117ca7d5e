"""The control panel: move the clock, watch events and their deliveries, make things go wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from . import customers, delivery, disputes, lifecycle, payments, refunds, subscriptions
from .cards import CARDS
from .events import MODES, changed
from .shapes import matches
from .store import Transaction
from .wire import Json, public

if TYPE_CHECKING:
    from .pages import Visit

EVENTS_SHOWN = 60
ID_SHOWN = 30
AFTER_RENEWAL_SECONDS = 2 * 3600
PLANS_SHOWN = 30
OUTCOMES = {"canceled": "ends", "unpaid": "stays, unpaid", "past_due": "stays, past due"}
STEPS = {"hour": ("One hour", 3600), "day": ("One day", 86_400), "month": ("31 days", 31 * 86_400)}


def show(visit: "Visit") -> Response:
    if visit.posted:
        return _act(visit)
    with visit.store.read() as tx:
        running = tx.select("subscription", limit=PLANS_SHOWN)
        on_sale = tx.select("price", where=[matches("active", True)], limit=PLANS_SHOWN)
        return visit.page(
            "panel.html",
            now=datetime.fromtimestamp(tx.now, UTC).strftime("%-d %B %Y, %H:%M:%S UTC"),
            moved=int(tx.setting("clock_offset", "0")),
            steps=STEPS,
            modes=MODES,
            mode=tx.setting("delivery_mode", "normal"),
            outcomes=OUTCOMES,
            outcome=tx.setting("after_last_try", "canceled"),
            trials=any(item["status"] == "trialing" for item in running),
            prices=[_price(tx, price) for price in on_sale],
            endpoints=tx.select("webhook_endpoint"),
            held=tx.sql.execute("SELECT count(*) FROM deliveries WHERE state = 'held'").fetchone()[0],
            plans=[_plan(tx, item) for item in running],
            payments=[_payment(tx, session) for session in _paid_once(tx)[:PLANS_SHOWN]],
            events=[_event(tx, event) for event in tx.select("event", limit=EVENTS_SHOWN)],
        )


def _price(tx: Transaction, price: Json) -> Json:
    product = tx.find("product", price["product"], deleted=True) or {"name": "?"}
    return {"id": price["id"], "name": product["name"], "amount": price["unit_amount"], "currency": price["currency"],
            "interval": (price["recurring"] or {"interval": "once"})["interval"]}  # fmt: skip


def event(visit: "Visit") -> Response:
    """One event: its body, and every attempt to deliver it."""
    with visit.store.read() as tx:
        found = tx.find("event", visit.ids["id"])
        if found is None:
            return visit.message(404, "There is no such event", "It may belong to another sandbox.")
        tries = tx.sql.execute(
            "SELECT a.at, a.status, a.error FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
            " WHERE d.event_id = ? ORDER BY a.at", (found["id"],),
        ).fetchall()  # fmt: skip
        return visit.page(
            "event.html", event=found, body=json.dumps(public(found), indent=2),
            tries=[{"at": datetime.fromtimestamp(row["at"], UTC).strftime("%d %b %H:%M:%S"), "status": row["status"],
                    "error": row["error"]} for row in tries],
        )  # fmt: skip


def _plan(tx: Transaction, subscription: Json) -> Json:
    customer = tx.find("customer", subscription["customer"], deleted=True) or {}
    item = subscription["items"]["data"][0]
    product = tx.find("product", item["price"]["product"], deleted=True) or {"name": "?"}
    method = subscriptions.method_for(tx, subscription)
    return {
        "id": subscription["id"],
        "status": subscription["status"],
        "email": customer.get("email") or subscription["customer"],
        "name": product["name"],
        "until": subscriptions.period(subscription)[1],
        "ends_at": subscription["cancel_at"],
        "card": payments.describe(method),
        "fails": bool(method and CARDS[method["_card"]].later_fails),
        "disputed": _open_dispute(tx, _charges(tx, subscription["id"])) is not None,
        "running": subscription["status"] not in subscriptions.ENDED,
    }


def _paid_once(tx: Transaction) -> list[Json]:
    """Checkout sessions of a payment that does not renew, the newest first."""
    where = [matches("mode", "payment"), matches("status", "complete")]
    return [session for session in tx.select("checkout.session", where=where) if session["payment_intent"]]


def _payment(tx: Transaction, session: Json) -> Json:
    charges = [one for one in tx.select("charge", customer=session["customer"] or session["_customer"])
               if one["payment_intent"] == session["payment_intent"] and one["status"] == "succeeded"]  # fmt: skip
    charge = charges[0] if charges else None
    customer = tx.find("customer", charge["customer"] or "", deleted=True) if charge else None
    return {
        "id": charge["id"] if charge else "",
        "email": (customer or {}).get("email") or session["id"],
        "words": ", ".join(item["description"] for item in session["_line_items"]),
        "amount": session["amount_total"],
        "currency": session["currency"],
        "refunded": charge["amount_refunded"] if charge else 0,
        "disputed": _open_dispute(tx, charges) is not None,
    }


def _charges(tx: Transaction, identifier: str) -> list[Json]:
    """What was paid, the newest first: one charge by its own id, or all of a subscription's customer that renew."""
    charge, subscription = tx.find("charge", identifier), tx.find("subscription", identifier)
    if charge is not None:
        return [charge] if charge["status"] == "succeeded" else []
    if subscription is None:
        return []
    once = {session["payment_intent"] for session in _paid_once(tx)}
    return [one for one in tx.select("charge", customer=subscription["customer"])
            if one["status"] == "succeeded" and one["payment_intent"] not in once]  # fmt: skip


def _open_dispute(tx: Transaction, charges: list[Json]) -> Json | None:
    names = {charge["id"] for charge in charges}
    return next(
        (one for one in tx.select("dispute") if one["charge"] in names and one["status"] in disputes.OPEN), None
    )


def _event(tx: Transaction, event: Json) -> Json:
    sent = tx.sql.execute(
        "SELECT state, attempts, last_status, last_error FROM deliveries WHERE event_id = ? ORDER BY id", (event["id"],)
    ).fetchall()
    at = datetime.fromtimestamp(event["created"], UTC).strftime("%d %b %H:%M:%S")
    about = event["data"]["object"].get("id", "")
    about = about if len(about) <= ID_SHOWN else about[:ID_SHOWN] + "…"
    return {"id": event["id"], "type": event["type"], "at": at, "about": about, "deliveries": sent}


def _act(visit: "Visit") -> Response:
    action = visit.form.get("action", "")
    if action == "advance":
        lifecycle.advance(visit.store, _seconds(visit))
        return visit.here("/#clock")
    with visit.store.write() as tx:
        handler = _ACTIONS.get(action)
        problem = handler(visit, tx) if handler else "The panel does not know this action."
    if problem:
        return visit.message(409, "Nothing was done", problem, link=("Back to the panel", visit.root + "/"))
    if visit.form.get("id", "").startswith("ch_"):
        return visit.here("/#payments")
    return visit.here("/#events" if action in ("resend", "mode", "release") else "/#plans")


def _seconds(visit: "Visit") -> int:
    """How far to go: a fixed step, or until the next renewal has been charged."""
    step = visit.form.get("step", "")
    if step in STEPS:
        return STEPS[step][1]
    with visit.store.read() as tx:
        ends = [
            subscriptions.period(item)[1]
            for item in tx.select("subscription")
            if item["status"] not in subscriptions.ENDED
        ]
        if step == "trial":
            ends = [item["trial_end"] for item in tx.select("subscription") if item["status"] == "trialing"]
        wanted = step in ("renewal", "trial") and ends
        return max(0, min(ends) - tx.now + AFTER_RENEWAL_SECONDS) if wanted else 0


def _mode(visit: "Visit", tx: Transaction) -> str | None:
    mode = visit.form.get("mode", "")
    if mode not in MODES:
        return "There is no such way of delivering."
    tx.set_setting("delivery_mode", mode)
    return None


def _release(visit: "Visit", tx: Transaction) -> str | None:
    delivery.release_held(tx)
    return None


def _resend(visit: "Visit", tx: Transaction) -> str | None:
    event = tx.find("event", visit.form.get("id", ""))
    if event is None:
        return "There is no such event."
    delivery.resend(tx, event)
    return None


def _subscription(visit: "Visit", tx: Transaction) -> Json | None:
    return tx.find("subscription", visit.form.get("id", ""))


def _cancel(visit: "Visit", tx: Transaction) -> str | None:
    found = _subscription(visit, tx)
    if found is None or found["status"] in subscriptions.ENDED:
        return "This subscription has ended already."
    subscriptions.end(tx, found, reason="cancellation_requested")
    return None


def _toggle_card(visit: "Visit", tx: Transaction) -> str | None:
    """Let the card on file fail at the next renewal, or work again."""
    found = _subscription(visit, tx)
    method = subscriptions.method_for(tx, found) if found else None
    if method is None:
        return "There is no card on file."
    method["_card"] = "works" if CARDS[method["_card"]].later_fails else "fails-later"
    tx.save(method)
    return None


def _outcome(visit: "Visit", tx: Transaction) -> str | None:
    """What becomes of a subscription when the last try to renew it has failed."""
    if visit.form.get("outcome") not in OUTCOMES:
        return "There is no such outcome."
    tx.set_setting("after_last_try", visit.form["outcome"])
    return None


def _archive(visit: "Visit", tx: Transaction) -> str | None:
    """Retire a price: nobody new can buy it, and who has it keeps it."""
    price = tx.find("price", visit.form.get("id", ""))
    if price is None or not price["active"]:
        return "This price is retired already."
    before = dict(price)
    price["active"] = False
    changed(tx, "price.updated", before, tx.save(price))
    return None


def _part_refund(visit: "Visit", tx: Transaction) -> str | None:
    """Give back half of the newest payment that is whole."""
    for charge in _charges(tx, visit.form.get("id", "")):
        if charge["amount_refunded"] == 0 and charge["amount"] > 1:
            refunds.refund(tx, charge, charge["amount"] // 2, "requested_by_customer", {})
            return None
    return "There is no whole payment left to refund."


def _refund(visit: "Visit", tx: Transaction) -> str | None:
    """Give back what is left of the newest payment."""
    for charge in _charges(tx, visit.form.get("id", "")):
        if left := charge["amount"] - charge["amount_refunded"]:
            refunds.refund(tx, charge, left, "requested_by_customer", {})
            return None
    return "There is no payment left to refund."


def _dispute(visit: "Visit", tx: Transaction) -> str | None:
    """Let the bank ask for the newest payment back."""
    for charge in _charges(tx, visit.form.get("id", "")):
        if not charge["disputed"]:
            disputes.open_dispute(tx, charge)
            return None
    return "There is no payment left to dispute."


def _decide(visit: "Visit", tx: Transaction) -> str | None:
    """Let the bank decide the open dispute."""
    dispute = _open_dispute(tx, _charges(tx, visit.form.get("id", "")))
    if dispute is None:
        return "There is no open dispute."
    disputes.decide(tx, dispute, won=visit.form["action"] == "dispute-won")
    return None


def _delete_customer(visit: "Visit", tx: Transaction) -> str | None:
    """Delete whom a subscription or a payment belongs to."""
    identifier = visit.form.get("id", "")
    found = tx.find("subscription", identifier) or tx.find("charge", identifier)
    customer = tx.find("customer", found["customer"] or "") if found else None
    if customer is None:
        return "This customer has been deleted already."
    customers.delete_now(tx, customer)
    return None


_ACTIONS: dict[str, Callable[["Visit", Transaction], str | None]] = {
    "mode": _mode,
    "release": _release,
    "resend": _resend,
    "cancel": _cancel,
    "toggle-card": _toggle_card,
    "outcome": _outcome,
    "archive-price": _archive,
    "part-refund": _part_refund,
    "refund": _refund,
    "dispute": _dispute,
    "dispute-won": _decide,
    "dispute-lost": _decide,
    "delete-customer": _delete_customer,
}
