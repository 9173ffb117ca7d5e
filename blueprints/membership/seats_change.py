"""Changing how many seats a group has: what it costs first, then the change. More at once, fewer when the period ends.
"""

from datetime import UTC, datetime

from blueprints.membership import queries_catalogue, queries_seats
from blueprints.membership.agreements import Origin, record_consent
from blueprints.membership.checkout import MOST_SEATS
from blueprints.membership.gateway import Gateway, Refused, SwitchCost, gateway
from blueprints.membership.manage import follow_up, state_of
from blueprints.membership.paying import ensure_price
from blueprints.membership.queries_catalogue import PriceView
from blueprints.membership.queries_subscriptions import BillingState
from blueprints.membership.switching import OTHER_AMOUNT, is_fresh, must_be_switchable
from core import clock
from core.db import transaction
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.rendering import date, money


@dataclass(frozen=True, slots=True)
class SeatsOffer:
    """Another number of seats as it is shown before it is made: `cost` only where it happens at once."""

    seats: int
    before: int
    cost: SwitchCost | None
    starts_at: datetime | None
    terms: tuple[str, ...]


def offer(user_id: int, seats: int) -> SeatsOffer:
    """What another number of seats would mean, with the exact amount where one is due. Raises DomainError."""
    stripe, state = gateway(), _changeable(user_id, seats)
    return _offer(stripe, state, seats, datetime.fromtimestamp(int(clock.now().timestamp()), UTC))


def change(user_id: int, seats: int, shown: tuple[int, datetime] | None, origin: Origin) -> SeatsOffer:
    """Have another number of seats. `shown` is the amount the owner saw and the second it was counted for.

    Nothing is charged that was not shown. Raises DomainError, or GatewayError when Stripe does not answer.
    """
    stripe, state = gateway(), _changeable(user_id, seats)
    at_once = _at_once(state, seats)
    if at_once and (shown is None or not is_fresh(shown[1])):
        raise Conflict(OTHER_AMOUNT)
    made = _offer(stripe, state, seats, shown[1] if shown and at_once else clock.now())
    if at_once and (made.cost is None or shown is None or made.cost.amount_cents != shown[0]):
        raise Conflict(OTHER_AMOUNT)
    with transaction():
        record_consent(user_id, "seats", made.terms, origin, state.subscription)
    standing, price = stripe.retrieve_subscription(state.subscription), ensure_price(stripe, _price(state))
    if at_once:
        if standing.schedule:
            stripe.release_schedule(standing.schedule)
        key = f"seats:{state.subscription}:{seats}:{int(shown[1].timestamp()) if shown else 0}"
        try:
            stripe.switch_now(standing, price, shown[1] if shown else clock.now(), key, seats)
        except Refused as refusal:
            raise DomainError(f"The payment did not go through, so nothing was changed. {refusal}", 402) from None
    else:
        key = f"{state.subscription}:{seats}:{int((state.period_end_at or clock.now()).timestamp())}"
        stripe.switch_at_period_end(standing, price, state.interval or "month", key, seats)
    follow_up(state.customer)
    return made


def _at_once(state: BillingState, seats: int) -> bool:
    return seats > state.quantity or state.status == "trialing"


def _offer(stripe: Gateway, state: BillingState, seats: int, at: datetime) -> SeatsOffer:
    price = _price(state)
    amount = money(price.amount_cents * seats, price.currency)
    count = f"{seats} seats" if seats > 1 else "One seat, your own"
    if not _at_once(state, seats):
        starts = state.period_end_at
        when = date(starts) if starts else "the end of the period you paid for"
        terms = (
            f"You keep {state.quantity} seats until {when}. Nothing is charged today.",
            f"{count} from then on, for {amount} every {price.interval}, until you cancel.",
            "Until then no more people can come in than there will be seats. You can drop this change until then.",
        )
        return SeatsOffer(seats, state.quantity, None, starts, terms)
    standing = stripe.retrieve_subscription(state.subscription)
    cost = stripe.preview_switch(standing, ensure_price(stripe, price), at, seats)
    more, due = seats - state.quantity, money(cost.amount_cents, cost.currency)
    dropped = ("The change that waits for the end of the period is dropped.",) if state.schedule else ()
    terms = (
        f"{due} today, for {more} more {'seat' if more == 1 else 'seats'} until the running period ends.",
        f"Then {amount} every {price.interval} for {seats} seats, until you cancel.",
        *dropped,
    )
    return SeatsOffer(seats, state.quantity, cost, None, terms)


def _changeable(user_id: int, seats: int) -> BillingState:
    state = state_of(user_id)
    must_be_switchable(state)
    group = queries_seats.group_named(gateway().mode, state.subscription)
    given = queries_seats.seats_given(group.id) if group else 0
    if not 1 <= seats <= MOST_SEATS:
        raise DomainError(f"A group has 2 to {MOST_SEATS} seats. For more, please write to the paper.")
    if seats < given + 1:
        raise Conflict(f"{given + 1} seats are in use, with yours. Free some first, then have fewer.")
    if seats == state.quantity:
        raise Conflict(f"You have {seats} {'seat' if seats == 1 else 'seats'} already.")
    if seats < state.quantity and state.schedule and state.next_quantity == state.quantity:
        raise Conflict("A change of plan waits for the end of the period. Drop it first, then have fewer seats.")
    return state


def _price(state: BillingState) -> PriceView:
    found = queries_catalogue.price_by_key(state.price_key or "")
    if found is None:
        raise NotFound("This membership has a price of its own. Please write to the paper.")
    return found
