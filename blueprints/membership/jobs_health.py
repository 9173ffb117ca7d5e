"""Looking after payments by the clock: catching up, comparing, closing what ran out, checking the account."""

from datetime import datetime, timedelta

import structlog

from blueprints.membership import (
    cards,
    health,
    queries_catalogue,
    queries_checkout,
    queries_customers,
    queries_events,
    queries_health,
    queries_subscriptions,
    sync,
)
from blueprints.membership.checkout import UNFINISHED
from blueprints.membership.drift import Drift
from blueprints.membership.gateway import Gateway, gateway
from blueprints.membership.jobs import plain
from blueprints.membership.sync_writer import close_attempt
from blueprints.membership.webhooks import WANTED, store_event
from core import clock
from core.db import transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating
from models.billing_health import BillingRun

CATCH_UP_OVERLAP = timedelta(hours=1)  # events are not listed in a strict order
CATCH_UP_REACH = timedelta(days=29)  # Stripe keeps events for thirty
BATCH = 200
RUNS_KEPT = timedelta(days=180)

log = structlog.get_logger("billing")


@handler("stripe.catch-up")
def catch_up() -> None:
    """Ask for the Events that no webhook brought, and keep them as if one had. What was given up on is tried again.

    It begins where the last round that ended well began: an Event that came meanwhile says nothing of those before it.
    """
    stripe = gateway()
    _retry_failed(stripe.mode)
    since = _uncertain_since(stripe.mode)
    if since is None:
        return  # nobody has begun to pay yet
    with transaction():
        run_id = queries_health.begin_run(stripe.mode, "catch-up", clock.now()).id
    looked = missed = 0
    try:
        found = list(stripe.list_events(since, WANTED))
    except Exception as error:
        with transaction():
            _end_run(run_id, error=plain(error))
        raise
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        known = queries_events.known_events([event.id for event in batch])
        with transaction():
            new = [event for event in reversed(batch) if event.id not in known and store_event(event, "catch-up")]
        looked, missed = looked + len(batch), missed + len(new)
    with transaction():
        _end_run(run_id, looked=looked, found=missed)
    if missed and stripe.mode != "sandbox":  # the demo's own purchases are made before anybody listens
        log.warning("events that no webhook brought", count=missed)


def _uncertain_since(mode: str) -> datetime | None:
    last = queries_health.last_run(mode, "catch-up", ended=True)
    since = last.started_at if last else queries_customers.first_customer_at(mode)
    return max(since - CATCH_UP_OVERLAP, clock.now() - CATCH_UP_REACH) if since else None


def _end_run(run_id: int, **values: object) -> None:
    run = queries_health.lock_run(run_id)
    if run is not None:
        run.ended_at = clock.now()
        for name, value in values.items():
            setattr(run, name, value)


def _retry_failed(mode: str) -> None:
    """A longer outage of Stripe than a job has patience for must not lose an Event."""
    before = clock.now() - CATCH_UP_OVERLAP
    with transaction():
        for row in queries_events.unfinished_events(mode):
            if row.received_at < before:
                enqueue("stripe.event", key=f"stripe.event:{row.id}", event_id=row.id)


@handler("stripe.reconcile")
def reconcile(after: int = 0, run_id: int | None = None) -> None:
    """Compare every Customer whose Subscription runs here; a batch at a time, so that each job is short."""
    mode = gateway().mode
    customers = queries_customers.customers_after(mode, after, BATCH)
    with transaction():
        run_id = run_id or queries_health.begin_run(mode, "compare", clock.now()).id
        _ask_to_compare([customer.id for customer in customers], run_id)
        if len(customers) == BATCH:
            enqueue("stripe.reconcile", after=customers[-1].id, run_id=run_id)
        else:
            enqueue("stripe.reconcile-remote", run_id=run_id)


