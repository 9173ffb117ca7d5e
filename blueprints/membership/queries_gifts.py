"""Finding gifts, for who gave and who got them."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from core.db import db
from core.records import dataclass
from models.gift import Gift
from models.membership import Entitlement, Plan, Price

GIFTS_SHOWN = 100
WATCHED = timedelta(days=540)  # how long after a payment its bank may still take it back


@dataclass(frozen=True, slots=True)
class GiftView:
    """A gift with what it is of and who it is from."""

    id: int
    state: str
    plan_name: str
    plan_rank: int
    interval: str
    price_key: str
    from_name: str
    to_name: str
    to_email: str
    note: str
    send_at: datetime
    sent_at: datetime | None
    link_number: int
    giver_id: int
    paid_cents: int
    price_cents: int
    currency: str
    paid_at: datetime | None
    refunded_cents: int
    disputed: bool
    revoked_at: datetime | None
    redeemed_by: int | None
    redeemed_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Watched:
    """A gift whose session or payment is to be looked at again."""

    id: int
    mode: str
    giver_id: int
    session_id: str | None
    intent: str | None


_WATCHED = select(Gift.id, Gift.mode, Gift.giver_id, Gift.session_id, Gift.intent)


_VIEWS: Any = (
    select(
        Gift.id, Gift.state, Plan.name, Plan.rank, Price.interval, Price.key, Gift.from_name, Gift.to_name,
        Gift.to_email, Gift.note, Gift.send_at, Gift.sent_at, Gift.link_number, Gift.giver_id, Gift.paid_cents,
        Price.amount_cents, Gift.currency, Gift.paid_at, Gift.refunded_cents, Gift.disputed, Gift.revoked_at,
        Gift.redeemed_by, Gift.redeemed_at, Gift.starts_at, Gift.ends_at, Gift.created_at,
    )
    .join(Price, Price.id == Gift.price_id).join(Plan, Plan.id == Price.plan_id)
)  # fmt: skip


def _one(*where: ColumnElement[bool]) -> GiftView | None:
    row = db.session().execute(_VIEWS.where(*where)).first()
    return GiftView(*row) if row else None


def gift_view(gift_id: int) -> GiftView | None:
    """A gift by its number."""
    return _one(Gift.id == gift_id)


def gift_of(mode: str, giver_id: int, gift_id: int) -> GiftView | None:
    """A gift, when this person gave it."""
    return _one(Gift.id == gift_id, Gift.giver_id == giver_id, Gift.mode == mode)


def gift_by_session(mode: str, giver_id: int, session_id: str) -> GiftView | None:
    """The gift that this person pays in this Checkout session."""
    return _one(Gift.mode == mode, Gift.giver_id == giver_id, Gift.session_id == session_id)


def gifts_given(mode: str, giver_id: int) -> list[GiftView]:
    """What somebody gave and paid, or is paying, the newest first."""
    rows = db.session().execute(
        _VIEWS.where(Gift.mode == mode, Gift.giver_id == giver_id, Gift.state.not_in(("expired", "failed")))
        .order_by(Gift.id.desc()).limit(GIFTS_SHOWN)
    )  # fmt: skip
    return [GiftView(*row) for row in rows]


def gifts_got(user_id: int) -> list[GiftView]:
    """What somebody redeemed, the newest first."""
    rows = db.session().execute(
        _VIEWS.where(Gift.redeemed_by == user_id).order_by(Gift.id.desc()).limit(GIFTS_SHOWN)
    )
    return [GiftView(*row) for row in rows]


def lock_gift(gift_id: int) -> Gift | None:
    """A gift, locked for this transaction, as it is now."""
    return db.session().scalar(
        select(Gift).where(Gift.id == gift_id).with_for_update().execution_options(populate_existing=True)
    )


def lock_open_gift(mode: str, giver_id: int) -> Gift | None:
    """The one gift that somebody is paying, locked for this transaction."""
    return db.session().scalar(
        select(Gift).where(Gift.mode == mode, Gift.giver_id == giver_id, Gift.state == "open").with_for_update()
        .execution_options(populate_existing=True)
    )  # fmt: skip


def open_gift(mode: str, giver_id: int) -> Watched | None:
    """The gift that somebody is paying."""
    row = db.session().execute(
        _WATCHED.where(Gift.mode == mode, Gift.giver_id == giver_id, Gift.state == "open")
    ).first()
    return Watched(*row) if row else None


def watched_gift(gift_id: int) -> Watched | None:
    """How a gift is called at Stripe."""
    row = db.session().execute(_WATCHED.where(Gift.id == gift_id)).first()
    return Watched(*row) if row else None


def plan_of(gift_id: int) -> int | None:
    """The plan that a gift is of."""
    return db.session().scalar(
        select(Price.plan_id).join(Gift, Gift.price_id == Price.id).where(Gift.id == gift_id)
    )


def watched_gifts(mode: str, giver_id: int, at: datetime) -> list[Watched]:
    """Gifts of somebody's that are being paid, or whose payment may still go back."""
    rows = db.session().execute(
        _WATCHED.where(
            Gift.mode == mode, Gift.giver_id == giver_id, Gift.session_id.is_not(None),
            or_(Gift.state == "open", Gift.paid_at > at - WATCHED),
        ).order_by(Gift.id)
    )  # fmt: skip
    return [Watched(*row) for row in rows]


def redeemed_gifts(user_id: int) -> list[tuple[Gift, int, int, str]]:
    """What somebody redeemed, in that order, with plan, its rank, and the interval."""
    rows = db.session().execute(
        select(Gift, Plan.id, Plan.rank, Price.interval)
        .join(Price, Price.id == Gift.price_id).join(Plan, Plan.id == Price.plan_id)
        .where(Gift.redeemed_by == user_id).order_by(Gift.redeemed_at, Gift.id)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def spans_of(user_id: int, at: datetime) -> list[tuple[Entitlement, int]]:
    """What somebody has now or will have, with the rank of each plan."""
    rows = db.session().execute(
        select(Entitlement, Plan.rank).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id == user_id, or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > at))
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows]


def gift_entitlement(gift_id: int) -> Entitlement | None:
    """What a gift gives."""
    return db.session().scalar(
        select(Entitlement).where(Entitlement.source == "gift", Entitlement.source_ref == reference_of(gift_id))
    )


def reference_of(gift_id: int) -> str:
    """What an entitlement says it comes from."""
    return f"gift:{gift_id}"
