"""Trying a change of the screening on what was written in the last days, before it counts.

What depends on words alone is run again as it is and as it would be. What depends on who wrote, and when, cannot be
brought back: of such rules it counts what they found then, with the severity that they would have.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from blueprints.publisher import queries_screening as queries
from blueprints.threads import screening
from blueprints.threads.screening.passages import marked
from blueprints.threads.screening.subject import SEVERITIES, Passage
from core.records import dataclass

LAST = timedelta(days=7)
MOST_COMMENTS = 5_000
MOST_SECONDS = 8.0
EXAMPLES = 15
AUTHORS = 10
STOPS = ("hold", "reject")

_OF_WORDS = frozenset({"words", "links", "personal-data", "length", "noise", "mentions", "classifier"})
_NOT_AGAIN = frozenset({"links.first", "links.spam", "newcomer"})
_KNOWN = 1_000  # comments published before: nobody is new


@dataclass(frozen=True, slots=True)
class Example:
    """A comment that the change would treat otherwise."""

    comment_id: int
    author: str
    status: str
    before: str
    after: str
    words: Markup
    headline: str


@dataclass(slots=True)
class Trial:
    """What a change would have done. "Stopped" is held or rejected."""

    since: datetime
    looked_at: int = 0
    cut_short: bool = False
    stopped_before: int = 0
    stopped_after: int = 0
    caught: int = 0  # more severe than before
    released: int = 0  # less severe
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)  # statuses of what would be caught
    authors: Counter[tuple[int, str]] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    @property
    def decided(self) -> int:
        return self.outcomes["rejected"] + self.outcomes["published"]

    @property
    def precision(self) -> int | None:
        """Percent of what would be caught, and is decided, that people rejected; None where nothing is decided."""
        return round(100 * self.outcomes["rejected"] / self.decided) if self.decided else None

    @property
    def top_authors(self) -> list[tuple[int, str, int]]:
        return [(user_id, name, number) for (user_id, name), number in self.authors.most_common(AUTHORS)]


def try_change(session: Session, standing: screening.Setup, wanted: screening.Setup, now: datetime) -> Trial:
    """What the wanted setup would have done with the comments of the last days, the newest first."""
    trial = Trial(now - LAST)
    rows = queries.comments_since(session, trial.since, MOST_COMMENTS + 1)
    trial.cut_short = len(rows) > MOST_COMMENTS
    rows = rows[:MOST_COMMENTS]
    found_then = queries.findings_between(session, rows[-1].id, rows[0].id) if rows else {}
    began = time.monotonic()
    for row in rows:
        if time.monotonic() - began > MOST_SECONDS:
            trial.cut_short = True
            break
        _look(trial, row, standing, wanted, found_then.get(row.id, set()))
    return trial


def _look(trial: Trial, row: Any, standing: screening.Setup, wanted: screening.Setup, then: set[str]) -> None:
    trial.looked_at += 1
    before, _ = _severity(row, standing, then)
    after, passages = _severity(row, wanted, then)
    trial.stopped_before += before in STOPS
    trial.stopped_after += after in STOPS
    if before == after:
        return
    rises = _rank(after) > _rank(before)
    trial.moves[before, after] += 1
    if rises:
        trial.caught += 1
        trial.outcomes[row.status] += 1
        trial.authors[row.author_id, row.author] += 1
    else:
        trial.released += 1
    if len(trial.examples) < EXAMPLES:
        trial.examples.append(Example(
            row.id, row.author, row.status, before, after, marked(row.body_source, passages), row.headline
        ))  # fmt: skip


def _severity(row: Any, setup: screening.Setup, then: set[str]) -> tuple[str, Sequence[Passage]]:
    """The most severe finding, and the passages of all that are as severe; '' for none."""
    subject = screening.Subject(
        row.body_source, row.body_html, row.author_badge in {"staff", "author"}, _KNOWN, 0, setup=setup,
        section_id=row.section_id or 0,
    )  # fmt: skip
    checks = [check for check in screening.CHECKS if check.name in _OF_WORDS]
    found = [(one.severity, one.passages) for one in screening.screen(checks, subject) if one.rule not in _NOT_AGAIN]
    spoken = {one for one in then if _is_of_author(one, setup)}
    here = [setup.severity(rule, row.section_id or 0) for rule in spoken]
    found += [(severity, ()) for severity in SEVERITIES if severity in here]
    if not found:
        return "", ()
    worst = max((severity for severity, _ in found), key=SEVERITIES.index)
    return worst, [place for severity, places in found if severity == worst for place in places]


def _is_of_author(rule: str, setup: screening.Setup) -> bool:
    """Whether a rule is about the author, or about other comments, so that it cannot be run again."""
    mails = {one.rule for one in setup.lists_of("mails")}
    return rule in _NOT_AGAIN or rule in mails or rule.partition(".")[0] in {"repeats", "flood", "record"}


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else -1  # type: ignore[arg-type]
