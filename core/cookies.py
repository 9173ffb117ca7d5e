"""The names of cookies: over TLS with `__Host-`, which browsers take from this very host only (RFC 6265bis)."""

from flask import current_app

HOST_PREFIX = "__Host-"


def cookie_name(plain: str, *, over_tls: bool | None = None) -> str:
    """The name under which a cookie goes to the browser."""
    if over_tls is None:
        over_tls = bool(current_app.config["COOKIES_OVER_TLS"])
    return f"{HOST_PREFIX}{plain}" if over_tls else plain
