"""The built-in stand-in for Stripe: mounted beside the application, and delivering its webhooks into it.

Only an application without a Stripe key comes here, and only then is the package imported.
"""

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from core.config import Settings
from core.db import is_writing, keep_private

if TYPE_CHECKING:
    from stripe_sandbox import Sandbox

MOUNT = "/_sandbox/stripe"
DELIVERY_INTERVAL_SECONDS = 0.3

log = structlog.get_logger("sandbox")


class SandboxHost:
    """Opens the sandbox when it is first needed, and again when its file is gone."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._lock = threading.Lock()
        self._open: Sandbox | None = None
        self.key = "sk_test_" + self._derived("key")
        self.webhook_secret = "whsec_" + self._derived("webhook")

    @property
    def sandbox(self) -> "Sandbox":
        """The sandbox in DATA_DIR/sandbox.sqlite3."""
        from blueprints.membership.webhooks import WANTED
        from stripe_sandbox import create_sandbox

        path = self._settings.data_dir.resolve() / "sandbox.sqlite3"
        with self._lock:
            if self._open is None or not path.exists():
                if self._open is not None:
                    self._open.close()
                keep_private(path)
                self._open = create_sandbox(
                    path,
                    public_url=self._settings.base_url + MOUNT,
                    api_keys=(self.key,),
                    webhook_url=self._settings.base_url + "/webhooks/stripe",
                    webhook_secret=self.webhook_secret,
                    webhook_events=WANTED,
                )
            return self._open

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.sandbox.wsgi(environ, start_response)
        return answer

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Deliver one webhook into the application itself; returns the status of its answer."""
        if is_writing():
            raise RuntimeError("a webhook delivered inside a transaction")
        parts = urlsplit(url)
        client = Client(self._app)
        base = f"{parts.scheme}://{parts.netloc}"
        return client.post(parts.path, base_url=base, data=body, headers=headers).status_code

    def _derived(self, purpose: str) -> str:
        secret = str(self._app.config["SECRET_KEY"]).encode()
        return hmac.new(secret, f"stripe sandbox {purpose}".encode(), hashlib.sha256).hexdigest()[:32]


def mount(app: Flask, settings: Settings) -> SandboxHost:
    """Put the sandbox's API and pages under /_sandbox/stripe."""
    import stripe_sandbox  # noqa: F401  # once for all processes, which look for its events again and again

    host = SandboxHost(app, settings)
    app.extensions["rejoinder_sandbox"] = host
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {MOUNT: host})  # type: ignore[method-assign]
    return host


def host_of(app: Flask) -> SandboxHost:
    """The sandbox of an application that runs on one. Raises KeyError for others."""
    host: SandboxHost = app.extensions["rejoinder_sandbox"]
    return host


def start_sandbox_delivery(app: Flask) -> Callable[[], None]:
    """Deliver webhooks in a thread as long as the process lives; returns the function that ends it."""
    host, stop = host_of(app), threading.Event()

    def deliver() -> None:
        while not stop.wait(DELIVERY_INTERVAL_SECONDS):
            try:
                while not stop.is_set() and host.sandbox.deliver_due(host.post):
                    pass
            except Exception:
                log.exception("delivery met an error and goes on")

    thread = threading.Thread(target=deliver, name="sandbox-delivery", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=10)

    return end
