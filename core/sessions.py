"""The session cookie, as Flask signs it; a signature that was found good is not worked out again."""

import hashlib
import time
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from core.signing import AHEAD_SECONDS, Signer

KEPT_COOKIES = 5_000


class KnownCookies:
    """A serializer that remembers what it has checked. The age is looked at each time.

    Only plain values are remembered: what a request changes in a list must not reach the next one.
    """

    def __init__(self, serializer: URLSafeTimedSerializer) -> None:
        self._serializer = serializer
        self._known: dict[str, tuple[dict[str, Any], float]] = {}
        self.dumps = serializer.dumps

    def known(self, cookie: str, max_age: int) -> dict[str, Any] | None:
        """What a cookie says whose signature was found good before; to be read only."""
        known = self._known.get(cookie)
        return known[0] if known is not None and -AHEAD_SECONDS <= time.time() - known[1] < max_age else None

    def loads(self, cookie: str, max_age: int) -> Any:
        """What the cookie says. Raises BadSignature for one that is not ours or too old."""
        if (known := self.known(cookie, max_age)) is not None:
            return known.copy()
        said, signed_at = self._serializer.loads(cookie, max_age=max_age, return_timestamp=True)
        if all(value is None or isinstance(value, str | int) for value in said.values()):
            if len(self._known) >= KEPT_COOKIES:
                self._known.clear()
            self._known[cookie] = said.copy(), signed_at.timestamp()
        return said


class CookieSessions(SecureCookieSessionInterface):
    """Flask's own sessions with one serializer for the application, signed with HMAC-SHA-256."""

    digest_method = staticmethod(hashlib.sha256)

    def known(self, app: Flask, cookie: str) -> dict[str, Any] | None:
        """What a cookie says that was checked for an earlier request and holds still; None for any other."""
        serializer = self.get_signing_serializer(app)
        return serializer.known(cookie, int(app.permanent_session_lifetime.total_seconds())) if serializer else None

    def __init__(self) -> None:
        self._cookies: KnownCookies | None = None

    def get_signing_serializer(self, app: Flask) -> Any:
        if self._cookies is None and (serializer := super().get_signing_serializer(app)):
            serializer.signer = Signer
            self._cookies = KnownCookies(serializer)
        return self._cookies
