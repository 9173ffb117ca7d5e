"""Passwords in tests: the same way of hashing as everywhere, at a cost that a thousand sign-ins can pay."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher

from blueprints.accounts import passwords

_REAL = passwords.hasher, passwords.NOBODY


@contextmanager
def cheap_passwords() -> Iterator[None]:
    """Inside, a password costs a millisecond instead of a tenth of a second. `full_cost` gives the real cost back."""
    before = passwords.hasher, passwords.NOBODY
    passwords.hasher, passwords.NOBODY = _cheap()
    try:
        yield
    finally:
        passwords.hasher, passwords.NOBODY = before


def restore() -> None:
    """Hash as for readers."""
    passwords.hasher, passwords.NOBODY = _REAL


@cache
def _cheap() -> tuple[PasswordHasher, str]:
    hasher = PasswordHasher(time_cost=1, memory_cost=256, parallelism=1)
    return hasher, hasher.hash("nobody's")
