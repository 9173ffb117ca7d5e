"""The desk's queues and the filters that narrow them: what they are called, and how an address says them. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlencode

from blueprints.threads.waiting import WAITING
from core.ids import row_id
from core.records import dataclass

HOME = "/moderation"
REPORTED, HELD, NEWCOMERS, UNREVIEWED = "reported", "held", "newcomers", "unreviewed"
DECIDED = "decided"  # no queue: what has left them all
QUEUES = {REPORTED: "Reported", HELD: "Held", NEWCOMERS: "New commenters", UNREVIEWED: "Unreviewed"}
ORDER = {
    REPORTED: "What weighs most first: reports by people who have been right before count for more.",
    HELD: "The oldest first.",
    NEWCOMERS: "The oldest first.",
    UNREVIEWED: "The newest first.",
}
AGES = {1: "an hour", 6: "6 hours", 24: "a day", 72: "3 days", 168: "a week"}
WORDS_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Filters:
    """What a view leaves: comments of a section, under an article, reported or held for a reason, in a language, by a
    person, older than so many hours, with some words. Empty means any."""

    section: int = 0
    article: str = ""
    reason: str = ""
    language: str = ""
    author: str = ""
    hours: int = 0
    q: str = ""

    @property
    def query(self) -> str:
        """As the query of an address; empty where nothing is narrowed."""
        return urlencode({name: value for name, value in asdict(self).items() if value})


NONE = Filters()


def filters_from(values: Mapping[str, str]) -> Filters:
    """What an address or a form says; what makes no sense there narrows nothing."""

    def words(name: str) -> str:
        return " ".join(values.get(name, "").split())[:WORDS_LENGTH]

    try:
        section = row_id(values.get("section", "") or "0")
    except ValueError:
        section = 0
    hours = values.get("hours", "")
    return Filters(
        section, words("article"), words("reason"), words("language")[:3], words("author"),
        int(hours) if hours in {str(age) for age in AGES} else 0, words("q"),
    )  # fmt: skip


def address(queue: str, filters: Filters = NONE, after: str = "") -> str:
    """Where a queue stands, as far as a page of it."""
    path = HOME if queue == REPORTED else f"{HOME}/{queue}"
    query = "&".join(part for part in (filters.query, f"after={after}" if after else "") if part)
    return f"{path}?{query}" if query else path


def stands_in(status: str, *, reported: bool, by_newcomer: bool, reviewed: bool) -> str:
    """The queue in which a comment stands, the most pressing where there are several; else `DECIDED`.

    Empty for one that its author deleted: nobody decides about it. `queries_queues.in_queue` says the same in SQL.
    """
    if status in WAITING:
        return HELD
    if status != "published":
        return "" if status == "deleted" else DECIDED
    if reported:
        return REPORTED
    if reviewed:
        return DECIDED
    return NEWCOMERS if by_newcomer else UNREVIEWED
