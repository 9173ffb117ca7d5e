"""Signed webhook deliveries: scheduled with the event, claimed with a lease, retried with back-off."""

import hashlib
import hmac
import json
import logging
import random
import threading
import time
from collections.abc import Callable

from .errors import API_VERSION
from .events import DELAY_SECONDS, SHUFFLE_SECONDS
from .store import Store, Transaction
from .wire import Json

Post = Callable[[str, bytes, dict[str, str]], int]

LEASE_SECONDS = 60.0
RETRY_AFTER = (1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 10800.0, 21600.0)
WRONG_SECRET = "whsec_not_the_one_you_agreed_on"  # noqa: S105

log = logging.getLogger("stripe_sandbox")


def schedule(tx: Transaction, event: Json) -> int:
    """One delivery for each enabled endpoint that listens to this type, by the current mode."""
    mode = tx.setting("delivery_mode", "normal")
    count = 0
    for endpoint in reversed(tx.select("webhook_endpoint")):
        wanted = endpoint["enabled_events"]
        if endpoint["status"] != "enabled" or not ("*" in wanted or event["type"] in wanted):
            continue
        state = {"held": "held", "lost": "lost"}.get(mode, "pending")
        due_at = time.time()
        if mode == "delayed":
            due_at += DELAY_SECONDS
        for _ in range(2 if mode == "duplicated" else 1):
            shuffled = random.uniform(0, SHUFFLE_SECONDS) if mode == "shuffled" else 0.0  # noqa: S311
            tx.sql.execute(
                "INSERT INTO deliveries (event_id, endpoint_id, state, forged, due_at) VALUES (?, ?, ?, ?, ?)",
                (event["id"], endpoint["id"], state, mode == "wrong-signature", due_at + shuffled),
            )
        count += state == "pending"
    return count


def signature(secret: str, body: bytes, timestamp: int) -> str:
    """The Stripe-Signature header: HMAC-SHA256 of `timestamp.body`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def deliver_due(store: Store, post: Post, limit: int) -> int:
    """Deliver up to `limit` due events, oldest first; the number that were answered with 2xx."""
    delivered = 0
    for _ in range(limit):
        claimed = _claim(store)
        if claimed is None:
            break
        delivered += _attempt(store, post, *claimed)
    return delivered


_DUE = (
    "SELECT id, event_id, endpoint_id, forged FROM deliveries"
    " WHERE state = 'pending' AND due_at <= ? AND lease_until <= ? ORDER BY due_at, id LIMIT 1"
)


def _claim(store: Store) -> tuple[int, Json, Json, bool] | None:
    now = time.time()
    with store.read() as tx:
        if tx.sql.execute(_DUE, (now, now)).fetchone() is None:
            return None
    with store.write() as tx:
        row = tx.sql.execute(_DUE, (now, now)).fetchone()
        if row is None:
            return None
        event = tx.find("event", row["event_id"])
        endpoint = tx.find("webhook_endpoint", row["endpoint_id"], deleted=True)
        if event is None or endpoint is None:
            raise RuntimeError(f"Delivery {row['id']} lost its event or its endpoint.")
        tx.sql.execute("UPDATE deliveries SET lease_until = ? WHERE id = ?", (now + LEASE_SECONDS, row["id"]))
        return row["id"], event, endpoint, bool(row["forged"])


def _attempt(store: Store, post: Post, delivery: int, event: Json, endpoint: Json, forged: bool) -> bool:
    body = json.dumps(event).encode()
    secret = WRONG_SECRET if forged else endpoint["_secret"]
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Version": API_VERSION,
        "Stripe-Signature": signature(secret, body, int(time.time())),
    }
    status: int | None = None
    error: str | None = None
    try:
        status = post(endpoint["url"], body, headers)
    except Exception as problem:  # whatever the receiver did, the delivery is retried
        error = f"{type(problem).__name__}: {problem}"[:500]
    return _record(store, delivery, status, error)


def _record(store: Store, delivery: int, status: int | None, error: str | None) -> bool:
    done = status is not None and 200 <= status < 300
    now = time.time()
    with store.write() as tx:
        tx.sql.execute("INSERT INTO attempts VALUES (?, ?, ?, ?)", (delivery, now, status, error))
        row = tx.sql.execute("SELECT attempts, event_id FROM deliveries WHERE id = ?", (delivery,)).fetchone()
        tries = row["attempts"] + 1
        over = tries > len(RETRY_AFTER)
        tx.sql.execute(
            "UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, lease_until = 0, last_status = ?,"
            " last_error = ? WHERE id = ?",
            (
                "delivered" if done else "failed" if over else "pending",
                tries,
                now if done or over else now + RETRY_AFTER[tries - 1],
                status,
                error,
                delivery,
            ),
        )
        if done or over:
            _count_pending(tx, row["event_id"])
    return done


def _count_pending(tx: Transaction, event_id: str) -> None:
    row = tx.sql.execute(
        "SELECT count(*) AS n FROM deliveries WHERE event_id = ? AND state = 'pending'", (event_id,)
    ).fetchone()
    if event := tx.find("event", event_id):
        event["pending_webhooks"] = row["n"]
        tx.save(event)


def give_up(tx: Transaction, endpoint_id: str) -> None:
    """A deleted endpoint gets nothing more."""
    tx.sql.execute(
        "UPDATE deliveries SET state = 'failed', last_error = 'endpoint deleted'"
        " WHERE endpoint_id = ? AND state IN ('pending', 'held')",
        (endpoint_id,),
    )


def release_held(tx: Transaction) -> int:
    """Send what was kept back; how many."""
    cursor = tx.sql.execute("UPDATE deliveries SET state = 'pending', due_at = ? WHERE state = 'held'", (time.time(),))
    tx.emitted = True
    return cursor.rowcount


def resend(tx: Transaction, event: Json) -> None:
    """Deliver an event once more, whatever happened to its other deliveries."""
    for endpoint in tx.select("webhook_endpoint"):
        tx.sql.execute(
            "INSERT INTO deliveries (event_id, endpoint_id, state, due_at) VALUES (?, ?, 'pending', ?)",
            (event["id"], endpoint["id"], time.time()),
        )
    tx.emitted = True


def delivery_thread(deliver: Callable[[], int], wake: threading.Event, interval: float) -> threading.Thread:
    """A daemon that delivers when woken, and at least every `interval` seconds."""

    def loop() -> None:
        while True:
            wake.wait(interval)
            wake.clear()
            try:
                while deliver():
                    pass
            except Exception as problem:
                # A broken file or full disk must not end the thread for good.
                log.warning("delivery paused: %s", problem)
                time.sleep(interval)

    thread = threading.Thread(target=loop, name="stripe-sandbox-delivery", daemon=True)
    thread.start()
    return thread
