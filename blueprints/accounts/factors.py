"""Second factors: making, using and losing them. Callers open the transaction and limit how often one may try."""

import base64
import hashlib
import secrets

from flask import current_app

from blueprints.accounts import passkeys, queries, queries_factors, queries_keys, queries_sessions, totp
from blueprints.accounts.passkeys import CHALLENGE_LASTS, Answer, Refused, RelyingParty
from blueprints.notifications.service import send_mail
from blueprints.site.queries import site
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.sealing import is_sealed_as_now, seal, unseal
from core.text import remove_controls
from models.second_factor import AuthenticatorApp, Passkey
from models.user import User

CODES = 10
CODE_BYTES = 15  # 120 bits: so many that a plain hash of them is safe to keep (ASVS 5.0, 6.5.2)
MOST_PASSKEYS = 10
LONGEST_NAME = 60
SEALED_FOR = "authenticator app"

WRONG_CODE = "This code is not right, or was used already. Wait for the next one and try again."
WRONG_PASSKEY = "This passkey could not be checked. Please try again."
NO_FACTOR = "There is no second factor to do this with."


# Whether it is asked for


def is_required_of_staff() -> bool:
    """What the publisher chose; without a choice it is required, but in the demonstration."""
    chosen = site().staff_second_factor
    return chosen == "required" if chosen else bool(current_app.config["PRODUCTION"])


# Authenticator app


def begin_app(user_id: int) -> str:
    """The secret of an app that is being set up; the same again until its first code. Raises Conflict with one."""
    row = queries_factors.app_of(user_id, lock=True)
    if row is not None and row.confirmed_at is not None:
        raise Conflict("There is an authenticator app already. Remove it first to set up another.")
    known = unseal(row.sealed_secret, SEALED_FOR) if row is not None else None
    if known is not None:
        return known
    secret = totp.new_secret()
    if row is None:
        db.session().add(AuthenticatorApp(user_id=user_id, sealed_secret=seal(secret, SEALED_FOR)))
    else:
        row.sealed_secret = seal(secret, SEALED_FOR)
    return secret


def secret_in_setup(user_id: int) -> str | None:
    """The secret of an app that no code has confirmed yet, or None."""
    row = queries_factors.app_of(user_id)
    return unseal(row.sealed_secret, SEALED_FOR) if row is not None and row.confirmed_at is None else None


def confirm_app(user_id: int, code: str) -> tuple[str, ...]:
    """Take an app's first code; returns new recovery codes if these are the first. Raises DomainError, Conflict."""
    row = queries_factors.app_of(user_id, lock=True)
    if row is None or row.confirmed_at is not None:
        raise Conflict("This app is set up already, or its set-up was begun anew elsewhere.")
    if not _takes(row, code):
        raise DomainError(WRONG_CODE)
    row.confirmed_at = clock.now()
    db.session().flush()
    tell(user_id, "An authenticator app was set up as a second factor of your account.")
    return _first_codes(user_id)


def use_code(user_id: int, typed: str) -> bool:
    """Whether this is a code of the person's app now, or an unused recovery code. Uses it up."""
    plain = "".join(typed.split()).replace("-", "")
    if len(plain) == totp.DIGITS and plain.isascii() and plain.isdigit():
        row = queries_factors.app_of(user_id)
        return row is not None and row.confirmed_at is not None and _takes(row, plain)
    if not queries_factors.take_recovery_code(user_id, _code_hash(plain), clock.now()):
        return False
    left = queries_factors.factors_of(user_id).codes_left
    tell(user_id, f"A recovery code was used to sign in to your account. {left} of them are left.")
    return True


def remove_app(user_id: int) -> None:
    """Do without the app. Raises NotFound."""
    if not queries_factors.remove_app(user_id):
        raise NotFound(NO_FACTOR)
    _after_removal(user_id, "The authenticator app was removed from your account.")


# Passkeys


