"""Plans with their prices, as the publisher sees and changes them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from blueprints.publisher.queries_given import is_live
from core.db import db
from core.records import dataclass
from models.membership import Entitlement, Plan, Price


@dataclass(frozen=True, slots=True)
class PriceLine:
    amount_cents: int
    currency: str
    interval: str
    active: bool
    key: str


@dataclass(frozen=True, slots=True)
class PlanLine:
    key: str
    name: str
    description: str
    perks: tuple[str, ...]
    badge: str
    active: bool
    members: int
    prices: tuple[PriceLine, ...]


def plan_names() -> dict[str, str]:
    """Every plan's name by its key, lowest first; those no longer sold too, since people may have them."""
    rows = db.session().execute(select(Plan.key, Plan.name).order_by(Plan.rank, Plan.id))
    return {row.key: row.name for row in rows}


def plans_given() -> list[tuple[str, str]]:
    """The plans on sale as (key, name), lowest first."""
    rows = db.session().execute(select(Plan.key, Plan.name).where(Plan.active).order_by(Plan.rank, Plan.id))
    return [(row.key, row.name) for row in rows]


def plan_lines(at: datetime) -> list[PlanLine]:
    """All plans with their prices and how many people have each now: two queries."""
    session = db.session()
    members = (
        select(func.count(Entitlement.user_id.distinct())).where(Entitlement.plan_id == Plan.id, is_live(at))
        .scalar_subquery()
    )  # fmt: skip
    plans = session.execute(
        select(Plan.id, Plan.key, Plan.name, Plan.description, Plan.perks, Plan.badge, Plan.active,
               members.label("members"))
        .order_by(Plan.active.desc(), Plan.rank, Plan.id)
    ).all()  # fmt: skip
    prices = session.execute(
        select(Price.plan_id, Price.amount_cents, Price.currency, Price.interval, Price.active, Price.key)
        .order_by(Price.active.desc(), Price.interval, Price.amount_cents, Price.id)
    ).all()  # fmt: skip
    return [
        PlanLine(
            plan.key, plan.name, plan.description, lines_of(plan.perks), plan.badge, plan.active, plan.members,
            tuple(PriceLine(*row[1:]) for row in prices if row.plan_id == plan.id),
        )
        for plan in plans
    ]  # fmt: skip


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of a text that say something."""
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def plan_to_edit(key: str, *, lock: bool = False) -> Plan | None:
    """A plan on sale; with `lock`, held to the end of the transaction."""
    statement = select(Plan).where(Plan.key == key, Plan.active)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session().scalar(statement)


def prices_on_sale(plan_id: int) -> Sequence[Price]:
    return db.session().scalars(select(Price).where(Price.plan_id == plan_id, Price.active)).all()
