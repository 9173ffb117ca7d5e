"""A reader's own membership: what it is; leaving, staying, the card. Changes are made at Stripe, then fetched."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from blueprints.membership import queries_customers, queries_entitlements, queries_payments, queries_subscriptions, sync
from blueprints.membership.agreements import Origin, contract_of, record_consent
from blueprints.membership.gateway import GatewayError, Missing, gateway
from blueprints.membership.pausing_policy import PauseOffer, pause_offers
from blueprints.membership.queries_entitlements import HeldPlan
from blueprints.membership.queries_notices import country_of
from blueprints.membership.queries_rises import OwnRise, own_rise
from blueprints.membership.queries_seats import OwnSeat, own_seats
from blueprints.membership.queries_subscriptions import BillingState
from blueprints.site.queries import site
from core import clock
from core.db import transaction
from core.errors import Conflict, NotFound
from core.records import dataclass
from core.rendering import date, money
from core.viewer import Viewer
from models.membership import Payment

SHORT_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class OwnPage:
    """What the reader's page shows."""

    state: BillingState | None
    others: list[HeldPlan]
    payments: Sequence[Payment]
    has_customer: bool
    seats: Sequence[OwnSeat] = ()  # in groups that others pay for
    withdraw_until: datetime | None = None  # a moment of the last day, while the contract can be withdrawn from
    rise: OwnRise | None = None
    country: str | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """What stands beside "Cancel now"."""
        return cancel_terms(self.state) if self.state else ()

    @property
    def resume_terms(self) -> tuple[str, ...]:
        """What stands beside "Stay a member"."""
        return resume_terms(self.state) if self.state else ()

    @property
    def may_withdraw(self) -> bool:
        return self.withdraw_until is not None

    @property
    def pauses(self) -> tuple[PauseOffer, ...]:
        """The one thing that is offered beside "Cancel now"; none where the paper or the price does not allow it."""
        return pause_offers(self.state, site().longest_pause) if self.state else ()

    @property
    def can_cancel(self) -> bool:
        return self.state is not None and (self.state.is_owing or (self.state.is_running and not self.state.is_ending))


def viewer_billing_state(user_id: int) -> BillingState | None:
    """The reader's Subscription as last fetched, for banners and the account page; asks our own tables only."""
    return queries_subscriptions.billing_state(gateway().mode, user_id, clock.now())


def overview_line(viewer: Viewer) -> str | None:
    """The reader's plan and its next date in one sentence; None without a plan."""
    if viewer.id is None:
        return None
    if state := viewer_billing_state(viewer.id):
        if state.is_ending and state.cancel_at:
            return f"{state.plan_name}, ends on {date(state.cancel_at)}."
        if state.is_owing:
            return f"{state.plan_name}: the last payment did not go through."
        if state.has_access and state.next_payment_cents is not None and state.period_end_at:
            return f"{state.plan_name}, next payment on {date(state.period_end_at)}."
        return f"{state.plan_name}."
    held = queries_entitlements.plans_held(viewer.id, clock.now())
    if not held:
        return None
    return f"{held[0].plan_name}, until {date(held[0].ends_at)}." if held[0].ends_at else f"{held[0].plan_name}."


def own_page(user_id: int) -> OwnPage:
    """Everything about a reader's membership, from our own tables."""
    mode, now = gateway().mode, clock.now()
    state = queries_subscriptions.billing_state(mode, user_id, now)
    others = [plan for plan in queries_entitlements.plans_held(user_id, now) if plan.source != "stripe"]
    payments, customer = queries_payments.payments_of(mode, user_id), queries_customers.customer_of(mode, user_id)
    withdraw_until = _withdraw_until(mode, user_id, state, now)
    rise = own_rise(mode, state.subscription) if state else None
    return OwnPage(
        state, others, payments, customer is not None, own_seats(user_id), withdraw_until, rise, country_of(user_id)
    )


def _withdraw_until(mode: str, user_id: int, state: BillingState | None, now: datetime) -> datetime | None:
    if state is None:
        return None
    contract = contract_of(mode, state.subscription, user_id)
    return contract.last_day if contract.is_open(now) else None


def cancel_terms(state: BillingState) -> tuple[str, ...]:
    """What stands beside "Cancel now"."""
    stays = "Your comments and your account stay. You can join again at any time."
    others = ("Everybody in your group loses their seat with it.",) if state.quantity > 1 else ()
    if state.is_owing:
        return ("It ends at once, and the payment that is missing will not be tried again.", *others, stays)
    if state.is_paused and not state.has_access:
        return ("It ends with this pause. Nothing will be charged after today.", *others, stays)
    until = date(state.access_ends_at or state.period_end_at) if state.period_end_at else "the end of the period"
    return (f"You keep everything until {until}. Nothing will be charged after today.", *others, stays)