def add_passkey(user_id: int, party: RelyingParty, answer: Answer, name: str) -> tuple[str, ...]:
    """Keep a passkey; returns new recovery codes if these are the first. Raises DomainError."""
    try:
        made = passkeys.made(party, answer)
    except Refused:
        raise DomainError(WRONG_PASSKEY) from None
    _spend(answer)
    if len(queries_factors.factors_of(user_id).passkeys) >= MOST_PASSKEYS:
        raise DomainError(f"An account has at most {MOST_PASSKEYS} passkeys. Remove one that you do not use.")
    if queries_factors.passkey(made.credential_id) is not None:
        raise Conflict("This passkey is known already.")
    db.session().add(Passkey(
        user_id=user_id, credential_id=made.credential_id, public_key=made.public_key, sign_count=made.sign_count,
        name=remove_controls(name).strip()[:LONGEST_NAME] or "Passkey",
    ))  # fmt: skip
    db.session().flush()
    tell(user_id, "A passkey was added to your account.")
    return _first_codes(user_id)


def use_passkey(party: RelyingParty, answer: Answer, *, user_id: int | None, verified: bool) -> int | None:
    """Whose passkey signed this challenge, or None. Uses the challenge up.

    With `user_id` only that person's passkeys count; `verified` asks that the device looked who holds it.
    """
    row = queries_factors.passkey(answer.credential_id, user_id=user_id)
    if row is None:
        return None
    try:
        count = passkeys.signed(
            party, answer, public_key=row.public_key, sign_count=row.sign_count, verified=verified
        )  # fmt: skip
        _spend(answer)
    except (Refused, DomainError):
        return None
    row.sign_count, row.last_used_at = count, clock.now()
    return row.user_id


def remove_passkey(user_id: int, passkey_id: int) -> None:
    """Do without a passkey. Raises NotFound."""
    if not queries_factors.remove_passkey(user_id, passkey_id):
        raise NotFound("There is no such passkey of yours.")
    _after_removal(user_id, "A passkey was removed from your account.")


# Recovery codes, and losing everything


def new_recovery_codes(user_id: int) -> tuple[str, ...]:
    """Codes to keep on paper, in the place of all before. Only their digests are kept: nobody can see them again."""
    if not queries_factors.factors_of(user_id).any:
        raise DomainError(NO_FACTOR)
    codes = tuple(base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower() for _ in range(CODES))
    queries_factors.replace_recovery_codes(user_id, [_code_hash(code) for code in codes])
    return tuple("-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in codes)


def reset(user_id: int) -> None:
    """Remove everything beside the password, for somebody who lost it all. All browsers and keys end."""
    user = _person(user_id)
    queries_factors.remove_all(user.id)
    queries_sessions.end_all(user.id)
    queries_keys.end_all(user.id)
    tell(user_id, "Those who run the paper removed every second factor of your account and signed out all browsers.")


def _takes(row: AuthenticatorApp, code: str) -> bool:
    secret = unseal(row.sealed_secret, SEALED_FOR)
    step = totp.step_of(secret, code, clock.now()) if secret is not None else None
    if secret is None or step is None or not queries_factors.take_step(row.user_id, step):
        return False
    if not is_sealed_as_now(row.sealed_secret):
        row.sealed_secret = seal(secret, SEALED_FOR)
    return True


def _spend(answer: Answer) -> None:
    if not queries_factors.spend(answer.token_hash, clock.now() + CHALLENGE_LASTS):
        raise DomainError(WRONG_PASSKEY)


def _first_codes(user_id: int) -> tuple[str, ...]:
    return () if queries_factors.factors_of(user_id).codes_left else new_recovery_codes(user_id)


def _after_removal(user_id: int, sentence: str) -> None:
    if not queries_factors.factors_of(user_id).any:
        queries_factors.remove_all(user_id)  # codes that stand in for nothing
    tell(user_id, sentence)


def _code_hash(plain: str) -> str:
    return hashlib.sha256(plain.replace("-", "").lower().encode()).hexdigest()


def _person(user_id: int) -> User:
    user = queries.user_by_id(user_id, lock=True)
    if user is None:
        raise NotFound("There is no such account any more.")
    return user


def tell(user_id: int, sentence: str) -> None:
    """Write to somebody that the ways into their account have changed."""
    user = _person(user_id)
    send_mail(
        kind="second-factor", recipient=user.email, subject=f"How you sign in to {site().name} has changed",
        template="accounts/second-factor", context={"display_name": user.display_name, "sentence": sentence},
        user_id=user.id,
    )  # fmt: skip
