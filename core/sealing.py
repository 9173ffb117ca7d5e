"""Secrets that have to be read again, kept so that a copy of the database alone gives none away.

AES-256 in GCM (NIST SP 800-38D), under a key made from SECRET_KEY for each purpose. What earlier versions sealed with
Fernet is read still. With another SECRET_KEY what was sealed can be read no longer, and reads as None.
"""

import base64
import binascii
import secrets

from flask import current_app

KEY_BYTES = 32
NONCE_BYTES = 12
MARK = "g1."  # of this way of sealing; Fernet's own begin with gAAAAA


def seal(text: str, purpose: str) -> str:
    """The text encrypted and authenticated, for one purpose."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # takes a while to load, and few requests need it

    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_key(purpose, "AES-256-GCM ")).encrypt(nonce, text.encode(), purpose.encode())
    return MARK + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, purpose: str) -> str | None:
    """What was sealed for this purpose, or None for anything that was not, or with another key."""
    if not sealed.startswith(MARK):
        return _unseal_fernet(sealed, purpose)
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(sealed.removeprefix(MARK), altchars="-_", validate=True)
        box = AESGCM(_key(purpose, "AES-256-GCM "))
        return box.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode()).decode()
    except (InvalidTag, binascii.Error, ValueError):
        return None


def is_sealed_as_now(sealed: str) -> bool:
    """Whether this was sealed in the way that `seal` does it today; what was not is best sealed anew when read."""
    return sealed.startswith(MARK)


def _unseal_fernet(sealed: str, purpose: str) -> str | None:
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return str(Fernet(base64.urlsafe_b64encode(_key(purpose))).decrypt(sealed.encode()).decode())
    except (InvalidToken, ValueError):
        return None


def _key(purpose: str, cipher: str = "") -> bytes:
    """A key of its own for each purpose and cipher."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"rejoinder sealing {cipher}{purpose}".encode())
    return bytes(derived.derive(str(current_app.config["SECRET_KEY"]).encode()))
