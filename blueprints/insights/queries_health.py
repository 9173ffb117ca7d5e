"""How the discussion of one article goes: from counters and narrow indexes, so that its cost does not grow with it."""

from datetime import datetime, timedelta

from sqlalchemy import func, literal_column, select

from core.db import db
from core.records import dataclass
from models.moderation import ModerationAction
from models.thread import Comment, Thread

LATELY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Health:
    """Comments that can be read now, and what happened in the last LATELY days."""

    published: int
    roots: int
    picked: int
    questions: int
    answered: int
    last_at: datetime | None
    lately: int
    people: int
    rejected: int
    held: int
    reported: int
    by_author: int

    @property
    def replies(self) -> int:
        return self.published - self.roots


def health_of(article_id: int, author_id: int | None, at: datetime) -> Health | None:
    """The discussion of an article; None where there is none. Two statements."""
    session = db.session()
    thread = session.execute(
        select(Thread.id, Thread.published_count, Thread.root_count, Thread.picked_count, Thread.question_count,
               Thread.answered_count, Thread.last_comment_at)
        .where(Thread.article_id == article_id)
    ).one_or_none()  # fmt: skip
    if thread is None:
        return None
    here, since = Comment.thread_id == thread.id, at - LATELY
    published = Comment.status == literal_column("'published'")  # written out, so that SQLite may use its index
    lately = (
        select(func.count().label("comments"), func.count(Comment.author_id.distinct()).label("people"))
        .select_from(Comment).where(published, Comment.published_at >= since, here).subquery()
    )  # fmt: skip
    row = session.execute(select(
        lately.c.comments, lately.c.people,
        select(func.count(ModerationAction.comment_id.distinct())).where(
            ModerationAction.created_at >= since, ModerationAction.thread_id == thread.id,
            ModerationAction.to_state == "rejected",
        ).scalar_subquery(),
        select(func.count()).select_from(Comment).where(
            Comment.status.in_((literal_column("'pending'"), literal_column("'withheld'"))), here
        ).scalar_subquery(),
        select(func.count()).select_from(Comment).where(
            Comment.report_count > literal_column("0"), published, here
        ).scalar_subquery(),
        select(func.count()).select_from(Comment).where(
            Comment.author_id == author_id, published, here
        ).scalar_subquery(),
    )).one()  # fmt: skip
    return Health(
        thread.published_count, thread.root_count, thread.picked_count, thread.question_count, thread.answered_count,
        thread.last_comment_at, *(int(value) for value in row),
    )  # fmt: skip
