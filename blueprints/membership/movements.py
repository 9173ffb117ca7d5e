"""What a Subscription brings in, and how that changed: read from its Invoices and from what it is now. Pure.

The rules, after which MRR can be worked out anew from Stripe at any time:

- It begins with the first payment. Free days, a first period at no cost and a Checkout that was never paid bring
  nothing; what follows free time and is paid is a conversion.
- Each full period on an Invoice says what the Subscription brings from the beginning of that period: its lines less
  lasting discounts. A discount on one Invoice alone changes nothing, nor do tax, refunds and settled parts of a period.
- A switch within a period counts from the second from which it was billed.
- An unpaid Invoice changes nothing by itself: what is owed counts until the Subscription is unpaid, paused or ended.
- An Invoice that is void, or a draft that a pause will make void, says nothing.
- A week counts 52 times a year and a day 365 times, should a price of ours ever be such a one.

Amounts are what a Subscription brings in a year, in minor units. MRR is a twelfth of that.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from blueprints.membership.gateway import Discount, InvoiceLine, InvoiceState, SubscriptionState
from core.records import dataclass

IN_A_YEAR = {"month": 12, "year": 1, "week": 52, "day": 365}
LONG_PERIOD_DAYS = 300  # a period of a price that we do not know is a year if it is as long as this
STOPPED = frozenset({"unpaid", "paused", "incomplete", "incomplete_expired", "canceled"})
BY_STATE, BY_END = "state", "ended"


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """A price of ours, by what Stripe calls it."""

    plan_id: int
    unit_cents: int
    interval: str


@dataclass(frozen=True, slots=True)
class Basis:
    """What is sold: another basis is a switch, the same one at another amount is a price or a discount."""

    plan_id: int
    quantity: int
    interval: str


@dataclass(frozen=True, slots=True)
class Parts:
    """An Invoice taken apart. `yearly_cents` is None where it says nothing about what the Subscription brings."""

    full_cents: int
    lasting_cents: int
    once_cents: int
    change_cents: int
    yearly_cents: int | None
    basis: Basis | None
    starts_at: datetime | None
    price: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a Subscription brings from a moment on, and why we know."""

    at: datetime
    cause: str
    yearly_cents: int
    basis: Basis
    after_free: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """Our plans by Stripe's products, and our prices by Stripe's prices."""

    plans: Mapping[str, int]
    prices: Mapping[str, PriceFacts]


def parts_of(invoice: InvoiceState, books: Books) -> Parts:
    """Take an Invoice apart, line by line; lines that are not of our plans count as neither."""
    ours = [line for line in invoice.lines if line.product in books.plans]
    full = [line for line in ours if not line.is_change]
    lasting = {discount.id for discount in invoice.discounts if discount.lasting}
    taken = [(name, amount) for line in ours for name, amount in line.discounted]
    less = sum(amount for name, amount in taken if name in lasting)
    parts = Parts(
        sum(line.amount_cents for line in full), less, sum(amount for _, amount in taken) - less,
        sum(line.amount_cents for line in ours if line.is_change), None, None, None,
    )  # fmt: skip
    said = max(full or [line for line in ours if line.amount_cents > 0], key=lambda line: line.starts_at, default=None)
    if said is None:
        return parts
    basis = _basis(said, books)
    if full:
        yearly = _in_a_year(parts.full_cents - parts.lasting_cents, basis.interval)
    else:
        known = books.prices.get(said.price or "")
        if known is None:
            return parts  # a part of a period at a price we do not know says nothing: the next Invoice will
        charged = lowered(known.unit_cents * said.quantity, invoice.discounts, said.starts_at)
        yearly = _in_a_year(charged, basis.interval)
    return Parts(
        parts.full_cents, parts.lasting_cents, parts.once_cents, parts.change_cents, yearly, basis, said.starts_at,
        said.price,
    )  # fmt: skip


