"""Signatures that hold for a while, between hosts whose clocks differ a little."""

from typing import Any

from itsdangerous import SignatureExpired, TimestampSigner

from core import clock

AHEAD_SECONDS = 60  # that the clock of the host that signed may go before ours


class Signer(TimestampSigner):
    """Takes what was signed a moment from now as signed now: the library calls it expired.

    A reader who signed in at one host is on their way to another one at once.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """As the library's. Raises BadSignature, and SignatureExpired for what is older than `max_age`."""
        said, signed_at = super().unsign(signed_value, return_timestamp=True)
        if max_age is not None:
            age = self.get_timestamp() - int(signed_at.timestamp())
            if not -AHEAD_SECONDS <= age <= max_age:
                raise SignatureExpired(f"Signature age {age} of {max_age} seconds", payload=said, date_signed=signed_at)
        return (said, signed_at) if return_timestamp else said


class ClockSigner(Signer):
    """Goes by the clock that the demo moves, for links that end in days."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())
