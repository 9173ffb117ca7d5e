"""Learning from this publisher's own decisions, and telling how well it went.

What people rejected is told from what they let through, and from what nobody minded. Programs' decisions are not
learned from. Authors are split by a hash of who they are, so that nobody is both learned from and tested on: seven
tenths to learn, one to bring the sums to probabilities that hold (J. Platt, "Probabilistic outputs", 1999), two to
tell how good it is.

The regression is fitted by stochastic gradient descent with a step of its own for each feature (J. Duchi et al.,
"Adaptive subgradient methods", 2011), in plain Python: 20,000 comments take about a minute.
"""

import hashlib
import math
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from blueprints.moderation import languages
from blueprints.moderation import queries_learning as queries
from blueprints.threads.screening.classifier import SIZE, Model, features_of, from_stored, sigmoid, to_stored
from blueprints.threads.screening.matching import Text
from core import clock
from core.errors import DomainError
from core.records import dataclass

FEWEST = 50  # rejected and let through, each; with fewer nothing can be said
MOST = 40_000  # of each
LEFT_ALONE_FOR = timedelta(days=3)
LEFT_ALONE_SHARE = 4  # times as many as were rejected
EPOCHS = 4
STEP = 0.4
SHRINK = 1e-5  # pulls every weight used towards nothing
THRESHOLDS = (50, 60, 70, 80, 90, 95)
BINS = 10
FEWEST_OF_WORD = 5  # comments with a word, or in a language, from which on a share says something

# Words that name groups of people, in a few languages. That a comment names one is no reason to reject it.
_GROUPS = """
muslim muslims islam jew jews jewish christian christians catholic hindu atheist black blacks white whites asian
african arab arabs latino mexican gypsy roma immigrant immigrants migrant migrants refugee refugees foreigner
foreigners gay gays lesbian lesbians bisexual trans transgender queer homosexual women woman men female male feminist
feminists disabled deaf blind autistic elderly boomers poor homeless veteran veterans muslime jude juden judisch turke
turken auslander fluchtlinge frauen schwul lesbisch behindert musulman musulmans juif juifs noir noirs arabe arabes
immigres refugies femmes gais lesbiennes handicapes musulmanes judio judios negro negros inmigrantes refugiados
mujeres musulmani ebrei immigrati donne
"""
GROUP_WORDS = frozenset(_GROUPS.split())  # as they are folded: without accents


class TooFew(DomainError):
    """Not enough was decided yet to learn from it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A decided comment: its folded words, whether people rejected it, its language, and by what it is split."""

    words: tuple[str, ...]
    rejected: bool
    language: str
    part: int  # 0 to 9, by its author


def gather(session: Session, since: datetime | None = None, most: int = MOST) -> list[Case]:
    """The decisions to learn from."""
    bad, good = (find(session, since, most) for find in (queries.rejected_by_people, queries.published_by_people))
    rejected = [case_of(row.body_source, True, row.author_id) for row in bad]
    kept = [case_of(row.body_source, False, row.author_id) for row in good]
    wanted = max(0, min(most, LEFT_ALONE_SHARE * len(rejected)) - len(kept))
    quiet = queries.left_alone(session, since, clock.now() - LEFT_ALONE_FOR, wanted)
    return [*rejected, *kept, *(case_of(row.body_source, False, row.author_id) for row in quiet)]


def case_of(text: str, rejected: bool, author: object) -> Case:
    """One decision, made ready."""
    digest = hashlib.sha256(f"learning:{author}".encode()).digest()
    words = tuple(Text(text).bare.words)
    return Case(words, rejected, languages.guess(text), int.from_bytes(digest[:4], "big") % 10)


@dataclass(frozen=True, slots=True)
class Learned:
    """The packed weights, what they were learned from, and how good they are."""

    weights: bytes
    learned_from: dict[str, Any]
    figures: dict[str, Any]


def learn(cases: Sequence[Case], progress: Callable[[str], None] = lambda _: None) -> Learned:
    """Learn from decisions. Raises TooFew. Takes a while, and asks no database."""
    counts = Counter(case.rejected for case in cases)
    if min(counts[True], counts[False]) < FEWEST:
        raise TooFew(
            f"There are {counts[True]:,} comments that people rejected and {counts[False]:,} that they let through or "
            f"left alone. At least {FEWEST} of each are needed before anything can be learned."
        )
    fitted = [case for case in cases if case.part < 7]
    weights, bias = _fit(fitted, progress)
    scale, shift = _calibrate([case for case in cases if case.part == 7], weights, bias)
    stored = to_stored(weights, shift, scale)
    tested = [case for case in cases if case.part > 7]
    progress(f"… tested on {len(tested):,} comments by other authors")
    figures = measure(from_stored(0, stored, 80, "report"), tested)
    return Learned(stored, {
        "rejected": counts[True], "let_through": counts[False], "fitted": len(fitted), "tested": len(tested),
    }, figures)  # fmt: skip


def evaluate(session: Session, number: int | None) -> tuple[int, str, dict[str, Any]]:
    """How a version does on what was decided since it was made, or, where that is little, on authors it never saw.

    Returns its number, on what, and the figures. Raises DomainError where there is no version.
    """
    row = queries.model_row(session, number)
    if row is None:
        raise DomainError(
            "There is no such version: nothing was learned yet. `python3 app.py moderation train` makes one."
        )
    model = from_stored(row.id, row.weights, row.threshold, row.severity)
    since = gather(session, since=row.created_at)
    newer = Counter(case.rejected for case in since)
    if min(newer[True], newer[False]) >= FEWEST:
        return row.id, f"{len(since):,} comments decided since it was made", measure(model, since)
    tested = [case for case in gather(session) if case.part > 7]
    return row.id, f"{len(tested):,} comments by authors it did not learn from", measure(model, tested)


