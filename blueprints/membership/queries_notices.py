"""Finding who is to be told about money, and what they were told."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, desc, func, select, update
from sqlalchemy.orm import aliased

from blueprints.membership.law import Term
from blueprints.membership.notice_words import Sold
from blueprints.membership.policy import RUNNING
from core.db import db
from core.records import dataclass
from models.membership import BillingCustomer, Plan, Price, Subscription
from models.movement import BilledInvoice
from models.pricing import BillingNotice, PriceRise
from models.user import User

SHOWN = 100
_COMING = aliased(Price)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whose Subscription goes on by itself, with what the calendar and the words need."""

    id: int  # of the mirror row
    subscription: str
    user_id: int
    country: str | None
    price_id: int
    term: Term
    sold: Sold


def members_after(mode: str, after: int, limit: int, price_id: int | None = None) -> list[Member]:
    """Subscriptions that run, collect and are not to end, by the id of their mirror: one query for a batch."""
    where = [
        Subscription.id > after, Subscription.status.in_(RUNNING), Subscription.cancel_at.is_(None),
        User.deleted_at.is_(None), Subscription.is_paused.is_(False),
    ]  # fmt: skip
    if price_id is not None:
        # A change that the member planned goes first.
        where += [Subscription.price_id == price_id, Subscription.schedule.is_(None)]
    return _members(mode, where, limit)


def member_by_subscription(mode: str, subscription: str) -> Member | None:
    """One member by their Subscription, whatever its state."""
    return next(iter(_members(mode, [Subscription.stripe_id == subscription], 1)), None)


def _members(mode: str, where: list[ColumnElement[bool]], limit: int) -> list[Member]:
    of_it = aliased(BilledInvoice)
    newest = (
        select(of_it.id)
        .where(of_it.subscription_id == Subscription.id, of_it.full_cents > 0, of_it.status != "void")
        .order_by(of_it.period_start_at.desc(), of_it.id.desc()).limit(1).correlate(Subscription).scalar_subquery()
    )
    statement = (
        select(
            Subscription, BillingCustomer.user_id, User.country, Plan.name.label("plan_name"), Price, _COMING,
            PriceRise.takes_effect_at, BilledInvoice,
        )
        .join(BillingCustomer, BillingCustomer.id == Subscription.customer_id)
        .join(User, User.id == BillingCustomer.user_id)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Price, Price.id == Subscription.price_id)
        .outerjoin(
            PriceRise,
            (PriceRise.from_price_id == Price.id) & (PriceRise.mode == mode) & (PriceRise.state == "planned"),
        )
        .outerjoin(BilledInvoice, BilledInvoice.id == newest)
        .outerjoin(_COMING, _COMING.id == PriceRise.to_price_id)
        .where(Subscription.mode == mode, *where)
        .order_by(Subscription.id).limit(limit).execution_options(populate_existing=True)
    )  # fmt: skip
    found = []
    for row in db.session().execute(statement):
        mirror: Subscription = row.Subscription
        price: Price = row[4]
        coming: Price | None = row[5]
        billed: BilledInvoice | None = row.BilledInvoice
        term = Term(
            mirror.status, price.interval, mirror.started_at, mirror.current_period_end_at, mirror.trial_ends_at,
            mirror.cancel_at, _discount_ends(mirror, billed),
        )  # fmt: skip
        sold = Sold(
            row.plan_name, price.amount_cents, price.currency, price.interval, mirror.quantity,
            mirror.next_payment_cents, billed.total_cents if billed else None,
            coming.amount_cents if coming else None, row.takes_effect_at,
        )  # fmt: skip
        found.append(Member(mirror.id, mirror.stripe_id, row.user_id, row.country, price.id, term, sold))
    return found


def _discount_ends(mirror: Subscription, billed: BilledInvoice | None) -> bool:
    """Whether less is taken off the next payment than off the running period; a change the member planned has its own
    words."""
    if billed is None or mirror.next_discount_cents is None or mirror.schedule is not None:
        return False
    return mirror.next_discount_cents < billed.lasting_cents + billed.once_cents


def told_of(mode: str, subscriptions: Sequence[str]) -> set[tuple[str, str, str]]:
    """(subscription, kind, occasion) of everything that was told about these."""
    rows = db.session().execute(
        select(BillingNotice.subscription, BillingNotice.kind, BillingNotice.occasion)
        .where(BillingNotice.mode == mode, BillingNotice.subscription.in_(subscriptions))
    )  # fmt: skip
    return {(row.subscription, row.kind, row.occasion) for row in rows}


def notice_of(mode: str, subscription: str, kind: str, occasion: str) -> BillingNotice | None:
    return db.session().scalar(
        select(BillingNotice).where(
            BillingNotice.mode == mode, BillingNotice.subscription == subscription, BillingNotice.kind == kind,
            BillingNotice.occasion == occasion,
        ).execution_options(populate_existing=True)
    )  # fmt: skip


def notices_of_member(mode: str, user_id: int) -> Sequence[BillingNotice]:
    """Everything a member was told about money, the newest first."""
    return db.session().scalars(
        select(BillingNotice).where(BillingNotice.mode == mode, BillingNotice.user_id == user_id)
        .order_by(desc(BillingNotice.id)).limit(SHOWN)
    ).all()  # fmt: skip


def notices_page(mode: str, kind: str | None, before: int | None, limit: int) -> list[Row[BillingNotice, str]]:
    """The proof for the publisher, the newest first: rows of BillingNotice and the member's name. One query."""
    statement = (
        select(BillingNotice, User.display_name).join(User, User.id == BillingNotice.user_id)
        .where(BillingNotice.mode == mode).order_by(desc(BillingNotice.id)).limit(limit)
    )  # fmt: skip
    if kind:
        statement = statement.where(BillingNotice.kind == kind)
    if before:
        statement = statement.where(BillingNotice.id < before)
    return list(db.session().execute(statement))


def notice_counts(mode: str) -> Row[int, int, int]:
    """How many notices there are, how many not sent yet, how many told late. One query."""
    return db.session().execute(
        select(
            func.count(), func.count().filter(BillingNotice.sent_at.is_(None)),
            func.count().filter(BillingNotice.created_at > BillingNotice.closes_at),
        ).where(BillingNotice.mode == mode)
    ).one()  # fmt: skip


def note_sending(mail_id: int, at: datetime) -> None:
    """Keep beside the proof that its mail left the house: proof outlives the mail."""
    db.session().execute(
        update(BillingNotice).where(BillingNotice.mail_id == mail_id, BillingNotice.sent_at.is_(None))
        .values(sent_at=at).execution_options(synchronize_session=False)
    )


def forget_recipient(user_id: int) -> None:
    """Keep what somebody who leaves was told, but no longer at which address, nor where they lived."""
    db.session().execute(
        update(BillingNotice).where(BillingNotice.user_id == user_id).values(recipient="")
        .execution_options(synchronize_session=False)
    )
    db.session().execute(
        update(User).where(User.id == user_id).values(country=None).execution_options(synchronize_session=False)
    )


def country_of(user_id: int) -> str | None:
    person = db.session().get(User, user_id)  # often loaded already
    return person.country if person else None
