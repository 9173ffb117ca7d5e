"""Asking for the end of what somebody pays: a row and a job, in the transaction that empties the account."""

from blueprints.membership import queries, queries_leaving
from core import clock
from jobs.queue import enqueue
from models.leaving import BillingEnd


def ask_to_end(mode: str, user_id: int) -> None:
    """Ask for the end of everything a person pays for, in the current transaction; asking again begins anew."""
    queries.insert_new(BillingEnd, mode=mode, user_id=user_id, asked_at=clock.now(), tries=0, proof="",
                       refunded_cents=0)  # fmt: skip
    row = queries_leaving.lock_end_of(mode, user_id)
    if row is not None:
        row.done_at = None
    enqueue("stripe.end-customer", key=f"end-customer:{user_id}", user_id=user_id)
