"""Finding plans, customers, subscriptions and entitlements; and the few writes that must not clash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased

from blueprints.membership.policy import BLOCKS_JOINING, OWING, RUNNING
from core.db import Base, db
from core.viewer import Act, grants
from models.article import Article
from models.gift import Gift
from models.membership import (
    BillingCustomer,
    CheckoutAttempt,
    Entitlement,
    Membership,
    Payment,
    Plan,
    Price,
    StripeEvent,
    StripeObject,
    Subscription,
)
from models.site import Site
from models.user import User

UNENDED = ("trialing", "active", "past_due", "unpaid", "paused", "incomplete")
PAYMENTS_SHOWN = 36


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


@dataclass(frozen=True, slots=True)
class BillingState:
    """A reader's Subscription as last fetched."""

    subscription: str
    customer: str
    status: str
    plan_key: str
    plan_name: str
    amount_cents: int | None
    currency: str | None
    interval: str | None
    period_end_at: datetime | None
    cancel_at: datetime | None
    past_due_since: datetime | None
    next_payment_cents: int | None
    next_payment_currency: str | None
    access_ends_at: datetime | None
    has_access: bool
    synced_at: datetime | None
    price_key: str | None = None
    plan_rank: int = 0
    quantity: int = 1
    started_at: datetime | None = None
    trial_ends_at: datetime | None = None
    card: str | None = None
    card_expires: str | None = None
    schedule: str | None = None
    next_plan_name: str | None = None
    next_amount_cents: int | None = None
    next_interval: str | None = None
    next_price_at: datetime | None = None
    next_try_at: datetime | None = None
    next_quantity: int | None = None
    is_paused: bool = False
    resumes_at: datetime | None = None

    @property
    def is_owing(self) -> bool:
        return self.status in OWING

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING

    @property
    def is_ending(self) -> bool:
        return self.is_running and self.cancel_at is not None


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """A plan that somebody has, whatever the source."""

    plan_key: str
    plan_name: str
    source: str
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerRow:
    id: int
    user_id: int
    stripe_id: str
    synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptRow:
    id: int
    user_id: int
    price_key: str
    state: str
    session_id: str | None
    url: str | None
    return_path: str
    created_at: datetime
    promo_id: int | None
    trial_days: int | None
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class ArticleRef:
    slug: str
    headline: str


_PRICE = (
    Price.id, Price.key, Price.plan_id, Plan.key.label("plan_key"), Plan.name.label("plan_name"), Price.amount_cents,
    Price.currency, Price.interval, Price.trial_days,
)  # fmt: skip


def insert_new(model: type[Base], **values: Any) -> bool:
    """Insert a row unless one like it is there already; whether it was new.

    The row itself is asked back: PostgreSQL's driver gives no count where a key is made by the database.
    """
    session = db.session()
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    key = model.__table__.primary_key.columns  # type: ignore[attr-defined]
    done = session.execute(insert(model).values(**values).on_conflict_do_nothing().returning(*key))
    return done.first() is not None


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


def article_ref(slug: str) -> ArticleRef | None:
    """The published article that somebody wants to join the discussion of."""
    row = db.session().execute(
        select(Article.slug, Article.headline).where(Article.slug == slug, Article.state == "published")
    ).first()  # fmt: skip
    return ArticleRef(*row) if row else None


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


def lock_customer(mode: str, stripe_id: str) -> BillingCustomer | None:
    """The row under which a Customer's state is fetched, locked for this transaction."""
    return db.session().scalar(
        select(BillingCustomer)
        .where(BillingCustomer.mode == mode, BillingCustomer.stripe_id == stripe_id)
        .with_for_update()
    )


def lock_customer_of(mode: str, user_id: int) -> BillingCustomer | None:
    """A reader's Customer row, locked for this transaction."""
    return db.session().scalar(
        select(BillingCustomer)
        .where(BillingCustomer.mode == mode, BillingCustomer.user_id == user_id)
        .with_for_update()
    )


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn it is to fetch a Customer's state."""

    begun: int
    applied: int
    leased_until: datetime | None


