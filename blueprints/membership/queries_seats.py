"""Finding the seats of a group, for who pays them and who sits on them."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from core.db import db
from core.records import dataclass
from models.membership import BillingCustomer, Entitlement, Plan, Subscription
from models.seat import Seat
from models.user import User


@dataclass(frozen=True, slots=True)
class SeatView:
    """A seat as its owner sees it: who sits on it, or where the invitation went."""

    id: int
    number: int
    email: str
    user_id: int | None
    name: str | None
    created_at: datetime
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnSeat:
    """A seat as who sits on it sees it."""

    id: int
    plan_name: str
    owner: str
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A Subscription with seats, whose it is, and what its link is called."""

    id: int
    mode: str
    stripe_id: str
    status: str
    plan_name: str
    quantity: int
    next_quantity: int | None
    link_number: int
    owner_id: int
    owner: str

    @property
    def places(self) -> int:
        """How many seats can be given to others: never more than there are, now or after a change that waits."""
        return max(0, min(self.quantity, self.next_quantity or self.quantity) - 1)


_GROUP: Any = (
    select(
        Subscription.id, Subscription.mode, Subscription.stripe_id, Subscription.status, Plan.name,
        Subscription.quantity, Subscription.next_quantity, Subscription.seat_link_number, BillingCustomer.user_id,
        User.display_name,
    )
    .join(Plan, Plan.id == Subscription.plan_id)
    .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
    .join(User, User.id == BillingCustomer.user_id)
)  # fmt: skip


def group_by_id(subscription_id: int) -> GroupRow | None:
    """The group of a Subscription of ours."""
    row = db.session().execute(_GROUP.where(Subscription.id == subscription_id)).first()
    return GroupRow(*row) if row else None


def group_named(mode: str, stripe_id: str) -> GroupRow | None:
    """The group of a Subscription by Stripe's id."""
    row = db.session().execute(_GROUP.where(Subscription.mode == mode, Subscription.stripe_id == stripe_id)).first()
    return GroupRow(*row) if row else None


def lock_subscription(subscription_id: int) -> Subscription | None:
    """A mirrored Subscription, locked for this transaction: whoever gives or takes a seat comes by here first."""
    return db.session().scalar(
        select(Subscription).where(Subscription.id == subscription_id).with_for_update()
        .execution_options(populate_existing=True)
    )  # fmt: skip


def lock_subscription_named(mode: str, stripe_id: str) -> Subscription | None:
    """A mirrored Subscription by Stripe's id, locked for this transaction."""
    return db.session().scalar(
        select(Subscription).where(Subscription.mode == mode, Subscription.stripe_id == stripe_id).with_for_update()
        .execution_options(populate_existing=True)
    )  # fmt: skip


def seats_of(subscription_id: int) -> list[Seat]:
    """The seats that are given, by number."""
    rows = db.session().scalars(
        select(Seat).where(Seat.subscription_id == subscription_id, Seat.ended_at.is_(None)).order_by(Seat.number)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    return list(rows)


def seats_shown(subscription_id: int) -> list[SeatView]:
    """The seats that are given, with the names of who sits on them: one query."""
    rows = db.session().execute(
        select(Seat.id, Seat.number, Seat.email, Seat.user_id, User.display_name, Seat.created_at, Seat.taken_at)
        .outerjoin(User, User.id == Seat.user_id)
        .where(Seat.subscription_id == subscription_id, Seat.ended_at.is_(None)).order_by(Seat.number)
    )  # fmt: skip
    return [SeatView(*row) for row in rows]


def seats_given(subscription_id: int) -> int:
    """How many seats are given to others, invitations too."""
    return db.session().scalar(
        select(func.count()).where(Seat.subscription_id == subscription_id, Seat.ended_at.is_(None))
    ) or 0  # fmt: skip


def seat(seat_id: int) -> Seat | None:
    """A seat as it is now."""
    return db.session().scalar(select(Seat).where(Seat.id == seat_id).execution_options(populate_existing=True))


def own_seats(user_id: int) -> list[OwnSeat]:
    """The seats that somebody sits on."""
    rows = db.session().execute(
        select(Seat.id, Plan.name, User.display_name, Seat.taken_at)
        .join(Subscription, Subscription.id == Seat.subscription_id).join(Plan, Plan.id == Subscription.plan_id)
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .join(User, User.id == BillingCustomer.user_id)
        .where(Seat.user_id == user_id, Seat.ended_at.is_(None)).order_by(Seat.id)
    )  # fmt: skip
    return [OwnSeat(*row) for row in rows]


def entitlement_of(source: str, reference: str) -> Entitlement | None:
    """What a Subscription or a seat gives."""
    return db.session().scalar(
        select(Entitlement).where(Entitlement.source == source, Entitlement.source_ref == reference)
        .execution_options(populate_existing=True)
    )  # fmt: skip
