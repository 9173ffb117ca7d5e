"""Seats follow the Subscription that pays them: what it gives, until when, and how many.

Always the Subscription's row is locked first and the people after it, so a job does this and no fetch waits for it.
"""

from datetime import datetime

from blueprints.membership import queries, queries_catalogue, queries_entitlements, queries_seats, seats_mails
from blueprints.membership.policy import ENDED
from blueprints.membership.service import settle_membership
from blueprints.membership.signals import membership_changed_signal
from core import clock
from core.db import db, transaction
from jobs.queue import enqueue, handler
from models.membership import Entitlement, Subscription
from models.seat import Seat

OWNERS = 1  # the owner's own seat, which has no row


def reference_of(mirror: Subscription, seat: Seat) -> str:
    """What the entitlement of a seat says it comes from."""
    return f"{mirror.mode}:{mirror.stripe_id}:{seat.id}"


def follow_soon(mode: str, subscription: str) -> None:
    """Ask for the seats of a Subscription to follow it, in the current transaction."""
    enqueue("seats.follow", key=f"seats.follow:{subscription}", mode=mode, subscription=subscription)


@handler("seats.follow")
def follow(mode: str, subscription: str) -> None:
    """Bring every seat to what the Subscription gives now. Safe to run twice, and in any order."""
    with transaction():
        mirror = queries_seats.lock_subscription_named(mode, subscription)
        if mirror is not None:
            follow_now(mirror)


def follow_now(mirror: Subscription) -> None:
    """Bring every seat of a locked Subscription to what it gives now, in the current transaction.

    Where there are more seats given than paid, invitations go before people, and who came last before who came first.
    """
    now = clock.now()
    places = 0 if mirror.status in ENDED else max(0, mirror.quantity - OWNERS)
    given = queries_seats.seats_of(mirror.id)
    ranked = sorted(given, key=lambda seat: (seat.taken_at is None, seat.taken_at or seat.created_at, seat.id))
    lost = {seat.id for seat in ranked[places:]}
    for seat in given:
        if seat.id in lost:
            end_seat(mirror, seat, now)
    db.session().flush()
    kept = [seat for seat in given if seat.id not in lost]
    for number, seat in enumerate(kept, OWNERS + 1):
        if seat.number != number:
            seat.number = number  # numbers only fall, each into one that is free by now
            db.session().flush()
    for seat in kept:
        if seat.user_id is not None:
            entitle(mirror, seat, now)


def entitle(mirror: Subscription, seat: Seat, now: datetime) -> None:
    """Give who sits on a seat what the Subscription gives its owner, as long as it gives that."""
    if seat.user_id is None:
        return
    owners = queries_seats.entitlement_of("stripe", f"{mirror.mode}:{mirror.stripe_id}")
    live = owners is not None and (owners.ends_at is None or owners.ends_at > now)
    ends_at = owners.ends_at if owners is not None and live else now
    reference = reference_of(mirror, seat)
    row = queries_seats.entitlement_of("seat", reference)
    if row is None:
        if not live:
            return
        plans = {mirror.plan_id}
        db.session().add(Entitlement(user_id=seat.user_id, plan_id=mirror.plan_id, source="seat",
                                     source_ref=reference, starts_at=now, ends_at=ends_at))  # fmt: skip
    else:
        over = row.ends_at is not None and row.ends_at <= now
        if (over and not live) or (row.plan_id, row.ends_at) == (mirror.plan_id, ends_at):
            return
        plans = {row.plan_id, mirror.plan_id}
        row.plan_id, row.ends_at = mirror.plan_id, ends_at
    _settle(mirror.stripe_id, seat.user_id, plans)
    if ends_at is not None and ends_at > now:
        enqueue("seats.turn", run_at=ends_at, key=f"seats.turn:{reference}:{ends_at:%Y%m%d%H%M}",
                user_id=seat.user_id, plan_id=mirror.plan_id, subscription=mirror.stripe_id)  # fmt: skip


def end_seat(mirror: Subscription, seat: Seat, now: datetime) -> None:
    """Nobody sits on this seat any more, and what it gave ends now."""
    seat.ended_at = now
    row = queries_seats.entitlement_of("seat", reference_of(mirror, seat))
    if row is not None and (row.ends_at is None or row.ends_at > now):
        row.ends_at = now
    if seat.user_id is not None:
        _settle(mirror.stripe_id, seat.user_id, {mirror.plan_id, *([row.plan_id] if row else [])})


@handler("seats.turn")
def turn(user_id: int, plan_id: int, subscription: str) -> None:
    """The time that a group had paid for is over: note the end of the Membership, and say so."""
    with transaction():
        _settle(subscription, user_id, {plan_id})


def _settle(subscription: str, user_id: int, plans: set[int]) -> None:
    db.session().flush()
    ended = [plan for plan in sorted(plans) if settle_membership(user_id, plan) == "ended"]
    membership_changed_signal.send(None, user_id=user_id)
    person = queries.person(user_id)
    held = queries_entitlements.plans_held(user_id, clock.now()) if ended else []
    if ended and person is not None and person.deleted_at is None and not held:
        seats_mails.ended(person, queries_catalogue.plan_names()[ended[0]], subscription)
