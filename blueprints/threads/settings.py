"""What an editor or moderator sets on a discussion: read as plain values, looked at, and changed in one place.

Every change passes `change`, whoever makes it: it holds the thread's row, raises its version, tells pages that are open
and returns in sentences what is different now, for the record of who changed what.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, field, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from blueprints.site.queries import SectionView
from blueprints.threads import quiz
from blueprints.threads.live import record
from blueprints.threads.modes import DAY, HOUR, day_and_time, span
from blueprints.threads.quiz import Question
from blueprints.threads.thread_state import shown_or_hidden
from core import clock
from core.records import dataclass
from jobs.queue import enqueue
from models.conversation import ThreadGuest
from models.thread import Thread
from models.user import User

STATES = ("open", "closed", "hidden")
LONGEST_PACE = DAY
MOST_HOURS_FIRST = 31 * 24
MOST_DAYS_OPEN = 366
MOST_GUESTS = 4
LONGEST_LINE = 80
LONGEST_REASON = 300
LONGEST_QUESTION = 300
LONGEST_CHOICE = 160
LONGEST_WHERE = 200

NUMBERS = ("one", "two", "three", "four")


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody invited to answer, and who they are in a few words. The id 0: nobody of the typed name was found."""

    user_id: int
    line: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that is set on a discussion.

    Hours and days count from publication; with them the moment that follows is no setting and left out here.
    """

    state: str = "open"
    closed_reason: str = ""
    premoderated: bool = False
    pace_seconds: int | None = None
    members_first_hours: int | None = None
    members_first_until: datetime | None = None
    closes_after_days: int | None = None
    closes_at: datetime | None = None
    opening_question: str = ""
    takes_questions: bool = False
    questions_open_at: datetime | None = None
    questions_close_at: datetime | None = None
    guests: tuple[Guest, ...] = ()
    quiz: tuple[Question, ...] = ()

    @property
    def mark(self) -> str:
        """By which a form notices that somebody changed the settings meanwhile."""
        values = asdict(self)
        values["guests"] = [(guest.user_id, guest.line) for guest in self.guests]
        return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:16]


PLAIN = (
    "state", "closed_reason", "premoderated", "pace_seconds", "members_first_hours", "closes_after_days",
    "opening_question", "takes_questions", "questions_open_at", "questions_close_at",
)  # fmt: skip
PRESET = ("premoderated", "pace_seconds", "members_first_hours", "closes_after_days")


def preset_of(section: SectionView | None) -> Conversation:
    """How the discussions of new articles in that section begin."""
    if section is None:
        return Conversation()
    return Conversation(
        premoderated=section.preset_premoderated, pace_seconds=section.preset_pace_seconds,
        members_first_hours=section.preset_members_first_hours, closes_after_days=section.preset_closes_after_days,
    )  # fmt: skip


def follows(wanted: Conversation, preset: Conversation) -> bool:
    """Whether nobody has touched what the section presets."""
    return wanted.members_first_until is None and wanted.closes_at is None and all(
        getattr(wanted, name) == getattr(preset, name) for name in PRESET
    )  # fmt: skip


def with_preset(wanted: Conversation, preset: Conversation) -> Conversation:
    """The same with what the section presets."""
    chosen: dict[str, object] = {name: getattr(preset, name) for name in PRESET}
    return replace(wanted, **chosen, members_first_until=None, closes_at=None)  # type: ignore[arg-type]


def read(session: Session, thread: Thread) -> Conversation:
    """What is set on a discussion now."""
    plain = {name: getattr(thread, name) for name in PLAIN}
    return Conversation(
        **plain,
        members_first_until=None if thread.members_first_hours else thread.members_first_until,
        closes_at=None if thread.closes_after_days else thread.closes_at,
        guests=guests_of(session, thread.id),
        quiz=quiz.questions_of(session, thread.id) if thread.has_quiz else (),
    )


def guests_of(session: Session, thread_id: int) -> tuple[Guest, ...]:
    """Who answers under an article, in the editor's order."""
    rows = session.execute(
        select(ThreadGuest.user_id, ThreadGuest.line, User.display_name)
        .join(User, User.id == ThreadGuest.user_id)
        .where(ThreadGuest.thread_id == thread_id)
        .order_by(ThreadGuest.position, ThreadGuest.user_id)
    )
    return tuple(Guest(row.user_id, row.line, row.display_name) for row in rows)


