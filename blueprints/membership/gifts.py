"""Gifts after they are paid: the link, who takes it, what it gives and when, and taking it back.

A gift extends what somebody has and never overlaps it: it begins when what gives as much ends, and until it has begun
it moves with that. Two at once are told apart by the lock on the gift's row. Always the person's row is locked first.
"""

from datetime import datetime, timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from blueprints.membership import gifts_mails, queries, queries_entitlements, queries_gifts, queries_subscriptions
from blueprints.membership.agreements import Origin, record_consent
from blueprints.membership.gateway import gateway
from blueprints.membership.gifts_policy import Span, begins_at, end_of, holds, why_not
from blueprints.membership.queries_gifts import GiftView
from blueprints.membership.service import settle_membership
from blueprints.membership.signals import membership_changed_signal
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.rendering import date
from core.viewer import Viewer
from jobs.queue import enqueue
from models.gift import Gift
from models.membership import Entitlement

LONGEST_TOKEN = 80
JUST_AFTER = timedelta(seconds=5)
UNKNOWN = "We do not know this gift. The link may be incomplete, or it was sent again to another address."


@dataclass(frozen=True, slots=True)
class Beginning:
    """What taking a gift would mean for this person: when it begins, what stops for it, or why it cannot be taken."""

    starts_at: datetime | None
    terms: tuple[str, ...]
    stops_renewal: bool = False
    refusal: str = ""


def path_of(gift_id: int, link_number: int) -> str:
    """The address at which a gift is taken."""
    return f"/gifts/{_serializer().dumps([gift_id, link_number])}"


def gift_named(token: str) -> GiftView:
    """The gift that an address names. Raises NotFound, the same for strange and outdated ones."""
    try:
        gift_id, number = _serializer().loads(token) if len(token) <= LONGEST_TOKEN else (0, 0)
    except (BadSignature, ValueError, TypeError):
        raise NotFound(UNKNOWN) from None
    found = queries_gifts.gift_view(gift_id)
    if found is None or found.link_number != number or found.state in {"open", "expired", "failed"}:
        raise NotFound(UNKNOWN)
    return found


def stands(gift: GiftView | Gift, rules: tuple[bool, bool] | None = None) -> bool:
    """Whether a gift still holds. `rules`: what ends access, as the publisher set it, where it is known already."""
    refund_ends, dispute_ends = rules or queries_entitlements.ends_of_access()
    return holds(
        gift.paid_cents, gift.refunded_cents, gift.disputed, taken=gift.redeemed_by is not None,
        refund_ends=refund_ends, dispute_ends=dispute_ends,
    )  # fmt: skip


def problem_of(gift: GiftView, user_id: int | None) -> str:
    """Why this person cannot take a gift, whatever they have; or nothing."""
    mine = user_id is not None and gift.redeemed_by == user_id
    return why_not(gift.state, stands=stands(gift), is_mine=mine)


def beginning(user_id: int, gift: GiftView) -> Beginning:
    """What taking a gift would mean for this person now."""
    now = clock.now()
    spans = [_span(row, rank) for row, rank in queries_gifts.spans_of(user_id, now)]
    covering = [span for span in spans if span.rank >= gift.plan_rank]
    state = queries_subscriptions.billing_state(gateway().mode, user_id, now)
    length = f"a {gift.interval}"
    if any(span.ends_at is None and span.source != "stripe" for span in covering):
        return Beginning(None, (), refusal="You have as much already, without an end in sight. The link keeps: "
                         "use it later, or hand it on.")  # fmt: skip
    paying = state is not None and state.plan_rank >= gift.plan_rank and (state.is_running or state.is_owing)
    if state is not None and paying and not state.is_ending:
        if state.quantity > 1:
            return Beginning(None, (), refusal="You pay for a group. The link keeps: use it later, or hand it on.")
        idle = state.is_owing or not state.has_access or state.period_end_at is None  # it gives nothing to wait for
        stop = now if idle or state.period_end_at is None else state.period_end_at
        terms = (
            f"Your paid {state.plan_name} membership stops on {date(stop)} and is not charged again.",
            f"From then on you have {gift.plan_name} for {length}, until {date(end_of(stop, gift.interval))}.",
            "After that nothing is charged, unless you join again.",
        )
        return Beginning(stop, terms, stops_renewal=True)
    starts = begins_at(gift.plan_rank, spans, now) or now
    when = "at once" if starts <= now else f"on {date(starts)}, when what you have ends,"
    quiet = (
        f"It begins {when} and gives you {gift.plan_name} for {length}, until {date(end_of(starts, gift.interval))}.",
        "Nothing is charged, now or then.",
    )
    return Beginning(starts, quiet)


