"""Plans and prices of ours, and what Stripe calls them."""

from collections.abc import Sequence

from sqlalchemy import case, select

from blueprints.membership.queries import insert_new
from core.db import db
from core.records import dataclass
from core.viewer import Act, grants
from models.membership import Plan, Price, StripeObject

_PRICE = (
    Price.id, Price.key, Price.plan_id, Plan.key.label("plan_key"), Plan.name.label("plan_name"), Price.amount_cents,
    Price.currency, Price.interval, Price.trial_days,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PriceView:
    id: int
    key: str
    plan_id: int
    plan_key: str
    plan_name: str
    amount_cents: int
    currency: str
    interval: str
    trial_days: int | None = None


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan on offer with its prices, monthly first."""

    id: int
    key: str
    name: str
    description: str
    perks: tuple[str, ...]
    badge: str
    prices: tuple[PriceView, ...]
    rank: int = 0


def plans_on_offer() -> list[PlanView]:
    """What can be bought now, lowest plan first: two queries."""
    session = db.session()
    plans = session.execute(
        select(Plan.id, Plan.key, Plan.name, Plan.description, Plan.perks, Plan.badge, Plan.rank)
        .where(Plan.active).order_by(Plan.rank, Plan.id)
    ).all()  # fmt: skip
    by_month = case((Price.interval == "month", 0), else_=1)
    rows = session.execute(
        select(*_PRICE).join(Plan, Plan.id == Price.plan_id)
        .where(Price.active, Plan.active).order_by(by_month, Price.amount_cents, Price.id)
    ).all()  # fmt: skip
    prices = [PriceView(*row) for row in rows]
    return [
        PlanView(
            row.id, row.key, row.name, row.description, tuple(filter(None, row.perks.split("\n"))), row.badge, own,
            row.rank,
        )
        for row in plans
        if (own := tuple(price for price in prices if price.plan_id == row.id))
    ]  # fmt: skip


def grants_of_plans() -> dict[str, frozenset[Act]]:
    """What each plan grants, by its key."""
    rows = db.session().execute(
        select(Plan.key, Plan.grants_reading, Plan.grants_commenting, Plan.grants_respect)
    )
    return {row.key: grants(row.grants_reading, row.grants_commenting, row.grants_respect) for row in rows}


def price_on_offer(key: str) -> PriceView | None:
    """A price that can be bought now."""
    row = db.session().execute(
        select(*_PRICE).join(Plan, Plan.id == Price.plan_id).where(Price.key == key, Price.active, Plan.active)
    ).first()  # fmt: skip
    return PriceView(*row) if row else None


def price_by_key(key: str) -> PriceView | None:
    """A price, sold or not."""
    row = db.session().execute(
        select(*_PRICE).join(Plan, Plan.id == Price.plan_id).where(Price.key == key)
    ).first()  # fmt: skip
    return PriceView(*row) if row else None


def prices_of_plan(plan_id: int) -> list[PriceView]:
    """All prices of a plan that are still sold."""
    rows = db.session().execute(
        select(*_PRICE).join(Plan, Plan.id == Price.plan_id).where(Price.plan_id == plan_id, Price.active)
    )
    return [PriceView(*row) for row in rows]


def plan_by_key(key: str) -> Plan | None:
    return db.session().scalar(select(Plan).where(Plan.key == key))


def plan_of(plan_id: int) -> Plan | None:
    return db.session().scalar(select(Plan).where(Plan.id == plan_id))


def prices_by_plan(plan_id: int) -> Sequence[Price]:
    """The plan's price rows, sold or not."""
    return db.session().scalars(select(Price).where(Price.plan_id == plan_id)).all()


def stripe_ids(mode: str, kind: str) -> dict[str, str]:
    """Our keys and what they are called at Stripe, of one kind: `product` or `price`."""
    rows = db.session().execute(
        select(StripeObject.key, StripeObject.stripe_id).where(StripeObject.mode == mode, StripeObject.kind == kind)
    )
    return {row.key: row.stripe_id for row in rows}


def remember_stripe_id(mode: str, kind: str, key: str, stripe_id: str) -> None:
    """Note what a plan or price of ours is called at Stripe; the newest answer counts."""
    row = db.session().get(StripeObject, (mode, kind, key), with_for_update=True)
    if row is None:
        insert_new(StripeObject, mode=mode, kind=kind, key=key, stripe_id=stripe_id)
    else:
        row.stripe_id = stripe_id


def plan_ids_by_product(mode: str) -> dict[str, int]:
    """Which Stripe products are ours, and the plan that each stands for."""
    rows = db.session().execute(
        select(StripeObject.stripe_id, Plan.id)
        .join(Plan, Plan.key == StripeObject.key)
        .where(StripeObject.mode == mode, StripeObject.kind == "product")
    )
    return {row.stripe_id: row.id for row in rows}


def price_ids_by_stripe_price(mode: str) -> dict[str, int]:
    """Which Stripe prices are ours."""
    rows = db.session().execute(
        select(StripeObject.stripe_id, Price.id)
        .join(Price, Price.key == StripeObject.key)
        .where(StripeObject.mode == mode, StripeObject.kind == "price")
    )
    return {row.stripe_id: row.id for row in rows}


def plan_names() -> dict[int, str]:
    return {row.id: row.name for row in db.session().execute(select(Plan.id, Plan.name))}
