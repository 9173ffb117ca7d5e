"""Finding what outside services are asked about, and keeping how they answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select, update
from sqlalchemy.orm import Session

from models.article import Article, Section
from models.moderation import ModerationAction
from models.screening import ScreeningService
from models.site import Site
from models.thread import Comment, Finding, Thread


def text_asked(session: Session, comment_id: int, revision: int) -> Row[Any] | None:
    """The text of a comment with its circumstances, if that revision still stands and can be acted on."""
    return session.execute(
        select(Comment.body_source, Comment.parent_id, Section.slug.label("section_slug"),
               select(Site.language).where(Site.id == 1).scalar_subquery().label("language"))
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .outerjoin(Section, Section.id == Article.section_id)
        .where(Comment.id == comment_id, Comment.revision == revision,
               Comment.status.in_(("published", "pending", "withheld")))
    ).one_or_none()  # fmt: skip


def active_services(session: Session, only: Sequence[int] | None = None) -> Sequence[ScreeningService]:
    """The services in use; with `only`, those of them."""
    statement = select(ScreeningService).where(ScreeningService.active).order_by(ScreeningService.id)
    if only is not None:
        statement = statement.where(ScreeningService.id.in_(list(only)))
    rows = session.scalars(statement).all()
    for row in rows:
        session.expunge(row)  # asked outside of any transaction
    return rows


def count_answer(session: Session, service_id: int, problem: str, now: datetime) -> None:
    """Count an answer, or a failure with its sentence."""
    if problem:
        values: dict[str, Any] = {
            "failed": ScreeningService.failed + 1, "failed_in_a_row": ScreeningService.failed_in_a_row + 1,
            "last_failure_at": now, "last_failure": problem[:300],
        }  # fmt: skip
    else:
        values = {"answered": ScreeningService.answered + 1, "failed_in_a_row": 0, "last_answer_at": now}
    session.execute(
        update(ScreeningService).where(ScreeningService.id == service_id).values(**values)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def has_answered(session: Session, comment_id: int, revision: int, rule: str) -> bool:
    """Whether a finding of this service is there already: jobs may run twice."""
    return bool(session.scalar(select(exists().where(
        Finding.comment_id == comment_id, Finding.revision == revision, Finding.rule == rule, Finding.checked
    ))))  # fmt: skip


def was_decided(session: Session, comment_id: int) -> bool:
    """Whether a person has decided about this comment: then no program interferes."""
    return bool(session.scalar(select(exists().where(
        ModerationAction.comment_id == comment_id, ModerationAction.actor_id.is_not(None)
    ))))  # fmt: skip
