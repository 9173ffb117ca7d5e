"""The rows of programs' keys, and the viewers whom they stand for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, func, select, update

from blueprints.accounts.queries import viewer_from, viewers_of
from core import clock
from core.db import db, write_connection
from core.prepared import Prepared
from core.records import dataclass
from core.viewer import Viewer
from models.api_key import ApiKey

_BY_KEY = Prepared(viewers_of(ApiKey, ApiKey.id.label("key_id"), ApiKey.last_used_at))


@dataclass(frozen=True, slots=True)
class Reading:
    """A program that reads: by which key, as whom, and when the key was last used before."""

    key_id: int
    viewer: Viewer
    last_used_at: datetime | None


def reading_by(key_hash: str) -> Reading | None:
    """Who reads by this key, in one query. A key gives the rights of a reader: its person's roles are left out.

    None for an unknown or revoked key, and for one of a deleted or deactivated person.
    """
    moment = clock.now()
    rows = _BY_KEY.all(None, moment=moment, key_hash=key_hash)
    if not rows:
        return None
    viewer = replace(viewer_from(rows, moment), roles=frozenset(), section_ids=frozenset(), unread="")
    return Reading(rows[0].key_id, viewer, rows[0].last_used_at)


def of_person(user_id: int) -> Sequence[ApiKey]:
    """A person's keys, the newest first."""
    return db.session().scalars(select(ApiKey).where(ApiKey.user_id == user_id).order_by(ApiKey.id.desc())).all()


def count(user_id: int) -> int:
    """How many keys a person has."""
    return db.session().scalar(select(func.count()).where(ApiKey.user_id == user_id)) or 0


def add(key: ApiKey) -> None:
    """Keep a new one."""
    db.session().add(key)
    db.session().flush()


def end(*, user_id: int, key_id: int) -> bool:
    """End one of a person's own; False if it is not theirs, or ended already."""
    done = db.session().execute(delete(ApiKey).where(ApiKey.id == key_id, ApiKey.user_id == user_id))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def end_all(user_id: int) -> None:
    """End all of a person's."""
    db.session().execute(delete(ApiKey).where(ApiKey.user_id == user_id))


def note_use(key_id: int, moment: datetime) -> None:
    """Say that a key was used. A short write of its own: a key is for reading, and nothing else is written."""
    with write_connection() as connection:
        connection.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=moment))
