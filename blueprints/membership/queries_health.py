"""How payments are being looked after: rounds, what they found, Events that wait, cards that were declined."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Row, and_, case, delete, func, or_, select, update

from core.db import db
from core.records import dataclass
from models.billing_health import BillingDrift, BillingRun, CardBurst
from models.membership import (
    BillingCustomer,
    CheckoutAttempt,
    Entitlement,
    Payment,
    Plan,
    Price,
    StripeEvent,
    Subscription,
)
from models.user import RoleGrant, User

LAST_EVENTS = 500  # of which the delay is told
DRIFT_SHOWN = 40
Holdings = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One round, as it stands now."""

    id: int
    kind: str
    started_at: datetime
    listed_at: datetime | None
    ended_at: datetime | None
    asked: int
    looked: int
    found: int
    error: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class DriftRow:
    """Something that was otherwise here than at Stripe."""

    user_id: int
    name: str
    what: str
    was: str
    became: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events since a moment, by what became of them; `late` came by catching up instead of a webhook."""

    done: int
    ignored: int
    waiting: int
    failed: int
    late: int


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds: from Stripe to us, and from us to done; the middle one and the longest of the newest Events."""

    arriving: float
    arriving_longest: float
    handling: float
    handling_longest: float
    events: int


def begin_run(mode: str, kind: str, at: datetime) -> BillingRun:
    """A round that begins, in the current transaction."""
    run = BillingRun(mode=mode, kind=kind, started_at=at)
    db.session().add(run)
    db.session().flush()
    return run


def lock_run(run_id: int) -> BillingRun | None:
    return db.session().scalar(select(BillingRun).where(BillingRun.id == run_id).with_for_update())


def last_run(mode: str, kind: str, *, ended: bool = False) -> RunRow | None:
    """The newest round of a kind; with `ended`, the newest that ended well."""
    where = [BillingRun.mode == mode, BillingRun.kind == kind]
    if ended:
        where += [BillingRun.ended_at.is_not(None), BillingRun.error.is_(None)]
    row = db.session().execute(
        select(
            BillingRun.id, BillingRun.kind, BillingRun.started_at, BillingRun.listed_at, BillingRun.ended_at,
            BillingRun.asked, BillingRun.looked, BillingRun.found, BillingRun.error, BillingRun.detail,
        ).where(*where).order_by(BillingRun.id.desc()).limit(1)
    ).first()  # fmt: skip
    return RunRow(*tuple(row)) if row else None


