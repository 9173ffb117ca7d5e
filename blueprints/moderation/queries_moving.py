"""Branches that could be moved, where to, and whom a move concerns."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session

from blueprints.moderation.queries import Sections, one, within
from blueprints.threads.queries_moving import reach_of as reach_of
from models.article import Article
from models.moderation import ModerationAction
from models.notice import NoticeCause
from models.thread import Comment, Thread
from models.user import User

PLACES_OFFERED = 50


def root_of(session: Session, comment_id: int) -> int:
    """The root of the branch that a comment stands in."""
    return session.scalar(select(Comment.root_id).where(Comment.id == comment_id)) or comment_id


def places(session: Session, sections: Sections, besides: int) -> list[Row[Any]]:
    """The newest published articles with a discussion that readers see, in these sections."""
    return list(
        session.execute(
            select(Article.slug, Article.headline)
            .join(Thread, Thread.article_id == Article.id)
            .where(Article.state == "published", Thread.state != "hidden", Thread.id != besides, within(sections))
            .order_by(Article.published_at.desc(), Article.id.desc())
            .limit(PLACES_OFFERED)
        )
    )


def last_move(session: Session, root_id: int) -> Row[Any] | None:
    """Who moved a branch last, and under which article it stands now."""
    return one(
        session,
        select(ModerationAction.actor_id, User.display_name.label("actor"), Article.headline)
        .join(User, User.id == ModerationAction.actor_id)
        .join(Comment, Comment.id == ModerationAction.comment_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .where(ModerationAction.comment_id == root_id, ModerationAction.action == "move")
        .order_by(ModerationAction.id.desc())
        .limit(1),
    )


def headline_of(session: Session, thread_id: int) -> str:
    """The headline above a discussion."""
    chosen = select(Article.headline).join(Thread, Thread.article_id == Article.id).where(Thread.id == thread_id)
    return session.scalar(chosen) or ""


def authors_of(session: Session, root_id: int) -> Sequence[Any]:
    """Each author in a branch whose words are still there, with their first comment and how many they have."""
    return session.execute(
        select(Comment.author_id, func.min(Comment.id).label("comment_id"), func.count().label("comments"))
        .where(Comment.root_id == root_id, Comment.status.in_(("published", "pending", "withheld")))
        .group_by(Comment.author_id)
        .order_by(Comment.author_id)
    ).all()


def were_told(session: Session, cause: str) -> bool:
    """Whether anybody was told of this cause."""
    return bool(session.scalar(select(exists().where(NoticeCause.cause == cause))))