def steps_of(
    state: SubscriptionState, invoices: Iterable[InvoiceState], books: Books, now: datetime
) -> list[Step]:
    """All that a Subscription has brought, in order; `invoices` are those of it, newest first, as Stripe lists them."""
    steps: list[Step] = []
    free, last = False, None
    in_order = list(enumerate(invoices))  # of two in the same second, the one further back in the list came first
    for _, invoice in sorted(in_order, key=lambda one: (one[1].created_at, -one[0])):
        parts = parts_of(invoice, books)
        says_nothing = invoice.status == "void" or (invoice.status == "draft" and state.void_while_paused)
        if says_nothing or parts.yearly_cents is None or parts.basis is None or parts.starts_at is None:
            continue
        at = parts.starts_at
        if not steps:
            if invoice.status != "paid" or invoice.amount_cents <= 0:
                free = free or invoice.status == "paid"
                continue
            at = invoice.paid_at or invoice.created_at
        else:
            at = max(at, steps[-1].at)
        last = parts
        steps.append(Step(at, invoice.id, parts.yearly_cents, parts.basis, after_free=free and not steps))
    if not steps or last is None:
        return []
    if state.ended_at is not None:
        steps.append(Step(max(state.ended_at, steps[-1].at), BY_END, 0, steps[-1].basis))
    else:
        yearly, basis = _now(state, last, steps[-1], books, now)
        steps.append(Step(max(now, steps[-1].at), BY_STATE, yearly, basis))
    return steps


def _now(
    state: SubscriptionState, last: Parts, step: Step, books: Books, now: datetime
) -> tuple[int, Basis]:
    """What the Subscription brings by what it says of itself; what was last billed counts while it sells the same."""
    sold = [item for item in state.sold if item.product in books.plans]
    if state.status in STOPPED or state.void_while_paused or not sold:
        return 0, step.basis
    first = sold[0]
    basis = Basis(books.plans[first.product], first.quantity, first.interval)
    if basis == step.basis and (first.price == last.price or last.price is None):
        return step.yearly_cents, basis
    total = sum(
        Fraction(IN_A_YEAR.get(item.interval, 12) * item.unit_cents * item.quantity, item.count) for item in sold
    )
    a_period = sum(item.unit_cents * item.quantity for item in sold)
    left = lowered(a_period, state.discounts, now)
    return round(total * left / a_period) if a_period else 0, basis


def kind_of(before: Step | None, after: Step, *, was_member: bool) -> str:
    """What people call a change; `was_member` says that this reader had paid for another Subscription before."""
    if before is None:
        return "converted" if after.after_free else "recovered" if was_member else "new"
    if after.yearly_cents == 0:
        return "churned" if after.cause == BY_END else "paused"
    if before.yearly_cents == 0:
        return "recovered"
    if before.basis == after.basis or before.yearly_cents == after.yearly_cents:
        return "repriced"
    return "upgraded" if after.yearly_cents > before.yearly_cents else "downgraded"


def lowered(amount: int, discounts: Iterable[Discount], at: datetime) -> int:
    """An amount less the lasting discounts that are in force at a moment; half a unit is rounded up, never below 0."""
    for discount in discounts:
        if not discount.lasting or (discount.ends_at is not None and discount.ends_at <= at):
            continue
        if discount.percent is not None:
            off = (Decimal(amount) * discount.percent / 100).quantize(Decimal(1), ROUND_HALF_UP)
            amount -= int(off)
        else:
            amount -= discount.amount_cents or 0
    return max(0, amount)


def _in_a_year(cents: int, interval: str) -> int:
    return max(0, cents) * IN_A_YEAR.get(interval, 12)


def _basis(line: InvoiceLine, books: Books) -> Basis:
    known = books.prices.get(line.price or "")
    long = (line.ends_at - line.starts_at).days >= LONG_PERIOD_DAYS
    interval = known.interval if known else "year" if long else "month"
    plan_id = books.plans[line.product or ""]
    return Basis(plan_id, line.quantity, interval)
