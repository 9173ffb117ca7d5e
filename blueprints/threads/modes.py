"""How a discussion goes at a moment: open or not, for whom, how fast, with questions or not. Pure: facts and the clock.

What an editor sets for a later moment needs no job: page, form and service ask here, so it happens everywhere at once.
`phase` is everything that changes by itself, and therefore part of what kept pages are kept by.
"""

from datetime import datetime, timedelta
from typing import Literal

from blueprints.membership.entitlements import EVERYONE, MEMBERS, REGISTERED
from blueprints.site.queries import SurgeView
from blueprints.threads.facts import ThreadFacts
from core.records import dataclass
from core.rendering import date
from core.viewer import Viewer

QuestionTime = Literal["", "before", "open", "after"]  # empty: this discussion takes no questions

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Phase:
    """What the clock has switched in a discussion so far."""

    state: str
    members_only: bool
    questions: QuestionTime
    braked: bool = False
    surges: bool = False
    for_everyone: bool = True


def phase(facts: ThreadFacts, now: datetime) -> Phase:
    """How the discussion stands at that moment."""
    return Phase(
        state_at(facts, now), is_members_first(facts, now), question_time(facts, now), bool(brake(facts, now)),
        bool(surges(facts, now)), is_for_everyone(facts, now),
    )  # fmt: skip


def state_at(facts: ThreadFacts, now: datetime) -> str:
    """`open`, `closed` or `hidden`: an open discussion is closed from the moment it was said to close."""
    if facts.state == "open" and facts.closes_at is not None and facts.closes_at <= now:
        return "closed"
    return facts.state


def is_for_everyone(facts: ThreadFacts, now: datetime) -> bool:
    """Whether nobody is kept from the comments at that moment, because the article is gated and so are they."""
    return facts.shown_to == EVERYONE or (facts.opens_to_all_at is not None and facts.opens_to_all_at <= now)


def is_members_first(facts: ThreadFacts, now: datetime) -> bool:
    """Whether registered readers still wait until the members have had their turn."""
    return facts.members_first_until is not None and now < facts.members_first_until


def audience_at(facts: ThreadFacts, now: datetime) -> str:
    """Who may comment at that moment. Members first: those alone, from the set moment every registered reader."""
    is_wide = facts.comment_audience in {EVERYONE, REGISTERED}
    if is_wide and any(surge.members_only for surge in surges(facts, now)):
        return MEMBERS
    if facts.members_first_until is None:
        return facts.comment_audience
    if is_members_first(facts, now):
        return MEMBERS if is_wide else facts.comment_audience
    return facts.comment_audience if is_wide else REGISTERED


def question_time(facts: ThreadFacts, now: datetime) -> QuestionTime:
    """Whether readers can ask at that moment; without moments, always."""
    if not facts.takes_questions:
        return ""
    if facts.questions_open_at is not None and now < facts.questions_open_at:
        return "before"
    return "after" if facts.questions_close_at is not None and now >= facts.questions_close_at else "open"


def answers_here(viewer: Viewer, facts: ThreadFacts) -> bool:
    """Whether this person was invited to answer the readers' questions, or wrote the article they are about."""
    if viewer.id is None or not facts.takes_questions:
        return False
    return viewer.id in facts.guest_ids or viewer.id == facts.article_author_id


def is_at_home(viewer: Viewer, facts: ThreadFacts) -> bool:
    """Whether this person is spared slow mode, the quiz and being read first: staff, the author, and guests."""
    return viewer.is_staff or answers_here(viewer, facts)


def surges(facts: ThreadFacts, now: datetime | None) -> tuple[SurgeView, ...]:
    """The surges in force at that moment; without one, those that may be."""
    return tuple(surge for surge in facts.surges if now is None or now < surge.ends_at)


def brake(facts: ThreadFacts, now: datetime | None) -> int:
    """How many seconds the brake of a heated discussion asks for at that moment; without one, what it may ask for."""
    if facts.brake_seconds is None or facts.brake_until is None:
        return 0
    return facts.brake_seconds if now is None or now < facts.brake_until else 0


def holds(facts: ThreadFacts, now: datetime) -> bool:
    """Whether what newcomers write is read first, because of a surge."""
    return any(surge.holds_newcomers for surge in surges(facts, now))


def pace(facts: ThreadFacts, now: datetime | None) -> int:
    """How many seconds the slowest of slow mode, the brake and a surge asks for."""
    return max(
        facts.pace_seconds or 0, brake(facts, now), *(surge.pace_seconds for surge in surges(facts, now)), 0
    )


def gap(viewer: Viewer, facts: ThreadFacts, now: datetime | None = None) -> timedelta:
    """How long this person leaves between two comments here; without a moment, the longest it may be."""
    if is_at_home(viewer, facts):
        return timedelta()
    return timedelta(seconds=pace(facts, now))


