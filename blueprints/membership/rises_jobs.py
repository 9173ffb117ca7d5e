"""Carrying a price rise out: telling members, moving Subscriptions, taking it back. Each step may be run again.

A member is told when the window before their own renewal is open, and moved a day before that renewal: by a change of
the item without proration, so that nothing is charged but the renewal itself. Where that did not happen in time, they
pay the old price once more and are told anew.
"""

from datetime import datetime, timedelta

import structlog

from blueprints.membership import queries, queries_catalogue, queries_notices, queries_rises, rises, sync
from blueprints.membership.gateway import Gateway, GatewayError, Missing, Mode, PlanOffer, PriceOffer, gateway
from blueprints.membership.law import Due, Law, law_for, price_notice
from blueprints.membership.notices import tell
from blueprints.membership.policy import RUNNING
from blueprints.membership.queries_catalogue import PriceView
from blueprints.membership.queries_notices import Member
from blueprints.membership.queries_rises import MoveView, RiseView
from core import clock
from core.db import db, transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating
from models.membership import Subscription
from models.pricing import PriceMove

BATCH = 100
EVERY = timedelta(hours=1)
SET_BEFORE = timedelta(days=1)  # the renewal: late enough to be called off, early enough for an outage

log = structlog.get_logger("billing")


@handler("membership.rises")
def carry_on() -> None:
    """Ask for the next step of every rise that is planned."""
    planned = queries_rises.planned_rises(gateway().mode)
    with transaction():
        for rise in planned:
            enqueue("membership.rise", key=f"rise:{rise.id}", rise_id=rise.id)


@handler("membership.rise")
def step(rise_id: int, after: int = 0) -> None:
    """One batch of a rise: who is to be told, and who is so far that Stripe is to be asked or has moved them."""
    stripe, now = gateway(), clock.now()
    rise = queries_rises.rise_view(stripe.mode, rise_id)
    if rise is None or rise.state != "planned":
        return
    if not after:
        ensure_new_price(stripe, rise)
        if now >= rise.takes_effect_at:
            with transaction():
                rises.begin_selling(rise)
    members = queries_notices.members_after(stripe.mode, after, BATCH, price_id=rise.from_price.id)
    moves = queries_rises.moves_of(rise_id)
    for member in members:
        due = _due(rise, member, moves.get(member.subscription), now)
        if due is not None:
            _tell_one(rise, member, due, law_for(member.country))
    if len(members) == BATCH:
        with transaction():
            enqueue("membership.rise", rise_id=rise_id, after=members[-1].id)
        return
    _settle(stripe.mode, rise, now)


def _due(rise: RiseView, member: Member, move: MoveView | None, now: datetime) -> Due | None:
    """What to tell a member now: nothing before their window, after it, or when they know already."""
    renewal = member.term.period_end_at
    if member.term.status != "active" or renewal is None or renewal < rise.takes_effect_at:
        return None
    if move is not None and move.renewal_at >= renewal and move.state in {"told", "set"}:
        return None
    due = price_notice(renewal, law_for(member.country), rise.id)
    return due if due.is_in_time(now) else None


def _tell_one(rise: RiseView, member: Member, due: Due, law: Law) -> None:
    try:
        with transaction():
            standing = queries_rises.rise_by_id(rise.id, lock=True)
            if standing is None or standing.state != "planned":
                return  # called off meanwhile
            tell(standing.mode, member.user_id, member.subscription, due, member.sold, law)
            now = clock.now()
            move = queries_rises.lock_move(rise.id, member.subscription)
            if move is None:
                queries.insert_new(
                    PriceMove, rise_id=rise.id, mode=standing.mode, subscription=member.subscription,
                    user_id=member.user_id, state="told", renewal_at=due.about_at, told_at=now, changed_at=now,
                )  # fmt: skip
            else:
                move.state, move.renewal_at, move.told_at, move.changed_at = "told", due.about_at, now, now
    except Exception:
        log.exception("a member could not be told of a rise", rise=rise.id, user=member.user_id)


def _settle(mode: Mode, rise: RiseView, now: datetime) -> None:
    """Bring every move to where its Subscription is, ask for those that are due, and end a rise that is over."""
    after = 0
    while rows := queries_rises.moves_in(rise.id, ("told", "set", "left"), after, BATCH):
        after = rows[-1].PriceMove.id
        wanted = [(move.subscription, _state_of(move, mirror, rise, now), _is_near(move, now)) for move, mirror in rows]
        with transaction():
            for subscription, state, near in wanted:
                move = queries_rises.lock_move(rise.id, subscription)
                if move is None:
                    continue
                if move.state != state:
                    move.state, move.changed_at = state, now
                if state == "told" and near:
                    enqueue("membership.move", key=f"move:{rise.id}:{subscription}", rise_id=rise.id,
                            subscription=subscription)  # fmt: skip
    if now >= rise.takes_effect_at and not queries_rises.untold(mode, rise):
        with transaction():
            row = queries_rises.rise_by_id(rise.id, lock=True)
            open_ones = sum(queries_rises.move_counts(rise.id).get(state, 0) for state in ("told", "set"))
            if row is not None and row.state == "planned" and not open_ones:
                row.state, row.ended_at = "done", now


def _is_near(move: PriceMove, now: datetime) -> bool:
    return move.renewal_at - SET_BEFORE <= now < move.renewal_at


