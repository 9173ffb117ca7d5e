"""Changing a membership to another plan or interval: what it would cost, then the change.

What gives more takes effect at once, for the exact amount that was shown; what gives less waits for the end of the
period that was paid for.
"""

from datetime import UTC, datetime, timedelta

from flask import current_app

from blueprints.membership import queries_catalogue
from blueprints.membership.agreements import Origin, record_consent
from blueprints.membership.gateway import Gateway, Refused, SubscriptionState, SwitchCost, gateway
from blueprints.membership.manage import follow_up, state_of
from blueprints.membership.paying import ensure_price
from blueprints.membership.policy import switches_now
from blueprints.membership.queries_catalogue import PriceView
from blueprints.membership.queries_rises import rises_ahead
from blueprints.membership.queries_subscriptions import BillingState
from blueprints.membership.terms import rise_terms
from core import clock
from core.db import transaction
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.rendering import date, money

SHOWN_FOR = timedelta(minutes=30)  # an amount that was counted longer ago is counted anew
NOT_PAID = "The payment did not go through, so nothing was changed. Please see to your card, or ask your bank."
OTHER_AMOUNT = "The amount has changed since this page was made. Please look at it once more."


@dataclass(frozen=True, slots=True)
class SwitchOption:
    """A price that a member may change to, and whether that happens at once."""

    price: PriceView
    at_once: bool


@dataclass(frozen=True, slots=True)
class SwitchOffer:
    """One switch as it is shown before it is made: `cost` only where it happens at once."""

    price: PriceView
    from_plan: str
    cost: SwitchCost | None
    starts_at: datetime | None
    terms: tuple[str, ...]


def options(state: BillingState) -> list[SwitchOption]:
    """What this member may change to: every other price on sale in the same currency."""
    if not state.is_running or state.is_ending or state.is_paused:
        return []
    found = []
    for plan in queries_catalogue.plans_on_offer():
        for price in plan.prices:
            if price.currency == state.currency and price.key != state.price_key:
                at_once = _at_once(state, plan.rank, price)
                found.append(SwitchOption(price, at_once))
    return found


def offer(user_id: int, price_key: str) -> SwitchOffer:
    """What a switch would mean, with the exact amount where one is due. Raises DomainError or GatewayError."""
    stripe, state = gateway(), _switchable(user_id)
    option = _option(state, price_key)
    return _offer(stripe, state, option, datetime.fromtimestamp(int(clock.now().timestamp()), UTC))


def switch(user_id: int, price_key: str, shown: tuple[int, datetime] | None, origin: Origin) -> SwitchOffer:
    """Make a switch. `shown` is the amount the member saw and the second it was counted for.

    Nothing is charged that was not shown. Raises DomainError, or GatewayError when Stripe does not answer.
    """
    stripe, state = gateway(), _switchable(user_id)
    option = _option(state, price_key)
    if not option.at_once:
        made = _offer(stripe, state, option, clock.now())
        _note(user_id, made, origin, state)
        _later(stripe, state, option.price)
    else:
        made = _now(stripe, user_id, state, option, shown, origin)
    follow_up(state.customer)
    return made


def is_fresh(at: datetime) -> bool:
    """Whether an amount that was counted for this second may still be charged."""
    return clock.now() - SHOWN_FOR <= at <= clock.now() + timedelta(minutes=1)


def keep(user_id: int) -> None:
    """Drop a change that waits for the end of the period. Raises NotFound, or GatewayError."""
    state = state_of(user_id)
    if state.schedule is None:
        raise NotFound("There is no change that waits.")
    gateway().release_schedule(state.schedule)
    follow_up(state.customer)


def _now(
    stripe: Gateway, user_id: int, state: BillingState, option: SwitchOption, shown: tuple[int, datetime] | None,
    origin: Origin,
) -> SwitchOffer:  # fmt: skip
    amount, at = shown or (0, clock.now() - 2 * SHOWN_FOR)
    if not is_fresh(at):
        raise Conflict(OTHER_AMOUNT)
    made = _offer(stripe, state, option, at)
    if made.cost is None or made.cost.amount_cents != amount:
        raise Conflict(OTHER_AMOUNT)
    _note(user_id, made, origin, state)
    standing = stripe.retrieve_subscription(state.subscription)
    if standing.schedule:
        stripe.release_schedule(standing.schedule)
    target = ensure_price(stripe, option.price)
    key = f"switch:{state.subscription}:{option.price.key}:{int(at.timestamp())}"
    try:
        stripe.switch_now(standing, target, at, key)
    except Refused as refusal:
        current_app.logger.info("switch refused: %s", refusal)  # the member hears the same, whatever the card
        raise DomainError(NOT_PAID, 402) from None
    return made


def _later(stripe: Gateway, state: BillingState, price: PriceView) -> None:
    standing = stripe.retrieve_subscription(state.subscription)
    key = f"{state.subscription}:{int((state.period_end_at or clock.now()).timestamp())}:{state.schedule or ''}"
    stripe.switch_at_period_end(standing, ensure_price(stripe, price), price.interval, key)


def _offer(stripe: Gateway, state: BillingState, option: SwitchOption, at: datetime) -> SwitchOffer:
    price, ahead = option.price, rises_ahead(stripe.mode).get(option.price.key)
    amount = money(price.amount_cents * state.quantity, price.currency)
    if not option.at_once:
        starts = state.period_end_at
        when = date(starts) if starts else "the end of the period you paid for"
        terms = (
            f"You keep {state.plan_name} until {when}. Nothing is charged today.",
            f"From then on {price.plan_name} for {amount} every {price.interval}, until you cancel.",
            *rise_terms(price, ahead, state.quantity),
            "You can drop this change until then.",
        )
        return SwitchOffer(price, state.plan_name, None, starts, terms)
    standing: SubscriptionState = stripe.retrieve_subscription(state.subscription)
    cost = stripe.preview_switch(standing, ensure_price(stripe, price), at)
    due = money(cost.amount_cents, cost.currency)
    terms = (
        f"{due} today: {price.plan_name}, less what is left of {state.plan_name}.",
        f"Then {amount} every {price.interval}, until you cancel.",
        *rise_terms(price, ahead, state.quantity),
        "Cancel any time on your account page, in three presses.",
    )
    return SwitchOffer(price, state.plan_name, cost, None, terms)


def _note(user_id: int, made: SwitchOffer, origin: Origin, state: BillingState) -> None:
    with transaction():
        record_consent(user_id, "switch", made.terms, origin, state.subscription)


def _switchable(user_id: int) -> BillingState:
    state = state_of(user_id)
    must_be_switchable(state)
    return state


def must_be_switchable(state: BillingState) -> None:
    """Raise Conflict where a membership cannot be changed now."""
    if why := why_fixed(state):
        raise Conflict(why)


def why_fixed(state: BillingState) -> str:
    """Why a membership cannot be changed now, in a sentence; empty where it can."""
    if state.is_owing:
        return "A payment for your membership is still open. Please see to your card first."
    if state.is_ending:
        return "Your membership is cancelled. Choose to stay first, then change it."
    if state.is_paused:
        return "Your membership is paused. Choose to go on first, then change it."
    return "" if state.is_running else "This membership cannot be changed."


def _option(state: BillingState, price_key: str) -> SwitchOption:
    found = next((option for option in options(state) if option.price.key == price_key), None)
    if found is None:
        raise NotFound("This price is not offered to you.")
    return found


def _at_once(state: BillingState, rank: int, price: PriceView) -> bool:
    return switches_now(state.plan_rank, state.interval, rank, price.interval, on_trial=state.status == "trialing")

