"""Who may join, and what a Subscription gives. Pure: values in, an answer out."""

from datetime import datetime, timedelta

from blueprints.membership.gateway import ChargeState, InvoiceState, SubscriptionState
from core.records import dataclass

GRACE_PERIOD = timedelta(days=7)  # from the first failed payment

RUNNING = frozenset({"trialing", "active"})
OWING = frozenset({"past_due", "unpaid"})
BLOCKS_JOINING = RUNNING | OWING
ENDED = frozenset({"canceled", "incomplete_expired"})


@dataclass(frozen=True, slots=True)
class Bill:
    """Money that arrived for an Invoice, and what went back."""

    invoice: str
    number: str | None
    subscription: str | None
    amount_cents: int
    refunded_cents: int
    currency: str
    paid_at: datetime
    disputed: bool

    @property
    def wholly_refunded(self) -> bool:
        return self.refunded_cents >= self.amount_cents


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a Subscription gives access, and until when (None: no end in sight)."""

    granted: bool
    ends_at: datetime | None = None


NO_ACCESS = Access(False)


def bills_of(invoices: list[InvoiceState], charges: list[ChargeState]) -> list[Bill]:
    """What was paid, newest first. An Invoice over nothing is no payment."""
    by_intent: dict[str, list[ChargeState]] = {}
    for charge in charges:
        if charge.intent:
            by_intent.setdefault(charge.intent, []).append(charge)
    bills = []
    for invoice in invoices:
        if invoice.status != "paid" or invoice.amount_cents <= 0:
            continue
        its = [charge for intent in invoice.intents for charge in by_intent.get(intent, [])]
        bills.append(Bill(
            invoice.id, invoice.number, invoice.subscription, invoice.amount_cents,
            sum(charge.refunded_cents for charge in its), invoice.currency, invoice.paid_at or invoice.created_at,
            any(charge.disputed for charge in its),
        ))  # fmt: skip
    return sorted(bills, key=lambda bill: bill.paid_at, reverse=True)


def owed_since(invoices: list[InvoiceState], subscription: str, now: datetime) -> datetime:
    """When the first payment that is still missing fell due; never later than now, whatever Stripe's clock says."""
    moments = [
        invoice.finalized_at for invoice in invoices
        if invoice.subscription == subscription and invoice.status == "open" and invoice.finalized_at
    ]  # fmt: skip
    return min([*moments, now])


def paid_until(invoices: list[InvoiceState], subscription: str) -> datetime | None:
    """The end of the last period that was paid for; a period whose invoice is void was not."""
    ends = [
        line.ends_at for invoice in invoices
        if invoice.subscription == subscription and invoice.status == "paid" for line in invoice.lines
    ]  # fmt: skip
    return max(ends, default=None)


def access_of(
    subscription: SubscriptionState, bills: list[Bill], past_due_since: datetime | None, now: datetime,
    paid: datetime | None = None, *, refund_ends: bool = True, dispute_ends: bool = True,
) -> Access:  # fmt: skip
    """What a Subscription gives by its status and its newest payment; while it is paused, until `paid` and no longer.

    `refund_ends`: giving the whole payment for the running period back ends it, part of it changes nothing.
    `dispute_ends`: a dispute of it does, while it is open and after it was lost.
    Ends are never later than Stripe's word and, for what has ended there, never later than now.
    """
    newest = next((bill for bill in bills if bill.subscription == subscription.id), None)
    if newest is not None and (
        (refund_ends and newest.wholly_refunded) or (dispute_ends and newest.disputed)
    ):
        return NO_ACCESS
    if subscription.status in RUNNING:
        if subscription.void_while_paused:
            return Access(True, _earliest(subscription.period_end_at, subscription.cancel_at, paid))
        return Access(True, subscription.cancel_at)
    if subscription.status == "past_due" and past_due_since is not None:
        return Access(True, _earliest(past_due_since + GRACE_PERIOD, subscription.cancel_at))
    return NO_ACCESS


def may_join(plan_key: str, status: str | None, plans_held: frozenset[str]) -> str | None:
    """Why this reader may not buy this plan now, or None when they may. `status` is of a Subscription of theirs."""
    if status in RUNNING:
        return "You are a member already."
    if status in OWING:
        return "A payment for your membership is still open. Please see to your card first."
    if plan_key in plans_held:
        return "You have this plan already."
    return None


def switches_now(rank: int, interval: str | None, to_rank: int, to_interval: str, *, on_trial: bool) -> bool:
    """Whether a switch takes effect at once: to a higher plan, or from months to a year; and while nothing is paid yet.

    What costs or gives less waits for the end of the period that was paid for.
    """
    if on_trial or to_rank > rank:
        return True
    return to_rank == rank and interval == "month" and to_interval == "year"


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
