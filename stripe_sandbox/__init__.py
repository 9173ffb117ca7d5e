"""A small stateful Stripe for demonstrations and tests: the API in Stripe's wire format, hosted
Checkout and Portal pages, signed webhooks and a movable clock. No money moves, and no real card
number is accepted or kept.

It is a separate WSGI application: it imports nothing of the product and does not import `stripe`;
the installed stripe package's parameter types are its contract, read from the files."""

import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from . import delivery, lifecycle, webhook_endpoints
from .application import Application
from .delivery import Post
from .events import MODES
from .store import Store

__all__ = ["Sandbox", "create_sandbox"]

DEFAULT_KEY = "sk_test_sandbox"
DEFAULT_SECRET = "whsec_sandbox"  # noqa: S105


class Sandbox:
    """One sandbox over one database file; several processes may open the same file."""

    def __init__(self, store: Store, *, public_url: str, api_keys: Collection[str], prefix: str) -> None:
        self.store = store
        self._wakers: list[threading.Event] = []
        self.wsgi: Callable[..., Any] = Application(
            store, public_url=public_url, api_keys=api_keys, prefix=prefix, wake=self._wake
        )

    def _wake(self) -> None:
        for event in self._wakers:
            event.set()

    def now(self) -> int:
        """The sandbox's clock, Unix seconds."""
        with self.store.read() as tx:
            return tx.now

    def begin_ago(self, seconds: int) -> None:
        """Let the clock of a sandbox in which nothing has happened yet stand so far in the past.

        Raises ValueError once there is anything in it: what has happened stays where it is."""
        with self.store.write() as tx:
            if tx.sql.execute("SELECT 1 FROM objects WHERE kind <> 'webhook_endpoint' LIMIT 1").fetchone():
                raise ValueError("Something has happened in this sandbox already.")
            tx.set_setting("clock_offset", str(-seconds))

    def advance(self, seconds: int) -> int:
        """Move the clock forward, with every renewal, retry, expiry and ending on the way."""
        now = lifecycle.advance(self.store, seconds)
        self._wake()
        return now

    def set_delivery_mode(self, mode: str) -> None:
        """How later events are delivered: one of `MODES`. Raises ValueError for any other."""
        if mode not in MODES:
            raise ValueError(f"Unknown delivery mode: {mode}")
        with self.store.write() as tx:
            tx.set_setting("delivery_mode", mode)

    def deliver_due(self, post: Post, limit: int = 50) -> int:
        """Deliver due events through `post(url, body, headers) -> status`; how many got a 2xx.

        Each delivery is claimed with a lease, so several processes may call this at once."""
        if lifecycle.settle(self.store):
            self._wake()
        return delivery.deliver_due(self.store, post, limit)

    def start_delivery_thread(
        self, post: Post, wake: threading.Event | None = None, interval: float = 0.5
    ) -> threading.Thread:
        """A daemon thread that delivers at once when this process makes events, and otherwise every
        `interval` seconds. Start it after forking."""
        wake = wake or threading.Event()
        self._wakers.append(wake)
        return delivery.delivery_thread(lambda: self.deliver_due(post), wake, interval)

    def deliver_all(self, post: Post, seconds: float = 5.0) -> int:
        """Deliver until nothing is due, for tests; the number delivered."""
        delivered, end = 0, time.monotonic() + seconds
        while time.monotonic() < end and (count := self.deliver_due(post)):
            delivered += count
        return delivered

    def close(self) -> None:
        """Close the idle connections of this process."""
        self.store.close()


def create_sandbox(
    database: str | Path,
    *,
    public_url: str,
    api_keys: Collection[str] = (DEFAULT_KEY,),
    webhook_url: str | None = None,
    webhook_secret: str = DEFAULT_SECRET,
    webhook_events: Collection[str] = ("*",),
    prefix: str = "",
) -> Sandbox:
    """Open (or create) the sandbox in `database`. `public_url` is where browsers reach its root,
    without a trailing slash. `webhook_url` is told of `webhook_events`. Raises ValueError for a live
    key: none may come near it."""
    if any("_live_" in key for key in api_keys):
        raise ValueError("The Stripe sandbox refuses live keys.")
    root = public_url.rstrip("/") + prefix.rstrip("/")
    store = Store(database, root)
    webhook_endpoints.configure(store, webhook_url, webhook_secret, webhook_events)
    return Sandbox(store, public_url=root, api_keys=api_keys, prefix=prefix.rstrip("/"))