def turns_of(mode: str, stripe_id: str) -> Turns | None:
    """The fetches of a Customer's state, begun and written, as the database has them now."""
    session = db.session()
    row = session.execute(
        select(BillingCustomer.generation, BillingCustomer.applied_generation, BillingCustomer.leased_until)
        .where(BillingCustomer.mode == mode, BillingCustomer.stripe_id == stripe_id)
    ).first()  # fmt: skip
    session.rollback()  # the next look must not see the same snapshot
    return Turns(*row) if row else None


def customer_by_stripe_id(mode: str, stripe_id: str) -> CustomerRow | None:
    return _customer_row(BillingCustomer.mode == mode, BillingCustomer.stripe_id == stripe_id)


def customer_of(mode: str, user_id: int) -> CustomerRow | None:
    """The reader's Customer, when there is one at Stripe."""
    return _customer_row(
        BillingCustomer.mode == mode, BillingCustomer.user_id == user_id, BillingCustomer.stripe_id.is_not(None)
    )


def customers_after(mode: str, last_id: int, limit: int) -> list[CustomerRow]:
    """Customers with a Subscription that has not ended, or who pay or paid a gift, or are paying; by their ids."""
    unended = select(Subscription.id).where(
        Subscription.customer_id == BillingCustomer.id, Subscription.status.in_(UNENDED)
    )
    paying = select(CheckoutAttempt.id).where(
        CheckoutAttempt.user_id == BillingCustomer.user_id, CheckoutAttempt.mode == mode,
        CheckoutAttempt.state == "open",
    )  # fmt: skip
    giving = select(Gift.id).where(
        Gift.giver_id == BillingCustomer.user_id, Gift.mode == mode, Gift.state.not_in(("expired", "failed")),
    )  # fmt: skip
    rows = db.session().execute(
        select(BillingCustomer.id, BillingCustomer.user_id, BillingCustomer.stripe_id, BillingCustomer.synced_at)
        .where(
            BillingCustomer.mode == mode, BillingCustomer.id > last_id, BillingCustomer.stripe_id.is_not(None),
            or_(unended.exists(), paying.exists(), giving.exists()),
        )
        .order_by(BillingCustomer.id).limit(limit)
    )  # fmt: skip
    return [CustomerRow(row.id, row.user_id, row.stripe_id or "", row.synced_at) for row in rows]


def known_subscriptions(mode: str, stripe_ids: list[str]) -> dict[str, str]:
    """The mirrored status of these Subscriptions."""
    rows = db.session().execute(
        select(Subscription.stripe_id, Subscription.status)
        .where(Subscription.mode == mode, Subscription.stripe_id.in_(stripe_ids))
    )  # fmt: skip
    return {row.stripe_id: row.status for row in rows}


def subscriptions_of(customer_id: int) -> dict[str, Subscription]:
    """The mirror rows of a Customer by Stripe's id."""
    rows = db.session().scalars(select(Subscription).where(Subscription.customer_id == customer_id))
    return {row.stripe_id: row for row in rows}


def payments_by_invoice(customer_id: int) -> dict[str, Payment]:
    """The payment rows of a Customer by Invoice."""
    rows = db.session().scalars(select(Payment).where(Payment.customer_id == customer_id))
    return {row.invoice_id: row for row in rows}


def has_ever_paid(user_id: int) -> bool:
    """Whether a reader has had a Subscription, in whatever mode: then nothing is their first."""
    return db.session().scalar(
        select(Subscription.id).join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .where(BillingCustomer.user_id == user_id).limit(1)
    ) is not None  # fmt: skip


def owns_invoice(mode: str, user_id: int, invoice_id: str) -> bool:
    """Whether this Invoice was paid by this reader."""
    return db.session().scalar(
        select(Payment.id).join(BillingCustomer, BillingCustomer.id == Payment.customer_id)
        .where(Payment.mode == mode, Payment.invoice_id == invoice_id, BillingCustomer.user_id == user_id)
    ) is not None  # fmt: skip


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


def person(user_id: int) -> User | None:
    """Somebody with an account, deleted or not."""
    return db.session().scalar(select(User).where(User.id == user_id))


def lock_person(user_id: int) -> User | None:
    """Somebody with an account, locked for this transaction."""
    return db.session().scalar(select(User).where(User.id == user_id).with_for_update())