def free_at(
    viewer: Viewer, facts: ThreadFacts, last_here_at: datetime | None, now: datetime | None = None
) -> datetime | None:
    """From when this person may send the next comment here, whose last one was sent at that moment; None: any time."""
    between = gap(viewer, facts, now)
    return last_here_at + between if last_here_at is not None and between else None


def needs_quiz(viewer: Viewer, facts: ThreadFacts) -> bool:
    """Whether this person answers the article's quiz before a first comment."""
    return facts.has_quiz and not is_at_home(viewer, facts)


def day_and_time(moment: datetime) -> str:
    """Friday 27 November 2026, 18:00 UTC"""
    return f"{moment:%A} {date(moment)}, {moment:%H:%M} UTC"


def span(seconds: int) -> str:
    """A length of time in words, exact to the second: "3 minutes and 20 seconds"."""
    parts, left = [], seconds
    for size, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second")):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}{'s' if number != 1 else ''}")
    *first, last = parts or ["no time"]
    return f"{', '.join(first)} and {last}" if first else last


def closed_sentence(facts: ThreadFacts, now: datetime) -> str:
    """Why and since when nothing can be said any more, for the place of the composer."""
    if facts.state == "open" and facts.closes_at is not None:
        after = ""
        if facts.closes_after_days is not None:
            after = f", {span(facts.closes_after_days * DAY)} after the story appeared"
        return f"This discussion closed by itself on {day_and_time(facts.closes_at)}{after}. It stays readable."
    reason = facts.closed_reason or "The discussion of this article is closed."
    if facts.closed_at is None:
        return reason
    return f"{reason}{'' if reason[-1] in '.!?…' else '.'} Closed on {day_and_time(facts.closed_at)}."


def audience_sentence(facts: ThreadFacts, now: datetime) -> str:
    """Why somebody who is no member cannot comment now."""
    if any(surge.members_only for surge in surges(facts, now)):
        until = max(surge.ends_at for surge in surges(facts, now) if surge.members_only)
        return f"So much is written here just now that the discussion is for members until {day_and_time(until)}."
    if is_members_first(facts, now) and facts.members_first_until is not None:
        return (
            f"Members speak first here. From {day_and_time(facts.members_first_until)} every registered reader may."
        )
    return "The discussion of this article is for members."


def slow_sentence(facts: ThreadFacts, now: datetime | None = None) -> str:
    """What slow mode, or the brake, or a surge asks of everybody."""
    seconds = pace(facts, now)
    why = "Slow mode"
    if seconds > (facts.pace_seconds or 0):
        why = "Readers report much here just now" if seconds == brake(facts, now) else "Much is written here just now"
    return f"{why}: at least {span(seconds)} between two comments of one person."


def question_sentence(facts: ThreadFacts, now: datetime) -> str:
    """Why no question can be asked now; empty while one can."""
    when = question_time(facts, now)
    if when == "before" and facts.questions_open_at is not None:
        until = f" until {day_and_time(facts.questions_close_at)}" if facts.questions_close_at else ""
        return f"Questions are taken from {day_and_time(facts.questions_open_at)}{until}."
    if when == "after" and facts.questions_close_at is not None:
        return f"Questions were taken until {day_and_time(facts.questions_close_at)}. Answers still come in."
    return ""


def before_writing(
    facts: ThreadFacts, viewer: Viewer, now: datetime, *, replying: bool = False, newcomer: str = ""
) -> tuple[str, ...]:
    """What a person should know before they begin to write, in quiet sentences.

    `newcomer` is what the screening does with the comments of this person because they are new.
    """
    at_home, said = is_at_home(viewer, facts), []
    if facts.premoderated and not at_home:
        said.append("Every comment here is read by a person before it appears.")
    if is_members_first(facts, now) and facts.members_first_until is not None:
        said.append(
            f"Members speak first; from {day_and_time(facts.members_first_until)} every registered reader may."
        )
    if pace(facts, now) and not at_home:
        said.append(slow_sentence(facts, now))
    if holds(facts, now) and not at_home:
        said.append("So much is written here just now that first comments are read by a person before they appear.")
    if newcomer and (at_home or not (facts.premoderated or holds(facts, now))):
        said.append(newcomer)
    if replying:
        return tuple(said)
    if facts.questions_close_at is not None and question_time(facts, now) == "open":
        said.append(f"Questions are taken until {day_and_time(facts.questions_close_at)}.")
    if facts.closes_at is not None and state_at(facts, now) == "open":
        said.append(f"This discussion closes on {day_and_time(facts.closes_at)}.")
    return tuple(said)
