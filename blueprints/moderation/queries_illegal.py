"""Finding notices of illegal content."""

from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from blueprints.moderation import queries
from core.viewer import Viewer
from models.article import Article, Section
from models.fairness import IllegalNotice
from models.thread import Comment, Revision, Thread
from models.user import User

_first = aliased(User)
_second = aliased(User)

_NOTICES = (
    select(
        IllegalNotice, IllegalNotice.id, IllegalNotice.comment_id, Comment.thread_id, Comment.author_id,
        Comment.status, Comment.revision.label("standing_revision"), Comment.body_html.label("standing_html"),
        Revision.body_html, User.display_name.label("author"), Article.section_id, Article.headline, Article.slug,
        Section.name.label("section_name"), _first.display_name.label("decider"),
        _second.display_name.label("second_decider"),
    )
    .outerjoin(Comment, Comment.id == IllegalNotice.comment_id)
    .outerjoin(
        Revision, and_(Revision.comment_id == IllegalNotice.comment_id, Revision.number == IllegalNotice.revision)
    )
    .outerjoin(User, User.id == Comment.author_id)
    .outerjoin(Thread, Thread.id == Comment.thread_id)
    .outerjoin(Article, Article.id == Thread.article_id)
    .outerjoin(Section, Section.id == Article.section_id)
    .outerjoin(_first, _first.id == IllegalNotice.decided_by)
    .outerjoin(_second, _second.id == IllegalNotice.second_by)
)  # fmt: skip
IS_OPEN = or_(IllegalNotice.outcome == "open", IllegalNotice.second_outcome == "open")


def _for(viewer: Viewer, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    sections = queries.sections_of(viewer)
    return statement if sections is None else statement.where(queries.within(sections))


def open_notices(session: Session, viewer: Viewer, after: int | None) -> list[Row[Any]]:
    """Notices that wait for an answer, besides those of trusted flaggers, the oldest first. One more than a page."""
    statement = _for(viewer, _NOTICES.where(IS_OPEN, ~IllegalNotice.by_trusted))
    statement = statement.order_by(IllegalNotice.id).limit(queries.PAGE + 1)
    return list(session.execute(statement.where(IllegalNotice.id > after) if after else statement))


def trusted_notices(session: Session, viewer: Viewer) -> list[Row[Any]]:
    """Notices of trusted flaggers that wait for an answer, the oldest first, at most a page."""
    statement = _for(viewer, _NOTICES.where(IS_OPEN, IllegalNotice.by_trusted))
    return list(session.execute(statement.order_by(IllegalNotice.id).limit(queries.PAGE)))


def answered_notices(session: Session, viewer: Viewer) -> list[Row[Any]]:
    """The newest notices that have their answer, at most a page."""
    statement = _for(viewer, _NOTICES.where(~IS_OPEN)).order_by(IllegalNotice.id.desc()).limit(queries.PAGE)
    return list(session.execute(statement))


def open_count(session: Session, viewer: Viewer) -> int:
    """How many notices wait for an answer in this moderator's sections."""
    statement = select(func.count()).select_from(IllegalNotice).where(IS_OPEN)
    if queries.sections_of(viewer) is not None:
        statement = (
            statement.join(Comment, Comment.id == IllegalNotice.comment_id)
            .join(Thread, Thread.id == Comment.thread_id)
            .join(Article, Article.id == Thread.article_id)
        )
    return session.scalar(_for(viewer, statement)) or 0


def notice(session: Session, notice_id: int) -> Row[Any] | None:
    """One notice with what it is about."""
    return queries.one(session, _NOTICES.where(IllegalNotice.id == notice_id))


def by_link(session: Session, reference: str, secret_hash: str) -> Row[Any] | None:
    """The notice of a reference and the hash of its secret."""
    return queries.one(
        session,
        _NOTICES.where(IllegalNotice.reference == reference, IllegalNotice.secret_hash == secret_hash),
    )


def notice_by_id_locked(session: Session, notice_id: int) -> IllegalNotice:
    """A notice that is known to be there, locked and fresh."""
    return session.scalars(
        select(IllegalNotice)
        .where(IllegalNotice.id == notice_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def notice_locked(session: Session, reference: str, secret_hash: str) -> IllegalNotice | None:
    """The notice of a link, locked and fresh."""
    return session.scalar(
        select(IllegalNotice)
        .where(IllegalNotice.reference == reference, IllegalNotice.secret_hash == secret_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