@handler("stripe.reconcile-remote")
def reconcile_remote(after: str | None = None, run_id: int | None = None) -> None:
    """Compare every Customer of ours whose Subscription runs at Stripe and is not mirrored so."""
    stripe = gateway()
    drift, following = drifting_customers(stripe, after)
    with transaction():
        run_id = run_id or queries_health.begin_run(stripe.mode, "compare", clock.now()).id
        _ask_to_compare(queries_health.customer_ids(stripe.mode, drift), run_id)
        if following:
            enqueue("stripe.reconcile-remote", after=following, run_id=run_id)
        else:
            run = queries_health.lock_run(run_id)
            if run is not None:
                run.listed_at = clock.now()
                _end_if_compared(run)


def _ask_to_compare(customer_ids: list[int], run_id: int) -> None:
    """Ask for a comparison of each Customer that this round has not asked for, in the current transaction."""
    asked = queries_health.ask_once(customer_ids, run_id)
    for customer in asked:
        enqueue("stripe.compare", key=f"compare:{run_id}:{customer}", customer=customer, run_id=run_id)
    run = queries_health.lock_run(run_id)
    if run is not None:
        run.asked += len(asked)


@handler("stripe.compare")
def compare(customer: str, run_id: int) -> None:
    """Bring one Customer to what Stripe says, and note what was otherwise here."""
    sync.sync_customer(customer, "reconcile", drift=Drift(run_id))
    with transaction():
        if queries_health.mark_compared(gateway().mode, customer, run_id):
            run = queries_health.lock_run(run_id)
            if run is not None:
                run.looked += 1
                _end_if_compared(run)


def _end_if_compared(run: BillingRun) -> None:
    if run.listed_at is not None and run.looked >= run.asked and run.ended_at is None:
        run.ended_at = clock.now()
        if run.found and run.mode != "sandbox":
            log.warning("our tables were otherwise than Stripe", differences=run.found)


def drifting_customers(stripe: Gateway, after: str | None) -> tuple[list[str], str | None]:
    """Customers of ours on one page of Stripe's running Subscriptions whose mirror differs; and the next page."""
    page, following = stripe.page_of_subscriptions(after)
    products = queries_catalogue.plan_ids_by_product(stripe.mode).keys()
    ours = [item for item in page if item.products & products]
    mirrored = queries_subscriptions.known_subscriptions(stripe.mode, [item.id for item in ours])
    different = {item.customer for item in ours if mirrored.get(item.id) != item.status}
    ours_here = sorted(c for c in different if queries_customers.customer_by_stripe_id(stripe.mode, c) is not None)
    return ours_here, following


@handler("stripe.sweep-checkouts")
def sweep_checkouts() -> None:
    """Close checkouts that nobody can finish any more: never begun at Stripe, or run out there unpaid."""
    stripe, moment = gateway(), clock.now()
    stale = queries_health.stale_checkouts(stripe.mode, moment - UNFINISHED, moment - CATCH_UP_OVERLAP)
    with transaction():
        for attempt_id, customer in stale:
            row = queries_checkout.lock_attempt(attempt_id)
            if row is not None and row.state == "open" and row.session_id is None:
                close_attempt(row, "failed")
            elif customer is not None:
                sync.sync_soon(customer, "checkout run out")


@handler("stripe.check")
def check() -> None:
    """Look how the account at Stripe is set up, and keep what was found."""
    health.check_and_keep()


@handler("stripe.watch-cards")
def watch_cards() -> None:
    """See whether far more cards are declined than go through, and say so once."""
    with transaction():
        cards.watch(gateway().mode, clock.now())


@handler("stripe.forget-runs")
def forget_runs() -> None:
    """Forget the rounds of long ago, and what they found."""
    with transaction():
        queries_health.forget_runs_before(clock.now() - RUNS_KEPT)


repeating("stripe.catch-up", every=timedelta(hours=1))
repeating("stripe.reconcile", every=timedelta(days=1))
repeating("stripe.sweep-checkouts", every=timedelta(hours=1))
repeating("stripe.check", every=timedelta(days=1), at_once=True)
repeating("stripe.watch-cards", every=timedelta(minutes=15))
repeating("stripe.forget-runs", every=timedelta(days=7))
