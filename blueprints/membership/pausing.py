"""A member's pause: asked for beside "Cancel now", ending by itself, or earlier for the amount that was shown."""

from blueprints.membership.agreements import Origin, record_consent
from blueprints.membership.gateway import NextPayment, Refused, gateway
from blueprints.membership.manage import follow_up, state_of
from blueprints.membership.pausing_policy import PauseOffer, pause_offers
from blueprints.membership.queries_subscriptions import BillingState
from blueprints.membership.switching import OTHER_AMOUNT
from blueprints.site.queries import site
from core import clock
from core.db import transaction
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.rendering import date, money


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What ending a pause now would mean; `cost` where something is due at once."""

    cost: NextPayment | None
    terms: tuple[str, ...]


def pause(user_id: int, months: int, origin: Origin) -> PauseOffer:
    """Let a membership rest for so many months when what was paid for ends. Raises DomainError or GatewayError."""
    state = state_of(user_id)
    offers = {offer.months: offer for offer in pause_offers(state, site().longest_pause)}
    if not offers:
        raise Conflict("This membership cannot be paused.")
    if months not in offers:
        raise DomainError("Please choose how long the pause is to be.")
    chosen = offers[months]
    with transaction():
        record_consent(user_id, "pause", chosen.terms, origin, state.subscription)
    gateway().pause_until(state.subscription, chosen.resumes_at)
    follow_up(state.customer)
    return chosen


def going_on(user_id: int) -> GoingOn:
    """What ending the pause now would mean, with the exact amount where one is due. Raises NotFound or GatewayError."""
    return _going_on(_paused(user_id))


def go_on(user_id: int, shown: int | None, origin: Origin) -> None:
    """End a pause now. `shown` is the amount the member saw; nothing else is charged. Raises DomainError."""
    stripe, state = gateway(), _paused(user_id)
    offer = _going_on(state)
    if offer.cost is not None and offer.cost.amount_cents != shown:
        raise Conflict(OTHER_AMOUNT)
    with transaction():
        record_consent(user_id, "pause", offer.terms, origin, state.subscription)
    if offer.cost is None:
        stripe.end_pause(state.subscription)
    else:
        resumes = int(state.resumes_at.timestamp()) if state.resumes_at else 0
        try:
            stripe.restart(state.subscription, f"go-on:{state.subscription}:{resumes}:{clock.now():%Y%m%d%H}")
        except Refused as refusal:
            raise DomainError(f"The payment did not go through, so nothing was changed. {refusal}", 402) from None
    follow_up(state.customer)


def _paused(user_id: int) -> BillingState:
    state = state_of(user_id)
    if not state.is_paused or not state.is_running:
        raise NotFound("Your membership is not paused.")
    if state.is_ending:
        raise Conflict("Your membership is cancelled. Choose to stay first.")
    return state


def _going_on(state: BillingState) -> GoingOn:
    if state.has_access and state.period_end_at is not None:
        when = date(state.period_end_at)
        return GoingOn(None, (f"The pause has not begun. Nothing is charged today; the next payment is on {when}.",))
    cost = gateway().preview_restart(state.subscription)
    amount = money(cost.amount_cents, cost.currency)
    return GoingOn(cost, (
        f"{amount} today for a month from today, then every month until you cancel.", "You have access at once.",
    ))  # fmt: skip
