"""Browsers in which somebody has signed in before, so that guessing elsewhere does not lock its owner out.

Wrong passwords are counted by account: who guesses is stopped, and with them everybody else who tries that account.
Not a browser that signed in to it before: it has a count of its own. It is known by a signed cookie that says nothing
but that, and opens nothing.
"""

import hmac
import secrets
from collections.abc import Mapping

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from core.cookies import cookie_name

COOKIE = "known"
COOKIE_SECONDS = 365 * 24 * 3600
MOST_ACCOUNTS = 4  # of one browser; the oldest is forgotten
MARK_BYTES, NONCE_BYTES = 12, 12


def count_of(email: str) -> str | None:
    """Whom a limit counts here for this account (its address in the stored form): a browser known to it, or None."""
    nonce = _read().get(_mark(email))
    return f"browser:{nonce}" if nonce else None


def remember(email: str) -> None:
    """Know this browser again: it has just signed in to the account of this address."""
    known = {mark: nonce for mark, nonce in _read().items() if mark != _mark(email)}
    known[_mark(email)] = secrets.token_urlsafe(NONCE_BYTES)
    value = _signer().dumps(dict(list(known.items())[-MOST_ACCOUNTS:]))

    @after_this_request
    def _set(response: Response) -> Response:
        response.set_cookie(
            cookie_name(COOKIE), str(value), max_age=COOKIE_SECONDS, httponly=True, samesite="Lax",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
        )  # fmt: skip
        return response


def _read() -> Mapping[str, str]:
    try:
        found = _signer().loads(request.cookies.get(cookie_name(COOKIE), ""))
    except BadSignature:
        return {}
    return found if isinstance(found, dict) else {}


def _mark(email: str) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, b"known browser" + email.encode(), "sha256")[:MARK_BYTES].hex()


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="accounts.known-browser")
