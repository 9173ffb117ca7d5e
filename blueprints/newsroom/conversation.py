"""The part of an article's form that says how its discussion goes. What is wrong with it the service says."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateTimeLocalField, HiddenField, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import Length, Optional

from blueprints.newsroom import queries
from blueprints.threads import settings
from blueprints.threads.forms import closing_choices, members_first_choices, pace_choices, whole
from blueprints.threads.quiz import MOST_CHOICES, MOST_QUESTIONS, Question
from blueprints.threads.settings import NUMBERS, Conversation, Guest
from core.text import normalise

MOMENT = "%Y-%m-%dT%H:%M"
AT_A_TIME = "at"
STATES = (("open", "Open"), ("closed", "Closed: readable, no new comments"), ("hidden", "Hidden"))


def at_most(characters: int) -> Length:
    """A limit with its sentence."""
    return Length(max=characters, message=f"This can have at most {characters} characters.")


def moment_field(label: str, description: str = "") -> DateTimeLocalField:
    """A moment in UTC."""
    return DateTimeLocalField(label, [Optional()], format=[MOMENT, "%Y-%m-%dT%H:%M:%S"], description=description)


class ConversationFields(FlaskForm):  # type: ignore[misc]
    """The settings of a discussion, as fields."""

    preset_of = HiddenField(default="")  # the section whose preset a new article's form was filled with
    opening_question = StringField(
        "Opening question", [at_most(settings.LONGEST_QUESTION)],
        description="A question that readers can answer starts a better discussion.",
    )  # fmt: skip
    thread_state = RadioField(
        "Discussion", default="open", choices=[SelectChoice(state, label) for state, label in STATES]
    )
    closed_reason = StringField(
        "Why it is closed", [at_most(settings.LONGEST_REASON)],
        description="Readers find this sentence, and the date, in the composer’s place.",
    )  # fmt: skip
    closes = SelectField("Closes by itself", default="")
    closes_at = moment_field("Closes at", "In UTC. Readers are told beforehand.")
    members_first = SelectField("Members first", default="")
    members_first_until = moment_field("Members alone until", "In UTC. Then every registered reader may comment.")
    premoderated = BooleanField(
        "Read each comment before it appears",
        description="The composer says so beforehand. Staff, the author and guests are not held.",
    )  # fmt: skip
    pace = SelectField(
        "Slow mode", default="", description="At least so long between two comments of one person. Not for staff."
    )
    takes_questions = BooleanField(
        "Readers ask, guests answer",
        description="Comments become questions. Answers by guests and the author stand first under them, with a badge.",
    )  # fmt: skip
    questions_open_at = moment_field("Questions from", "In UTC. Empty: at once.")
    questions_close_at = moment_field("Questions until", "In UTC. Answers can come later. Empty: without an end.")

    def offer_conversation(self) -> None:
        """Fill in what can be chosen; a length that stands and is none of these is offered too."""
        self.pace.choices = pace_choices(self.pace.data)
        self.members_first.choices = [
            *members_first_choices(self.members_first.data),
            SelectChoice(AT_A_TIME, "Until the moment below"),
        ]
        self.closes.choices = [
            *closing_choices(self.closes.data),
            SelectChoice(AT_A_TIME, "At the moment below"),
        ]

    def show_conversation(self, standing: Conversation) -> None:
        """Fill the fields with what is set."""
        for name in _SAME:
            self[name].data = getattr(standing, name)
        self.thread_state.data = standing.state
        self.pace.data = "" if standing.pace_seconds is None else str(standing.pace_seconds)
        self.members_first.data = _choice(standing.members_first_hours, standing.members_first_until)
        self.closes.data = _choice(standing.closes_after_days, standing.closes_at)
        for number, guest in enumerate(standing.guests, 1):
            self[f"guest_{number}_who"].data, self[f"guest_{number}_line"].data = guest.name, guest.line
        for number, question in enumerate(standing.quiz, 1):
            self[f"quiz_{number}_text"].data, self[f"quiz_{number}_where"].data = question.text, question.where_said
            self[f"quiz_{number}_right"].data = str(question.right)
            for place, choice in enumerate(question.choices, 1):
                self[f"quiz_{number}_choice_{place}"].data = choice

    def conversation(self) -> Conversation:
        """What was typed, cleaned; guests are looked up."""
        return Conversation(
            state=str(self.thread_state.data),
            closed_reason=self._line("closed_reason"),
            premoderated=bool(self.premoderated.data),
            pace_seconds=whole(self.pace.data),
            members_first_hours=whole(self.members_first.data),
            members_first_until=self._moment("members_first_until", self.members_first.data == AT_A_TIME),
            closes_after_days=whole(self.closes.data),
            closes_at=self._moment("closes_at", self.closes.data == AT_A_TIME),
            opening_question=self._line("opening_question"),
            takes_questions=bool(self.takes_questions.data),
            questions_open_at=self._moment("questions_open_at"),
            questions_close_at=self._moment("questions_close_at"),
            guests=tuple(self._guests()),
            quiz=tuple(self._quiz()),
        )

    def moments_missing(self) -> Iterable[tuple[str, str]]:
        """The moments that a choice speaks of and that were left empty."""
        for choice, moment in (("members_first", "members_first_until"), ("closes", "closes_at")):
            if self[choice].data == AT_A_TIME and not self[moment].data and not self[moment].errors:
                yield moment, "Please give the moment, or choose a length of time."

    @property
    def guest_rows(self) -> list[tuple[Any, Any]]:
        """Who and the line about them, for each guest there can be."""
        return [(self[f"guest_{number}_who"], self[f"guest_{number}_line"]) for number in _GUESTS]

    @property
    def quiz_rows(self) -> list[dict[str, Any]]:
        """The fields of each question there can be."""
        rows: list[dict[str, Any]] = []
        for number in _QUESTIONS:
            names = {part: self[f"quiz_{number}_{part}"] for part in ("text", "right", "where")}
            rows.append({**names, "choices": [self[f"quiz_{number}_choice_{place}"] for place in _CHOICES]})
        return rows

    def _line(self, name: str) -> str:
        return " ".join(normalise(self[name].data or "").split())

    def _moment(self, name: str, counts: bool = True) -> datetime | None:
        typed: datetime | None = self[name].data
        return typed.replace(tzinfo=UTC) if typed and counts else None

    def _guests(self) -> Iterable[Guest]:
        for number in _GUESTS:
            who, line = self._line(f"guest_{number}_who"), self._line(f"guest_{number}_line")
            if who or line:
                found = queries.person_called(who) if who else None
                yield Guest(found[0] if found else 0, line, found[1] if found else who)

    def _quiz(self) -> Iterable[Question]:
        for number in _QUESTIONS:
            asked = self._line(f"quiz_{number}_text")
            typed = [self._line(f"quiz_{number}_choice_{place}") for place in _CHOICES]
            if asked or any(typed):
                # Without the empty ones, the right one may have another number.
                kept = [place for place, choice in enumerate(typed, 1) if choice]
                right = whole(self[f"quiz_{number}_right"].data) or 0
                place = kept.index(right) + 1 if right in kept else 0
                yield Question(asked, tuple(filter(None, typed)), place, self._line(f"quiz_{number}_where"))


_SAME = (
    "opening_question", "closed_reason", "premoderated", "takes_questions", "questions_open_at", "questions_close_at",
    "members_first_until", "closes_at",
)  # fmt: skip
_GUESTS = range(1, settings.MOST_GUESTS + 1)
_QUESTIONS = range(1, MOST_QUESTIONS + 1)
_CHOICES = range(1, MOST_CHOICES + 1)


def _add(name: str, label: str, most: int) -> None:
    setattr(ConversationFields, name, StringField(label, [at_most(most)]))


for _number in _GUESTS:
    _add(f"guest_{_number}_who", f"Guest {_number}: name or e-mail address", 254)
    _add(f"guest_{_number}_line", "Who they are", settings.LONGEST_LINE)
for _number in _QUESTIONS:
    _add(f"quiz_{_number}_text", f"Question {_number}", settings.LONGEST_QUESTION)
    for _place in _CHOICES:
        _add(f"quiz_{_number}_choice_{_place}", f"Answer {NUMBERS[_place - 1]}", settings.LONGEST_CHOICE)
    _add(f"quiz_{_number}_right", f"The right answer to question {_number}", 1)
    _add(f"quiz_{_number}_where", "Where the story says it", settings.LONGEST_WHERE)


def _choice(number: int | None, moment: datetime | None) -> str:
    return str(number) if number else AT_A_TIME if moment else ""

