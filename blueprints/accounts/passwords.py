"""Hashing and checking passwords. Each takes a good part of a second, so none of it happens inside a transaction.

They are kept as argon2id says them, with its costs beside each, so that another installation can check them as well.
"""

import unicodedata
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.db import is_writing

# Nobody's password, hashed as all are: checked where there is nobody, so that the answer takes as long.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$iZGSknKOkbJ27p1Tyvm/Vw$w+c8eyQATA/KX49TClm2hu96efQzrJrjS/QAGEdt3V0"

LONGEST_CHECKED = 4096  # nobody's password is nearly as long

hasher = PasswordHasher(memory_cost=65536, time_cost=3, parallelism=4)

_normal = partial(unicodedata.normalize, "NFKD")


def hash_password(password: str) -> str:
    """The form in which a password is kept."""
    _outside_only()
    return hasher.hash(_normal(password))


def is_password(password: str, hashed: str | None) -> bool:
    """Whether this is the password. Takes as long where there is none, which no password matches."""
    _outside_only()
    plain = _normal(password)
    if len(plain) > LONGEST_CHECKED:
        plain, hashed = "", None
    try:
        return hasher.verify(hashed or NOBODY, plain) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def renewed(password: str, hashed: str) -> str | None:
    """The password hashed anew if the way of hashing has changed since, else None."""
    return hash_password(password) if hasher.check_needs_rehash(hashed) else None


def _outside_only() -> None:
    if is_writing():
        raise RuntimeError("passwords are hashed before the transaction, not inside")
