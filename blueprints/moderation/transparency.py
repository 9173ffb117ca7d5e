"""The transparency report of a period: what the law asks platforms to publish (DSA arts. 15 and 24), and error rates.

Every figure is counted from the ledger and from the rows its entries name, so that anybody with the database comes to
the same numbers.
"""

import csv
import io
import statistics
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session

from blueprints.moderation import queries_transparency as queries
from blueprints.moderation.illegal import CATEGORIES
from blueprints.moderation.words import DONE
from core.errors import DomainError
from core.records import dataclass

LONGEST = timedelta(days=5 * 366)
RESTRICTIONS = {
    "removal": "Comment removed", "not-published": "Comment not published",
    "held": "Comment set aside until a person has read it", "warning": "Warning",
    "slow-down": "Slow-down", "pre-moderation": "Comments read first", "suspension": "Suspension", "ban": "Ban",
    "": "Before this was noted",
}  # fmt: skip
SOURCES = {
    "own": "found by the moderation team", "reports": "reported by readers", "notice": "notified as illegal",
    "program": "set aside by a program",
}  # fmt: skip
REASONS = {
    "offensive": "Insults or demeans", "abusive": "Threatens or harasses", "spam": "Advertising or spam",
    "off-topic": "Not about the story", "illegal": "Breaks the law", "other": "Something else",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the report. `key` is for programs, `label` for people; hours and shares have one decimal."""

    key: str
    label: str
    value: int | float | None
    unit: str = ""  # "", "hours" or "%"


@dataclass(frozen=True, slots=True)
class Part:
    """Figures that belong together."""

    key: str
    title: str
    figures: list[Figure]


def period(start: str, end: str, today: date) -> tuple[date, date]:
    """The first and the last day that were asked for; without them, this year until today. Raises DomainError."""
    try:
        first = date.fromisoformat(start) if start else date(today.year, 1, 1)
        last = date.fromisoformat(end) if end else max(today, first)
    except ValueError:
        raise DomainError("Please give both days as year, month and day: 2026-01-31.") from None
    if first > last:
        raise DomainError("The first day has to come before the last.")
    if last - first > LONGEST:
        raise DomainError("A report covers at most five years.")
    return first, last


def report(session: Session, first: date, last: date) -> list[Part]:
    """The report of these days, both included, in UTC."""
    start = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    return [
        _overview(session, start, end),
        *_restrictions(session, start, end),
        _notices(session, start, end),
        _reports(session, start, end),
        _objections(session, start, end),
        _program(session, start, end),
        _ledger(session, start, end),
    ]


def as_data(parts: list[Part], first: date, last: date, site: str, at: datetime) -> dict[str, Any]:
    """The report for programs."""
    return {
        "site": site, "from": first.isoformat(), "to": last.isoformat(),
        "generated_at": at.isoformat(timespec="seconds"),
        "figures": {part.key: {one.key: one.value for one in part.figures} for part in parts},
    }  # fmt: skip


def as_csv(parts: list[Part]) -> str:
    """The report as lines: part, key, label, value, unit. No cell can be taken for a formula."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("part", "key", "label", "value", "unit"))
    for part in parts:
        for one in part.figures:
            cells = (part.key, one.key, one.label, "" if one.value is None else str(one.value), one.unit)
            lines.writerow([f"'{cell}" if cell[:1] in "=+-@\t\r" and cell[:1] else cell for cell in cells])
    return out.getvalue()


def _overview(session: Session, start: datetime, end: datetime) -> Part:
    rows = queries.statements(session, start, end)
    taken_back = {row.automated: row.number for row in queries.reversed_statements(session, start, end)}
    by_whom: Counter[bool] = Counter()
    for row in rows:
        by_whom[row.automated] += row.number
    total = by_whom.total()
    return Part("overview", "At a glance", [
        Figure("published", "Comments published", queries.published_comments(session, start, end)),
        Figure("restrictions", "Restrictions, each with a statement of reasons", total),
        Figure("by_program", "Of these decided by a program alone", by_whom[True]),
        Figure("share_by_program", "Share decided by a program alone", _share(by_whom[True], total), "%"),
        Figure("taken_back", "Restrictions taken back since", sum(taken_back.values())),
        Figure("error_rate_people", "Taken back, of what people decided",
               _share(taken_back.get(False, 0), by_whom[False]), "%"),
        Figure("error_rate_program", "Taken back, of what a program decided",
               _share(taken_back.get(True, 0), by_whom[True]), "%"),
        Figure("undone", "Decisions the staff took back by themselves", queries.undone(session, start, end)),
    ])  # fmt: skip


def _restrictions(session: Session, start: datetime, end: datetime) -> list[Part]:
    rows = queries.statements(session, start, end)

    def counted(keys: Iterable[tuple[str, str, int]]) -> list[Figure]:
        numbers: Counter[tuple[str, str]] = Counter()
        for key, label, number in keys:
            numbers[key, label] += number
        return [Figure(key, label, number) for (key, label), number in sorted(numbers.items())]

    return [
        Part("restrictions_by_kind", "Restrictions by kind",
             counted((row.restriction or "unknown", RESTRICTIONS[row.restriction], row.number) for row in rows)),
        Part("restrictions_by_ground", "Restrictions by ground", counted(
            (f"{row.ground}:{row.title or 'none'}",
             ("The law: " if row.ground == "law" else "") + (row.title or "No single rule"), row.number)
            for row in rows)),
        Part("restrictions_by_source", "Restrictions by how the matter came to light",
             counted((row.source, SOURCES[row.source].capitalize(), row.number) for row in rows)),
        Part("restrictions_by_decider", "Restrictions by who decided", counted(
            ("program" if row.automated else "person", "A program alone" if row.automated else "A person", row.number)
            for row in rows)),
    ]  # fmt: skip


def _notices(session: Session, start: datetime, end: datetime) -> Part:
    rows = queries.notices(session, start, end)
    by_category, by_outcome = Counter(row.category for row in rows), Counter(row.outcome for row in rows)
    again = [row for row in rows if row.second_outcome]
    return Part("notices", "Notices of illegal content (art. 16)", [
        Figure("received", "Received", len(rows)),
        *(Figure(f"category:{key}", label, by_category[key]) for key, label in CATEGORIES.items()),
        Figure("removed", "Content removed or not published, on the ground of the law", by_outcome["removed"]),
        Figure("kept", "Content stays", by_outcome["kept"]),
        Figure("elsewhere", "Not for us to decide", by_outcome["elsewhere"]),
        Figure("open", "Not decided yet", by_outcome["open"]),
        Figure("by_program", "Decided by a program", 0),
        Figure("median_hours", "Median time to the decision", _median_hours(rows), "hours"),
        Figure("again", "Looked at again at the notifier’s request", len(again)),
        Figure("again_removed", "Of these removed then", sum(row.second_outcome == "removed" for row in again)),
    ])  # fmt: skip


def _reports(session: Session, start: datetime, end: datetime) -> Part:
    rows = queries.reports(session, start, end)
    return Part("reports", "Reports by readers", [
        Figure("received", "Received", sum(row.number for row in rows)),
        *(Figure(f"reason:{row.reason}", REASONS[row.reason], row.number) for row in rows),
        Figure("answered", "Answered", sum(row.answered for row in rows)),
        Figure("median_hours", "Median time to the answer",
               _median_hours(queries.report_spans(session, start, end)), "hours"),
    ])  # fmt: skip


def _objections(session: Session, start: datetime, end: datetime) -> Part:
    rows = queries.appeals(session, start, end)
    by_outcome = Counter(row.outcome for row in rows)
    decided = by_outcome["upheld"] + by_outcome["reversed"]
    about_program = [row for row in rows if row.automated]
    return Part("objections", "Objections (art. 20)", [
        Figure("received", "Received", len(rows)),
        Figure("upheld", "The decision stands", by_outcome["upheld"]),
        Figure("reversed", "The decision was reversed", by_outcome["reversed"]),
        Figure("open", "Not answered yet", by_outcome["open"]),
        Figure("reversal_rate", "Reversed, of those answered", _share(by_outcome["reversed"], decided), "%"),
        Figure("median_hours", "Median time to the answer", _median_hours(rows), "hours"),
        Figure("about_program", "About decisions by a program", len(about_program)),
        Figure("about_program_reversed", "Of these reversed", sum(row.outcome == "reversed" for row in about_program)),
    ])  # fmt: skip


def _program(session: Session, start: datetime, end: datetime) -> Part:
    numbers = {row.action: row.number for row in queries.held_and_decided(session, start, end)}
    published, rejected = numbers.get("publish", 0), numbers.get("reject", 0)
    return Part("program", "What a program set aside for people (art. 15 (1) (e))", [
        Figure("decided", "Decided by people", published + rejected),
        Figure("published", "Published after all", published),
        Figure("rejected", "Not published", rejected),
        Figure("error_rate", "Published after all, of those decided", _share(published, published + rejected), "%"),
    ])  # fmt: skip


def _ledger(session: Session, start: datetime, end: datetime) -> Part:
    numbers: Counter[str] = Counter()
    for row in queries.decisions(session, start, end):
        numbers[row.action] += row.number
    return Part("ledger", "Entries of the ledger about comments, people and discussions", [
        *(Figure(action, DONE.get(action, action), number) for action, number in sorted(numbers.items())),
        Figure("total", "All of them", numbers.total()),
    ])  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    """A share in per cent to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def _median_hours(rows: Iterable[Any]) -> float | None:
    spans = [(row.decided_at - row.created_at).total_seconds() for row in rows if row.decided_at]
    return round(statistics.median(spans) / 3600, 1) if spans else None
