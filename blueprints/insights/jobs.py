"""What is worked out beforehand, so that no page waits for it; read before its transaction, so that no writer does."""

from datetime import timedelta

from blueprints.insights import checking, queries, queries_funnel, retention
from blueprints.membership.gateway import gateway
from core import clock
from core.db import transaction
from jobs.queue import handler
from jobs.schedule import repeating

LOOKED_BACK = timedelta(days=2)
FUNNEL = "funnel"


@handler("insights.check")
def check_books() -> None:
    """Hold the books against Invoices and payments."""
    mode = gateway().mode
    found = checking.compare(mode)
    with transaction():
        checking.keep(mode, found)


@handler("insights.funnel")
def count_steps() -> None:
    """Count who paid and posted in the last days; all days when it was never done."""
    mode, now = gateway().mode, clock.now()
    known = queries.kept(FUNNEL, mode)
    since = min(known[0], now).date() - LOOKED_BACK if known else None
    counted = queries_funnel.derived(mode, since)
    with transaction():
        queries_funnel.put(counted, since)
        queries.keep(FUNNEL, now, {}, mode)


@handler("insights.staying")
def compare_who_stays() -> None:
    """Hold commenters against matched readers."""
    mode, now = gateway().mode, clock.now()
    found = retention.worked_out(mode, now)
    with transaction():
        queries.keep(retention.NAME, now, found, mode)


repeating("insights.staying", every=timedelta(days=1), at_once=True)
repeating("insights.check", every=timedelta(days=1), at_once=True)
repeating("insights.funnel", every=timedelta(minutes=10))