def plan_names() -> dict[int, str]:
    return {row.id: row.name for row in db.session().execute(select(Plan.id, Plan.name))}


def customers_of_person(user_id: int) -> list[tuple[str, str]]:
    """(mode, stripe id) of every Customer that a person has."""
    rows = db.session().execute(
        select(BillingCustomer.mode, BillingCustomer.stripe_id)
        .where(BillingCustomer.user_id == user_id, BillingCustomer.stripe_id.is_not(None))
    )  # fmt: skip
    return [(row.mode, row.stripe_id or "") for row in rows]


def billing_state(mode: str, user_id: int, at: datetime) -> BillingState | None:
    """The reader's Subscription that decides: a running one before one that owes, the older before the newer."""
    following, following_plan = aliased(Price), aliased(Plan)
    order = case((Subscription.status.in_(RUNNING), 0), (Subscription.status.in_(BLOCKS_JOINING), 1), else_=2)
    row = db.session().execute(
        select(Subscription, BillingCustomer.stripe_id.label("customer"), BillingCustomer.synced_at, Plan, Price,
               Entitlement, following, following_plan)
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .outerjoin(Price, Price.id == Subscription.price_id)
        .outerjoin(following, following.id == Subscription.next_price_id)
        .outerjoin(following_plan, following_plan.id == following.plan_id)
        .outerjoin(
            Entitlement,
            (Entitlement.source == "stripe")
            & (Entitlement.source_ref == Subscription.mode + ":" + Subscription.stripe_id),
        )
        .where(
            BillingCustomer.mode == mode, BillingCustomer.user_id == user_id, BillingCustomer.stripe_id.is_not(None),
            Subscription.status.in_(UNENDED),
        )
        .order_by(order, Subscription.started_at, Subscription.id).limit(1),
        execution_options={"populate_existing": True},
    ).first()  # fmt: skip
    if row is None:
        return None
    mirror, customer, synced_at, plan = row[:4]
    price: Price | None = row[4]
    entitlement: Entitlement | None = row[5]
    next_price: Price | None = row[6]
    next_plan: Plan | None = row[7]
    return BillingState(
        subscription=mirror.stripe_id, customer=customer or "", status=mirror.status, plan_key=plan.key,
        plan_name=plan.name, amount_cents=price.amount_cents if price else None,
        currency=price.currency if price else None, interval=price.interval if price else None,
        period_end_at=mirror.current_period_end_at, cancel_at=mirror.cancel_at,
        past_due_since=mirror.past_due_since, next_payment_cents=mirror.next_payment_cents,
        next_payment_currency=mirror.next_payment_currency, access_ends_at=entitlement.ends_at if entitlement else None,
        has_access=entitlement is not None and (entitlement.ends_at is None or entitlement.ends_at > at),
        synced_at=synced_at, price_key=price.key if price else None, plan_rank=plan.rank, quantity=mirror.quantity,
        started_at=mirror.started_at, trial_ends_at=mirror.trial_ends_at, card=mirror.card,
        card_expires=mirror.card_expires, schedule=mirror.schedule,
        next_plan_name=next_plan.name if next_plan else None,
        next_amount_cents=next_price.amount_cents if next_price else None,
        next_interval=next_price.interval if next_price else None, next_price_at=mirror.next_price_at,
        next_try_at=mirror.next_try_at, next_quantity=mirror.next_quantity, is_paused=mirror.is_paused,
        resumes_at=mirror.pause_resumes_at,
    )  # fmt: skip


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


def payments_of(mode: str, user_id: int) -> Sequence[Payment]:
    """What a reader paid, newest first."""
    return db.session().scalars(
        select(Payment)
        .join(BillingCustomer, BillingCustomer.id == Payment.customer_id)
        .where(BillingCustomer.mode == mode, BillingCustomer.user_id == user_id)
        .order_by(Payment.paid_at.desc(), Payment.id.desc()).limit(PAYMENTS_SHOWN)
    ).all()  # fmt: skip


def lock_open_attempt(mode: str, user_id: int) -> CheckoutAttempt | None:
    """The reader's one open checkout, locked for this transaction."""
    return db.session().scalar(
        select(CheckoutAttempt).where(
            CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id, CheckoutAttempt.state == "open"
        ).with_for_update()
    )  # fmt: skip


