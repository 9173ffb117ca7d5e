"""What happens by itself as the clock moves: sessions expire, subscriptions renew or end, invoices
are finalised, charged and retried. Nothing here is triggered by a request's content."""

from collections.abc import Callable

from . import discounts, invoice_calls, invoice_items, invoices, schedules, subscriptions
from .events import emit
from .periods import add_interval
from .store import Store, Transaction
from .wire import Json, new_id

MAX_STEPS = 5000


def settle(store: Store) -> bool:
    """Do everything that is due; True when anything was emitted. Cheap when nothing is due."""
    with store.read() as tx:
        if tx.next_due(tx.now) is None:
            return False
    with store.write() as tx:
        run_until(tx, tx.now)
        return tx.emitted


def advance(store: Store, seconds: int) -> int:
    """Move the clock forward, living through everything on the way in its order; the new time."""
    if seconds < 0:
        raise ValueError("The sandbox's clock only moves forward.")
    with store.write() as tx:
        target = tx.now + seconds
        run_until(tx, target)
        tx.set_setting("clock_offset", str(int(tx.setting("clock_offset", "0")) + seconds))
        return target


def run_until(tx: Transaction, target: int) -> None:
    present = tx.now
    for _ in range(MAX_STEPS):
        found = tx.next_due(target)
        if found is None:
            break
        kind, identifier, due_at = found
        tx.now = min(max(due_at, 0), target)
        tx.set_due(identifier, None)
        thing = tx.find(kind, identifier)
        if thing is not None:
            _HANDLERS[kind](tx, thing)
    tx.now = max(present, target)


def expire_session(tx: Transaction, session: Json) -> None:
    """An open Checkout session that nobody paid."""
    if session["status"] == "open":
        session.update(status="expired", url=None)
        tx.save(session)
        tx.set_due(session["id"], None)
        emit(tx, "checkout.session.expired", session)


def _subscription_due(tx: Transaction, subscription: Json) -> None:
    if subscription["status"] in subscriptions.ENDED:
        return
    if subscription["status"] == "incomplete":
        before = dict(subscription)
        subscription.update(status="incomplete_expired", ended_at=tx.now)
        subscriptions.save(tx, subscription, before)
    elif subscription["cancel_at"] and subscription["cancel_at"] <= tx.now:
        subscriptions.end(tx, subscription, reason="cancellation_requested", requested=False)
    elif subscriptions.period(subscription)[1] <= tx.now:
        _end_of_trial(tx, subscription) if subscription["status"] == "trialing" else _renew(tx, subscription)
    elif (notice := subscriptions.trial_notice_at(subscription)) is not None and notice <= tx.now:
        subscriptions.tell_of_trial(tx, subscription)
    elif (notice := subscriptions.notice_at(subscription)) is not None and notice <= tx.now:
        _announce(tx, subscription)
    else:
        _resume_collection(tx, subscription)
        subscriptions.schedule(tx, subscription)


def _announce(tx: Transaction, subscription: Json) -> None:
    """A week before a renewal: an invoice that has no id, because it does not exist yet."""
    coming = invoice_calls.upcoming(tx, subscription)
    if coming is not None:
        emit(tx, "invoice.upcoming", {key: value for key, value in coming.items() if key != "id"})
    subscription["_announced"] = subscriptions.period(subscription)[1]
    tx.save(subscription)
    subscriptions.schedule(tx, subscription)


def _end_of_trial(tx: Transaction, subscription: Json) -> None:
    """The first payment, or, without a card, what the subscription was told to do then."""
    without_card = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if subscriptions.method_for(tx, subscription) is None and without_card != "create_invoice":
        if without_card == "cancel":
            subscriptions.end(tx, subscription, reason="payment_failed")
        else:
            subscriptions.pause(tx, subscription)
        return
    _renew(tx, subscription)


def _resume_collection(tx: Transaction, subscription: Json) -> None:
    """A pause of collecting that was given an end runs out by itself."""
    pause = subscription["pause_collection"]
    if pause and pause["resumes_at"] and pause["resumes_at"] <= tx.now:
        before = dict(subscription)
        subscription["pause_collection"] = None
        subscriptions.save(tx, subscription, before)


def _renew(tx: Transaction, subscription: Json) -> None:
    """The periods move before any money does; the invoice stays a draft for an hour."""
    customer = tx.find("customer", subscription["customer"])
    if customer is None:
        return
    before = dict(subscription, items=dict(subscription["items"]))
    subscription["status"] = "active" if subscription["status"] == "trialing" else subscription["status"]
    start = subscriptions.period(subscription)[1]
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    subscription["_cycles"] += 1
    count = recurring["interval_count"] * subscription["_cycles"]
    finish = add_interval(subscription["billing_cycle_anchor"], recurring["interval"], count)
    last_start = subscriptions.period(subscription)[0]
    items = [
        dict(item, current_period_start=start, current_period_end=finish) for item in subscription["items"]["data"]
    ]
    subscription["items"] = dict(subscription["items"], data=items)
    subscription["latest_invoice"] = new_id("in_")
    discounts.drop_spent(tx, subscription)
    subscriptions.save(tx, subscription, before)
    lines = [invoices.line_for(tx, item, subscription["id"], start, finish) for item in items]
    discounts.on_lines(tx, subscription, lines, start)
    lines = invoice_items.lines_of(tx, subscription["id"]) + lines
    invoice_items.take(tx, subscription["id"], subscription["latest_invoice"])
    invoice = invoices.build(
        tx,
        customer,
        lines,
        reason="subscription_cycle",
        subscription=subscription,
        period=(last_start, start),
        identifier=subscription["latest_invoice"],
    )
    invoices.draft(tx, invoice)


def _invoice_due(tx: Transaction, invoice: Json) -> None:
    subscription = tx.find("subscription", invoices.subscription_of(invoice) or "")
    if subscription is None or not invoice["auto_advance"]:
        return
    pause = subscription["pause_collection"]
    if pause and pause["behavior"] == "keep_as_draft":
        invoices.hold(tx, invoice)
        return
    if invoice["status"] == "draft":
        invoices.finalize(tx, invoice)
    if pause:
        invoices.give_up(tx, invoice, "void" if pause["behavior"] == "void" else "uncollectible")
    elif invoice["status"] == "open":
        charge_open(tx, invoice, subscription)


def charge_open(tx: Transaction, invoice: Json, subscription: Json) -> None:
    """One automatic attempt at a renewal, and everything that follows from its outcome."""
    method = subscriptions.method_for(tx, subscription)
    intent = invoices.collect(tx, invoice, method, off_session=True)
    if invoice["status"] == "paid":
        subscriptions.after_payment(tx, subscription)
        return
    before = dict(subscription)
    again = invoices.plan_retry(tx, invoice)
    if intent and intent["status"] == "requires_action":
        emit(tx, "invoice.payment_action_required", invoice)
    emit(tx, "invoice.payment_failed", invoice)
    outcome = "past_due" if again else tx.setting("after_last_try", "canceled")
    if outcome == "canceled":
        subscriptions.end(tx, subscription, reason="payment_failed")
    elif subscription["status"] in ("active", "past_due") and subscription["status"] != outcome:
        subscription["status"] = outcome
        subscriptions.save(tx, subscription, before)


def _portal_session_due(tx: Transaction, session: Json) -> None:
    session["_expired"] = True
    tx.save(session)


_HANDLERS: dict[str, Callable[[Transaction, Json], None]] = {
    "checkout.session": expire_session,
    "subscription": _subscription_due,
    "invoice": _invoice_due,
    "billing_portal.session": _portal_session_due,
    "subscription_schedule": schedules.phase_due,
}
