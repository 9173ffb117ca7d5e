"""Who has taken what, and how moderators like to work."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, func, select, true, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from blueprints.moderation.queries import Sections, stands_within, within
from blueprints.moderation.queries_cases import CASES
from core.db import db
from models.desk import Claim, DeskPreference, Pass
from models.moderation import ModerationAction
from models.thread import Comment
from models.user import User


def insert_for(session: Session) -> Any:
    """The database's own insert, which knows what to do where a row is there already."""
    return pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert


def take(session: Session, moderator_id: int, ids: Sequence[int], now: datetime, until: datetime) -> set[int]:
    """Take these comments for a moderator. Returns those that nobody else was quicker to take."""
    if not ids:
        return set()
    first = (session.scalar(select(func.max(Claim.position)).where(Claim.moderator_id == moderator_id)) or 0) + 1
    positions = {comment_id: first + number for number, comment_id in enumerate(ids)}
    # In the order of their ids, so that two who take at once cannot wait for each other.
    insert = insert_for(session)(Claim).values([
        {"comment_id": comment_id, "moderator_id": moderator_id, "position": positions[comment_id],
         "claimed_at": now, "expires_at": until}
        for comment_id in sorted(ids)
    ])  # fmt: skip
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=[Claim.comment_id],
        set_={"moderator_id": new.moderator_id, "position": new.position, "claimed_at": new.claimed_at,
              "expires_at": new.expires_at},
        where=Claim.expires_at <= now,
    ).returning(Claim.comment_id)  # fmt: skip
    return set(session.scalars(statement, execution_options={"synchronize_session": False}))


def claimed_rows(session: Session, moderator_id: int, sections: Sections, now: datetime) -> list[Row[Any]]:
    """What a moderator holds in their sections, as cases, in the order in which it was taken."""
    return list(
        session.execute(
            CASES.join(Claim, Claim.comment_id == Comment.id)
            .where(Claim.moderator_id == moderator_id, Claim.expires_at > now, within(sections))
            .order_by(Claim.position)
        )
    )


def claim_within(sections: Sections) -> ColumnElement[bool]:
    """Whether what a Claim is on stands in these sections."""
    if sections is None:
        return true()
    return exists().where(Comment.id == Claim.comment_id, stands_within(sections)).correlate(Claim)


def held_by(session: Session, moderator_id: int, sections: Sections, now: datetime) -> int:
    """How many comments a moderator holds in their sections."""
    held = select(func.count()).select_from(Claim).where(
        Claim.moderator_id == moderator_id, Claim.expires_at > now, claim_within(sections)
    )
    return session.scalar(held) or 0


def claims_on(
    session: Session, now: datetime, comment_ids: Sequence[int] | None = None, *, sections: Sections = None
) -> list[Row[Any]]:
    """Who holds which of these comments, or of all in these sections."""
    statement = (
        select(Claim.comment_id, Claim.moderator_id, Claim.expires_at, User.display_name.label("name"))
        .join(User, User.id == Claim.moderator_id)
        .where(Claim.expires_at > now, claim_within(sections))
    )
    if comment_ids is not None:
        statement = statement.where(Claim.comment_id.in_(comment_ids))
    return list(session.execute(statement))


def renew(session: Session, moderator_id: int, sections: Sections, now: datetime, until: datetime) -> int:
    """Let what a moderator holds in their sections run out later. Returns how many comments that are."""
    return int(
        session.execute(
            update(Claim)
            .where(Claim.moderator_id == moderator_id, Claim.expires_at > now, claim_within(sections))
            .values(expires_at=until)
            .execution_options(synchronize_session=False)
        ).rowcount  # type: ignore[attr-defined]
    )


def release(session: Session, *, comment_id: int | None = None, moderator_id: int | None = None) -> None:
    """Let go of one comment, whoever holds it, or of all that a moderator holds."""
    which = Claim.comment_id == comment_id if comment_id is not None else Claim.moderator_id == moderator_id
    session.execute(delete(Claim).where(which).execution_options(synchronize_session=False))


def pass_on(session: Session, comment_id: int, moderator_id: int, now: datetime) -> None:
    """Note that a moderator leaves a comment to colleagues; once is enough."""
    session.execute(
        insert_for(session)(Pass)
        .values(comment_id=comment_id, moderator_id=moderator_id, passed_at=now)
        .on_conflict_do_nothing()
    )


def forget_lapsed(session: Session, before: datetime) -> None:
    """Remove claims that ran out and passes of long ago."""
    session.execute(delete(Claim).where(Claim.expires_at < before).execution_options(synchronize_session=False))
    session.execute(delete(Pass).where(Pass.passed_at < before).execution_options(synchronize_session=False))


def preference(session: Session, user_id: int) -> DeskPreference:
    """How a moderator works; as usual where they never said."""
    return session.get(DeskPreference, user_id) or DeskPreference(
        user_id=user_id, keys="", covers_severe=True, severe_per_hour=30, severe_seen=0
    )


def preference_locked(session: Session, user_id: int) -> DeskPreference:
    """The same, kept in the database and locked."""
    session.execute(
        insert_for(session)(DeskPreference)
        .values(user_id=user_id, keys="", covers_severe=True, severe_per_hour=30, severe_seen=0)
        .on_conflict_do_nothing()
    )
    return session.execute(
        select(DeskPreference)
        .where(DeskPreference.user_id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()


def decided_since(action_id: int, sections: Sections, limit: int) -> list[Row[Any]]:
    """Decisions about comments of these sections behind this one, the first one first."""
    return list(
        db.session().execute(
            select(ModerationAction.id, ModerationAction.comment_id, ModerationAction.action,
                   ModerationAction.actor_id, User.display_name.label("actor"))
            .outerjoin(User, User.id == ModerationAction.actor_id)
            .join(Comment, Comment.id == ModerationAction.comment_id)
            .where(ModerationAction.id > action_id, stands_within(sections))
            .order_by(ModerationAction.id)
            .limit(limit)
        )
    )  # fmt: skip
