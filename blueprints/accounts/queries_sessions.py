"""The rows of signed-in browsers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, update

from core.db import db, write_connection
from models.browser_session import BrowserSession


def add(session: BrowserSession) -> None:
    """Keep a new one."""
    db.session().add(session)
    db.session().flush()


def by_key(key_hash: str) -> BrowserSession | None:
    """The one with this key, as it is now."""
    return db.session().scalar(
        select(BrowserSession).where(BrowserSession.key_hash == key_hash).execution_options(populate_existing=True)
    )


def of_person(user_id: int, moment: datetime) -> Sequence[BrowserSession]:
    """Where somebody is signed in, the last used first."""
    return db.session().scalars(
        select(BrowserSession)
        .where(BrowserSession.user_id == user_id, BrowserSession.expires_at > moment)
        .order_by(BrowserSession.seen_at.desc(), BrowserSession.id.desc())
    ).all()  # fmt: skip


def stands(session_id: int | None) -> bool:
    """Whether this browser is signed in still, as the database has it now."""
    return db.session().scalar(select(BrowserSession.id).where(BrowserSession.id == session_id)) is not None


def end(*, user_id: int, session_id: int) -> bool:
    """End one of a person's own; False if it is not theirs, or ended already."""
    done = db.session().execute(
        delete(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.user_id == user_id)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def end_key(key_hash: str) -> None:
    """End the one with this key."""
    db.session().execute(delete(BrowserSession).where(BrowserSession.key_hash == key_hash))


def end_all(user_id: int, *, but: int | None = None) -> None:
    """End all of a person's, except one."""
    statement = delete(BrowserSession).where(BrowserSession.user_id == user_id)
    db.session().execute(statement if but is None else statement.where(BrowserSession.id != but))


def ask_to_rotate(user_id: int) -> None:
    """Have every browser of a person take a new key with its next request."""
    db.session().execute(update(BrowserSession).where(BrowserSession.user_id == user_id).values(must_rotate=True))


def remove_over(*, expired_at: datetime, begun_before: datetime, at_most: int) -> int:
    """Forget those that ended by then or began before, so many at a time; returns how many."""
    over = or_(BrowserSession.expires_at <= expired_at, BrowserSession.created_at < begun_before)
    ids = select(BrowserSession.id).where(over).limit(at_most)
    done = db.session().execute(delete(BrowserSession).where(BrowserSession.id.in_(ids)))
    return int(done.rowcount)  # type: ignore[attr-defined]


def note_use(session_id: int, *, seen_at: datetime, expires_at: datetime, device: str, network: str) -> None:
    """Say that a browser was used. A short write of its own, beside whatever the request does."""
    with write_connection() as connection:
        connection.execute(
            update(BrowserSession)
            .where(BrowserSession.id == session_id)
            .values(seen_at=seen_at, expires_at=expires_at, device=device, network=network)
        )


def change_key(old_hash: str, new_hash: str) -> bool:
    """Give a browser another key; False when another request of it was first. A short write of its own."""
    with write_connection() as connection:
        done = connection.execute(
            update(BrowserSession)
            .where(BrowserSession.key_hash == old_hash)
            .values(key_hash=new_hash, must_rotate=False)
        )
    return bool(done.rowcount)
