"""Decisions about many comments: what they are about, and how far they have come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select
from sqlalchemy.orm import Session

from blueprints.moderation.queries import DECISIONS, WAITING, Sections, stands_within, within
from blueprints.moderation.queries_cases import undecided
from core.viewer import Viewer
from models.article import Article
from models.desk import BulkItem, BulkRun
from models.moderation import ModerationAction
from models.site import Rule
from models.thread import Comment, Thread
from models.user import User


def choosable(session: Session, viewer: Viewer, sections: Sections, ids: Sequence[int], verb: str) -> list[Row[Any]]:
    """Those of these comments that this moderator may decide about that way, by discussion."""
    newest = (
        select(func.coalesce(func.max(ModerationAction.id), 0))
        .where(ModerationAction.comment_id == Comment.id, ModerationAction.action.in_(DECISIONS))
        .correlate(Comment)
        .scalar_subquery()
    )
    open_to = undecided() if verb == "accept" else Comment.status.in_(("published", *WAITING))
    return list(
        session.execute(
            select(Comment.id, Comment.revision, Comment.status, newest.label("last_action_id"))
            .join(Thread, Thread.id == Comment.thread_id)
            .join(Article, Article.id == Thread.article_id)
            .where(Comment.id.in_(ids), Comment.author_id != viewer.id, open_to, within(sections))
            .order_by(Comment.thread_id, Comment.id)
        )
    )


def alike_ids(session: Session, sections: Sections, comment_id: int, limit: int) -> list[int]:
    """The other undecided comments with the same words in these sections."""
    words = select(Comment.body_hash).where(Comment.id == comment_id, Comment.body_hash != "").scalar_subquery()
    found = select(Comment.id).where(Comment.body_hash == words, Comment.id != comment_id, undecided())
    return list(session.scalars(found.where(stands_within(sections)).order_by(Comment.id).limit(limit)))


def add_items(session: Session, run_id: int, rows: Sequence[Row[Any]]) -> None:
    """Fix what a run is about."""
    session.execute(
        insert(BulkItem),
        [
            {"run_id": run_id, "comment_id": row.id, "revision": row.revision, "status": row.status,
             "last_action_id": row.last_action_id, "outcome": "", "why": ""}
            for row in rows
        ],
    )  # fmt: skip


def run_locked(session: Session, run_id: int) -> BulkRun | None:
    """A run, locked and fresh."""
    return session.scalar(
        select(BulkRun).where(BulkRun.id == run_id).with_for_update().execution_options(populate_existing=True)
    )


def next_item(session: Session, run_id: int, outcome: str) -> BulkItem | None:
    """The next comment of a run with this outcome so far, locked."""
    return session.scalar(
        select(BulkItem)
        .join(Comment, Comment.id == BulkItem.comment_id)
        .where(BulkItem.run_id == run_id, BulkItem.outcome == outcome)
        .order_by(Comment.thread_id, Comment.id)
        .limit(1)
        .with_for_update(of=BulkItem)
        .execution_options(populate_existing=True)
    )


def run(session: Session, run_id: int) -> Row[Any] | None:
    """A run as a page shows it."""
    found: Any = session.execute(
        select(BulkRun.id, BulkRun.actor_id, BulkRun.verb, BulkRun.rule_id, BulkRun.note, BulkRun.about,
               BulkRun.state, BulkRun.created_at, BulkRun.finished_at, User.display_name.label("actor"),
               Rule.title.label("rule_title"))
        .join(User, User.id == BulkRun.actor_id)
        .outerjoin(Rule, Rule.id == BulkRun.rule_id)
        .where(BulkRun.id == run_id)
    ).one_or_none()  # fmt: skip
    return found  # type: ignore[no-any-return]


def outcomes(session: Session, run_id: int) -> dict[str, int]:
    """How many comments of a run came to what."""
    rows = session.execute(
        select(BulkItem.outcome, func.count().label("number"))
        .where(BulkItem.run_id == run_id)
        .group_by(BulkItem.outcome)
    )
    return {row.outcome: row.number for row in rows}


def reach(session: Session, run_id: int) -> Row[Any]:
    """How many people and discussions a run is about."""
    found: Any = session.execute(
        select(func.count(Comment.author_id.distinct()).label("authors"),
               func.count(Comment.thread_id.distinct()).label("threads"), func.count().label("comments"))
        .join(BulkItem, BulkItem.comment_id == Comment.id)
        .where(BulkItem.run_id == run_id)
    ).one()  # fmt: skip
    return found  # type: ignore[no-any-return]


def sections_of_run(session: Session, run_id: int) -> frozenset[int]:
    """The sections in which the comments of a run stand now."""
    return frozenset(
        session.scalars(
            select(Article.section_id)
            .join(Thread, Thread.article_id == Article.id)
            .join(Comment, Comment.thread_id == Thread.id)
            .join(BulkItem, BulkItem.comment_id == Comment.id)
            .where(BulkItem.run_id == run_id)
            .distinct()
        )
    )


def items(session: Session, sections: Sections, run_id: int, limit: int) -> list[Row[Any]]:
    """The first comments of a run in these sections; those that were left as they are before the others."""
    return list(
        session.execute(
            select(BulkItem.comment_id, BulkItem.outcome, BulkItem.why, Comment.body_source, Comment.status,
                   User.display_name.label("author"), Article.headline)
            .join(Comment, Comment.id == BulkItem.comment_id)
            .join(User, User.id == Comment.author_id)
            .join(Thread, Thread.id == Comment.thread_id)
            .join(Article, Article.id == Thread.article_id)
            .where(BulkItem.run_id == run_id, within(sections))
            .order_by(BulkItem.why.desc(), Comment.thread_id, Comment.id)
            .limit(limit)
        )
    )  # fmt: skip


def runs_lately(session: Session, sections: Sections, limit: int) -> list[Row[Any]]:
    """The newest runs that were carried out, with something in these sections."""
    kept = (
        select(func.count())
        .where(BulkItem.run_id == BulkRun.id, BulkItem.outcome == "kept")
        .correlate(BulkRun)
        .scalar_subquery()
    )
    found = (
        select(BulkRun.id, BulkRun.verb, BulkRun.about, BulkRun.state, BulkRun.started_at,
               User.display_name.label("actor"), kept.label("kept"))
        .join(User, User.id == BulkRun.actor_id)
        .where(BulkRun.state != "tried")
        .order_by(BulkRun.id.desc())
        .limit(limit)
    )  # fmt: skip
    if sections is not None:
        about = exists().where(
            BulkItem.run_id == BulkRun.id, Comment.id == BulkItem.comment_id, stands_within(sections)
        )
        found = found.where(about.correlate(BulkRun))
    return list(session.execute(found))


def forget_tried(session: Session, before: datetime) -> None:
    """Remove runs that were only tried, long ago."""
    old = select(BulkRun.id).where(BulkRun.state == "tried", BulkRun.created_at < before)
    ids = session.scalars(old).all()
    session.execute(delete(BulkItem).where(BulkItem.run_id.in_(ids)).execution_options(synchronize_session=False))
    session.execute(delete(BulkRun).where(BulkRun.id.in_(ids)).execution_options(synchronize_session=False))
