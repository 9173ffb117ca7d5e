"""Finding what readers agreed to, and what they withdrew from."""

from datetime import datetime

from sqlalchemy import Row, desc, select, update

from core.db import db
from models.consent import Consent, Withdrawal
from models.membership import BillingCustomer, Plan, Subscription

AGREEMENTS_SHOWN = 100


def agreements_of(user_id: int) -> list[Row[str, str, str, str, datetime]]:
    """Everything a reader agreed to, the newest first."""
    return list(db.session().execute(
        select(Consent.kind, Consent.shown, Consent.page, Consent.network, Consent.created_at)
        .where(Consent.user_id == user_id).order_by(desc(Consent.id)).limit(AGREEMENTS_SHOWN)
    ))  # fmt: skip


def joined_under(user_id: int) -> list[str]:
    """The terms under which a reader last joined, sentence by sentence."""
    shown = db.session().scalar(
        select(Consent.shown).where(Consent.user_id == user_id, Consent.kind == "join")
        .order_by(desc(Consent.id)).limit(1)
    )  # fmt: skip
    return shown.split("\n") if shown else []


def forget_networks(user_id: int) -> None:
    """Keep the proof of what was agreed to, but no longer from where; for somebody who leaves."""
    db.session().execute(update(Consent).where(Consent.user_id == user_id).values(network=""))


def contract_row(mode: str, subscription: str, user_id: int) -> Row[datetime, str] | None:
    """When a reader's Subscription began, and what its plan is called."""
    return db.session().execute(
        select(Subscription.started_at, Plan.name)
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .where(Subscription.mode == mode, Subscription.stripe_id == subscription, BillingCustomer.user_id == user_id)
    ).first()  # fmt: skip


def withdrawal_of(mode: str, subscription: str) -> Withdrawal | None:
    """The withdrawal from this Subscription, if there was one."""
    return db.session().scalar(
        select(Withdrawal).where(Withdrawal.mode == mode, Withdrawal.subscription == subscription)
        .execution_options(populate_existing=True)
    )  # fmt: skip


def withdrawn(mode: str, user_id: int) -> set[str]:
    """The Subscriptions that a reader withdrew from."""
    return set(db.session().scalars(
        select(Withdrawal.subscription).where(Withdrawal.mode == mode, Withdrawal.user_id == user_id)))  # fmt: skip
