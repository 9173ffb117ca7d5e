"""Codes that change every half minute (RFC 6238 over RFC 4226): SHA-1, six digits, as every app does them. Pure."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

DIGITS = 6
STEP_SECONDS = 30
STEPS_EARLIER_AND_LATER = 1  # for clocks that go a little wrong, and slow fingers (RFC 6238, 5.2)
SECRET_BYTES = 20  # as long as the hash (RFC 4226, 4)


def new_secret() -> str:
    """A secret in base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of a step of time."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_at(moment: datetime) -> int:
    """The step that a moment falls into."""
    return int(moment.timestamp()) // STEP_SECONDS


def step_of(secret: str, typed: str, moment: datetime) -> int | None:
    """Of which step about now this is the code, or None. Looks at every step, however early it finds one."""
    now, found = step_at(moment), None
    for step in range(now - STEPS_EARLIER_AND_LATER, now + STEPS_EARLIER_AND_LATER + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), typed.encode()):
            found = step
    return found


def address(secret: str, *, account: str, issuer: str) -> str:
    """What a QR code for an app holds."""
    label = quote(f"{issuer}:{account}", safe="@")
    values = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_SECONDS}
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"


def picture(text: str) -> str:
    """A QR code as the address of an SVG picture."""
    import segno

    return str(segno.make(text, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff"))


def grouped(secret: str) -> str:
    """The secret as people type it: in fours."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
