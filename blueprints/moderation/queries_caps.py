"""What caps are set to, and what was counted under them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.moderation.queries_claims import insert_for
from models.desk import ActCount, DeskCap

USUAL = {"id": 1, "decisions_per_minute": 60, "decisions_per_hour": 1_200, "sanctions_per_hour": 60,
         "bulk_per_hour": 2_000}  # fmt: skip


def caps(session: Session) -> DeskCap:
    """The caps; as usual where nobody set them."""
    return session.get(DeskCap, 1) or DeskCap(**USUAL)


def caps_locked(session: Session) -> DeskCap:
    """The same, kept in the database and locked."""
    session.execute(insert_for(session)(DeskCap).values(**USUAL).on_conflict_do_nothing())
    return session.execute(
        select(DeskCap).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()


def count_locked(session: Session, user_id: int, cap: str, now: datetime) -> ActCount:
    """What somebody did under a cap, locked and fresh."""
    session.execute(
        insert_for(session)(ActCount)
        .values(user_id=user_id, cap=cap, since=now, number=0, is_noted=False)
        .on_conflict_do_nothing()
    )
    return session.execute(
        select(ActCount)
        .where(ActCount.user_id == user_id, ActCount.cap == cap)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
