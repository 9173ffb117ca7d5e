"""Finding nudges and counting what came of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.orm import Session

from models.screening import Nudge
from models.thread import Comment


def open_nudge(session: Session, user_id: int, thread_id: int, since: datetime) -> Any:
    """The newest nudge of a person in a thread that nothing was posted after yet."""
    return session.execute(
        select(Nudge.id, Nudge.words_hash)
        .where(Nudge.user_id == user_id, Nudge.thread_id == thread_id, Nudge.ended == "", Nudge.created_at > since)
        .order_by(Nudge.id.desc()).limit(1)
    ).one_or_none()  # fmt: skip


def add_nudge(session: Session, **values: Any) -> int:
    """Store one; returns its id."""
    return int(session.execute(insert(Nudge).values(**values).returning(Nudge.id)).scalar_one())


def end_nudge(session: Session, nudge_id: int, comment_id: int, ended: str, now: datetime) -> None:
    """Note what was posted after it."""
    session.execute(
        update(Nudge).where(Nudge.id == nudge_id, Nudge.ended == "")
        .values(comment_id=comment_id, ended=ended, ended_at=now)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def nudges_by_outcome(session: Session, since: datetime, settled: datetime) -> Sequence[Any]:
    """Since a moment, by group and end: how many, and how many of what was posted was rejected or reported since.

    Nudges younger than `settled` without an end are still open and left out.
    """
    rejected = case((Comment.status == "rejected", 1), else_=0)
    reported = case((Comment.report_count > 0, 1), else_=0)
    return session.execute(
        select(Nudge.asked, Nudge.ended, func.count().label("number"),
               func.coalesce(func.sum(rejected), 0).label("rejected"),
               func.coalesce(func.sum(reported), 0).label("reported"))
        .outerjoin(Comment, Comment.id == Nudge.comment_id)
        .where(Nudge.created_at >= since, (Nudge.ended != "") | (Nudge.created_at < settled))
        .group_by(Nudge.asked, Nudge.ended)
    ).all()  # fmt: skip
