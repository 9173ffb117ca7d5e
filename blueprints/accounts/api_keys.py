"""Keys for programs: making one, knowing one, ending one. Callers open the transaction."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from blueprints.accounts import queries, queries_keys, queries_sessions
from blueprints.accounts.factors import tell
from blueprints.accounts.queries_keys import Reading
from core import clock
from core.errors import DomainError, NotFound
from core.text import is_blank, normalise
from core.viewer import Viewer
from models.api_key import ApiKey

MOST_KEYS = 10
LONGEST_NAME = 60
USED_EVERY = timedelta(minutes=10)  # how exactly the last use is noted
PREFIX = "rejoinder_"  # so that whoever finds one, also a program that looks for leaked keys, knows what it is
_KEY = re.compile(rf"{PREFIX}[0-9a-f]{{64}}")

log = structlog.get_logger("accounts")


def make_key(viewer: Viewer, name: str) -> str:
    """A new key, which nobody can read again: its digest alone is kept. Raises DomainError."""
    user_id = viewer.id or 0
    user = queries.user_by_id(user_id, lock=True)  # who makes two at once makes them one after the other
    if user is None or user.confirmed_at is None:
        raise DomainError("Confirm your e-mail address first: the link is in the mail we sent you.")
    if not queries_sessions.stands(viewer.session_id):  # else a request under way would outlive what ended all keys
        raise DomainError("You were signed out meanwhile, so no key was made.")
    name = " ".join(normalise(name).split())  # one line: it stands in a mail
    if is_blank(name):
        raise DomainError("Please give the key a name, so that you know it again.")
    if len(name) > LONGEST_NAME:
        raise DomainError(f"Please use at most {LONGEST_NAME} characters.")
    if queries_keys.count(user_id) >= MOST_KEYS:
        raise DomainError(f"An account has at most {MOST_KEYS} keys. Revoke one that you do not use.")
    key = PREFIX + secrets.token_hex(32)
    queries_keys.add(ApiKey(user_id=user_id, key_hash=digest(key), name=name))
    tell(user_id, f"A key was made by which a program can read as you: {name}.")
    log.info("key made", user_id=user_id)
    return key


def revoke_key(user_id: int, key_id: int) -> None:
    """End one of a person's own keys. Raises NotFound for any other."""
    if not queries_keys.end(user_id=user_id, key_id=key_id):
        raise NotFound("This key is revoked already.")
    log.info("key revoked", user_id=user_id)


def reading_with(sent: str) -> Reading | None:
    """Who reads by what was sent as a key. What cannot be one is not looked for."""
    reading = queries_keys.reading_by(digest(sent)) if _KEY.fullmatch(sent) else None
    if reading is not None:
        _note(reading, clock.now())
    return reading


def digest(key: str) -> str:
    """The form in which a key is kept. It is looked up by that, so how long it takes tells nothing of any key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _note(reading: Reading, moment: datetime) -> None:
    if reading.last_used_at is not None and moment - reading.last_used_at <= USED_EVERY:
        return
    try:
        queries_keys.note_use(reading.key_id, moment)
    except SQLAlchemyError as error:  # reading goes on while nothing can be written
        log.warning("a key's use was not noted", error=type(error).__name__)
