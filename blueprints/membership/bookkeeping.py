"""Writing down what Subscriptions bring in, in the transaction that brings our tables to what Stripe says.

Movements are only ever added, each where the last one ended, so the start of any time and the movements in it always
make its end. What is known already adds nothing, so a sync may be repeated as often as anybody likes. What is learnt
late (a switch that no Invoice shows, of which the message was lost) is written at the end, with the moment it was seen.
Of a movement that was first seen on the Subscription, only the cause is written later: the Invoice that shows it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from blueprints.membership import queries_movements
from blueprints.membership.gateway import InvoiceState, SubscriptionState
from blueprints.membership.movements import BY_END, BY_STATE, Basis, Books, Step, kind_of, parts_of, steps_of
from core.db import db
from models.membership import BillingCustomer, Subscription
from models.movement import BilledInvoice, Movement

DRAFT = "draft"


class Bookkeeper:
    """Keeps the books of one Customer while its picture is written. The mirrors must have ids."""

    def __init__(self, customer: BillingCustomer, now: datetime) -> None:
        self._customer = customer
        self._now = now.replace(microsecond=0)  # Stripe tells whole seconds
        self._books: Books = queries_movements.books(customer.mode)
        self._billed = queries_movements.billed_of(customer.id)
        self._known: dict[int, list[Movement]] = {}
        for row in queries_movements.movements_of(customer.id):
            self._known.setdefault(row.subscription_id, []).append(row)

    def keep(self, state: SubscriptionState, mirror: Subscription, invoices: Sequence[InvoiceState]) -> None:
        """Note what one Subscription brings now, how it came to that, and what was billed."""
        own = [invoice for invoice in invoices if invoice.subscription == state.id]
        seen = frozenset(self._billed)
        for invoice in own:
            if invoice.status != DRAFT:
                self._bill(invoice, mirror)
        steps = steps_of(state, own, self._books, self._now)
        mirror.yearly_cents = steps[-1].yearly_cents if steps else 0
        known = self._known.setdefault(mirror.id, [])
        was_member = any(rows for subscription, rows in self._known.items() if subscription != mirror.id)
        _explain(known, steps)
        before = _as_step(known[-1]) if known else None
        for step in _unknown(known, steps, seen):
            yearly_before = before.yearly_cents if before else 0
            same_plan = before is None or step.yearly_cents == 0 or before.basis.plan_id == step.basis.plan_id
            if step.yearly_cents == yearly_before and same_plan:
                continue
            known.append(self._added(mirror, known, before, step, kind_of(before, step, was_member=was_member),
                                     state.currency))  # fmt: skip
            before = step

    def end(self, mirror: Subscription) -> None:
        """A Subscription that Stripe no longer knows brings nothing from now on."""
        mirror.yearly_cents = 0
        known = self._known.get(mirror.id, [])
        if not known or known[-1].after_cents == 0:
            return
        last = _as_step(known[-1])
        ended = Step(max(self._now, last.at), BY_END, 0, last.basis)
        known.append(self._added(mirror, known, last, ended, "churned", known[-1].currency))

    def _added(
        self, mirror: Subscription, known: Sequence[Movement], before: Step | None, step: Step, kind: str,
        currency: str,
    ) -> Movement:  # fmt: skip
        row = Movement(
            mode=self._customer.mode, subscription_id=mirror.id, customer_id=self._customer.id, number=len(known) + 1,
            kind=kind, cause=step.cause, at=max(step.at, before.at) if before else step.at, currency=currency,
            from_plan_id=before.basis.plan_id if before else None, plan_id=step.basis.plan_id,
            before_cents=before.yearly_cents if before else 0, after_cents=step.yearly_cents,
            quantity=step.basis.quantity, interval=step.basis.interval,
        )  # fmt: skip
        db.session().add(row)
        return row

    def _bill(self, invoice: InvoiceState, mirror: Subscription) -> None:
        parts = parts_of(invoice, self._books)
        row = self._billed.get(invoice.id)
        if row is None:
            row = BilledInvoice(mode=self._customer.mode, invoice_id=invoice.id, customer_id=self._customer.id)
            db.session().add(row)
        row.subscription_id, row.number, row.status = mirror.id, invoice.number, invoice.status
        row.currency, row.issued_at = invoice.currency, invoice.finalized_at or invoice.created_at
        row.period_start_at = parts.starts_at
        row.full_cents, row.lasting_cents, row.once_cents = parts.full_cents, parts.lasting_cents, parts.once_cents
        row.change_cents, row.total_cents = parts.change_cents, invoice.total_cents
        row.other_cents = invoice.total_cents - (
            parts.full_cents - parts.lasting_cents - parts.once_cents + parts.change_cents
        )
        row.paid_cents, row.yearly_cents = invoice.amount_cents, parts.yearly_cents


def _explain(known: Sequence[Movement], steps: Sequence[Step]) -> None:
    """Let the newest movement name the newest Invoice, where that came after the change it bills had been seen."""
    billed = next((step for step in reversed(steps) if step.cause not in (BY_STATE, BY_END)), None)
    if billed is None or not known or known[-1].cause != BY_STATE or any(row.cause == billed.cause for row in known):
        return
    last, since = known[-1], known[-2].at if len(known) > 1 else known[-1].at
    same = (last.after_cents, last.plan_id) == (billed.yearly_cents, billed.basis.plan_id)
    if same and since <= billed.at <= last.at:
        last.cause = billed.cause


def _unknown(known: Sequence[Movement], steps: Sequence[Step], seen: frozenset[str]) -> Sequence[Step]:
    """The steps that come after what is written: behind the one that wrote the last movement, or later than it.

    Of two in one second the later is the one of which no Invoice had been `seen`.
    """
    if not known:
        return steps
    last = known[-1]
    places: Mapping[str, int] = {step.cause: place for place, step in enumerate(steps)}
    if last.cause != BY_STATE and last.cause in places:
        return steps[places[last.cause] + 1 :]
    return [
        step for step in steps
        if step.at > last.at or step.cause in (BY_STATE, BY_END) or (step.at == last.at and step.cause not in seen)
    ]  # fmt: skip


def _as_step(row: Movement) -> Step:
    return Step(row.at, row.cause, row.after_cents, Basis(row.plan_id, row.quantity, row.interval))
