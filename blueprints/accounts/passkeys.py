"""Passkeys (WebAuthn 2): what the browser is asked, and whether its answer holds. The only import of webauthn.

A challenge proves itself: it is signed for one purpose and one person, and holds for an hour. It works once, because
the caller spends it together with what it allows.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

from core import clock
from core.config import Settings
from core.records import dataclass

CHALLENGE_LASTS = timedelta(hours=1)
NONCE_BYTES, MOMENT_BYTES = 16, 8
LONGEST_ANSWER = 20_000  # characters of JSON


class Refused(Exception):
    """An answer that does not hold; why, for the log only."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks: the domain that passkeys are bound to, and the address of our pages."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A browser's answer, its form and its challenge checked, but not yet its signature."""

    credential: dict[str, Any]
    credential_id: str
    challenge: bytes

    @property
    def token_hash(self) -> str:
        """By what the challenge is known once it is spent."""
        return hashlib.sha256(self.challenge).hexdigest()


@dataclass(frozen=True, slots=True)
class Made:
    """A new passkey."""

    credential_id: str
    public_key: bytes
    sign_count: int


def relying_party(asked_at: str) -> RelyingParty | None:
    """Who asks, or None where there is no name: browsers bind passkeys to names, not to numbers.

    In the demonstration `localhost` is as good as the address that was configured, where it is what was `asked_at`.
    """
    settings: Settings = current_app.config["SETTINGS"]
    base = settings.base_url
    if not current_app.config["PRODUCTION"] and urlsplit(asked_at).hostname == "localhost":
        base = asked_at.rstrip("/")
    host = urlsplit(base).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return RelyingParty(host, base)
    return None


def challenge(purpose: str, user_id: int = 0) -> bytes:
    """What a passkey is to sign, for one purpose and person (0: whoever it is)."""
    start = secrets.token_bytes(NONCE_BYTES) + int(clock.now().timestamp()).to_bytes(MOMENT_BYTES, "big")
    return start + _mac(start, purpose, user_id)


def asked_to_make(party: RelyingParty, *, user_id: int, email: str, name: str, paper: str, known: Sequence[str]) -> str:
    """What the browser needs to make a passkey, as JSON; `known` are the credentials there are already."""
    from webauthn import base64url_to_bytes, generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    wanted = AuthenticatorSelectionCriteria(
        resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
    )
    options = generate_registration_options(
        rp_id=party.id, rp_name=paper, user_id=_handle(user_id), user_name=email, user_display_name=name,
        challenge=challenge("make", user_id), authenticator_selection=wanted,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in known],
    )  # fmt: skip
    return str(options_to_json(options))


def asked_to_sign(party: RelyingParty, purpose: str, *, user_id: int = 0, known: Sequence[str] = ()) -> str:
    """What the browser needs to sign with a passkey, as JSON; without `known` any that it has for us."""
    from webauthn import base64url_to_bytes, generate_authentication_options, options_to_json
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

    wanted = UserVerificationRequirement.PREFERRED if known else UserVerificationRequirement.REQUIRED
    options = generate_authentication_options(
        rp_id=party.id, challenge=challenge(purpose, user_id), user_verification=wanted,
        allow_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in known],
    )  # fmt: skip
    return str(options_to_json(options))


def read(text: str, purpose: str, user_id: int = 0) -> Answer:
    """What a browser sent, if its challenge is one of ours for this. Raises Refused."""
    from webauthn import base64url_to_bytes

    if not text or len(text) > LONGEST_ANSWER:
        raise Refused("no answer, or too long a one")
    try:
        credential = json.loads(text)
        said = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        asked, credential_id = base64url_to_bytes(said["challenge"]), credential["id"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused("not of the form") from error
    start = asked[: NONCE_BYTES + MOMENT_BYTES]
    if not hmac.compare_digest(asked[len(start) :], _mac(start, purpose, user_id)):
        raise Refused("a challenge that is not ours")
    made_at = datetime.fromtimestamp(int.from_bytes(start[NONCE_BYTES:], "big"), UTC)
    if clock.now() - made_at > CHALLENGE_LASTS or not isinstance(credential_id, str):
        raise Refused("a challenge that is over")
    return Answer(credential, credential_id, asked)


def made(party: RelyingParty, answer: Answer) -> Made:
    """The passkey that a browser made. Raises Refused."""
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url

    try:
        found = verify_registration_response(
            credential=answer.credential, expected_challenge=answer.challenge, expected_rp_id=party.id,
            expected_origin=party.origin,
        )  # fmt: skip
    except Exception as error:  # whatever the library stumbles over in what a browser may send
        raise Refused(type(error).__name__) from error
    return Made(bytes_to_base64url(found.credential_id), found.credential_public_key, found.sign_count)


def signed(party: RelyingParty, answer: Answer, *, public_key: bytes, sign_count: int, verified: bool) -> int:
    """The passkey's new count of signatures, if the signature holds. Raises Refused.

    `verified` asks that the device looked who holds it. A count that does not rise means a copied key, and is refused.
    """
    from webauthn import verify_authentication_response

    try:
        found = verify_authentication_response(
            credential=answer.credential, expected_challenge=answer.challenge, expected_rp_id=party.id,
            expected_origin=party.origin, credential_public_key=public_key, credential_current_sign_count=sign_count,
            require_user_verification=verified,
        )  # fmt: skip
    except Exception as error:  # as above
        raise Refused(type(error).__name__) from error
    return int(found.new_sign_count)


def _mac(start: bytes, purpose: str, user_id: int) -> bytes:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, b"passkey challenge" + start + f"{purpose}:{user_id}".encode(), "sha256")


def _handle(user_id: int) -> bytes:
    """By what a device tells a person's passkeys from others': says nothing about them."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, b"passkey handle" + str(user_id).encode(), "sha256")
