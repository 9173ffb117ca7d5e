"""What exporting and importing the whole site ask of the database. Moves rows past the models, a few at a time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Select,
    String,
    collate,
    delete,
    exists,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Session

from blueprints.publisher.site_nouns import Noun
from core.db import db
from models.article import Picture
from models.job import Job
from models.moderation import LedgerHead
from models.site import Site
from models.thread import Comment, Mention, Thread
from models.user import RoleGrant, User

READ_AT_ONCE = 500


@contextmanager
def one_moment() -> Iterator[Connection]:
    """A connection that sees the site as it is at one moment, whoever writes meanwhile."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def number_of(connection: Connection, noun: Noun) -> int:
    """How many rows of a noun go into an archive."""
    return int(connection.scalar(_kept(noun, select(func.count()).select_from(noun.table))) or 0)


def rows_of(connection: Connection, noun: Noun, columns: Sequence[Column[Any]]) -> Iterator[Sequence[Any]]:
    """A noun's rows by their key, in the same order on both databases."""
    is_postgresql = connection.dialect.name == "postgresql"
    order = [
        collate(column, "C") if is_postgresql and isinstance(column.type, String) else column
        for column in noun.table.primary_key
    ]
    statement = _kept(noun, select(*columns).order_by(*order))
    yield from connection.execution_options(yield_per=READ_AT_ONCE).execute(statement)


def _kept(noun: Noun, statement: Select[Any]) -> Select[Any]:
    return statement if noun.kept is None else statement.where(noun.kept)


def pictures_of(connection: Connection) -> Sequence[str]:
    """The SHA-256 of each picture."""
    return connection.scalars(select(Picture.sha256).order_by(Picture.sha256)).all()


def site_name(connection: Connection) -> str | None:
    """The paper's name, None where nothing was set up."""
    return connection.scalar(select(Site.name))


# Taking in


def lock_fresh(session: Session) -> None:
    """Let nobody else take an archive in meanwhile: the ledger's end is the one row of a fresh install."""
    session.execute(select(LedgerHead.id).with_for_update()).all()


def first_with_rows(session: Session, nouns: Sequence[Noun]) -> str | None:
    """The first noun that has rows, None for a fresh install."""
    for noun in nouns:
        if noun.name == Job.__tablename__:
            continue  # a worker may have run already
        if noun.name == LedgerHead.__tablename__:
            is_there = session.scalar(select(exists().where(LedgerHead.action_id > 0)))
        else:
            is_there = session.scalar(select(exists(select(noun.table))))
        if is_there:
            return noun.name
    return None


def make_way_for_ledger(session: Session) -> None:
    """Remove the note of where a ledger without entries ends."""
    session.execute(delete(LedgerHead).execution_options(synchronize_session=False))


@contextmanager
def uncounted(session: Session, noun: Noun) -> Iterator[None]:
    """Let comments be written without the desk's numbers moving each time; whoever calls counts them afterwards.

    PostgreSQL keeps every version of a row until the transaction ends, so that a hundred thousand steps of one number
    would take hours. SQLite has one version only.
    """
    if noun.name != Comment.__tablename__ or session.get_bind().dialect.name != "postgresql":
        yield
        return
    session.execute(text("ALTER TABLE comment DISABLE TRIGGER comment_backlog_added"))
    yield
    session.execute(text("ALTER TABLE comment ENABLE TRIGGER comment_backlog_added"))


def add_rows(session: Session, noun: Noun, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as they are."""
    session.connection().execute(insert(noun.table), rows)


def places_of(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    """Where these comments hang: thread, root, path, depth."""
    rows = session.execute(
        select(Comment.id, Comment.thread_id, Comment.root_id, Comment.path, Comment.depth).where(Comment.id.in_(ids))
    )
    return {row.id: row for row in rows}


def texts_of(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Source and HTML of these comments."""
    rows = session.execute(select(Comment.id, Comment.body_source, Comment.body_html).where(Comment.id.in_(ids)))
    return {row.id: (row.body_source, row.body_html) for row in rows}


def named_in(session: Session, ids: Sequence[int]) -> Sequence[Any]:
    """Whom these comments name: comment_id, user_id, name."""
    return session.execute(
        select(Mention.comment_id, Mention.user_id, Mention.name).where(Mention.comment_id.in_(ids))
    ).all()


def thread_ids(session: Session) -> Sequence[int]:
    """Every discussion."""
    return session.scalars(select(Thread.id).order_by(Thread.id)).all()


def publishers(session: Session) -> int:
    """How many publishers there are."""
    return session.scalar(select(func.count()).where(RoleGrant.name == "publisher")) or 0


def has_demo_people(session: Session) -> bool:
    """Whether somebody here signs in without a password."""
    return bool(session.scalar(select(exists().where(User.is_demo, User.active))))


def go_on_counting(session: Session, nouns: Sequence[Noun]) -> None:
    """Let the next number of each table be one that was never given. SQLite sees to that by itself."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for noun in nouns:
        for column in noun.table.primary_key:
            sequence = session.scalar(
                text("SELECT pg_get_serial_sequence(:of, :name)"), {"of": f'"{noun.name}"', "name": column.name}
            )
            if sequence:
                highest = session.scalar(select(func.max(column))) or 0
                session.execute(text("SELECT setval(:of, :next, false)"), {"of": sequence, "next": highest + 1})
