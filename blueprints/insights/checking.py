"""Holding the books against what was billed and paid, and asking Stripe again about whom they do not agree for."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from blueprints.insights import money, queries, queries_checking
from blueprints.insights.queries_checking import Difference
from blueprints.membership.sync import sync_soon
from core import clock
from core.records import dataclass

NAME = "check"
SENTENCES = {
    "chain": "A movement does not begin where the one before it ended.",
    "end": "The movements end at another amount than the Subscription brings in now.",
    "rate": "The Invoice bills another amount for its period than the books say.",
    "unbooked": "A payment is not in the books, or with another amount.",
    "unpaid": "The Invoice is paid, and no payment of ours says so.",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome of a check, and of how many things each sort were compared."""

    at: datetime
    subscriptions: int
    movements: int
    invoices: int
    differences: tuple[Difference, ...]
    billed: tuple[dict[str, Any], ...] = ()  # the Invoices of each month by their parts, as they were then


def compare(mode: str) -> Checked:
    """Compare everything of one mode. Only reads, so that nobody waits for it."""
    found = [
        *queries_checking.broken_chains(mode), *queries_checking.other_ends(mode),
        *queries_checking.other_rates(mode), *queries_checking.other_payments(mode),
    ]  # fmt: skip
    return Checked(clock.now(), *queries_checking.counted(mode), tuple(found),
                   tuple(money.billed_rows(mode, clock.now())))  # fmt: skip


def keep(mode: str, made: Checked) -> None:
    """Keep what was found, and ask for a sync of whom it is about, inside the caller's transaction.

    A sync repairs what was missed; what stays after it is named again.
    """
    data: dict[str, Any] = asdict(made)
    del data["at"]
    queries.keep(NAME, made.at, data, mode)
    for customer in sorted({one.customer for one in made.differences if one.customer}):
        sync_soon(customer, "the books do not agree")


def last_check(mode: str) -> Checked | None:
    """What the last check found."""
    kept = queries.kept(NAME, mode)
    if kept is None:
        return None
    at, data = kept
    differences = tuple(Difference(**one) for one in data["differences"])
    return Checked(at, data["subscriptions"], data["movements"], data["invoices"], differences,
                   tuple(data["billed"]))  # fmt: skip
