"""Hashing and checking passwords. Each takes a good part of a second, so none of it happens inside a transaction."""

import unicodedata
from functools import partial

import flask_security
from flask import current_app
from flask_security.utils import verify_password

from core.db import is_writing

# Nobody's password, hashed as all are: checked where there is nobody, so that the answer takes as long.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$iZGSknKOkbJ27p1Tyvm/Vw$w+c8eyQATA/KX49TClm2hu96efQzrJrjS/QAGEdt3V0"

LONGEST_CHECKED = 4096  # the library refuses more; nobody's password is nearly as long

_normal = partial(unicodedata.normalize, "NFKD")


def hash_password(password: str) -> str:
    """The form in which a password is kept."""
    _outside_only()
    return str(flask_security.hash_password(_normal(password)))


def is_password(password: str, hashed: str | None) -> bool:
    """Whether this is the password. Takes as long where there is none, which no password matches."""
    _outside_only()
    plain = _normal(password)
    if len(plain) > LONGEST_CHECKED:
        plain, hashed = "", None
    matches = bool(verify_password(plain, hashed or NOBODY))
    return matches and hashed is not None


def renewed(password: str, hashed: str) -> str | None:
    """The password hashed anew if the way of hashing has changed since, else None."""
    context = current_app.extensions["security"].pwd_context
    return hash_password(password) if context.needs_update(hashed) else None


def _outside_only() -> None:
    if is_writing():
        raise RuntimeError("passwords are hashed before the transaction, not inside")
