"""Seats of a group: inviting, taking, leaving, removing. In the caller's transaction.

Whoever gives or takes a seat locks the Subscription's row first, counts, and only then writes; what the count allows,
the database's own rules allow too: one live row for a number, one for a reader.
"""

from contextlib import suppress

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from blueprints.membership import queries, queries_seats, queries_subscriptions, seats_mails
from blueprints.membership.gateway import gateway
from blueprints.membership.policy import RUNNING
from blueprints.membership.queries_seats import GroupRow, SeatView
from blueprints.membership.seats_follow import OWNERS, end_seat, entitle
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.viewer import Viewer
from jobs.queue import handler
from models.membership import Subscription
from models.seat import Seat

LONGEST_TOKEN = 80
UNKNOWN = "We do not know this seat. The link may be incomplete, or it was taken back."


@dataclass(frozen=True, slots=True)
class Group:
    """A group as its owner sees it."""

    row: GroupRow
    seats: list[SeatView]
    link: str

    @property
    def free(self) -> int:
        return max(0, self.row.places - len(self.seats))


@dataclass(frozen=True, slots=True)
class Offer:
    """What a link offers: a seat in a group, or why not."""

    group: GroupRow
    seat_id: int | None
    refusal: str


def group_of(user_id: int) -> Group | None:
    """The group that somebody pays for; None without one."""
    row = _owned(user_id)
    if row is None:
        return None
    link = f"/seats/{_serializer().dumps(['g', row.id, row.link_number])}"
    return Group(row, queries_seats.seats_shown(row.id), link)


def offer_named(token: str, user_id: int | None) -> Offer:
    """What a link offers to this person. Raises NotFound, the same for strange and outdated ones."""
    try:
        kind, number, mark = _serializer().loads(token) if len(token) <= LONGEST_TOKEN else ("", 0, 0)
    except (BadSignature, ValueError, TypeError):
        raise NotFound(UNKNOWN) from None
    seat = queries_seats.seat(number) if kind == "s" else None
    if kind == "s" and (seat is None or seat.ended_at is not None):
        raise NotFound(UNKNOWN)
    group = queries_seats.group_by_id(seat.subscription_id if seat else number)
    if group is None or (kind == "g" and group.link_number != mark):
        raise NotFound(UNKNOWN)
    return Offer(group, seat.id if seat else None, _why_not(group, seat, user_id))


def invite(owner_id: int, email: str) -> None:
    """Keep a seat for somebody and write to them. Raises NotFound or Conflict."""
    mirror, group = _lock_owned(owner_id)
    given = queries_seats.seats_of(mirror.id)
    if any(seat.user_id is None and seat.email == email for seat in given):
        raise Conflict("A seat is kept for this address already.")
    seat = _new_seat(mirror, group, given, email=email)
    seats_mails.invited(group, email, seat.id, f"/seats/{_serializer().dumps(['s', seat.id, 0])}")


def take(viewer: Viewer, token: str) -> GroupRow:
    """Sit down on the seat that a link offers. Pressed twice, it is one seat. Raises DomainError."""
    if viewer.id is None or not viewer.confirmed:
        raise DomainError("Please confirm your e-mail address first: the link is in the mail we sent you.", 403)
    asked = offer_named(token, viewer.id)
    mirror = queries_seats.lock_subscription(asked.group.id)
    offer = offer_named(token, viewer.id)
    if mirror is None:
        raise NotFound(UNKNOWN)
    given = queries_seats.seats_of(mirror.id)
    if any(seat.user_id == viewer.id for seat in given):
        return offer.group
    if offer.refusal:
        raise Conflict(offer.refusal)
    seat = next((one for one in given if one.id == offer.seat_id), None)
    if seat is None:
        seat = _new_seat(mirror, offer.group, given)
    seat.user_id, seat.taken_at = viewer.id, clock.now()
    db.session().flush()
    entitle(mirror, seat, clock.now())
    owner = queries.person(offer.group.owner_id)
    if owner is not None and owner.deleted_at is None:
        seats_mails.taken(offer.group, owner, seat.id, viewer.display_name)
    return offer.group


def remove(owner_id: int, seat_id: int) -> bool:
    """Free a seat of one's group; what it gave ends now. Gives whether somebody sat on it. Raises NotFound.

    Who sat there may know the group's link, and would sit down again: it becomes a new one.
    """
    mirror, _ = _lock_owned(owner_id)
    seat = next((one for one in queries_seats.seats_of(mirror.id) if one.id == seat_id), None)
    if seat is None:
        raise NotFound("There is no such seat in your group.")
    sat = seat.user_id is not None
    end_seat(mirror, seat, clock.now())
    if sat:
        mirror.seat_link_number += 1
    db.session().flush()
    return sat


def leave(user_id: int, seat_id: int) -> None:
    """Give up one's own seat. Raises NotFound."""
    seat = queries_seats.seat(seat_id)
    mirror = queries_seats.lock_subscription(seat.subscription_id) if seat else None
    seat = queries_seats.seat(seat_id)
    if seat is None or mirror is None or seat.user_id != user_id or seat.ended_at is not None:
        raise NotFound("There is no such seat of yours.")
    end_seat(mirror, seat, clock.now())
    db.session().flush()


@handler("seats.leave-all")
def leave_all(user_id: int) -> None:
    """Free the seats of somebody who deleted their account."""
    for one in queries_seats.own_seats(user_id):
        with transaction(), suppress(NotFound):
            leave(user_id, one.id)


def change_link(owner_id: int) -> None:
    """Make the group's link a new one; the one before opens nothing any more. Raises NotFound."""
    mirror, _ = _lock_owned(owner_id)
    mirror.seat_link_number += 1
    db.session().flush()


def _new_seat(mirror: Subscription, group: GroupRow, given: list[Seat], email: str = "") -> Seat:
    places = max(0, min(mirror.quantity, mirror.next_quantity or mirror.quantity) - OWNERS)
    if mirror.status not in RUNNING:
        raise Conflict("Seats can be given when the payment for the group is in order.")
    if len(given) >= places:
        raise Conflict("All seats of this group are given.")
    used = {seat.number for seat in given}
    number = next(n for n in range(OWNERS + 1, len(given) + OWNERS + 2) if n not in used)
    seat = Seat(subscription_id=mirror.id, number=number, email=email, created_at=clock.now())
    db.session().add(seat)
    db.session().flush()
    return seat


def _why_not(group: GroupRow, seat: Seat | None, user_id: int | None) -> str:
    if user_id is not None and user_id == group.owner_id:
        return "This is your own group: your seat is yours already."
    if seat is not None and seat.user_id is not None:
        return "You sit on this seat." if seat.user_id == user_id else "This seat has been taken already."
    if group.status not in RUNNING:
        return "This group has no seats at the moment."
    if seat is None and queries_seats.seats_given(group.id) >= group.places:
        return "All seats of this group are given."
    return ""


def _owned(user_id: int) -> GroupRow | None:
    mode = gateway().mode
    state = queries_subscriptions.billing_state(mode, user_id, clock.now())
    return queries_seats.group_named(mode, state.subscription) if state else None


def _lock_owned(user_id: int) -> tuple[Subscription, GroupRow]:
    row = _owned(user_id)
    mirror = queries_seats.lock_subscription(row.id) if row else None
    if row is None or mirror is None:
        raise NotFound("You pay for no group.")
    return mirror, row


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="seat")
