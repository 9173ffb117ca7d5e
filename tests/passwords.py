"""Passwords in tests: the same way of hashing as everywhere, at a cost that a thousand sign-ins can pay."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from blueprints.accounts import passwords

_CHEAP = {"argon2__time_cost": 1, "argon2__memory_cost": 256, "argon2__parallelism": 1}
REAL = "rejoinder_tests_real_passwords"


@contextmanager
def cheap_passwords(app: Flask) -> Iterator[None]:
    """Inside, a password costs a millisecond instead of a tenth of a second. `full_cost` gives the real cost back."""
    kept = app.extensions["security"]
    real = app.extensions[REAL] = kept.pwd_context, passwords.NOBODY
    kept.pwd_context = real[0].copy(**_CHEAP)
    passwords.NOBODY = _nobody(kept.pwd_context)
    try:
        yield
    finally:
        restore(app)


def restore(app: Flask) -> None:
    """Hash as the application was made to, and as it does for readers."""
    app.extensions["security"].pwd_context, passwords.NOBODY = app.extensions[REAL]


_made: list[str] = []


def _nobody(context: object) -> str:
    if not _made:
        _made.append(str(context.hash("nobody's")))  # type: ignore[attr-defined]
    return _made[0]
