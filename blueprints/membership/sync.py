"""Bringing our tables to what Stripe says now.

Redirect, webhook, catch-up and reconciliation all call `sync_customer`. It never believes a payload: it takes a turn
on the Customer's row, fetches everything outside any transaction, and writes only if no later turn has been written.
Mails and counters come from the difference between what was and what is, in that same transaction, so any order, any
repeat and any loss of events ends in the same state, with each side effect once.
"""

import time
from datetime import datetime, timedelta

from blueprints.membership import queries_customers
from blueprints.membership.drift import Drift
from blueprints.membership.gateway import gateway
from blueprints.membership.picture import fetch_picture
from blueprints.membership.sync_writer import Writer
from core import clock
from core.db import transaction
from jobs.queue import enqueue
from models.membership import BillingCustomer

TURN = timedelta(seconds=60)  # a fetch that takes longer loses its turn, and its answer counts only if none came later
WAIT_SECONDS = 6.0
LOOK_SECONDS = 0.05


class Busy(Exception):
    """Somebody else's fetch took longer than we wait. Asking again later is right."""


def sync_customer(customer: str, reason: str, *, wait: float = WAIT_SECONDS, drift: Drift | None = None) -> bool:
    """Fetch a Customer's state and apply it; when this returns, our tables are at least as fresh as the call.

    `drift` is told what it changed, in the same transaction. Returns False for a Customer that is not
    ours. Raises Busy when another fetch did not end within `wait` seconds, and GatewayError when Stripe does not
    answer: then nothing has changed.
    """
    stripe = gateway()
    turn = _take_turn(stripe.mode, customer, wait)
    if turn is None:
        return queries_customers.customer_by_stripe_id(stripe.mode, customer) is not None
    number, begun_at, user_id = turn
    try:
        picture = fetch_picture(stripe, customer, user_id)
    except BaseException:
        _give_back_turn(stripe.mode, customer, number)
        raise
    with transaction():
        row = queries_customers.lock_customer(stripe.mode, customer)
        if row is not None:
            _end_turn(row, number)
            if row.applied_generation < number:
                row.applied_generation, row.synced_at = number, begun_at
                if drift is not None:
                    drift.before(row)
                Writer(row, picture, reason).write()
                if drift is not None:
                    drift.after(row)
    return True


def sync_soon(customer: str, reason: str) -> None:
    """Ask for a sync by a job, in the current transaction."""
    enqueue("stripe.sync", key=f"sync:{customer}", customer=customer, reason=reason)


def _take_turn(mode: str, customer: str, wait: float) -> tuple[int, datetime, int] | None:
    """The number of our turn, when it began, and whose Customer it is.

    None when there is nothing to do: the Customer is not ours, or a fetch that began after this call was written.
    """
    before = queries_customers.turns_of(mode, customer)
    deadline = time.monotonic() + wait
    turns = before
    while before is not None and turns is not None:
        if turns.applied > before.begun:
            return None
        if turns.leased_until is None or turns.leased_until <= clock.now():
            taken = _try_turn(mode, customer)
            if taken is not None:
                return taken
        if time.monotonic() >= deadline:
            raise Busy(customer)
        time.sleep(LOOK_SECONDS)
        turns = queries_customers.turns_of(mode, customer)
    return None


def _try_turn(mode: str, customer: str) -> tuple[int, datetime, int] | None:
    with transaction():
        row = queries_customers.lock_customer(mode, customer)
        now = clock.now()
        if row is None or (row.leased_until is not None and row.leased_until > now):
            return None
        row.generation += 1
        row.leased_until = now + TURN
        return row.generation, now, row.user_id


def _give_back_turn(mode: str, customer: str, number: int) -> None:
    with transaction():
        row = queries_customers.lock_customer(mode, customer)
        if row is not None:
            _end_turn(row, number)


def _end_turn(row: BillingCustomer, number: int) -> None:
    if row.generation == number:
        row.leased_until = None
