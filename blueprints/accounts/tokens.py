"""The tokens in mailed links: signed, for one purpose, for a while, and only while what they change is unchanged."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any, Literal

from flask import current_app
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from core.records import dataclass
from core.signing import ClockSigner
from models.user import User

Purpose = Literal["confirm", "reset", "email", "second"]
LIFETIMES: dict[Purpose, timedelta] = {
    "confirm": timedelta(days=3),
    "reset": timedelta(hours=2),
    "email": timedelta(days=3),
    "second": timedelta(minutes=10),  # between the password and the second factor, in a cookie
}
MARK_BYTES = 16


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says. Its mark still has to be that of the row as it is now."""

    user_id: int
    mark: str
    next: str
    email: str
    expired: bool


def issue(purpose: Purpose, user: User, *, next_path: str = "/", email: str = "") -> str:
    """A token for this person as the row stands now; `email` is the address being changed to."""
    payload = {"u": user.id, "m": mark(purpose, user), "n": next_path, "e": email}
    return str(_serializer(purpose).dumps(payload))


def read(purpose: Purpose, token: str) -> Claim | None:
    """What the token says, also when it has expired; None if we did not make it for this purpose."""
    serializer = _serializer(purpose)
    lifetime = int(LIFETIMES[purpose].total_seconds())
    try:
        return _claim(serializer.loads(token, max_age=lifetime), expired=False)
    except SignatureExpired as error:
        return _claim(serializer.load_payload(error.payload or b""), expired=True)
    except BadSignature:
        return None


def mark(purpose: Purpose, user: User) -> str:
    """A short fingerprint of what the link's use will change, so that each link works once."""
    state = [purpose, user.id, user.email, user.password]
    if purpose == "confirm":
        state.append(user.confirmed_at is not None)
    digest = hmac.digest(str(current_app.config["SECRET_KEY"]).encode(), repr(state).encode(), hashlib.sha256)
    return digest[:MARK_BYTES].hex()


def _claim(payload: dict[str, Any], *, expired: bool) -> Claim:
    return Claim(payload["u"], payload["m"], payload["n"], payload["e"], expired)


def _serializer(purpose: Purpose) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        current_app.config["SECRET_KEY"], salt=f"accounts.{purpose}", signer=ClockSigner,
        signer_kwargs={"digest_method": hashlib.sha256},
    )  # fmt: skip