def _state_of(move: PriceMove, mirror: Subscription | None, rise: RiseView, now: datetime) -> str:
    """Where a Subscription in a rise is, by its mirror."""
    if mirror is None or mirror.status not in RUNNING | {"past_due"}:
        return "left"
    if mirror.price_id == rise.to_price.id:
        renewed = mirror.current_period_end_at is not None and mirror.current_period_end_at > move.renewal_at
        return "moved" if renewed and now >= move.renewal_at else "set"
    if mirror.price_id != rise.from_price.id or mirror.cancel_at is not None:
        return "left"
    return "told"


@handler("membership.move")
def move_one(rise_id: int, subscription: str) -> None:
    """Ask Stripe for the new price at the renewal that was told of, and at no other. Done already is done."""
    stripe, now = gateway(), clock.now()
    rise = queries_rises.rise_view(stripe.mode, rise_id)
    move = queries_rises.moves_of(rise_id).get(subscription) if rise else None
    if rise is None or move is None or rise.state != "planned" or move.state != "told" or now >= move.renewal_at:
        return
    renewal = move.renewal_at
    try:
        standing = stripe.retrieve_subscription(subscription)
    except Missing:
        return
    target = ensure_new_price(stripe, rise)
    old = queries_catalogue.stripe_ids(stripe.mode, "price").get(rise.from_price.key)
    goes_on = standing.status in RUNNING and standing.cancel_at is None and not standing.void_while_paused
    fits = goes_on and standing.period_end_at == renewal
    is_set = fits and standing.prices == (target,)
    if fits and standing.prices == (old,) and standing.schedule is None:
        key = f"rise:{rise_id}:{subscription}:{int(renewal.timestamp())}"
        after = stripe.change_price(standing, target, key)
        is_set = after.period_end_at == renewal
        if not is_set:  # it renewed meanwhile, at the old price: no payment after that one was told of
            _back(stripe, after.id, rise, f"{key}:late")
    sync.sync_customer(standing.customer, "price rise")
    if is_set:
        with transaction():
            move_now = queries_rises.lock_move(rise_id, subscription)
            if move_now is not None and move_now.state == "told":
                move_now.state, move_now.changed_at = "set", clock.now()


@handler("membership.rise-off")
def take_back(rise_id: int) -> None:
    """Give everybody who was set the old price again, tell all who were told that it stays, and drop the new price."""
    stripe = gateway()
    rise = queries_rises.rise_view(stripe.mode, rise_id)
    if rise is None or rise.state != "called_off":
        return
    after = 0
    while rows := queries_rises.moves_in(rise_id, ("told", "set"), after, BATCH):
        after = rows[-1].PriceMove.id
        found = [(move.subscription, move.user_id, move.renewal_at) for move, _ in rows]
        for subscription, user_id, renewal in found:
            _take_back_one(stripe, rise, subscription, user_id, renewal)
    new = queries_catalogue.stripe_ids(stripe.mode, "price").get(rise.to_price.key)
    if new is not None and queries_catalogue.price_on_offer(rise.to_price.key) is None:
        stripe.retire_price(new)


def _take_back_one(stripe: Gateway, rise: RiseView, subscription: str, user_id: int, renewal: datetime) -> None:
    standing = stripe.retrieve_subscription(subscription)
    new = queries_catalogue.stripe_ids(stripe.mode, "price").get(rise.to_price.key)
    if standing.status in RUNNING and standing.prices == (new,):
        _back(stripe, subscription, rise, f"rise-off:{rise.id}:{subscription}")
        sync.sync_customer(standing.customer, "price rise called off")
    member = queries_notices.member_by_subscription(stripe.mode, subscription)
    with transaction():
        move = queries_rises.lock_move(rise.id, subscription)
        if move is None or move.state == "kept":
            return
        move.state, move.changed_at = "kept", clock.now()
        if member is not None:
            due = Due("price_kept", str(rise.id), renewal, clock.now(), max(renewal, clock.now()), renewal)
            tell(stripe.mode, user_id, subscription, due, member.sold, law_for(member.country))


def _back(stripe: Gateway, subscription: str, rise: RiseView, key: str) -> None:
    """The old price again, without a charge; it may have been retired for everybody new."""
    old = queries_catalogue.stripe_ids(stripe.mode, "price").get(rise.from_price.key)
    if old is None:
        raise GatewayError(f"the price {rise.from_price.key} is not known at Stripe")
    sold = queries_catalogue.price_on_offer(rise.from_price.key) is not None
    if not sold:
        stripe.revive_price(old)
    stripe.change_price(stripe.retrieve_subscription(subscription), old, key)
    if not sold:
        stripe.retire_price(old)


def ensure_new_price(stripe: Gateway, rise: RiseView) -> str:
    """What the new price is called at Stripe, made there when it is new: it need not be on sale yet."""
    price: PriceView = rise.to_price
    known = queries_catalogue.stripe_ids(stripe.mode, "price")
    if price.key in known:
        return known[price.key]
    offer = PriceOffer(price.key, price.amount_cents, price.currency, price.interval)
    ids = stripe.ensure_product_and_prices(PlanOffer(price.plan_key, price.plan_name, (offer,)))
    with transaction():
        queries_catalogue.remember_stripe_id(stripe.mode, "product", price.plan_key, ids.product)
        queries_catalogue.remember_stripe_id(stripe.mode, "price", price.key, ids.prices[price.key])
    db.session().rollback()
    return ids.prices[price.key]


repeating("membership.rises", every=EVERY)