def redeem(viewer: Viewer, token: str, origin: Origin) -> GiftView:
    """Take a gift, in the current transaction; once, whoever presses when. Raises DomainError.

    Where a paid membership is in its way, a job stops that from renewing, and the gift follows it.
    """
    if viewer.id is None or not viewer.confirmed:
        raise DomainError("Please confirm your e-mail address first: the link is in the mail we sent you.", 403)
    named = gift_named(token)
    person = queries.lock_person(viewer.id)
    gift = queries_gifts.lock_gift(named.id)
    fresh = gift_named(token)
    if gift is None or person is None:
        raise NotFound(UNKNOWN)
    if gift.state == "redeemed" and gift.redeemed_by == viewer.id:
        return fresh  # the second press of a double press
    problem = problem_of(fresh, viewer.id)
    if problem:
        raise Conflict(problem)
    begins = beginning(viewer.id, fresh)
    if begins.refusal:
        raise Conflict(begins.refusal)
    gift.state, gift.redeemed_by, gift.redeemed_at = "redeemed", viewer.id, clock.now()
    gift.to_email = ""  # it was for this gift only
    db.session().flush()
    record_consent(viewer.id, "gift", begins.terms, origin)
    place(viewer.id)
    membership_changed_signal.send(None, user_id=viewer.id)
    gifts_mails.redeemed(fresh, person.display_name)
    if begins.stops_renewal:
        enqueue("gift.stop-renewal", key=f"gift.stop-renewal:{gift.id}", gift_id=gift.id)
    return fresh


def place(user_id: int) -> bool:
    """Let each gift that somebody took begin when what gives as much ends; whether anything changed.

    One that has begun stays where it is; one whose payment fell ends. In the current transaction, and safe to repeat.
    """
    gifts = queries_gifts.redeemed_gifts(user_id)
    if not gifts:
        return False
    queries.lock_person(user_id)
    now, changed, plans, rules = clock.now(), False, set(), queries_entitlements.ends_of_access()
    waiting = {
        queries_gifts.reference_of(gift.id) for gift, *_ in gifts if gift.starts_at is None or gift.starts_at > now
    }
    spans = [_span(row, rank) for row, rank in queries_gifts.spans_of(user_id, now) if row.source_ref not in waiting]
    for gift, plan_id, rank, interval in gifts:
        begun = gift.starts_at is not None and gift.starts_at <= now
        good = stands(gift, rules)
        if not begun:
            starts = begins_at(rank, spans, now) if good else None
            gift.starts_at, gift.ends_at = starts, end_of(starts, interval) if starts else None
            if starts and gift.ends_at:
                spans.append(Span(rank, gift.ends_at, "gift"))
        if _give(gift, user_id, plan_id, good=good, now=now):
            changed = True
            plans.add(plan_id)
    db.session().flush()
    for plan_id in plans:
        settle_membership(user_id, plan_id)
    return changed


def revoke(mode: str, giver_id: int, gift_id: int) -> None:
    """Take a gift back that nobody has taken, and start giving its money back. Raises NotFound or Conflict."""
    gift = queries_gifts.lock_gift(gift_id)
    if gift is None or gift.giver_id != giver_id or gift.mode != mode or gift.paid_at is None:
        raise NotFound("There is no such gift of yours.")
    if gift.state == "revoked":
        return
    if gift.state == "redeemed":
        raise Conflict("This gift has been taken already, so it cannot be taken back.")
    gift.state, gift.revoked_at, gift.to_email = "revoked", clock.now(), ""
    db.session().flush()
    enqueue("gift.refund", key=f"gift.refund:{gift.id}", gift_id=gift.id)
    person = queries.person(giver_id)
    view = queries_gifts.gift_view(gift_id)
    if person is not None and view is not None:
        gifts_mails.revoked(view, person)


def send_elsewhere(mode: str, giver_id: int, gift_id: int, email: str) -> None:
    """Send a gift that nobody has taken to this address; links sent before open nothing any more.

    Raises NotFound or Conflict.
    """
    gift = queries_gifts.lock_gift(gift_id)
    if gift is None or gift.giver_id != giver_id or gift.mode != mode:
        raise NotFound("There is no such gift of yours.")
    if gift.state != "paid" or not stands(gift):
        raise Conflict("This gift cannot be sent any more.")
    gift.to_email, gift.link_number, gift.sent_at = email, gift.link_number + 1, None
    ask_to_send(gift)


def ask_to_send(gift: Gift) -> None:
    """Ask for the mail on its day, in the current transaction."""
    enqueue("gift.send", key=f"gift.send:{gift.id}:{gift.link_number}", run_at=max(gift.send_at, clock.now()),
            gift_id=gift.id, link_number=gift.link_number)  # fmt: skip


def _give(gift: Gift, user_id: int, plan_id: int, *, good: bool, now: datetime) -> bool:
    """Make the entitlement of a gift what it should be; whether that changed it."""
    row = queries_gifts.gift_entitlement(gift.id)
    if gift.starts_at is None or gift.ends_at is None:
        if row is None:
            return False
        db.session().delete(row)
        return True
    ends_at = gift.ends_at if good else min(gift.ends_at, now)
    if row is None:
        if not good:
            return False
        db.session().add(Entitlement(user_id=user_id, plan_id=plan_id, source="gift", starts_at=gift.starts_at,
                                     source_ref=queries_gifts.reference_of(gift.id), ends_at=ends_at))  # fmt: skip
    elif not good and row.ends_at is not None and row.ends_at <= now:
        return False  # it ended before
    elif (row.starts_at, row.ends_at) == (gift.starts_at, ends_at):
        return False
    else:
        row.starts_at, row.ends_at = gift.starts_at, ends_at
    if good:
        for moment in (gift.starts_at, ends_at):
            if moment > now:
                enqueue("gift.turn", key=f"gift.turn:{gift.id}:{moment:%Y%m%d%H%M%S}", run_at=moment + JUST_AFTER,
                        gift_id=gift.id)  # fmt: skip
    return True


def _span(row: Entitlement, rank: int) -> Span:
    return Span(rank, row.ends_at, row.source)


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="gift")
