"""Finding what is sold: prices with those who pay them, promotion codes with how often they were used."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from core.db import db
from models.membership import BillingCustomer, CheckoutAttempt, Plan, Price, PromoCode, Subscription
from models.site import Site

UNENDED = ("trialing", "active", "past_due", "unpaid", "paused")
PROMOS_SHOWN = 200


def plan_keys() -> set[str]:
    """Every key that a plan has or had."""
    return set(db.session().scalars(select(Plan.key)))


def highest_rank() -> int:
    return db.session().scalar(select(func.max(Plan.rank))) or 0


def prices_ever(plan_id: int) -> int:
    """How many prices a plan has had."""
    return db.session().scalar(select(func.count()).where(Price.plan_id == plan_id)) or 0


def price_by_key(key: str, *, lock: bool = False) -> Price | None:
    statement = select(Price).where(Price.key == key).execution_options(populate_existing=True)
    return db.session().scalar(statement.with_for_update() if lock else statement)


def prices_with_payers(plan_id: int, mode: str) -> Sequence[Row[Any]]:
    """A plan's prices, those on sale first, each with how many pay it now: one query."""
    payers = (
        select(func.count()).select_from(Subscription)
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .where(Subscription.price_id == Price.id, Subscription.mode == mode, Subscription.status.in_(UNENDED))
        .scalar_subquery()
    )  # fmt: skip
    return db.session().execute(
        select(Price.key, Price.amount_cents, Price.currency, Price.interval, Price.active, Price.trial_days,
               payers.label("payers"))
        .where(Price.plan_id == plan_id).order_by(Price.active.desc(), Price.interval, Price.id.desc())
    ).all()  # fmt: skip


def ends_of_access() -> Row[bool, bool] | None:
    """Whether money that goes back ends access, as it is set now."""
    return db.session().execute(select(Site.refund_ends_access, Site.dispute_ends_access)).first()


def code_exists(code: str) -> bool:
    return db.session().scalar(select(PromoCode.id).where(PromoCode.code == code)) is not None


def promo_by_id(promo_id: int, *, lock: bool = False) -> PromoCode | None:
    statement = select(PromoCode).where(PromoCode.id == promo_id).execution_options(populate_existing=True)
    return db.session().scalar(statement.with_for_update() if lock else statement)


def promotions() -> Sequence[Row[Any]]:
    """Every code, the newest first, with the plan it is for and how many finished a checkout with it: one query."""
    used = (
        select(func.count()).select_from(CheckoutAttempt)
        .where(CheckoutAttempt.promo_id == PromoCode.id, CheckoutAttempt.state == "complete").scalar_subquery()
    )  # fmt: skip
    return db.session().execute(
        select(PromoCode, Plan.name.label("plan_name"), used.label("used"))
        .outerjoin(Plan, Plan.id == PromoCode.plan_id).order_by(PromoCode.id.desc()).limit(PROMOS_SHOWN)
    ).all()  # fmt: skip
