"""What moderators keep for themselves and leave to each other."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from blueprints.moderation.queries import PAGE, Sections, within
from models.article import Article
from models.desk import HandoverNote, SavedView, Tip
from models.thread import Comment, Pick, Thread
from models.user import User

_author = aliased(User)
_by = aliased(User)
NOTES_SHOWN = 50


def saved_views(session: Session, viewer_id: int) -> list[Row[Any]]:
    """This moderator's views and those that colleagues share, by name."""
    return list(
        session.execute(
            select(SavedView.id, SavedView.owner_id, SavedView.name, SavedView.queue, SavedView.filters,
                   SavedView.is_shared)
            .where(or_(SavedView.owner_id == viewer_id, SavedView.is_shared))
            .order_by(SavedView.name, SavedView.id)
        )
    )  # fmt: skip


def view_named(session: Session, owner_id: int, name: str) -> SavedView | None:
    """A view by its name."""
    return session.scalar(select(SavedView).where(SavedView.owner_id == owner_id, SavedView.name == name))


def views_of(session: Session, owner_id: int) -> int:
    """How many views somebody keeps."""
    count = select(func.count()).select_from(SavedView).where(SavedView.owner_id == owner_id)
    return session.scalar(count) or 0


def handover_notes(session: Session) -> list[Row[Any]]:
    """The notes that are not done, the newest first."""
    return list(
        session.execute(
            select(HandoverNote.id, HandoverNote.body, HandoverNote.created_at, User.display_name.label("author"))
            .join(User, User.id == HandoverNote.author_id)
            .where(HandoverNote.done_at.is_(None))
            .order_by(HandoverNote.id.desc())
            .limit(NOTES_SHOWN)
        )
    )


def note_locked(session: Session, note_id: int) -> HandoverNote | None:
    """A note, locked and fresh."""
    return session.scalar(
        select(HandoverNote)
        .where(HandoverNote.id == note_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def tip_locked(session: Session, tip_id: int) -> Tip | None:
    """A tip, locked and fresh."""
    return session.scalar(
        select(Tip).where(Tip.id == tip_id).with_for_update().execution_options(populate_existing=True)
    )


def tips(session: Session) -> list[Row[Any]]:
    """What the desk shows the newsroom: suggested Picks by people who never had one first, then the newest."""
    picked_before = exists().where(Pick.author_id == Comment.author_id)
    return list(
        session.execute(
            select(Tip.id, Tip.kind, Tip.note, Tip.suggested_at, Comment.id.label("comment_id"), Comment.body_html,
                   Comment.status, Comment.picked_at, _author.display_name.label("author"), Article.headline,
                   Article.slug, picked_before.label("picked_before"))
            .join(Comment, Comment.id == Tip.comment_id)
            .join(_author, _author.id == Comment.author_id)
            .join(Thread, Thread.id == Comment.thread_id)
            .join(Article, Article.id == Thread.article_id)
            .where(Tip.closed_at.is_(None))
            .order_by(Tip.kind, picked_before, Tip.id.desc())
            .limit(NOTES_SHOWN)
        )
    )  # fmt: skip


def hot_threads(session: Session, sections: Sections, since: datetime) -> list[Row[Any]]:
    """The discussions with the most comments since a moment."""
    number = func.count().label("number")
    return list(
        session.execute(
            select(Thread.id, Thread.state, Article.headline, Article.slug, number,
                   func.sum(Comment.report_count).label("reports"))
            .join(Comment, Comment.thread_id == Thread.id)
            .join(Article, Article.id == Thread.article_id)
            .where(Comment.status == "published", Comment.published_at > since, within(sections))
            .group_by(Thread.id, Thread.state, Article.headline, Article.slug)
            .order_by(number.desc(), Thread.id)
            .limit(PAGE // 4)
        )
    )  # fmt: skip