def change(
    session: Session, thread: Thread, wanted: Conversation, published_at: datetime | None
) -> tuple[str, ...]:
    """Set all of this on a discussion; returns in sentences what is different now, nothing where nothing is.

    The thread's row must be locked, and the values looked at by `problems`.
    """
    before = read(session, thread)
    if wanted.state != "closed":
        wanted = replace(wanted, closed_reason=before.closed_reason if wanted.state == "open" else wanted.closed_reason)
    if wanted == before:
        return ()
    for name in PLAIN:
        setattr(thread, name, getattr(wanted, name))
    if wanted.state != before.state:
        thread.closed_at = clock.now() if wanted.state == "closed" else None
    thread.members_first_until, thread.closes_at = wanted.members_first_until, wanted.closes_at
    set_moments(thread, published_at)
    if wanted.guests != before.guests:
        _set_guests(session, thread.id, wanted.guests)
        for user_id in sorted({guest.user_id for guest in {*wanted.guests} ^ {*before.guests}}):
            enqueue("threads.renew", key=f"renew:{user_id}", user_id=user_id)  # their line shows where they moved, too
    if wanted.quiz != before.quiz:
        quiz.set_questions(session, thread.id, wanted.quiz)
        thread.has_quiz = bool(wanted.quiz)
    thread.version += 1
    session.flush()
    record(session, thread, "thread")
    if "hidden" in (before.state, wanted.state):
        shown_or_hidden(thread.article_id)
    return tuple(differences(before, wanted))


def begin(session: Session, thread: Thread, wanted: Conversation) -> None:
    """The same for a thread that was just made, of which nobody has heard."""
    for name in PLAIN:
        setattr(thread, name, getattr(wanted, name))
    thread.members_first_until, thread.closes_at = wanted.members_first_until, wanted.closes_at
    thread.closed_at = clock.now() if wanted.state == "closed" else None
    thread.has_quiz = bool(wanted.quiz)
    session.add(thread)
    session.flush()
    _set_guests(session, thread.id, wanted.guests)
    quiz.set_questions(session, thread.id, wanted.quiz)


def set_moments(thread: Thread, published_at: datetime | None) -> None:
    """Work out the moments that count from publication; before it there are none."""
    if thread.members_first_hours:
        thread.members_first_until = after_publication(published_at, hours=thread.members_first_hours)
    if thread.closes_after_days:
        thread.closes_at = after_publication(published_at, days=thread.closes_after_days)


def after_publication(published_at: datetime | None, *, hours: int = 0, days: int = 0) -> datetime | None:
    """So long after publication; nothing before it."""
    return published_at + timedelta(hours=hours, days=days) if published_at else None


def forget_guest(session: Session, user_id: int) -> None:
    """Take who leaves out of every list of guests; what they answered keeps its badge without the line."""
    gone = delete(ThreadGuest).where(ThreadGuest.user_id == user_id)
    session.execute(gone.execution_options(synchronize_session=False))


def problems(
    wanted: Conversation, standing: Conversation, author_id: int | None, now: datetime
) -> Iterator[tuple[str, str]]:
    """What cannot be set like that: the field of the form, and a sentence. Pure."""
    if wanted.state not in STATES:
        yield "thread_state", "Please choose whether the discussion is open."
    if wanted.state == "closed" and not wanted.closed_reason:
        yield "closed_reason", "Please tell readers why the discussion is closed."
    if len(wanted.closed_reason) > LONGEST_REASON:
        yield "closed_reason", f"The reason can have at most {LONGEST_REASON} characters."
    if not 0 <= (wanted.pace_seconds or 0) <= LONGEST_PACE:
        yield "pace", "Slow mode can ask for a day between two comments at most."
    if not 0 < (wanted.members_first_hours or 1) <= MOST_HOURS_FIRST:
        yield "members_first", "Members can be first for a month at most."
    if not 0 < (wanted.closes_after_days or 1) <= MOST_DAYS_OPEN:
        yield "closes", "A discussion can close by itself after a year at most."
    yield from _problems_of_moments(wanted, standing, now)
    if wanted.takes_questions:
        yield from _problems_of_guests(wanted.guests, author_id)
    yield from _problems_of_quiz(wanted.quiz)


def _problems_of_moments(wanted: Conversation, standing: Conversation, now: datetime) -> Iterator[tuple[str, str]]:
    for name in ("members_first_until", "closes_at", "questions_close_at"):
        moment = getattr(wanted, name)
        if moment is not None and moment <= now and moment != getattr(standing, name):
            yield name, "This moment is over already."
    first, last = wanted.members_first_until, wanted.closes_at
    if first and last and last <= first:
        yield "closes_at", "It would close before registered readers may take part."
    opens, closes = wanted.questions_open_at, wanted.questions_close_at
    if opens and closes and closes <= opens:
        yield "questions_close_at", "The time for questions would end before it begins."


