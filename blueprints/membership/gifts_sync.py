"""What became of the gifts that a Customer pays: fetched and written in the same turn as everything else of theirs."""

from collections.abc import Sequence
from datetime import datetime

from blueprints.membership import gifts_mails, queries, queries_gifts
from blueprints.membership.gateway import ChargeState, Gateway, Missing, SessionState
from blueprints.membership.gifts import ask_to_send, stands
from core import clock
from core.db import db
from core.records import dataclass
from jobs.queue import enqueue
from models.gift import Gift


@dataclass(frozen=True, slots=True)
class GiftPicture:
    """A gift as fetched. `session` None: Stripe no longer knows it."""

    id: int
    session: SessionState | None
    charge: ChargeState | None


def fetch_gifts(stripe: Gateway, user_id: int) -> list[GiftPicture]:
    """Ask about every gift of somebody's whose payment is not settled for good. No transaction may be open."""
    return [
        GiftPicture(one.id, *_look(stripe, one))
        for one in queries_gifts.watched_gifts(stripe.mode, user_id, clock.now())
    ]


def write_gifts(pictures: Sequence[GiftPicture], now: datetime) -> None:
    """Write what was fetched; what follows from a payment follows once, from the difference."""
    for picture in pictures:
        gift = queries_gifts.lock_gift(picture.id)
        if gift is not None:
            _write(gift, picture, now)


def _look(stripe: Gateway, gift: queries_gifts.Watched) -> tuple[SessionState | None, ChargeState | None]:
    intent, session = gift.intent, None
    if intent is None:
        try:
            session = stripe.retrieve_session(gift.session_id or "")
        except Missing:
            return None, None
        intent = session.intent if session.paid else None
    return session, stripe.charge_of(intent) if intent else None


def _write(gift: Gift, picture: GiftPicture, now: datetime) -> None:
    session = picture.session
    if gift.state == "open":
        if session is None:
            gift.state = "failed"
        elif session.status == "expired":
            gift.state = "expired"
        elif session.status == "complete" and session.paid:
            _paid(gift, session, now)
    if gift.paid_at is None or picture.charge is None:
        return
    before = stands(gift)
    gift.refunded_cents, gift.disputed = picture.charge.refunded_cents, picture.charge.disputed
    if stands(gift) != before and gift.redeemed_by is not None:
        # Whoever took it is another person, whose row is not locked here.
        enqueue("gift.place", key=f"gift.place:{gift.redeemed_by}", user_id=gift.redeemed_by)


def _paid(gift: Gift, session: SessionState, now: datetime) -> None:
    gift.state, gift.paid_at, gift.intent = "paid", now, session.intent
    gift.paid_cents, gift.currency = session.amount_cents, session.currency or gift.currency
    db.session().flush()
    ask_to_send(gift)
    person, view = queries.person(gift.giver_id), queries_gifts.gift_view(gift.id)
    if person is not None and person.deleted_at is None and view is not None:
        gifts_mails.bought(view, person)
