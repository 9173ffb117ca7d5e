"""Secrets that have to be read again, kept so that a copy of the database alone gives none away.

The key is made from SECRET_KEY. With another SECRET_KEY what was sealed can be read no longer, and reads as None.
"""

import base64
from typing import Any

from flask import current_app

KEY_BYTES = 32


def seal(text: str, purpose: str) -> str:
    """The text encrypted and signed, for one purpose."""
    return str(_box(purpose).encrypt(text.encode()).decode())


def unseal(sealed: str, purpose: str) -> str | None:
    """What was sealed for this purpose, or None for anything that was not, or with another key."""
    from cryptography.fernet import InvalidToken

    try:
        return str(_box(purpose).decrypt(sealed.encode()).decode())
    except InvalidToken:
        return None


def _box(purpose: str) -> Any:
    from cryptography.fernet import Fernet  # takes a while to load, and few requests need it
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"rejoinder sealing {purpose}".encode())
    key = derived.derive(str(current_app.config["SECRET_KEY"]).encode())
    return Fernet(base64.urlsafe_b64encode(key))
