"""The rows of a branch that goes to another discussion."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, case, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.db import Base
from models.live import LiveEvent
from models.thread import Comment, Draft, Thread


def threads_locked(session: Session, ids: Sequence[int]) -> dict[int, Thread]:
    """These threads, locked and fresh, in the order of their ids so that nobody waits for each other."""
    rows = session.scalars(
        select(Thread)
        .where(Thread.id.in_(sorted(set(ids))))
        .order_by(Thread.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {thread.id: thread for thread in rows}


def reach_of(session: Session, root_id: int) -> Any:
    """How large a branch is: all comments whatever their state, published ones, authors."""
    published = Comment.status == "published"
    return session.execute(
        select(
            func.count().label("comments"), func.count(case((published, 1))).label("published"),
            func.count(func.distinct(Comment.author_id)).label("authors"),
        ).where(Comment.root_id == root_id)
    ).one()  # fmt: skip


def branch_counts(session: Session, root_id: int) -> Any:
    """What a branch adds to the counters of its thread."""
    published = Comment.status == "published"
    asked = and_(published, Comment.is_question)
    return session.execute(
        select(
            func.count(case((published, 1))).label("published"),
            func.count(case((and_(published, Comment.parent_id.is_(None)), 1))).label("roots"),
            func.count(case((asked, 1))).label("questions"),
            func.count(case((and_(asked, Comment.answered_at.is_not(None)), 1))).label("answered"),
            func.count(case((and_(published, Comment.picked_at.is_not(None)), 1))).label("picked"),
        ).where(Comment.root_id == root_id)
    ).one()  # fmt: skip


def move_rows(session: Session, root_id: int, thread_id: int, article_author_id: int | None, number: int) -> None:
    """Let a branch stand in another thread: new there for everybody (`number` is the version that shows it), and with
    the badge of the author only where they wrote that article."""
    writes_it = Comment.author_id == article_author_id if article_author_id is not None else literal(False)
    session.execute(
        update(Comment)
        .where(Comment.root_id == root_id)
        .values(
            thread_id=thread_id,
            row_version=Comment.row_version + 1,
            published_number=case((Comment.published_number > 0, number), else_=0),
            author_badge=case(
                (and_(Comment.author_badge.in_(("author", "staff")), writes_it), "author"),
                (Comment.author_badge == "author", "staff"),
                else_=Comment.author_badge,
            ),
        )
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def move_drafts(session: Session, root_id: int, from_article_id: int, to_article_id: int) -> None:
    """Let the kept words of replies go with what they answer; where somebody has words there already, those stay."""
    there = aliased(Draft)
    taken = exists().where(
        there.article_id == to_article_id, there.parent_key == Draft.parent_key,
        or_(there.guest_hash == Draft.guest_hash, there.user_id == Draft.user_id),
    )  # fmt: skip
    answered = select(Comment.id).where(Comment.root_id == root_id)
    session.execute(
        update(Draft)
        .where(Draft.article_id == from_article_id, Draft.parent_key.in_(answered), ~taken)
        .values(article_id=to_article_id)
        .execution_options(synchronize_session=False)
    )


def readable_rows(session: Session, root_id: int) -> Sequence[Any]:
    """What readers see of a branch, parents before what answers them."""
    return session.execute(
        select(Comment.id, Comment.parent_id, Comment.root_id, Comment.status, Comment.respect_count)
        .where(Comment.root_id == root_id, Comment.shown)
        .order_by(Comment.id)
    ).all()


def add_events(session: Session, rows: list[dict[str, Any]]) -> None:
    """Let open pages know."""
    if rows:
        session.connection().execute(insert(Base.metadata.tables[LiveEvent.__tablename__]), rows)


def told_ids(session: Session, root_id: int, after_id: int, limit: int) -> Sequence[int]:
    """Comments of a branch with higher ids that people were told of, or that the search may know."""
    return session.scalars(
        select(Comment.id)
        .where(Comment.root_id == root_id, Comment.id > after_id, Comment.told_at.is_not(None))
        .order_by(Comment.id)
        .limit(limit)
    ).all()