def resume_terms(state: BillingState) -> tuple[str, ...]:
    """What stands beside "Stay a member". A pause that was chosen before stays."""
    if state.amount_cents is None or state.currency is None or state.period_end_at is None:
        return ("The pause stays.",) if state.is_paused else ("It goes on as before.",)
    amount = money(state.amount_cents * state.quantity, state.currency)
    if state.is_paused:
        has = state.has_access and state.access_ends_at
        first = f"You keep everything until {date(has)}, then the pause" if has else "The pause"
        if state.resumes_at is None:
            return (f"{first} stays as it is: no access, nothing charged.",)
        return (
            f"{first} stays until {date(state.resumes_at)}: no access, nothing charged.",
            f"After it your membership goes on by itself: {amount} every {state.interval}.",
        )
    return (f"It goes on as before: {amount} on {date(state.period_end_at)}, and then every {state.interval}.",)


def cancel(user_id: int, origin: Origin | None = None) -> datetime | None:
    """End a membership with its paid period; one that owes ends at once. Returns when it ends, None for now.

    What stood beside the button is kept as agreed to, where a button was pressed (`origin`).

    Raises NotFound when there is none, GatewayError when Stripe does not answer.
    """
    stripe, state = gateway(), state_of(user_id)
    if origin is not None:
        with transaction():
            record_consent(user_id, "cancel", cancel_terms(state), origin, state.subscription)
    if state.is_owing:
        stripe.cancel_subscription(state.subscription)
    elif not state.is_ending:
        if state.schedule:
            stripe.release_schedule(state.schedule)  # a plan for later would hold the end up
        with suppress(Missing):
            stripe.cancel_at_period_end(state.subscription)
    follow_up(state.customer)
    after = viewer_billing_state(user_id)
    return after.cancel_at if after is not None and after.subscription == state.subscription else None


def resume(user_id: int, origin: Origin) -> tuple[str, ...]:
    """Take a scheduled cancellation back; what stood beside the button is kept as agreed to, and returned.

    Raises NotFound or Conflict, or GatewayError.
    """
    stripe, state = gateway(), state_of(user_id)
    terms = resume_terms(state)
    with transaction():
        record_consent(user_id, "resume", terms, origin, state.subscription)
    now = stripe.retrieve_subscription(state.subscription)
    if now.status not in {"active", "trialing", "past_due"}:
        follow_up(state.customer)
        raise Conflict("This membership has ended already. You can join again at any time.")
    if now.cancel_at is not None:
        stripe.resume_subscription(now)
    follow_up(state.customer)
    return terms


def invoice_page(user_id: int, invoice_id: str) -> str:
    """The address of the page with the invoice and its receipt, as Stripe gives it now. Raises NotFound."""
    stripe = gateway()
    if not queries_payments.owns_invoice(stripe.mode, user_id, invoice_id):
        raise NotFound("There is no such invoice of yours.")
    page = stripe.invoice_page(invoice_id)
    if page is None:
        raise NotFound("Stripe has no page for this invoice.")
    return page


def portal(user_id: int, return_url: str) -> str:
    """The address of a fresh page at Stripe for card and invoices. Raises NotFound or GatewayError."""
    stripe = gateway()
    customer = queries_customers.customer_of(stripe.mode, user_id)
    if customer is None:
        raise NotFound("There is no card and no invoice of yours yet.")
    return stripe.create_portal_session(customer.stripe_id, return_url)


def refresh(user_id: int) -> None:
    """Fetch what may have changed; when that does not work at once, a job does it."""
    customer = queries_customers.customer_of(gateway().mode, user_id)
    if customer is not None:
        follow_up(customer.stripe_id)


def cancelled_sentence(ends_at: datetime | None) -> str:
    """What the reader is told after cancelling."""
    if ends_at is None:
        return "Your membership is cancelled. Nothing will be charged any more."
    return f"Your membership is cancelled and ends on {date(ends_at)}. Until then everything stays as it is."


def state_of(user_id: int) -> BillingState:
    """The reader's Subscription as last fetched. Raises NotFound."""
    state = viewer_billing_state(user_id)
    if state is None:
        raise NotFound("You have no membership that could be changed here.")
    return state


def follow_up(customer: str) -> None:
    """Fetch what a change at Stripe made of a Customer; where that takes long, a job does it."""
    try:
        sync.sync_customer(customer, "own page", wait=SHORT_WAIT_SECONDS)
    except (GatewayError, sync.Busy):
        with transaction():
            sync.sync_soon(customer, "own page")