def ask_once(customer_ids: Sequence[int], run_id: int) -> list[str]:
    """Mark Customers as asked for by this round; those that were not before, by Stripe's id."""
    rows = db.session().scalars(
        update(BillingCustomer)
        .where(BillingCustomer.id.in_(customer_ids), BillingCustomer.asked_run != run_id)
        .values(asked_run=run_id).returning(BillingCustomer.stripe_id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return sorted(filter(None, rows))


def mark_compared(mode: str, customer: str, run_id: int) -> bool:
    """Note that a Customer was compared in this round; whether that was news."""
    done = db.session().execute(
        update(BillingCustomer)
        .where(
            BillingCustomer.mode == mode, BillingCustomer.stripe_id == customer, BillingCustomer.compared_run != run_id
        )
        .values(compared_run=run_id).execution_options(synchronize_session=False)
    )  # fmt: skip
    return bool(done.rowcount)  # type: ignore[attr-defined]


def customer_ids(mode: str, stripe_ids: list[str]) -> list[int]:
    """Our ids of these Customers."""
    rows = db.session().scalars(
        select(BillingCustomer.id).where(BillingCustomer.mode == mode, BillingCustomer.stripe_id.in_(stripe_ids))
    )
    return list(rows)


def held(customer: BillingCustomer) -> Holdings:
    """What our tables say of a Customer, as words: the same state gives the same words. Three queries."""
    session = db.session()
    session.flush()
    words: Holdings = {}
    for row in session.execute(
        select(Subscription.stripe_id, Plan.name, Price.key, Subscription.status, Subscription.current_period_end_at,
               Subscription.cancel_at, Subscription.ended_at, Subscription.past_due_since)
        .join(Plan, Plan.id == Subscription.plan_id).outerjoin(Price, Price.id == Subscription.price_id)
        .where(Subscription.customer_id == customer.id)
    ):  # fmt: skip
        name = f"Subscription {row[0]}"
        words |= {
            (name, "plan"): row[1], (name, "price"): row[2] or "none", (name, "status"): row[3],
            (name, "paid until"): _day(row[4]), (name, "ends on"): _day(row[5]), (name, "ended"): _day(row[6]),
            (name, "owing since"): _day(row[7]),
        }  # fmt: skip
    for access in session.execute(
        select(Entitlement.source_ref, Plan.name, Entitlement.ends_at).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.source == "stripe", Entitlement.user_id == customer.user_id,
               Entitlement.source_ref.startswith(f"{customer.mode}:", autoescape=True))
    ):  # fmt: skip
        name = f"Access by {access[0].partition(':')[2]}"
        words |= {(name, "plan"): access[1], (name, "until"): _day(access[2])}
    for paid in session.execute(
        select(Payment.invoice_id, Payment.amount_cents, Payment.refunded_cents, Payment.currency)
        .where(Payment.customer_id == customer.id)
    ):  # fmt: skip
        name = f"Invoice {paid[0]}"
        words |= {(name, "paid"): f"{paid[1]} {paid[3]}", (name, "given back"): f"{paid[2]} {paid[3]}"}
    return words


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "no date"


def note_drift(run_id: int | None, customer_id: int, what: str, was: str, became: str, at: datetime) -> None:
    """Keep one difference, in the transaction that puts it right."""
    db.session().add(BillingDrift(
        run_id=run_id, customer_id=customer_id, what=what[:200], was=was[:120], became=became[:120], created_at=at,
    ))  # fmt: skip


def drift_since(mode: str, moment: datetime) -> list[DriftRow]:
    """The newest differences that rounds found and put right."""
    rows = db.session().execute(
        select(User.id, User.display_name, BillingDrift.what, BillingDrift.was, BillingDrift.became,
               BillingDrift.created_at)
        .join(BillingCustomer, BillingCustomer.id == BillingDrift.customer_id)
        .join(User, User.id == BillingCustomer.user_id)
        .where(BillingCustomer.mode == mode, BillingDrift.created_at >= moment)
        .order_by(BillingDrift.id.desc()).limit(DRIFT_SHOWN)
    )  # fmt: skip
    return [DriftRow(*row) for row in rows]


def event_counts(mode: str, since: datetime) -> EventCounts:
    """What became of the Events that came since a moment."""
    states = [func.count(case((StripeEvent.state == state, 1))) for state in ("done", "ignored", "waiting", "failed")]
    row = db.session().execute(
        select(*states, func.count(case((and_(StripeEvent.via == "catch-up", StripeEvent.state != "ignored"), 1))))
        .where(StripeEvent.mode == mode, StripeEvent.received_at >= since)
    ).one()  # fmt: skip
    return EventCounts(*tuple(row))


def left_alone(mode: str, since: datetime) -> list[tuple[str, int]]:
    """Why Events were left alone since a moment, and how many."""
    rows = db.session().execute(
        select(StripeEvent.error, func.count())
        .where(StripeEvent.mode == mode, StripeEvent.state == "ignored", StripeEvent.received_at >= since,
               StripeEvent.error.is_not(None))
        .group_by(StripeEvent.error).order_by(func.count().desc())
    )  # fmt: skip
    return [(row[0] or "", row[1]) for row in rows]


def delays(mode: str) -> Delays | None:
    """How long the newest Events took; None where none was dealt with yet."""
    rows = db.session().execute(
        select(StripeEvent.created_at, StripeEvent.received_at, StripeEvent.processed_at)
        .where(StripeEvent.mode == mode, StripeEvent.state == "done", StripeEvent.processed_at.is_not(None))
        .order_by(StripeEvent.received_at.desc()).limit(LAST_EVENTS)
    ).all()  # fmt: skip
    if not rows:
        return None
    # Stripe tells whole seconds, so what was quick may seem to arrive before it left.
    arriving = [max(0.0, (row[1] - row[0]).total_seconds()) for row in rows]
    handling = [max(0.0, (row[2] - row[1]).total_seconds()) for row in rows if row[2]]
    return Delays(median(arriving), max(arriving), median(handling), max(handling), len(rows))


def versions_since(mode: str, moment: datetime) -> set[str]:
    """The API versions in which Events came since a moment."""
    return set(db.session().scalars(
        select(StripeEvent.api_version)
        .where(StripeEvent.mode == mode, StripeEvent.api_version.is_not(None), StripeEvent.received_at >= moment,
               StripeEvent.via == "webhook").distinct()
    ))  # fmt: skip


def lock_event(event_id: str) -> StripeEvent | None:
    """One Event, locked for this transaction, as the database has it now."""
    return db.session().get(StripeEvent, event_id, with_for_update=True, populate_existing=True)


def failed_event_ids(mode: str) -> list[str]:
    """The Events that could not be dealt with, oldest first."""
    return list(db.session().scalars(
        select(StripeEvent.id).where(StripeEvent.mode == mode, StripeEvent.state == "failed")
        .order_by(StripeEvent.received_at)
    ))  # fmt: skip


def prices_on_sale(mode: str, ids: dict[str, str]) -> Sequence[Row[str, int, str, str]]:
    """(key, amount, currency, interval) of what can be bought now, of those that Stripe knows."""
    return db.session().execute(
        select(Price.key, Price.amount_cents, Price.currency, Price.interval)
        .join(Plan, Plan.id == Price.plan_id).where(Price.active, Plan.active, Price.key.in_(ids))
    ).all()  # fmt: skip


def stale_checkouts(mode: str, unfinished_before: datetime, expired_before: datetime) -> list[tuple[int, str | None]]:
    """(attempt, Customer) of checkouts that were never begun at Stripe, or that have run out there."""
    rows = db.session().execute(
        select(CheckoutAttempt.id, BillingCustomer.stripe_id)
        .outerjoin(BillingCustomer, and_(BillingCustomer.user_id == CheckoutAttempt.user_id,
                                         BillingCustomer.mode == CheckoutAttempt.mode))
        .where(
            CheckoutAttempt.mode == mode, CheckoutAttempt.state == "open",
            or_(
                and_(CheckoutAttempt.session_id.is_(None), CheckoutAttempt.created_at < unfinished_before),
                CheckoutAttempt.expires_at < expired_before,
            ),
        )
        .order_by(CheckoutAttempt.id)
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows]


def checkouts_since(mode: str, user_id: int, moment: datetime) -> int:
    """How many checkouts a reader began since a moment."""
    return db.session().scalar(
        select(func.count()).select_from(CheckoutAttempt)
        .where(CheckoutAttempt.mode == mode, CheckoutAttempt.user_id == user_id, CheckoutAttempt.created_at >= moment)
    ) or 0  # fmt: skip


def declined_since(mode: str, moment: datetime) -> tuple[int, int]:
    """First payments whose card was declined since a moment, and of how many people.

    A renewal that fails is no sign of somebody trying cards, so who has had a Subscription does not count.
    """
    has_paid = select(Subscription.id).where(Subscription.customer_id == BillingCustomer.id).exists()
    row = db.session().execute(
        select(func.count(), func.count(BillingCustomer.id.distinct()))
        .select_from(StripeEvent)
        .join(BillingCustomer, and_(BillingCustomer.mode == StripeEvent.mode,
                                    BillingCustomer.stripe_id == StripeEvent.customer))
        .where(StripeEvent.mode == mode, StripeEvent.type == "charge.failed", StripeEvent.received_at >= moment,
               StripeEvent.created_at >= moment - timedelta(days=1), ~has_paid)
    ).one()  # fmt: skip
    return int(row[0]), int(row[1])


def joined_since(mode: str, moment: datetime) -> int:
    """How many Subscriptions began since a moment."""
    return db.session().scalar(
        select(func.count()).select_from(Subscription)
        .where(Subscription.mode == mode, Subscription.started_at >= moment)
    ) or 0  # fmt: skip


def lock_open_burst(mode: str) -> CardBurst | None:
    return db.session().scalar(
        select(CardBurst).where(CardBurst.mode == mode, CardBurst.ended_at.is_(None)).with_for_update()
    )


def bursts(mode: str, since: datetime) -> Sequence[CardBurst]:
    """Bursts that were still going on after a moment, newest first."""
    return db.session().scalars(
        select(CardBurst).where(CardBurst.mode == mode, CardBurst.last_at >= since).order_by(CardBurst.id.desc())
    ).all()  # fmt: skip


def is_bursting(mode: str) -> bool:
    return db.session().scalar(
        select(CardBurst.id).where(CardBurst.mode == mode, CardBurst.ended_at.is_(None))
    ) is not None  # fmt: skip


def publishers() -> Sequence[Row[int, str, str]]:
    """(id, name, address) of everybody who looks after the paper's money and confirmed an address."""
    return db.session().execute(
        select(User.id, User.display_name, User.email)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .where(RoleGrant.name == "publisher", User.deleted_at.is_(None), User.confirmed_at.is_not(None))
        .order_by(User.id)
    ).all()  # fmt: skip


def forget_runs_before(moment: datetime) -> None:
    """Remove rounds and differences of long ago."""
    session: Any = db.session()
    session.execute(delete(BillingDrift).where(BillingDrift.created_at < moment))
    session.execute(delete(BillingRun).where(BillingRun.started_at < moment))