def open_attempt(mode: str, user_id: int) -> AttemptRow | None:
    """The reader's one open checkout."""
    return _attempt_row(
        CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id, CheckoutAttempt.state == "open"
    )


def latest_return_path(mode: str, user_id: int) -> str | None:
    """Where the reader came from when they last began to pay."""
    return db.session().scalar(
        select(CheckoutAttempt.return_path)
        .where(CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id)
        .order_by(CheckoutAttempt.id.desc()).limit(1)
    )  # fmt: skip


def attempt_by_id(attempt_id: int) -> AttemptRow | None:
    return _attempt_row(CheckoutAttempt.id == attempt_id)


def attempt_by_session(mode: str, session_id: str) -> AttemptRow | None:
    """The checkout that this Checkout session belongs to."""
    return _attempt_row(CheckoutAttempt.mode == mode, CheckoutAttempt.session_id == session_id)


def lock_attempt(attempt_id: int) -> CheckoutAttempt | None:
    return db.session().scalar(select(CheckoutAttempt).where(CheckoutAttempt.id == attempt_id).with_for_update())


def event_by_id(event_id: str) -> StripeEvent | None:
    """One Event as the database has it now."""
    return db.session().scalar(
        select(StripeEvent).where(StripeEvent.id == event_id).execution_options(populate_existing=True)
    )


def newest_event_at(mode: str) -> datetime | None:
    """When the newest Event that we have was made at Stripe."""
    return db.session().scalar(select(func.max(StripeEvent.created_at)).where(StripeEvent.mode == mode))


def first_customer_at(mode: str) -> datetime | None:
    """When somebody first began to pay."""
    return db.session().scalar(select(func.min(BillingCustomer.created_at)).where(BillingCustomer.mode == mode))


def known_events(event_ids: list[str]) -> set[str]:
    return set(db.session().scalars(select(StripeEvent.id).where(StripeEvent.id.in_(event_ids))))


def unfinished_events(mode: str) -> Sequence[Row[str, str, str, int, str | None, datetime]]:
    """Events that wait or failed, oldest first: (id, type, state, tries, error, received_at)."""
    return db.session().execute(
        select(
            StripeEvent.id, StripeEvent.type, StripeEvent.state, StripeEvent.tries, StripeEvent.error,
            StripeEvent.received_at,
        )
        .where(StripeEvent.mode == mode, StripeEvent.state.in_(("waiting", "failed")))
        .order_by(StripeEvent.received_at)
    ).all()  # fmt: skip


def event_versions(mode: str) -> set[str]:
    """The API versions in which Events came."""
    return set(
        db.session().scalars(
            select(StripeEvent.api_version)
            .where(StripeEvent.mode == mode, StripeEvent.api_version.is_not(None)).distinct()
        )
    )  # fmt: skip


def forget_event_bodies_before(moment: datetime) -> None:
    """Empty the bodies of Events dealt with before `moment`: they are personal data; the ids stay, to tell repeats."""
    db.session().execute(
        update(StripeEvent)
        .where(StripeEvent.received_at < moment, StripeEvent.state.in_(("done", "ignored")), StripeEvent.body != b"")
        .values(body=b"")
    )


def _customer_row(*where: Any) -> CustomerRow | None:
    row = db.session().execute(
        select(BillingCustomer.id, BillingCustomer.user_id, BillingCustomer.stripe_id, BillingCustomer.synced_at)
        .where(*where)
    ).first()  # fmt: skip
    return CustomerRow(row.id, row.user_id, row.stripe_id or "", row.synced_at) if row else None


def _attempt_row(*where: Any) -> AttemptRow | None:
    row = db.session().execute(
        select(
            CheckoutAttempt.id, CheckoutAttempt.user_id, Price.key, CheckoutAttempt.state, CheckoutAttempt.session_id,
            CheckoutAttempt.url, CheckoutAttempt.return_path, CheckoutAttempt.created_at, CheckoutAttempt.promo_id,
            CheckoutAttempt.trial_days, CheckoutAttempt.quantity,
        )
        .join(Price, Price.id == CheckoutAttempt.price_id).where(*where)
    ).first()  # fmt: skip
    return AttemptRow(*tuple(row)) if row else None