def _problems_of_guests(guests: tuple[Guest, ...], author_id: int | None) -> Iterator[tuple[str, str]]:
    if not guests and author_id is None:
        yield "takes_questions", "Somebody has to answer: please name a guest, or an author who has an account."
    seen: set[int] = set()
    for number, guest in enumerate(guests, 1):
        if not guest.user_id:
            yield f"guest_{number}_who", f"Nobody called “{guest.name}” has an account here. Guests need one first."
        elif guest.user_id in seen:
            yield f"guest_{number}_who", "This guest is named twice."
        elif guest.user_id == author_id:
            yield f"guest_{number}_who", "The author of the article answers without being a guest."
        seen.add(guest.user_id)
        if not guest.line:
            yield f"guest_{number}_line", "Please say in a few words who this is; readers see it beside the name."
        elif len(guest.line) > LONGEST_LINE:
            yield f"guest_{number}_line", f"This can have at most {LONGEST_LINE} characters."


def _problems_of_quiz(questions: tuple[Question, ...]) -> Iterator[tuple[str, str]]:
    for number, question in enumerate(questions, 1):
        if not question.text:
            yield f"quiz_{number}_text", "Please write the question to these answers, or remove them."
        if len(question.choices) < 2:
            yield f"quiz_{number}_choice_1", "A question needs two answers to choose from at least."
        elif len({choice.casefold() for choice in question.choices}) < len(question.choices):
            yield f"quiz_{number}_choice_1", "Two of these answers are the same."
        elif not 1 <= question.right <= len(question.choices):
            yield f"quiz_{number}_right", "Please mark the right answer."


def differences(before: Conversation, after: Conversation) -> Iterator[str]:
    """What is different, in sentences for colleagues. The state itself is a decision of its own and left out. Pure."""
    if before.premoderated != after.premoderated:
        yield "Comments are read before they appear." if after.premoderated else "Comments appear at once."
    if before.pace_seconds != after.pace_seconds:
        yield f"Slow mode: {pace_words(before.pace_seconds)} → {pace_words(after.pace_seconds)}."
    old, new = (_moment_words(each.members_first_hours, HOUR, each.members_first_until) for each in (before, after))
    if old != new:
        yield f"Members first: {old} → {new}."
    old, new = (_moment_words(each.closes_after_days, DAY, each.closes_at) for each in (before, after))
    if old != new:
        yield f"Closes: {old} → {new}."
    if before.state == after.state == "closed" and before.closed_reason != after.closed_reason:
        yield f"Closed, because: {after.closed_reason}"
    if before.opening_question != after.opening_question:
        yield "The opening question is another one." if after.opening_question else "No opening question."
    if before.takes_questions != after.takes_questions:
        yield "Readers ask, guests answer." if after.takes_questions else "An ordinary discussion."
    if (before.questions_open_at, before.questions_close_at) != (after.questions_open_at, after.questions_close_at):
        moments = (after.questions_open_at, after.questions_close_at)
        opens, closes = ("open" if moment is None else day_and_time(moment) for moment in moments)
        yield f"Time for questions: {opens} – {closes}."
    if before.guests != after.guests:
        yield f"Guests: {', '.join(guest.name for guest in after.guests) or 'none'}."
    if before.quiz != after.quiz:
        number = len(after.quiz)
        yield f"Quiz: {NUMBERS[number - 1]} question{'s' if number != 1 else ''}." if number else "No quiz."


def pace_words(seconds: int | None) -> str:
    """What a slow mode is called."""
    return "off" if seconds is None else span(seconds) if seconds else "no pace at all"


def _moment_words(number: int | None, unit: int, moment: datetime | None) -> str:
    if number:
        return f"{span(number * unit)} after publication"
    return day_and_time(moment) if moment else "no"


def _set_guests(session: Session, thread_id: int, guests: tuple[Guest, ...]) -> None:
    gone = delete(ThreadGuest).where(ThreadGuest.thread_id == thread_id)
    session.execute(gone.execution_options(synchronize_session=False))
    session.add_all(
        ThreadGuest(thread_id=thread_id, user_id=guest.user_id, position=position, line=guest.line)
        for position, guest in enumerate(guests)
    )
    session.flush()
