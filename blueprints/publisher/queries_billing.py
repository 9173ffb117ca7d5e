"""One reader's payments, as whoever answers their letter needs to see them: everything, in one order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, or_, select, true

from blueprints.membership.webhooks import UNNEEDED
from blueprints.publisher.queries_people import is_called
from core.db import db
from core.records import dataclass
from core.rendering import money
from models.billing_health import BillingDrift
from models.consent import Consent, Withdrawal
from models.membership import (
    BillingCustomer,
    CheckoutAttempt,
    Entitlement,
    Membership,
    Payment,
    Plan,
    Price,
    StripeEvent,
    Subscription,
)
from models.notification import Mail
from models.user import User

FOUND_SHOWN = 20
OF_A_KIND = 150  # the newest of each kind of thing that happened
MAIL_KINDS = ("membership", "billing", "gift", "seat", "plan", "price")  # what a mail about money begins with


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """Somebody who was looked for."""

    id: int
    name: str
    email: str
    left: bool
    customer: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: its kind, in words, with what Stripe calls it."""

    at: datetime
    kind: str
    said: str
    detail: str = ""
    ref: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class ReaderHistory:
    """Everything about one reader's payments; `cut` names the kinds of which only the newest are here."""

    id: int
    name: str
    email: str
    left: bool
    customers: tuple[BillingCustomer, ...]
    subscriptions: Sequence[Row[Any]]
    entitlements: Sequence[Row[Any]]
    happenings: tuple[Happening, ...]
    cut: tuple[str, ...]


def readers_found(wanted: str, mode: str) -> list[ReaderLine]:
    """People of this name or address, or whom this id of Stripe's belongs to; also those who left."""
    statement = select(User.id, User.display_name, User.email, User.deleted_at, BillingCustomer.stripe_id).outerjoin(
        BillingCustomer, (BillingCustomer.user_id == User.id) & (BillingCustomer.mode == mode)
    )
    kind = wanted.partition("_")[0]
    named: Any = {
        "cus": lambda: BillingCustomer.stripe_id == wanted,
        "sub": lambda: BillingCustomer.id.in_(select(Subscription.customer_id).where(Subscription.stripe_id == wanted)),
        "in": lambda: BillingCustomer.id.in_(select(Payment.customer_id).where(Payment.invoice_id == wanted)),
        "cs": lambda: User.id.in_(select(CheckoutAttempt.user_id).where(CheckoutAttempt.session_id == wanted)),
        "evt": lambda: BillingCustomer.stripe_id.in_(select(StripeEvent.customer).where(StripeEvent.id == wanted)),
    }.get(kind if "_" in wanted else "")
    if named is not None:
        statement = statement.where(named())
    else:
        number = BillingCustomer.id.in_(select(Payment.customer_id).where(Payment.number == wanted))
        statement = statement.where(or_(is_called(wanted), number), or_(User.deleted_at.is_(None), number))
    rows = db.session().execute(statement.order_by(User.name_key).limit(FOUND_SHOWN))
    return [ReaderLine(row[0], row[1], row[2], row[3] is not None, row[4]) for row in rows]


def customer_to_sync(mode: str, user_id: int) -> str | None:
    """The Customer that a person has in this mode."""
    return db.session().scalar(
        select(BillingCustomer.stripe_id).where(BillingCustomer.mode == mode, BillingCustomer.user_id == user_id)
    )


def reader_history(user_id: int, *, with_unneeded: bool = False) -> ReaderHistory | None:
    """Everything about a reader's payments, newest first: thirteen queries, however long it is.

    `with_unneeded` also tells of Events that change nothing here.
    """
    session = db.session()
    person = session.execute(
        select(User.id, User.display_name, User.email, User.deleted_at).where(User.id == user_id)
    ).first()
    if person is None:
        return None
    customers = tuple(session.scalars(select(BillingCustomer).where(BillingCustomer.user_id == user_id)))
    ids = [customer.id for customer in customers]
    names = [customer.stripe_id for customer in customers if customer.stripe_id]
    subscriptions = session.execute(
        select(Subscription, Plan.name.label("plan"), Price.key.label("price"))
        .join(Plan, Plan.id == Subscription.plan_id).outerjoin(Price, Price.id == Subscription.price_id)
        .where(Subscription.customer_id.in_(ids)).order_by(Subscription.started_at.desc())
    ).all()  # fmt: skip
    entitlements = session.execute(
        select(Entitlement, Plan.name.label("plan")).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id == user_id).order_by(Entitlement.starts_at.desc())
    ).all()  # fmt: skip
    kinds = {
        "customer": [_customer(row) for row in customers],
        "checkout": _checkouts(user_id),
        "payment": _payments(ids),
        "membership": _memberships(user_id),
        "event": _events(names, with_unneeded),
        "mail": _mails(user_id),
        "consent": [*_consents(user_id), *_withdrawals(user_id)],
        "put right": _drift(ids),
    }
    every = sorted((each for some in kinds.values() for each in some), key=lambda each: each.at, reverse=True)
    cut = tuple(kind for kind, some in kinds.items() if len(some) >= OF_A_KIND)
    return ReaderHistory(
        person[0], person[1], person[2], person[3] is not None, customers, cast(Sequence[Row[Any]], subscriptions),
        cast(Sequence[Row[Any]], entitlements),
        tuple(every), cut,
    )  # fmt: skip


