"""Finding whose billing is to end."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from core.db import db
from models.leaving import BillingEnd


def lock_end_of(mode: str, user_id: int) -> BillingEnd | None:
    """The end of somebody's billing, locked for this transaction."""
    return db.session().scalar(
        select(BillingEnd).where(BillingEnd.mode == mode, BillingEnd.user_id == user_id).with_for_update()
        .execution_options(populate_existing=True)
    )  # fmt: skip


def asked_at(mode: str, user_id: int) -> datetime | None:
    """When somebody left."""
    return db.session().scalar(
        select(BillingEnd.asked_at).where(BillingEnd.mode == mode, BillingEnd.user_id == user_id)
    )


def undone(mode: str) -> Sequence[int]:
    """Whose billing has not ended yet, the longest waiting first."""
    return db.session().scalars(
        select(BillingEnd.user_id).where(BillingEnd.mode == mode, BillingEnd.done_at.is_(None))
        .order_by(BillingEnd.asked_at)
    ).all()  # fmt: skip


def undone_since(mode: str) -> tuple[int, datetime | None]:
    """How many people left whose billing has not ended yet, and since when the first of them."""
    row = db.session().execute(
        select(func.count(), func.min(BillingEnd.asked_at))
        .where(BillingEnd.mode == mode, BillingEnd.done_at.is_(None))
    ).one()  # fmt: skip
    return row[0], row[1]
