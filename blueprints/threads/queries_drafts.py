"""Finding what is kept for a place, or under an article."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from blueprints.threads.drafts import DraftOwner
from blueprints.threads.names import shown_name
from blueprints.threads.queries import answerable
from models.thread import Comment, Draft
from models.user import User


def drafts_of(
    session: Session, article_id: int, *, user_id: int | None, guest_hash: str | None, now: datetime
) -> list[Row[Any]]:
    """The owner's drafts under an article, the newest first, each with the name of whom it answers.

    A draft can name any comment: of one that nobody may answer here, the name is not told.
    """
    if user_id is None and guest_hash is None:
        return []
    owner = Draft.user_id == user_id if user_id is not None else Draft.guest_hash == guest_hash
    return list(
        session.execute(
            select(Draft.parent_key, Draft.body, Draft.generation, Draft.updated_at,
                   shown_name().label("parent_name"))
            .select_from(Draft)
            .outerjoin(Comment, and_(Comment.id == Draft.parent_key, answerable(article_id)))
            .outerjoin(User, User.id == Comment.author_id)
            .where(owner, Draft.article_id == article_id, Draft.expires_at > now, Draft.body != "")
            .order_by(Draft.updated_at.desc(), Draft.id.desc())
        )
    )  # fmt: skip


def draft_at(session: Session, article_id: int, parent_id: int, owner: DraftOwner | None) -> tuple[str, int]:
    """What its owner keeps for this place, and the generation of the place: 0 where nothing happened there lately."""
    if owner is None:
        return "", 0
    row = session.execute(
        select(Draft.body, Draft.generation).where(
            owner.owns(), Draft.article_id == article_id, Draft.parent_key == parent_id
        )
    ).one_or_none()
    return (row.body, row.generation) if row else ("", 0)
