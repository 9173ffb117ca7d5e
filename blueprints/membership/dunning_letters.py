"""A payment that is missing: what the member is told, and when. Pure: values in, the letter out.

Stripe tries the card by itself; when, the account's settings say. We tell of the first failure, once more before access
ends, of its loss, and of the payment that arrived after all: each once for each time that a payment is missing.
"""

from datetime import datetime, timedelta
from typing import Literal

from blueprints.membership.gateway import InvoiceState, SubscriptionState
from blueprints.membership.policy import GRACE_PERIOD, OWING, RUNNING, Access

LAST_WORD = timedelta(days=2)  # before access ends
Letter = Literal["past-due", "last-try", "lost", "recovered"]


def last_word_at(since: datetime) -> datetime:
    """When a member is told for the last time that access is about to end."""
    return since + GRACE_PERIOD - LAST_WORD


def letter_for(
    before: str | None, state: SubscriptionState, since: datetime | None, access: Access, now: datetime
) -> Letter | None:
    """What this member is to be told now, by the status that was and the state that is. Pure.

    `since` is when the missing payment fell due. Whether the letter went out already, its key knows.
    """
    if state.status in RUNNING and before in OWING:
        return "recovered"
    if state.status not in OWING or since is None:
        return None
    if not access.granted or (access.ends_at is not None and access.ends_at <= now):
        return "lost"
    if now >= last_word_at(since) and before in OWING:
        return "last-try"
    return "past-due" if before not in OWING else None


def next_try(invoices: list[InvoiceState], subscription: str) -> datetime | None:
    """When Stripe tries the card again for what is owed; None when it will not by itself."""
    moments = [
        invoice.next_try_at for invoice in invoices
        if invoice.subscription == subscription and invoice.status == "open" and invoice.next_try_at
    ]  # fmt: skip
    return min(moments, default=None)
