"""What a process that streams asks and says: which of its threads have changed, and how many people read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, select, true
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from blueprints.threads.listing import open_to_all
from blueprints.threads.live import READERS_FRESH
from core.db import UTCDateTime, db
from core.prepared import Prepared
from models.article import Article, Section
from models.live import ReadingNow
from models.site import Site
from models.thread import Thread

AT_ONCE = 500  # threads in one statement

_STANDING = (
    select(
        Thread.id, Thread.version, Thread.state,
        and_(Article.state == "published", open_to_all()).label("for_everyone"),
    )
    .join(Article, Article.id == Thread.article_id)
    .join(Section, Section.id == Article.section_id)
    .outerjoin(Site, true())
    .where(Thread.id.in_(bindparam("ids", expanding=True)))
)
_SUMS = (
    select(ReadingNow.thread_id, func.sum(ReadingNow.readers))
    .where(ReadingNow.thread_id.in_(bindparam("ids", expanding=True)), ReadingNow.seen_at > bindparam("since"))
    .group_by(ReadingNow.thread_id)
)

_SUM = Prepared(
    select(func.sum(ReadingNow.readers)).where(
        ReadingNow.thread_id == bindparam("thread_id"), ReadingNow.seen_at > bindparam("since", type_=UTCDateTime())
    )
)


def standing(session: Session, thread_ids: Sequence[int], now: datetime) -> list[Any]:
    """Id, version, state and whether everybody may see it of these threads; one that is missing is gone."""
    connection = session.connection()
    return [row for ids in _parts(thread_ids) for row in connection.execute(_STANDING, {"ids": ids, "moment": now})]


def readers_of(session: Session, thread_ids: Sequence[int], now: datetime) -> dict[int, int]:
    """How many people have each of these threads open, at all processes that have said so lately."""
    connection = session.connection()
    values = {"since": now - READERS_FRESH}
    rows = [row for ids in _parts(thread_ids) for row in connection.execute(_SUMS, {"ids": ids, **values})]
    return {thread_id: int(readers) for thread_id, readers in rows}


def readers_now(session: Session, thread_id: int, now: datetime) -> int:
    """As `readers_of`, for one thread."""
    return int(_SUM.scalar(session, thread_id=thread_id, since=now - READERS_FRESH) or 0)


def say_readers(session: Session, process: str, readers: Mapping[int, int], now: datetime) -> None:
    """Write down how many people have each thread open at this process, in the place of what it said before."""
    session.execute(
        delete(ReadingNow)
        .where(ReadingNow.process == process, ReadingNow.thread_id.not_in(list(readers)))
        .execution_options(synchronize_session=False)
    )
    if not readers:
        return
    insert = pg_insert if db.engine.dialect.name == "postgresql" else sqlite_insert
    statement = insert(ReadingNow)
    said = {"readers": statement.excluded.readers, "seen_at": statement.excluded.seen_at}
    statement = statement.on_conflict_do_update(index_elements=["thread_id", "process"], set_=said)
    rows = [
        {"process": process, "thread_id": thread_id, "readers": number, "seen_at": now}
        for thread_id, number in sorted(readers.items())
    ]
    session.execute(statement, rows)


def _parts(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[first : first + AT_ONCE] for first in range(0, len(ids), AT_ONCE)]
