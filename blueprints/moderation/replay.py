"""A labelled corpus through the screening: what it would do with each text, and what it would miss.

The file has one JSON object a line:

    {"text": "…", "label": "reject", "author": "newcomer", "section": "politics"}

`text` and `label` (`reject` or `publish`, what a person should decide) are needed; `author` (`regular`, `newcomer` or
`staff`) and `section` (its slug) may be left out, and anything else is ignored. Nothing is stored or posted.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from blueprints.threads import screening
from blueprints.threads.screening.shapes import ALIKE, keys_of, likeness, pairs_of
from blueprints.threads.writing import checked_words
from core.errors import DomainError
from core.markup import render_comment

LABELS = ("reject", "publish")
DECISIONS = ("published", "nudged", "reported", "held", "rejected")
_DECIDES = {
    None: "published", "note": "published", "nudge": "nudged", "report": "reported", "hold": "held",
    "reject": "rejected",
}  # fmt: skip
SEEN = ("reported", "held", "rejected")  # a person sees these, or the program has decided
TWINS_KEPT = 100_000


class BadLine(Exception):
    """A line of the corpus that cannot be used, with a sentence."""


@dataclass(slots=True)
class Tally:
    """What came out."""

    texts: int = 0
    wanted: int = 0  # labelled "reject"
    unusable: int = 0
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)  # label and decision
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)  # rule and label, of findings from "report" on
    not_checked: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def of(self, *decisions: str, label: str | None = None) -> int:
        """How many came to one of these decisions."""
        return sum(
            number for (said, decision), number in self.decisions.items()
            if decision in decisions and label in (None, said)
        )  # fmt: skip

    @property
    def recall(self) -> float | None:
        """Percent of what should be rejected that a person would see or the program reject."""
        return 100 * self.of(*SEEN, label="reject") / self.wanted if self.wanted else None

    @property
    def precision(self) -> float | None:
        """Percent of what is stopped or reported that should be rejected."""
        return 100 * self.of(*SEEN, label="reject") / self.of(*SEEN) if self.of(*SEEN) else None


def read(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The entries of a corpus. Raises BadLine."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            raise BadLine(f"Line {number} is no JSON.") from None
        if not isinstance(entry, dict) or not isinstance(entry.get("text"), str) or entry.get("label") not in LABELS:
            raise BadLine(f'Line {number} needs a "text" and a "label" that is "reject" or "publish".')
        yield entry


class Pipeline:
    """The screening by one setup, remembering what came before so that repeats are found."""

    def __init__(self, setup: screening.Setup, sections: Mapping[str, int]) -> None:
        self._setup = setup
        self._sections = sections
        self._shapes: dict[int, list[set[int]]] = {}

    def decide(self, entry: Mapping[str, Any]) -> list[screening.Found]:
        """What all checks find in one text. Raises DomainError for what cannot be a comment."""
        words = checked_words(entry["text"])
        html = render_comment(words, {})
        pairs = pairs_of(words)
        author = entry.get("author", "regular")
        subject = screening.Subject(
            words, html, author == "staff", 0 if author == "newcomer" else 1_000, 0, setup=self._setup,
            section_id=self._sections.get(str(entry.get("section", "")), 0), twins=self._twins(pairs),
        )  # fmt: skip
        return screening.screen(screening.CHECKS, subject)

    def _twins(self, pairs: set[int]) -> list[screening.Twin]:
        keys = keys_of(pairs)
        near = {id(other): other for key in keys for other in self._shapes.get(key, ())}
        found = [screening.Twin(0, 0, 0) for other in near.values() if likeness(pairs, other) >= ALIKE]
        if len(self._shapes) < TWINS_KEPT:
            for key in keys:
                self._shapes.setdefault(key, []).append(pairs)
        return found


def replay(entries: Iterable[Mapping[str, Any]], pipeline: Pipeline) -> Iterator[Tally]:
    """The tally after every text."""
    tally = Tally()
    for entry in entries:
        began = time.perf_counter()
        try:
            found = pipeline.decide(entry)
        except DomainError:
            tally.unusable += 1
            continue
        tally.seconds.append(time.perf_counter() - began)
        tally.texts += 1
        label = entry["label"]
        tally.wanted += label == "reject"
        tally.decisions[label, _DECIDES[screening.worst(found)]] += 1
        for rule in {one.rule for one in found if one.severity in ("report", "hold", "reject")}:
            tally.rules[rule, label] += 1
        for one in found:
            if not one.checked:
                tally.not_checked[one.check] += 1
        yield tally


def report(tally: Tally, names: Mapping[str, str]) -> Iterator[str]:
    """The tally in lines for a terminal."""
    if not tally.texts:
        yield "There was no text in it."
        return
    yield f"{tally.texts:,} texts, {tally.wanted:,} of them to be rejected" + (
        f"; {tally.unusable:,} could not be comments" if tally.unusable else ""
    )
    yield ""
    yield f"{'per 1,000 texts':24}{'all':>9}{'reject':>9}{'publish':>9}"
    for decision in DECISIONS:
        cells = [tally.of(decision), tally.of(decision, label="reject"), tally.of(decision, label="publish")]
        yield f"{decision:24}" + "".join(f"{1000 * number / tally.texts:9.1f}" for number in cells)
    yield ""
    if tally.recall is not None:
        yield f"recall {tally.recall:.1f} % (of what should be rejected, reported, held or rejected)"
    if tally.precision is not None:
        yield f"precision {tally.precision:.1f} % (of what is reported, held or rejected, what should be)"
    for rule in sorted({rule for rule, _ in tally.rules}):
        right, wrong = tally.rules[rule, "reject"], tally.rules[rule, "publish"]
        yield f"  {names.get(rule, rule):34} caught {right:,} to be rejected, {wrong:,} to be published"
    for check, number in sorted(tally.not_checked.items()):
        yield f"  {check} FAILED on {number:,}: not checked"
    times = sorted(tally.seconds)
    middle, late = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
    yield f"time per decision: {1000 * middle:.2f} ms in the middle, {1000 * late:.2f} ms at the 99th percentile"