def _customer(row: BillingCustomer) -> Happening:
    gone = "deleted at Stripe" if row.deleted_at else ""
    return Happening(row.created_at, "customer", f"Customer in {row.mode}", gone, row.stripe_id or "")


def _newest(statement: Any) -> Sequence[Any]:
    return db.session().execute(statement.limit(OF_A_KIND)).all()


def _checkouts(user_id: int) -> list[Happening]:
    rows = _newest(
        select(CheckoutAttempt, Price.key).join(Price, Price.id == CheckoutAttempt.price_id)
        .where(CheckoutAttempt.user_id == user_id).order_by(CheckoutAttempt.id.desc())
    )  # fmt: skip
    found = []
    for attempt, price in rows:
        found.append(Happening(attempt.created_at, "checkout", f"Went to pay {price}", attempt.return_path,
                               attempt.session_id or "", attempt.state))  # fmt: skip
        if attempt.finished_at is not None:
            found.append(Happening(attempt.finished_at, "checkout", f"That checkout is {attempt.state}", "",
                                   attempt.session_id or ""))  # fmt: skip
    return found


def _payments(customer_ids: list[int]) -> list[Happening]:
    rows = _newest(select(Payment).where(Payment.customer_id.in_(customer_ids)).order_by(Payment.paid_at.desc()))
    found = []
    for (row,) in rows:
        back = f"{money(row.refunded_cents, row.currency)} of it given back" if row.refunded_cents else ""
        found.append(Happening(row.paid_at, "payment", f"Paid {money(row.amount_cents, row.currency)}",
                               ", ".join(filter(None, (row.number, back))), row.invoice_id))  # fmt: skip
    return found


def _memberships(user_id: int) -> list[Happening]:
    rows = _newest(
        select(Membership.started_at, Membership.ended_at, Plan.name).join(Plan, Plan.id == Membership.plan_id)
        .where(Membership.user_id == user_id).order_by(Membership.id.desc())
    )  # fmt: skip
    found = [Happening(row[0], "membership", f"{row[2]} began") for row in rows]
    return found + [Happening(row[1], "membership", f"{row[2]} ended") for row in rows if row[1] is not None]


def _events(customers: list[str], with_unneeded: bool) -> list[Happening]:
    needed = true() if with_unneeded else or_(StripeEvent.state != "ignored", StripeEvent.error != UNNEEDED)
    rows = _newest(
        select(StripeEvent.created_at, StripeEvent.type, StripeEvent.error, StripeEvent.id, StripeEvent.state,
               StripeEvent.via, StripeEvent.tries)
        .where(StripeEvent.customer.in_(customers), needed).order_by(StripeEvent.created_at.desc())
    )  # fmt: skip
    return [
        Happening(row[0], "event", row[1], ", ".join(filter(None, (
            "missed by the webhook, caught up" if row[5] == "catch-up" else "", row[2] or "",
            f"{row[6]} tries" if row[6] > 1 else "",
        ))), row[3], row[4])
        for row in rows
    ]  # fmt: skip


def _mails(user_id: int) -> list[Happening]:
    rows = _newest(
        select(Mail.created_at, Mail.subject, Mail.kind, Mail.sent_at)
        .where(Mail.user_id == user_id, or_(*(Mail.kind.startswith(kind) for kind in MAIL_KINDS)))
        .order_by(Mail.id.desc())
    )  # fmt: skip
    return [Happening(row[0], "mail", row[1], row[2], "", "sent" if row[3] else "waiting") for row in rows]


def _consents(user_id: int) -> list[Happening]:
    rows = _newest(select(Consent).where(Consent.user_id == user_id).order_by(Consent.id.desc()))
    return [
        Happening(row.created_at, "consent", f"Pressed the button to {row.kind}", row.shown.replace("\n", " "),
                  row.subscription or "", f"on {row.page}" + (f" from {row.network}" if row.network else ""))
        for (row,) in rows
    ]  # fmt: skip


def _withdrawals(user_id: int) -> list[Happening]:
    rows = _newest(select(Withdrawal).where(Withdrawal.user_id == user_id).order_by(Withdrawal.id.desc()))
    return [
        Happening(row.confirmed_at, "consent", "Withdrew from the contract",
                  "ended and paid back" if row.done_at else "not ended and paid back yet", row.subscription)
        for (row,) in rows
    ]  # fmt: skip


def _drift(customer_ids: list[int]) -> list[Happening]:
    rows = _newest(
        select(BillingDrift).where(BillingDrift.customer_id.in_(customer_ids)).order_by(BillingDrift.id.desc())
    )
    return [
        Happening(row.created_at, "put right", row.what, f"{row.was} → {row.became}", "",
                  "by a comparison" if row.run_id else "by hand")
        for (row,) in rows
    ]  # fmt: skip
