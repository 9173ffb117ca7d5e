"""The sandbox on its own port, over real HTTP, for end-to-end tests and other programs."""

import logging
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from . import DEFAULT_KEY, DEFAULT_SECRET, Sandbox, create_sandbox

HOST = "127.0.0.1"
DELIVERY_TIMEOUT_SECONDS = 20


class _QuietHandler(WSGIRequestHandler):
    """One line per request would drown the sandbox's own messages."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected webhook is a failed one, as at Stripe."""

    def redirect_request(self, *args: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def post_over_http(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Deliver one webhook; the answer's status, whatever it is."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"Not a web address: {url}")
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
    try:
        with _opener.open(request, timeout=DELIVERY_TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def start(
    port: int, webhook_to: str | None, webhook_secret: str, database: str | Path
) -> tuple[BaseWSGIServer, Sandbox]:
    """A listening server (port 0 takes a free one) and its sandbox, delivering; not yet serving.

    Call `serve_forever()`; `shutdown()` ends it."""
    server = make_server(HOST, port, _not_ready, threaded=True, request_handler=_QuietHandler)
    sandbox = create_sandbox(
        database,
        public_url=f"http://{HOST}:{server.server_port}",
        webhook_url=webhook_to,
        webhook_secret=webhook_secret,
    )
    server.app = sandbox.wsgi
    sandbox.start_delivery_thread(post_over_http)
    return server, sandbox


def _not_ready(environ: object, start_response: object) -> list[bytes]:
    raise RuntimeError("The sandbox is not serving yet.")


def serve(
    port: int,
    webhook_to: str | None = None,
    webhook_secret: str = DEFAULT_SECRET,
    database: str | Path | None = None,
) -> None:
    """Run the sandbox until interrupted. Without `database` its state ends with it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory(prefix="stripe-sandbox-") as folder:
        server, sandbox = start(port, webhook_to, webhook_secret, database or Path(folder) / "sandbox.db")
        sys.stderr.write(
            f"Stripe sandbox on http://{HOST}:{server.server_port} (control panel there)\n"
            f"API key {DEFAULT_KEY}; webhooks to {webhook_to or 'nowhere'}, signed with {webhook_secret}\n"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.stderr.write("\nStripe sandbox stopped.\n")
        finally:
            server.server_close()
            sandbox.close()
