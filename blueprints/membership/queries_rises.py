"""Finding prices that rise, and how far each member is."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, desc, func, select
from sqlalchemy.orm import aliased

from blueprints.membership.policy import BLOCKS_JOINING, RUNNING
from blueprints.membership.queries_catalogue import PriceView
from core.db import db
from core.records import dataclass
from models.membership import BillingCustomer, Plan, Price, Subscription
from models.pricing import PriceMove, PriceRise
from models.user import User

RISES_SHOWN = 50
MOVES_SHOWN = 200
_TO = aliased(Price)


@dataclass(frozen=True, slots=True)
class RiseView:
    """A price rise with both of its prices."""

    id: int
    state: str
    plan_key: str
    plan_name: str
    from_price: PriceView
    to_price: PriceView
    takes_effect_at: datetime
    created_at: datetime
    ended_at: datetime | None

    def may_call_off(self, now: datetime) -> bool:
        """Until the day of the new price, and not afterwards: somebody may have paid it."""
        return self.state == "planned" and now < self.takes_effect_at


@dataclass(frozen=True, slots=True)
class ComingPrice:
    """What a price is to become for those who pay it, and from when on for whose payments."""

    amount_cents: int
    from_at: datetime


@dataclass(frozen=True, slots=True)
class MoveView:
    """How far a member is in a rise, and the renewal that they were told of."""

    state: str
    renewal_at: datetime


@dataclass(frozen=True, slots=True)
class OwnRise:
    """What a member's next price will be, and from when: `told` once the letter is out."""

    amount_cents: int
    currency: str
    interval: str
    from_at: datetime
    told: bool


def rise_by_id(rise_id: int, *, lock: bool = False) -> PriceRise | None:
    statement = select(PriceRise).where(PriceRise.id == rise_id).execution_options(populate_existing=True)
    return db.session().scalar(statement.with_for_update() if lock else statement)


def rise_view(mode: str, rise_id: int) -> RiseView | None:
    return next(iter(_views(PriceRise.mode == mode, PriceRise.id == rise_id)), None)


def rises_of_plan(mode: str, plan_id: int) -> list[RiseView]:
    """A plan's rises, the newest first: one query."""
    return _views(PriceRise.mode == mode, Price.plan_id == plan_id)


def planned_rises(mode: str) -> list[RiseView]:
    return _views(PriceRise.mode == mode, PriceRise.state == "planned")


def planned_for(mode: str, price_key: str) -> RiseView | None:
    """The rise that is planned for a price, of which there is at most one."""
    return next(iter(_views(PriceRise.mode == mode, PriceRise.state == "planned", Price.key == price_key)), None)


def rises_ahead(mode: str) -> dict[str, ComingPrice]:
    """What the prices that are to rise are to become, by their keys: one query."""
    return {
        rise.from_price.key: ComingPrice(rise.to_price.amount_cents, rise.takes_effect_at)
        for rise in planned_rises(mode)
    }


def coming_prices(mode: str) -> dict[str, datetime]:
    """The prices that are to be sold when a rise takes effect, and when that is."""
    return {rise.to_price.key: rise.takes_effect_at for rise in planned_rises(mode)}


def payers_by_country(mode: str, price_id: int) -> dict[str | None, int]:
    """How many pay a price now, by where they say they live."""
    rows = db.session().execute(
        select(User.country, func.count())
        .select_from(Subscription).join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .join(User, User.id == BillingCustomer.user_id)
        .where(Subscription.mode == mode, Subscription.price_id == price_id, Subscription.status.in_(BLOCKS_JOINING))
        .group_by(User.country)
    )  # fmt: skip
    return {country: count for country, count in rows}  # noqa: C416 -- rows are no pairs to the type checker


def price_to_raise(key: str, *, lock: bool = False) -> Price | None:
    statement = select(Price).where(Price.key == key).execution_options(populate_existing=True)
    return db.session().scalar(statement.with_for_update() if lock else statement)


def price_on_sale(plan_id: int, interval: str, currency: str) -> list[Price]:
    """What is sold of a plan at this interval in this currency."""
    return list(db.session().scalars(
        select(Price).where(
            Price.plan_id == plan_id, Price.interval == interval, Price.currency == currency, Price.active
        ).with_for_update()
    ))  # fmt: skip


def moves_of(rise_id: int) -> dict[str, MoveView]:
    """Everybody in a rise by Subscription."""
    rows = db.session().execute(
        select(PriceMove.subscription, PriceMove.state, PriceMove.renewal_at).where(PriceMove.rise_id == rise_id)
    )
    return {row.subscription: MoveView(row.state, row.renewal_at) for row in rows}


def moves_in(rise_id: int, states: Sequence[str], after: int, limit: int) -> list[Row[PriceMove, Subscription]]:
    """A batch of the members of a rise that are so far, with their mirrors, by id."""
    return list(db.session().execute(
        select(PriceMove, Subscription)
        .outerjoin(
            Subscription, (Subscription.mode == PriceMove.mode) & (Subscription.stripe_id == PriceMove.subscription)
        )
        .where(PriceMove.rise_id == rise_id, PriceMove.state.in_(states), PriceMove.id > after)
        .order_by(PriceMove.id).limit(limit).execution_options(populate_existing=True)
    ))  # fmt: skip


