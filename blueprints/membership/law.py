"""What the law wants members told, and when. Pure: a Subscription, a law and a moment in, what is due out.

The windows, in days before what is told of:

California (Business and Professions Code § 17602, as amended by AB 2863 from 1 July 2025): the end of a trial 3 to 21
days before; the renewal of a term of a year or longer 15 to 45 days before; a change of the price 7 to 30 days before;
a reminder of what is charged, and of how to stop it, once a year.

United States elsewhere: ROSCA (15 U.S.C. § 8403) asks for clear terms, consent and an easy way out, and for no letters
later. We follow the states that do (New York, General Business Law § 527-a: 15 to 45 days) and Visa's rule of seven
days before the end of a trial.

European Union: the law of contract wants a change told clearly, on something that can be kept, and in reasonable time
(Directive (EU) 2019/770, article 19): we take fourteen days at least. France (Code de la consommation, L. 215-1) wants
the renewal of a term told between three months and one month before: with California's 45 days that leaves 31 to 45.

The end of a discount is told like a change of the price: what is charged from then on is more, agreed to or not.

Who has not said where they live, or lives elsewhere, is told in the narrowest of these windows, which lies in each.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from blueprints.membership.countries import CALIFORNIA, EUROPEAN, OTHER_STATES
from core.records import dataclass

Kind = Literal["trial", "renewal", "annual", "price", "price_kept", "promotion"]
DAY = timedelta(days=1)
MARGIN = DAY  # kept from both ends of a window, so that it holds in every time zone
TRIAL_TOLD = 10 * DAY  # not earlier than this before the end of a trial, however early the law would allow
REMINDER_SPAN = 30 * DAY  # the yearly reminder goes out within these days


@dataclass(frozen=True, slots=True)
class Law:
    """The windows of one law: (most, least) days before what is told of. `asks` says in a mail why it is written."""

    key: str
    name: str
    trial: tuple[int, int]
    renewal: tuple[int, int]
    price: tuple[int, int]
    asks: str


@dataclass(frozen=True, slots=True)
class Term:
    """A Subscription as far as the calendar asks."""

    status: str
    interval: str | None
    started_at: datetime
    period_end_at: datetime | None
    trial_ends_at: datetime | None
    cancel_at: datetime | None
    discount_ends: bool = False  # the payment at the end of the period is not lowered as the one before was


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be told between `opens_at` and `closes_at`, once per `occasion`; `last_at`: no use afterwards."""

    kind: Kind
    occasion: str
    about_at: datetime
    opens_at: datetime
    closes_at: datetime
    last_at: datetime

    def is_due(self, now: datetime) -> bool:
        """Within the window, or late but still of use: late is better than never, and the proof shows it."""
        return self.opens_at + MARGIN <= now < self.last_at

    def is_in_time(self, now: datetime) -> bool:
        """Within the window, with the margin: for what may not be done unless it was told in time."""
        return self.opens_at + MARGIN <= now <= self.closes_at - MARGIN


LAWS = {
    law.key: law
    for law in (
        Law("california", "California", (21, 3), (45, 15), (30, 7),
            "We write because California’s law on automatic renewal (Business and Professions Code § 17602) wants you "
            "to know this in time."),
        Law("us", "United States", (21, 7), (45, 15), (30, 7),
            "We write so that you know in time what will be charged, as the Restore Online Shoppers’ Confidence Act "
            "(15 U.S.C. § 8403) and the laws of several states mean it."),
        Law("eu", "European Union", (21, 7), (45, 31), (30, 14),
            "We write because European consumer law wants you to know this in time, in a form that you can keep. Your "
            "rights by law stay as they are."),
        Law("strictest", "the strictest of all", (21, 7), (45, 31), (30, 14),
            "We write so that you know in time what will be charged, wherever you live."),
    )
}  # fmt: skip


_ARTICLES = {"california": "", "us": "the ", "eu": "the "}


def law_for(country: str | None) -> Law:
    """The law of a declared country; the strictest windows for everybody else."""
    if country == CALIFORNIA:
        return LAWS["california"]
    if country == OTHER_STATES:
        return LAWS["us"]
    return LAWS["eu" if country in EUROPEAN else "strictest"]


def law_words(country: str | None) -> str:
    """By whose rules somebody from there is told, in a reader's words."""
    law = law_for(country)
    return "the strictest rules of all" if law.key == "strictest" else f"the rules of {_ARTICLES[law.key]}{law.name}"


def due_notices(term: Term, law: Law, now: datetime) -> list[Due]:
    """What this member is to be told at this moment; whether it was told already, the caller knows."""
    return [due for due in calendar(term, law, now) if due.is_due(now)]


def calendar(term: Term, law: Law, now: datetime) -> list[Due]:
    """What this member is told next, of each kind. Nothing of a Subscription that is to end, or does not run."""
    if term.status not in {"active", "trialing"} or term.cancel_at is not None or term.period_end_at is None:
        return []
    if term.status == "trialing":
        ends = term.trial_ends_at or term.period_end_at
        return [_trial(term.started_at, ends, law)]
    found = [_reminder(term, now)]
    if term.interval == "year":
        found.append(_before("renewal", term.period_end_at, *law.renewal))
    if term.discount_ends:
        found.append(_before("promotion", term.period_end_at, *law.price))
    return found


def price_notice(renewal_at: datetime, law: Law, rise_id: int) -> Due:
    """When a member is told that the payment at `renewal_at` will ask another price."""
    due = _before("price", renewal_at, *law.price)
    return replace(due, occasion=f"{rise_id}:{due.occasion}", last_at=due.closes_at)


def strictest_price_window(laws: list[Law]) -> tuple[int, int]:
    """(most, least) days that suit all of these laws; of the strictest where there are none."""
    windows = [law.price for law in laws] or [LAWS["strictest"].price]
    return min(most for most, _ in windows), max(least for _, least in windows)


def _before(kind: Kind, moment: datetime, most: int, least: int) -> Due:
    opens_at, closes_at = moment - most * DAY, moment - least * DAY
    return Due(kind, f"{moment:%Y-%m-%d}", moment, opens_at, closes_at, moment - MARGIN)


def _trial(begins: datetime, ends: datetime, law: Law) -> Due:
    """A trial too short for its window is told of at its half at the latest; its terms were told when it began."""
    most, least = law.trial
    latest = ends - min(least * DAY, (ends - begins) / 2)
    earliest = max(begins, ends - min(most * DAY, TRIAL_TOLD + MARGIN))
    return Due("trial", f"{ends:%Y-%m-%d}", ends, min(earliest, latest) - MARGIN, latest, max(latest, ends - MARGIN))


def _reminder(term: Term, now: datetime) -> Due:
    """Once in each year: in the month before its end, or in its middle where a renewal is told at its end anyway."""
    half = 6 if term.interval == "year" else 0
    year = 1
    while (moment := _months_after(term.started_at, 12 * year - half)) + REMINDER_SPAN <= now:
        year += 1
    return Due("annual", f"year-{year}", moment, moment - REMINDER_SPAN, moment, moment + REMINDER_SPAN)


def _months_after(start: datetime, months: int) -> datetime:
    """The same day so many months later; the last of a shorter month."""
    year, month = divmod(start.month - 1 + months, 12)
    for day in range(start.day, start.day - 4, -1):
        try:
            return start.replace(year=start.year + year, month=month + 1, day=day)
        except ValueError:
            continue
    raise ValueError("a month without its 28th day")
