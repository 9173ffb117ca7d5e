"""Finding decisions to learn from, and keeping what was learned."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from models.moderation import ModerationAction
from models.screening import ScreeningModel
from models.thread import Comment

BATCH = 1_000


def rejected_by_people(session: Session, since: datetime | None, most: int) -> Iterator[Any]:
    """Comments that a person rejected and that still are, the newest first."""
    yield from _comments(session, since, most, Comment.status == "rejected", _by_person("reject"))


def published_by_people(session: Session, since: datetime | None, most: int) -> Iterator[Any]:
    """Comments that a person let through, kept or put back, and that still stand."""
    yield from _comments(session, since, most, Comment.status == "published", _by_person("publish", "keep", "restore"))


def left_alone(session: Session, since: datetime | None, before: datetime, most: int) -> Iterator[Any]:
    """Comments that were published long enough ago for somebody to have minded, and that nobody did."""
    untouched = ~exists().where(ModerationAction.comment_id == Comment.id)
    yield from _comments(
        session, since, most, Comment.status == "published", Comment.report_count == 0, Comment.created_at < before,
        untouched,
    )  # fmt: skip


def _by_person(*actions: str) -> Any:
    return exists().where(
        ModerationAction.comment_id == Comment.id, ModerationAction.actor_id.is_not(None),
        ModerationAction.action.in_(actions),
    )  # fmt: skip


def _comments(session: Session, since: datetime | None, most: int, *which: Any) -> Iterator[Any]:
    below, left = None, most
    while left > 0:
        statement = (
            select(Comment.id, Comment.author_id, Comment.body_source)
            .where(*which, Comment.body_source != "", or_(Comment.author_badge == "", Comment.author_badge == "guest"))
            .order_by(Comment.id.desc()).limit(min(left, BATCH))
        )  # fmt: skip
        if below is not None:
            statement = statement.where(Comment.id < below)
        if since is not None:
            statement = statement.where(Comment.created_at >= since)
        rows = session.execute(statement).all()
        yield from rows
        if len(rows) < min(left, BATCH):
            return
        below, left = rows[-1].id, left - len(rows)


def add_model(session: Session, weights: bytes, learned_from: dict[str, Any], figures: dict[str, Any]) -> int:
    """Keep a version that is not in use; returns its number."""
    row = ScreeningModel(weights=weights, learned_from=learned_from, figures=figures)
    session.add(row)
    session.flush()
    return row.id


def model_row(session: Session, number: int | None) -> ScreeningModel | None:
    """A version by its number, or the newest."""
    statement = select(ScreeningModel).order_by(ScreeningModel.id.desc()).limit(1)
    return session.scalar(statement if number is None else statement.where(ScreeningModel.id == number))
