"""What a program learned from this publisher's own decisions: how much a text is like comments that were rejected.

A logistic regression over hashed features: words, pairs of neighbouring words, and pieces of three to five letters of
each word (K. Weinberger et al., "Feature hashing for large scale multitask learning", 2009). It runs on any CPU without
further packages, a text costs as much as its words are many, and what it says can be traced to words, which are shown.

It never rejects and is never the only ground for anything: it asks a person to look, at most before publication.
A fresh install has none. `flask moderation train` makes one from decisions; see `blueprints.moderation.learning`.
"""

import itertools
import math
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from zlib import crc32

from blueprints.threads.screening.rules import MODEL_RULE
from blueprints.threads.screening.subject import Finding, Passage, Subject

FORMAT = 1
SIZE = 1 << 17  # features; a power of two
PIECES = (3, 4, 5)
LONGEST_WORD = 40  # bytes of a word that are looked at
WORDS_REMEMBERED = 50_000
PASSAGES_SHOWN = 5

SAYS = "A program that learns from decisions here finds it like comments that were rejected ({} %)."
HOLDS = "A person reads this before it appears: a program finds it like comments that were rejected here."


def word_features(word: bytes) -> list[int]:
    """The features of one folded word in UTF-8: itself, and its pieces with its edges."""
    word = word[:LONGEST_WORD]
    edged = b"^" + word + b"$"
    found = [crc32(b"w" + word) & (SIZE - 1)]
    for length in PIECES:
        found += [crc32(edged[at : at + length]) & (SIZE - 1) for at in range(len(edged) - length + 1)]
    return found


def pair_feature(first: bytes, second: bytes) -> int:
    """The feature of two neighbouring words."""
    return crc32(first[:LONGEST_WORD] + b" " + second[:LONGEST_WORD]) & (SIZE - 1)


def features_of(words: Sequence[str]) -> list[int]:
    """All features of a text, as often as they occur."""
    data = [word.encode("utf-8", "surrogatepass") for word in words]
    found = [feature for word in data for feature in word_features(word)]
    return found + [pair_feature(first, second) for first, second in itertools.pairwise(data)]


def sigmoid(value: float) -> float:
    """From any number to a probability."""
    if value < -60:
        return 0.0
    return 1.0 / (1.0 + math.exp(-value)) if value < 60 else 1.0


@dataclass(slots=True)
class Model:
    """What was learned, ready to be asked. `scale` and `bias` bring its sums to probabilities that hold."""

    id: int
    weights: "array[float]"
    bias: float
    scale: float
    threshold: int
    severity: str
    _sums: dict[str, tuple[float, int]] = field(default_factory=dict)

    def probability(self, words: Sequence[str]) -> float:
        """How likely a person here would reject a text of these folded words; 0 to 1."""
        total, number = 0.0, 0
        before = b""
        for word in words:
            known = self._sums.get(word)
            if known is None:
                known = self._learn(word)
            total += known[0]
            number += known[1]
            data = word.encode("utf-8", "surrogatepass")
            if before:
                total += self.weights[pair_feature(before, data)]
                number += 1
            before = data
        return sigmoid(self.bias + self.scale * total / math.sqrt(number)) if number else 0.0

    def strongest(self, words: Sequence[str], most: int = PASSAGES_SHOWN) -> list[int]:
        """The numbers of the words that speak most for rejection, in their order."""
        data = [word.encode("utf-8", "surrogatepass") for word in words]
        weights = [self._sums.get(word, (0.0, 0))[0] or self._learn(word)[0] for word in words]
        for at, (first, second) in enumerate(itertools.pairwise(data)):
            half = self.weights[pair_feature(first, second)] / 2
            weights[at] += half
            weights[at + 1] += half
        ranked = sorted(range(len(words)), key=lambda at: -weights[at])[:most]
        return sorted(at for at in ranked if weights[at] > 0)

    def _learn(self, word: str) -> tuple[float, int]:
        features = word_features(word.encode("utf-8", "surrogatepass"))
        known = (sum(self.weights[feature] for feature in features), len(features))
        if len(self._sums) < WORDS_REMEMBERED:
            self._sums[word] = known
        return known


def to_stored(weights: "array[float]", bias: float, scale: float) -> bytes:
    """What is kept of a model: two numbers and the weights, single precision, packed."""
    return zlib.compress(array("f", (bias, scale)).tobytes() + weights.tobytes(), 6)


def from_stored(model_id: int, stored: bytes, threshold: int, severity: str) -> Model:
    """A model from what is kept of it. Raises ValueError for anything else."""
    numbers = array("f")
    numbers.frombytes(zlib.decompress(stored))
    if len(numbers) != SIZE + 2:
        raise ValueError("this is not what was learned here")
    return Model(model_id, numbers[2:], numbers[0], numbers[1], threshold, severity)


def check_learned(subject: Subject) -> Iterator[Finding]:
    """A text that is like rejected ones, with the words that make it so."""
    model = subject.setup.model
    if model is None:
        return
    units = subject.text.bare
    probability = model.probability(units.words)
    if probability * 100 < model.threshold:
        return
    severity = subject.setup.severity(MODEL_RULE, subject.section_id)
    passages: list[Passage] = [(units.starts[at], units.ends[at]) for at in model.strongest(units.words)]
    reason = HOLDS if severity == "hold" else SAYS.format(round(probability * 100))
    yield from subject.found(MODEL_RULE, reason, passages, model.id)
