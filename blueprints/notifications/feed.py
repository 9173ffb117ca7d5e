"""The private feed of replies: its secret address, and what a feed reader gets there. It needs no session.

The address holds a signature over the person and a number that only they can change, so it can be revoked, and
nobody who reads the database can make one.
"""

import hmac
from datetime import datetime
from hashlib import sha256

from flask import current_app

from blueprints.notifications import choice_queries, mail_queries, wording
from blueprints.notifications.quoting import closed_places
from blueprints.notifications.service import absolute_url
from core.db import db
from core.records import dataclass
from core.rendering import iso

ENTRIES = 50
NEVER = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Entry:
    """One reply. `key` names it for good, as feed readers ask; nothing is at that address."""

    key: str
    title: str
    words: str
    url: str
    author: str
    at: str


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest replies to a person; `stamp` changes with anything in it."""

    entries: tuple[Entry, ...]
    updated: str
    stamp: str


def path_of(user_id: int, number: int) -> str:
    """The secret address of a person's feed; empty where they have none."""
    return f"/feeds/replies/{feed_token(user_id, number)}.xml" if number % 2 else ""


def replies_at(token: str) -> Feed | None:
    """The feed at a secret address; None where there is none, or none any more."""
    session, user_id = db.session(), feed_owner(token)
    number = choice_queries.feed_number(session, user_id) if user_id is not None else 0
    if user_id is None or not is_feed_token(token, user_id, number):
        return None
    rows = mail_queries.newest_replies(session, user_id, ENTRIES)
    closed = closed_places(session, user_id, rows)
    entries = tuple(
        Entry(
            f"{absolute_url('/')}notices/{row.id}", wording.spoken(row.title, 1, row.actor),
            row.excerpt if row.scope not in closed else "", absolute_url(row.url),
            row.actor or wording.SOMEBODY, iso(row.created_at),
        )
        for row in rows
    )  # fmt: skip
    stamp = sha256(repr(entries).encode()).hexdigest()[:32]
    return Feed(entries, iso(max((row.created_at for row in rows), default=NEVER)), stamp)


def feed_token(user_id: int, number: int) -> str:
    """The secret part of a private feed's address. Another number makes another address."""
    return f"{user_id}-{_feed_mark(user_id, number)}"


def feed_owner(token: str) -> int | None:
    """Whose feed an address claims to be; `is_feed_token` says whether that is true."""
    user_id, _, mark = token.partition("-")
    return int(user_id) if mark and user_id.isascii() and user_id.isdecimal() and len(user_id) < 10 else None


def is_feed_token(token: str, user_id: int, number: int) -> bool:
    """Whether this is the address of that person's feed with this number."""
    return number % 2 == 1 and hmac.compare_digest(token.encode(), feed_token(user_id, number).encode())


def _feed_mark(user_id: int, number: int) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"notifications.feed.{user_id}.{number}".encode(), sha256).hex()[:40]
