"""What readers have, from whatever source, and the Memberships that follow from it."""

from datetime import datetime

from sqlalchemy import delete, or_, select

from core.db import db
from core.records import dataclass
from models.membership import Entitlement, Membership, Plan
from models.site import Site


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan that somebody has, whatever the source."""

    plan_key: str
    plan_name: str
    source: str
    ends_at: datetime | None


def entitlement_from(source: str, source_ref: str) -> Entitlement | None:
    return db.session().scalar(
        select(Entitlement).where(Entitlement.source == source, Entitlement.source_ref == source_ref)
    )


def has_plan(user_id: int, plan_id: int, at: datetime) -> bool:
    """Whether something gives this reader this plan at that moment."""
    return db.session().scalar(
        select(Entitlement.id).where(
            Entitlement.user_id == user_id, Entitlement.plan_id == plan_id, Entitlement.starts_at <= at,
            or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > at),
        ).limit(1)
    ) is not None  # fmt: skip


def remove_courtesy(user_id: int, plan_id: int) -> None:
    """Forget that a plan was once given by courtesy."""
    db.session().execute(
        delete(Entitlement).where(
            Entitlement.user_id == user_id, Entitlement.plan_id == plan_id, Entitlement.source == "complimentary"
        )
    )


def live_membership(user_id: int, plan_id: int) -> Membership | None:
    return db.session().scalar(
        select(Membership).where(
            Membership.user_id == user_id, Membership.plan_id == plan_id, Membership.ended_at.is_(None)
        )
    )


def ends_of_access() -> tuple[bool, bool]:
    """Whether a payment that was given back, or that is disputed, ends access: as the publisher set it."""
    row = db.session().execute(select(Site.refund_ends_access, Site.dispute_ends_access)).first()
    return (row.refund_ends_access, row.dispute_ends_access) if row else (True, True)


def plans_held(user_id: int, at: datetime) -> list[HeldPlan]:
    """Every plan that the reader has at that moment, and why."""
    rows = db.session().execute(
        select(Plan.key, Plan.name, Entitlement.source, Entitlement.ends_at)
        .join(Plan, Plan.id == Entitlement.plan_id)
        .where(
            Entitlement.user_id == user_id, Entitlement.starts_at <= at,
            or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > at),
        )
        .order_by(Plan.rank.desc(), Entitlement.id)
    )  # fmt: skip
    return [HeldPlan(*row) for row in rows]