def move_counts(rise_id: int) -> dict[str, int]:
    rows = db.session().execute(
        select(PriceMove.state, func.count()).where(PriceMove.rise_id == rise_id).group_by(PriceMove.state)
    )
    return {row[0]: row[1] for row in rows}


def moves_shown(rise_id: int) -> list[Row[PriceMove, str]]:
    """The members of a rise with their names, the latest change first."""
    return list(db.session().execute(
        select(PriceMove, User.display_name).join(User, User.id == PriceMove.user_id)
        .where(PriceMove.rise_id == rise_id).order_by(desc(PriceMove.changed_at), PriceMove.id).limit(MOVES_SHOWN)
    ))  # fmt: skip


def lock_move(rise_id: int, subscription: str) -> PriceMove | None:
    return db.session().scalar(
        select(PriceMove).where(PriceMove.rise_id == rise_id, PriceMove.subscription == subscription)
        .with_for_update().execution_options(populate_existing=True)
    )  # fmt: skip


def untold(mode: str, rise: RiseView) -> int:
    """How many pay the old price and have not been told yet, or not in time."""
    waiting = select(PriceMove.id).where(
        PriceMove.rise_id == rise.id, PriceMove.mode == Subscription.mode,
        PriceMove.subscription == Subscription.stripe_id, PriceMove.state.in_(("told", "set", "left")),
        PriceMove.renewal_at >= Subscription.current_period_end_at,
    )  # fmt: skip
    return db.session().scalar(
        select(func.count()).select_from(Subscription).where(
            Subscription.mode == mode, Subscription.price_id == rise.from_price.id,
            Subscription.status.in_(BLOCKS_JOINING), Subscription.cancel_at.is_(None), ~waiting.exists(),
        )
    ) or 0  # fmt: skip


def is_rise(mode: str, subscription: str, before: int, after: int) -> bool:
    """Whether a Subscription's change of price comes from a rise, or from its being called off."""
    return db.session().scalar(
        select(PriceMove.id).join(PriceRise, PriceRise.id == PriceMove.rise_id)
        .where(
            PriceMove.mode == mode, PriceMove.subscription == subscription,
            PriceRise.from_price_id.in_((before, after)), PriceRise.to_price_id.in_((before, after)),
        ).limit(1)
    ) is not None  # fmt: skip


def own_rise(mode: str, subscription: str) -> OwnRise | None:
    """What is planned for the price that a member pays; None when nothing is, or when they pay it already."""
    row = db.session().execute(
        select(_TO.amount_cents, _TO.currency, _TO.interval, PriceRise.takes_effect_at, PriceMove.renewal_at,
               PriceMove.state, Subscription.current_period_end_at)
        .select_from(Subscription)
        .join(PriceRise, (PriceRise.mode == mode) & (PriceRise.state == "planned"))
        .join(_TO, _TO.id == PriceRise.to_price_id)
        .outerjoin(
            PriceMove, (PriceMove.rise_id == PriceRise.id) & (PriceMove.subscription == Subscription.stripe_id)
        )
        .where(
            Subscription.mode == mode, Subscription.stripe_id == subscription, Subscription.status.in_(RUNNING),
            (PriceRise.from_price_id == Subscription.price_id)
            | ((PriceRise.to_price_id == Subscription.price_id) & (PriceMove.state == "set")),
        )
        .limit(1)
    ).first()  # fmt: skip
    if row is None or row.state == "moved":
        return None
    told = row.state in {"told", "set"}
    end = row.current_period_end_at
    from_at = row.renewal_at if told else max(row.takes_effect_at, end) if end else row.takes_effect_at
    return OwnRise(row.amount_cents, row.currency, row.interval, from_at, told)


def _views(*where: object) -> list[RiseView]:
    rows = db.session().execute(
        select(PriceRise, Price, _TO, Plan)
        .join(Price, Price.id == PriceRise.from_price_id)
        .join(_TO, _TO.id == PriceRise.to_price_id)
        .join(Plan, Plan.id == Price.plan_id)
        .where(*where).order_by(desc(PriceRise.id)).limit(RISES_SHOWN)  # type: ignore[arg-type]
        .execution_options(populate_existing=True)
    )  # fmt: skip
    return [
        RiseView(
            rise.id, rise.state, plan.key, plan.name, _price(old, plan), _price(new, plan), rise.takes_effect_at,
            rise.created_at, rise.ended_at,
        )
        for rise, old, new, plan in rows
    ]  # fmt: skip


def _price(price: Price, plan: Plan) -> PriceView:
    return PriceView(
        price.id, price.key, plan.id, plan.key, plan.name, price.amount_cents, price.currency, price.interval,
        price.trial_days,
    )  # fmt: skip
