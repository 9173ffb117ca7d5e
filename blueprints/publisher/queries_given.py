"""Why somebody has a plan, and memberships that the house gives."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from core.db import db
from core.records import dataclass
from models.membership import Entitlement, Plan

ENTITLEMENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class HeldEntitlement:
    id: int
    plan_name: str
    source: str
    starts_at: datetime
    ends_at: datetime | None

    def state(self, at: datetime) -> str:
        """`coming`, `live` or `over`."""
        if self.ends_at is not None and self.ends_at <= at:
            return "over"
        return "live" if self.starts_at <= at else "coming"


def entitlements_of(person_id: int) -> list[HeldEntitlement]:
    """Why a person has, had or will have a plan, newest first."""
    rows = db.session().execute(
        select(Entitlement.id, Plan.name, Entitlement.source, Entitlement.starts_at, Entitlement.ends_at)
        .join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id == person_id)
        .order_by(Entitlement.starts_at.desc(), Entitlement.id.desc()).limit(ENTITLEMENTS_SHOWN)
    )  # fmt: skip
    return [HeldEntitlement(*row) for row in rows]


def gift_of(person_id: int, entitlement_id: int) -> Entitlement | None:
    """A complimentary entitlement of this person."""
    return db.session().scalar(
        select(Entitlement).where(
            Entitlement.id == entitlement_id, Entitlement.user_id == person_id, Entitlement.source == "complimentary"
        )
    )


def live_gift_reference(person_id: int, plan_key: str, at: datetime) -> str | None:
    """The reference of the complimentary membership of this plan that runs now."""
    return db.session().scalar(
        select(Entitlement.source_ref).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id == person_id, Plan.key == plan_key, Entitlement.source == "complimentary",
               is_live(at))
        .order_by(Entitlement.id).limit(1)
    )  # fmt: skip


def gifts_ever(person_id: int) -> int:
    """How many complimentary memberships a person was given."""
    return db.session().scalar(
        select(func.count()).select_from(Entitlement)
        .where(Entitlement.user_id == person_id, Entitlement.source == "complimentary")
    ) or 0  # fmt: skip


def is_live(at: datetime) -> ColumnElement[bool]:
    """Entitlements in force at a moment."""
    return and_(Entitlement.starts_at <= at, or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > at))
