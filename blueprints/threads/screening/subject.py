"""What a check looks at, and what it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Literal

from blueprints.threads.screening.matching import Text
from blueprints.threads.screening.setup import DEFAULT, Setup
from core.records import dataclass

Severity = Literal["note", "nudge", "report", "hold", "reject"]
SEVERITIES: tuple[Severity, ...] = ("note", "nudge", "report", "hold", "reject")
MOST_PASSAGES = 50

Passage = tuple[int, int]  # from one place in the source to another, in code points


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. The reason is a sentence that author and moderators may read.

    `rule` names which of the check's rules spoke, `version` the version of a list, where it was one.
    """

    severity: Severity
    reason: str
    rule: str = ""
    passages: tuple[Passage, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Twin:
    """A recent comment whose words are nearly the same."""

    comment_id: int
    author_id: int
    thread_id: int


@dataclass(frozen=True)
class Subject:
    """A submitted text and what is known of its author when it was sent."""

    body_source: str
    body_html: str
    by_staff: bool
    published_before: int  # counted up to a small number only
    same_elsewhere: int  # other threads in which the author lately said the same
    setup: Setup = DEFAULT
    section_id: int = 0
    email: str = ""
    recent_rejected: int = 0  # among their last comments
    recent_decided: int = 0  # of these, published or rejected
    recent_sent: int = 0  # within the time that the check for floods looks at
    twins: Sequence[Twin] = ()
    spam_links: Mapping[str, Passage | None] = field(default_factory=dict)  # known places that it links to

    @cached_property
    def text(self) -> Text:
        """The words, prepared for lists."""
        return Text(self.body_source)

    def found(self, rule: str, reason: str, passages: Sequence[Passage] = (), version: int = 0) -> Iterator[Finding]:
        """The finding of a rule with the severity that the publisher gave it here; none for one that is off."""
        severity = self.setup.severity(rule, self.section_id)
        if severity in SEVERITIES:
            yield Finding(severity, reason, rule, tuple(passages[:MOST_PASSAGES]), version)

    def number(self, name: str) -> int:
        """A number that the publisher sets."""
        return self.setup.number(name)
