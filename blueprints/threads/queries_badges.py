"""The badges that people have from their plans."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from core.db import UTCDateTime
from core.prepared import Prepared
from models.membership import Entitlement, Plan

_now = bindparam("now", type_=UTCDateTime())
_IN_FORCE_WITH_BADGE = (
    Entitlement.starts_at <= _now, or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > _now), Plan.badge != ""
)
_PLAN_BADGES = (
    select(Entitlement.user_id, Plan.badge, Plan.rank)
    .join(Plan, Plan.id == Entitlement.plan_id)
    .where(Entitlement.user_id.in_(bindparam("user_ids", expanding=True)), *_IN_FORCE_WITH_BADGE)
    .order_by(Plan.rank)
)


def plan_badges(session: Session, user_ids: Iterable[int], now: datetime) -> dict[int, tuple[str, int]]:
    """The badge and rank of each person's highest plan in force; people without a plan are left out."""
    wanted = sorted(set(user_ids))
    if not wanted:
        return {}
    rows = session.connection().execute(_PLAN_BADGES, {"user_ids": wanted, "now": now})
    return {row.user_id: (row.badge, row.rank) for row in rows}


_PLAN_BADGE = Prepared(
    select(Plan.badge, Plan.rank)
    .join(Entitlement, Plan.id == Entitlement.plan_id)
    .where(Entitlement.user_id == bindparam("user_id"), *_IN_FORCE_WITH_BADGE)
    .order_by(Plan.rank.desc())
)


def plan_badge(user_id: int, now: datetime) -> tuple[str, int] | None:
    """The badge and rank of one person's highest plan in force, if any."""
    rows = _PLAN_BADGE.all(None, user_id=user_id, now=now)
    return (rows[0].badge, rows[0].rank) if rows else None
