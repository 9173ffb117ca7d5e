"""Rows about one person, by the list of what every table holds (personal.py)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, delete, func, or_, select, update

from blueprints.accounts.personal import HOLDINGS, Holding
from core.db import Base, db
from models.article import Article
from models.job import Job
from models.membership import Plan
from models.personal import DataCopy, Erasure
from models.thread import Thread

ROWS_AT_ONCE = 500
NAMED: dict[str, Select[int, str]] = {
    "thread_id": select(Thread.id, Article.headline).join(Article, Article.id == Thread.article_id),
    "article_id": select(Article.id, Article.headline), "plan_id": select(Plan.id, Plan.name),
}  # fmt: skip


def rows_about(user_id: int, name: str) -> Iterator[dict[str, Any]]:
    """The rows of a table about a person, in the order of its key, without what is hidden; a few at a time."""
    table, holding = Base.metadata.tables[name], HOLDINGS[name]
    shown = [column for column in table.columns if column.name not in holding.hides]
    statement = select(*shown).where(_about(table, holding, user_id)).order_by(*table.primary_key.columns)
    result = db.session().execute(statement.execution_options(yield_per=ROWS_AT_ONCE))
    for row in result.mappings():
        yield dict(row)


def names_of(column: str, numbers: Collection[int]) -> dict[int, str]:
    """What people call the things with these numbers, where `column` of NAMED holds them."""
    statement, wanted, names = NAMED[column], sorted(numbers), dict[int, str]()
    number = statement.selected_columns[0]
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        found = db.session().execute(statement.where(number.in_(wanted[start : start + ROWS_AT_ONCE])))
        names.update((row[0], row[1]) for row in found)
    return names


def empty_all(user_id: int) -> None:
    """Remove and empty what the list says, those that depend on others first."""
    for table in reversed(Base.metadata.sorted_tables):
        holding = HOLDINGS.get(table.name)
        if holding is None or holding.after not in {"removed", "emptied"}:
            continue
        about = _about(table, holding, user_id)
        if holding.after == "removed":
            db.session().execute(delete(table).where(about))
        else:
            db.session().execute(update(table).where(about).values(dict.fromkeys(holding.empties, "")))


def erasure_of(user_id: int, *, lock: bool = False) -> Erasure | None:
    """What somebody has asked for about the end of their account."""
    statement = select(Erasure).where(Erasure.user_id == user_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session().scalar(statement)


def erasures_due(moment: datetime) -> Sequence[int]:
    """Whose account is to end by now."""
    return db.session().scalars(
        select(Erasure.user_id).where(Erasure.due_at <= moment).order_by(Erasure.due_at)
    ).all()  # fmt: skip


def copies_of(user_id: int) -> Sequence[DataCopy]:
    """A person's copies, the newest first, without what is in them."""
    return db.session().scalars(
        select(DataCopy).where(DataCopy.user_id == user_id).order_by(DataCopy.id.desc())
    ).all()  # fmt: skip


def given_up(keys: Sequence[str]) -> dict[str, datetime]:
    """When the jobs with these keys were given up, by key, the last time of each."""
    if not keys:
        return {}
    rows = db.session().execute(
        select(Job.key, func.max(Job.failed_at)).where(Job.key.in_(keys), Job.failed_at.is_not(None)).group_by(Job.key)
    )
    return {key: at for key, at in rows if key is not None and at is not None}


def copy(copy_id: int, *, user_id: int | None = None) -> DataCopy | None:
    """One copy; with a person, only if it is theirs."""
    statement = select(DataCopy).where(DataCopy.id == copy_id)
    if user_id is not None:
        statement = statement.where(DataCopy.user_id == user_id)
    return db.session().scalar(statement.execution_options(populate_existing=True))


def archive(copy_id: int) -> bytes | None:
    """What is in a copy."""
    return db.session().scalar(select(DataCopy.archive).where(DataCopy.id == copy_id))


def forget_copies(moment: datetime) -> None:
    """Remove copies whose time is over."""
    db.session().execute(delete(DataCopy).where(DataCopy.expires_at <= moment))


def note_progress(copy_id: int, done: int, parts: int) -> None:
    """Say how far a copy is."""
    db.session().execute(
        update(DataCopy).where(DataCopy.id == copy_id).values(state="making", parts_done=done, parts=parts)
    )


def keep_archive(copy_id: int, archive: bytes) -> None:
    """Keep what was made."""
    db.session().execute(
        update(DataCopy).where(DataCopy.id == copy_id).values(state="ready", archive=archive, size=len(archive))
    )


def _about(table: Table, holding: Holding, user_id: int) -> ColumnElement[bool]:
    return or_(*(_way(table, way, user_id) for way in holding.of))


def _way(table: Table, way: str, user_id: int) -> ColumnElement[bool]:
    column, _, through = way.partition(">")
    if not through:
        return and_(table.c[column] == user_id)
    other_name, _, person = through.partition(".")
    other = Base.metadata.tables[other_name]
    return table.c[column].in_(select(other.c.id).where(other.c[person] == user_id))
