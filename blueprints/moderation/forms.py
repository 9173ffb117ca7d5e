"""What moderators and objectors send."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    Form,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from blueprints.moderation.decision import NOTE_LENGTH
from blueprints.moderation.discussions import Rules
from blueprints.moderation.objecting import OBJECTION_LENGTH
from blueprints.moderation.thread_state import CLOSED_REASON_LENGTH
from blueprints.threads.forms import pace_choices, whole
from blueprints.threads.settings import Conversation
from core.errors import DomainError
from core.ids import MAX_ID, row_id

SUSPENSION_DAYS = (1, 3, 7, 30)

KINDS = (
    ("warning", "Warn: they say that they have read it before they take part again"),
    ("slow-down", "Slow down: a comment every few minutes"),
    ("pre-moderation", "Read comments before they appear"),
    ("suspension", "Suspend: no comments, respect or reports"),
    ("ban", "Ban: the same, without an end"),
)
STATES = (("open", "Open"), ("closed", "Closed: readable, no new comments"), ("hidden", "Hidden from readers"))
OUTCOMES = (("upheld", "Uphold"), ("reversed", "Reverse"))


def _offered(pairs: tuple[tuple[str, str], ...]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in pairs]


class Seen(TypedDict):
    """What a decision was made on."""

    revision: int
    status: str
    last_action_id: int


def seen(form: "MultiDict[str, str]") -> Seen:
    """What the moderator had before their eyes. Raises DomainError where the form does not say."""
    revision, action = form.get("revision", type=row_id), form.get("last_action_id", type=row_id)
    if revision is None or action is None or "status" not in form:
        raise DomainError("The form did not say what was decided about. Please open the comment and try again.")
    return {"revision": revision, "status": form["status"], "last_action_id": action}


class SanctionForm(Form):
    """A warning or restriction."""

    kind = RadioField("What should happen?", choices=_offered(KINDS), validators=[
        InputRequired("Please choose what should happen.")])  # fmt: skip
    days = SelectField("For how long?", coerce=int, default=3, choices=[
        SelectChoice(days, f"{days} day{'s' if days > 1 else ''}") for days in SUSPENSION_DAYS])  # fmt: skip
    rule_id = SelectField("Which rule was broken?", coerce=int, default=0)
    reason = TextAreaField("Why? The person reads this.", validators=[
        InputRequired("Please say why, in a sentence the person can read."), Length(max=NOTE_LENGTH)])  # fmt: skip
    comment_id = IntegerField(validators=[Optional(), NumberRange(1, MAX_ID)])

    def __init__(self, *args: Any, rules: tuple[Any, ...], **values: Any) -> None:
        super().__init__(*args, **values)
        self.rule_id.choices = [
            SelectChoice(0, "No particular one"), *(SelectChoice(rule.id, rule.title) for rule in rules)
        ]

    def until(self, now: datetime) -> datetime | None:
        """When it ends; None for what has no end."""
        return None if self.kind.data in {"warning", "ban"} else now + timedelta(days=self.days.data)


class ThreadForm(Form):
    """The state of a discussion."""

    state = RadioField("The discussion is", choices=_offered(STATES), validators=[InputRequired("Please choose one.")])
    reason = StringField("Reason, shown to readers", validators=[Length(max=CLOSED_REASON_LENGTH)])


class DiscussionForm(Form):
    """How a discussion goes, as far as moderators set it."""

    mark = HiddenField()
    state = RadioField("The discussion is", choices=_offered(STATES), validate_choice=False)
    reason = StringField(
        "Reason", description="Readers find it in the composer’s place while the discussion is closed. "
        "For anything else it goes on record, for colleagues.",
    )  # fmt: skip
    pace = SelectField(
        "Slow mode", default="", validate_choice=False,
        description="At least so long between two comments of one person; the composer counts it down. Not for staff.",
    )  # fmt: skip
    premoderated = BooleanField("Read each comment before it appears")
    closes_at = DateTimeLocalField(
        "Closes by itself at", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        description="In UTC. Readers are told beforehand. Empty: it stays open.",
    )  # fmt: skip

    def show(self, standing: Conversation, closes_at: datetime | None) -> None:
        """Fill the form with what stands."""
        self.state.data, self.premoderated.data = standing.state, standing.premoderated
        self.reason.data = standing.closed_reason if standing.state != "open" else ""
        self.pace.data = "" if standing.pace_seconds is None else str(standing.pace_seconds)
        self.closes_at.data = closes_at
        self.mark.data = standing.mark

    def offer(self) -> None:
        """Fill in what slow mode can be."""
        self.pace.choices = pace_choices(self.pace.data)

    def rules(self) -> Rules:
        """What was typed. Raises DomainError for a moment that is none."""
        if self.closes_at.errors or not self.validate():
            raise DomainError("Please give a date and a time, or leave the moment empty.")
        typed: datetime | None = self.closes_at.data
        return Rules(
            str(self.state.data or ""), self.reason.data or "", whole(self.pace.data), bool(self.premoderated.data),
            typed.replace(tzinfo=UTC, second=0) if typed else None,
        )  # fmt: skip


class ObjectionForm(Form):
    """Why an author thinks a decision wrong."""

    body = TextAreaField("Why do you think the decision is wrong?", validators=[
        InputRequired("Please say why you think the decision is wrong."), Length(max=OBJECTION_LENGTH)])  # fmt: skip


class AnswerForm(Form):
    """The answer to an objection."""

    answer = TextAreaField("Your reason, which the author reads", validators=[
        InputRequired("Please give the reason for your answer; the author reads it."),
        Length(max=NOTE_LENGTH)])  # fmt: skip
    outcome = RadioField("Outcome", choices=_offered(OUTCOMES), validators=[
        InputRequired("Please choose whether the decision stands.")])  # fmt: skip