def measure(model: Model, cases: Sequence[Case]) -> dict[str, Any]:
    """Precision and recall by threshold, calibration, and false alarms by language and by words that name groups."""
    scored = [(model.probability(case.words), case) for case in cases]
    limit = model.threshold / 100
    clean = [(score, case) for score, case in scored if not case.rejected]
    return {
        "cases": len(scored), "rejected": sum(case.rejected for _, case in scored), "threshold": model.threshold,
        "thresholds": [_at(threshold, scored) for threshold in THRESHOLDS],
        "calibration": list(_calibration(scored)),
        "false_alarms": _share(clean, limit),
        "languages": _by(clean, limit, lambda case: [languages.LANGUAGES.get(case.language, "not known")]),
        "groups": _by(clean, limit, lambda case: sorted(GROUP_WORDS.intersection(case.words))),
    }  # fmt: skip


def _fit(cases: Sequence[Case], progress: Callable[[str], None]) -> tuple["array[float]", float]:
    weights, squares = array("f", bytes(4 * SIZE)), array("f", bytes(4 * SIZE))
    prior = sum(case.rejected for case in cases) / len(cases) if cases else 0.5
    bias = math.log(max(prior, 0.01) / max(1 - prior, 0.01))
    order = list(range(len(cases)))
    shuffle = random.Random(1)  # noqa: S311  # the same decisions give the same weights
    for epoch in range(EPOCHS):
        shuffle.shuffle(order)
        for at in order:
            case = cases[at]
            features = features_of(case.words)
            if not features:
                continue
            size = 1 / math.sqrt(len(features))
            error = sigmoid(bias + size * sum(weights[feature] for feature in features)) - case.rejected
            slope = error * size
            for feature in features:
                gradient = slope + SHRINK * weights[feature]
                squares[feature] += gradient * gradient
                weights[feature] -= STEP * gradient / (1e-6 + math.sqrt(squares[feature]))
        progress(f"… round {epoch + 1} of {EPOCHS}")
    return weights, bias


def _calibrate(cases: Sequence[Case], weights: "array[float]", bias: float) -> tuple[float, float]:
    """The scale and the shift under which sums become probabilities that hold."""
    plain = Model(0, weights, 0.0, 1.0, 0, "note")
    points = [(_sum(plain, case), case.rejected) for case in cases if case.words]
    if min(sum(rejected for _, rejected in points), sum(not rejected for _, rejected in points)) < 5:
        return 1.0, bias
    scale, shift, step = 1.0, bias, 0.5
    for round_ in range(400):
        errors = [(sigmoid(shift + scale * value) - rejected, value) for value, rejected in points]
        rate = step / (1 + round_ / 50)
        scale -= rate * sum(error * value for error, value in errors) / len(points)
        shift -= rate * sum(error for error, _ in errors) / len(points)
    return max(scale, 0.05), shift


def _sum(model: Model, case: Case) -> float:
    probability = min(max(model.probability(case.words), 1e-9), 1 - 1e-9)
    return math.log(probability / (1 - probability))


def _at(threshold: int, scored: Sequence[tuple[float, Case]]) -> dict[str, Any]:
    flagged = [case for score, case in scored if score * 100 >= threshold]
    right, wanted = sum(case.rejected for case in flagged), sum(case.rejected for _, case in scored)
    return {
        "threshold": threshold, "flagged": len(flagged), "per_thousand": _rate(1000 * len(flagged), len(scored)),
        "precision": _rate(100 * right, len(flagged)), "recall": _rate(100 * right, wanted),
    }  # fmt: skip


def _calibration(scored: Sequence[tuple[float, Case]]) -> Iterable[dict[str, Any]]:
    for number in range(BINS):
        inside = [(score, case) for score, case in scored if min(int(score * BINS), BINS - 1) == number]
        yield {
            "from": 100 * number // BINS, "to": 100 * (number + 1) // BINS, "cases": len(inside),
            "said": _rate(100 * sum(score for score, _ in inside), len(inside)),
            "rejected": _rate(100 * sum(case.rejected for _, case in inside), len(inside)),
        }  # fmt: skip


def _share(clean: Sequence[tuple[float, Case]], limit: float) -> dict[str, Any]:
    alarms = sum(score >= limit for score, _ in clean)
    return {"cases": len(clean), "alarms": alarms, "percent": _rate(100 * alarms, len(clean))}


def _by(
    clean: Sequence[tuple[float, Case]], limit: float, names: Callable[[Case], Iterable[str]]
) -> list[dict[str, Any]]:
    """False alarms by a name, those with enough comments, the worst first."""
    groups: dict[str, list[tuple[float, Case]]] = {}
    for score, case in clean:
        for name in names(case):
            groups.setdefault(name, []).append((score, case))
    rows = [{"name": name, **_share(inside, limit)} for name, inside in groups.items() if len(inside) >= FEWEST_OF_WORD]
    return sorted(rows, key=lambda row: (-(row["percent"] or 0), -row["cases"], row["name"]))


def _rate(part: float, whole: float) -> float | None:
    return round(part / whole, 1) if whole else None
