"""Whether people who talk stay longer than like readers who do not: matching, and an honest interval. Pure.

Who is compared. Everybody who pays, from the first payment. Who posted a comment in the first LANDMARK days is a
commenter. Only who still pays at the landmark is looked at, from there on: otherwise commenters would seem to stay
longer simply because somebody who left could not comment any more ("immortal time"; the landmark method, Anderson,
Cain and Gelber, J. Clin. Oncol. 1983, 1, 710-719).

How they are matched. Each commenter is paired with one reader of the same plan, paid by the same interval, who began
in the same month and gave as much respect (none, some, much) in these first days: the only sign of reading that is
kept. Of several, the one whose first payment was nearest. Nobody is in two pairs.

What is said. The share of each side that still pays after so many days, their difference, and a 95 % interval for it by
Newcombe's method 10 for paired proportions (Statistics in Medicine 1998, 17, 2635-2650): the Wilson intervals of both
shares, joined with regard to how alike the two of a pair are. When zero is inside, no effect is shown. Fewer than
LEAST_PAIRS pairs say nothing. What is shown is no proof that talk is the cause: people who talk may differ in ways that
nobody has written down.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import sqrt
from typing import Literal

from core.records import dataclass

LANDMARK = timedelta(days=30)
HORIZONS = (90, 180, 395)  # days after the first payment; the last lets a year's renewal pass
A_YEAR_LASTS = 365
LEAST_PAIRS = 30
MUCH_RESPECT = 5
Z = 1.959964  # the 97.5th percentile of the normal distribution

Verdict = Literal["too few", "none", "longer", "shorter"]


@dataclass(frozen=True, slots=True)
class Payer:
    """Somebody who paid: from when to when (None: still), for what, and what they did in the first LANDMARK days."""

    user_id: int
    began_at: datetime
    ended_at: datetime | None
    plan_id: int
    interval: str
    commented: bool
    respects: int

    def pays_at(self, moment: datetime) -> bool:
        return self.ended_at is None or self.ended_at > moment

    @property
    def like(self) -> tuple[int, str, int, int, int]:
        """What the two of a pair have in common."""
        band = 2 if self.respects >= MUCH_RESPECT else 1 if self.respects else 0
        return self.plan_id, self.interval, self.began_at.year, self.began_at.month, band


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs after so many days: how often both, only the commenter, only the other, and neither still pays."""

    days: int
    both: int
    commenter_only: int
    reader_only: int
    neither: int
    commenters: int  # who could have been paired

    @property
    def pairs(self) -> int:
        return self.both + self.commenter_only + self.reader_only + self.neither

    @property
    def stayed(self) -> tuple[float, float]:
        """The shares of commenters and of their pairs that still pay."""
        return (self.both + self.commenter_only) / self.pairs, (self.both + self.reader_only) / self.pairs

    @property
    def interval(self) -> tuple[float, float]:
        return paired_interval(self.both, self.commenter_only, self.reader_only, self.neither)

    @property
    def verdict(self) -> Verdict:
        if self.pairs < LEAST_PAIRS:
            return "too few"
        low, high = self.interval
        return "none" if low <= 0 <= high else "longer" if low > 0 else "shorter"


def compare(payers: Sequence[Payer], days: int, at: datetime) -> Comparison:
    """How pairs stand so many days after their first payment; only who began long enough ago.

    Who pays by the year has no occasion to leave before it is over, and is left out until then.
    """
    period = timedelta(days=days)
    known = [
        payer for payer in payers
        if payer.began_at + period <= at and payer.pays_at(payer.began_at + LANDMARK)
        and (payer.interval != "year" or days > A_YEAR_LASTS)
    ]  # fmt: skip
    stays = Counter(
        (commenter.pays_at(commenter.began_at + period), reader.pays_at(reader.began_at + period))
        for commenter, reader in pairs_of(known)
    )
    return Comparison(
        days, stays[True, True], stays[True, False], stays[False, True], stays[False, False],
        sum(payer.commented for payer in known),
    )  # fmt: skip


def pairs_of(payers: Iterable[Payer]) -> list[tuple[Payer, Payer]]:
    """Each commenter with the like reader who began nearest; in the order of the first payments."""
    others: dict[tuple[int, str, int, int, int], list[Payer]] = {}
    commenters: list[Payer] = []
    for payer in sorted(payers, key=lambda one: (one.began_at, one.user_id)):
        if payer.commented:
            commenters.append(payer)
        else:
            others.setdefault(payer.like, []).append(payer)
    pairs = []
    for commenter in commenters:
        like = others.get(commenter.like)
        if like:
            nearest = min(range(len(like)), key=lambda at: (abs(like[at].began_at - commenter.began_at), at))
            pairs.append((commenter, like.pop(nearest)))
    return pairs


def curve(payers: Sequence[Payer], months: int, at: datetime) -> list[float | None]:
    """The share that still pays so many months of 30 days after the landmark (Kaplan and Meier, 1958).

    Who has not been here so long yet counts as long as they have been: not known is not left. None where nobody has.
    """
    share, found = 1.0, [1.0 if payers else None]
    ends = sorted((_lasted(payer, at), payer.ended_at is not None and payer.ended_at <= at) for payer in payers)
    place, at_risk = 0, len(ends)
    for month in range(1, months + 1):
        until = timedelta(days=30 * month)
        while place < len(ends) and ends[place][0] < until:
            if ends[place][1]:
                share *= 1 - 1 / at_risk
            at_risk, place = at_risk - 1, place + 1
        found.append(share if at_risk else None)
    return found


def _lasted(payer: Payer, at: datetime) -> timedelta:
    """How long after the landmark somebody paid, as far as is known."""
    return min(payer.ended_at or at, at) - payer.began_at - LANDMARK


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The Wilson score interval of a share, 95 % (Wilson, J. Am. Stat. Assoc. 1927, 22, 209-212)."""
    share, squared = part / whole, Z * Z
    middle = (share + squared / (2 * whole)) / (1 + squared / whole)
    half = Z * sqrt(share * (1 - share) / whole + squared / (4 * whole * whole)) / (1 + squared / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def paired_interval(both: int, first: int, second: int, neither: int) -> tuple[float, float]:
    """A 95 % interval for the difference of two shares of the same pairs: Newcombe's method 10."""
    number = both + first + second + neither
    share_1, share_2 = (both + first) / number, (both + second) / number
    (low_1, high_1), (low_2, high_2) = wilson(both + first, number), wilson(both + second, number)
    likeness = _likeness(both, first, second, neither)
    below_1, above_1, below_2, above_2 = share_1 - low_1, high_1 - share_1, share_2 - low_2, high_2 - share_2
    down = sqrt(max(0.0, below_1**2 - 2 * likeness * below_1 * above_2 + above_2**2))
    up = sqrt(max(0.0, above_1**2 - 2 * likeness * above_1 * below_2 + below_2**2))
    difference = share_1 - share_2
    return max(-1.0, difference - down), min(1.0, difference + up)


def _likeness(both: int, first: int, second: int, neither: int) -> float:
    """Phi of the two answers of a pair, with Newcombe's correction by half the number where it is positive."""
    product = (both + first) * (second + neither) * (both + second) * (first + neither)
    if product == 0:
        return 0.0
    above = both * neither - first * second
    if above > 0:
        above_corrected: float = max(0.0, above - (both + first + second + neither) / 2)
    else:
        above_corrected = above
    return above_corrected / sqrt(product)
