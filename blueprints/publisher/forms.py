"""The forms of the publisher's pages. They hold what was typed; what is wrong with it the service says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice

from blueprints.publisher import policy
from blueprints.publisher.checking import Refused, Stale
from blueprints.threads.forms import closing_choices, members_first_choices, pace_choices
from blueprints.threads.ordering import SORT_LABELS, Sort
from core.errors import DomainError


def options(pairs: Iterable[tuple[Any, str]]) -> list[SelectChoice]:
    """What a select field offers, from values and labels."""
    return [SelectChoice(value, label) for value, label in pairs]


ROLES = options((
    ("author", "Author: writes articles and answers under them"),
    ("moderator", "Moderator: decides about comments"),
    ("lead", "Lead moderator: does too, and sets how the desk works"),
    ("editor", "Editor: publishes every article, and may all that authors and moderators may"),
    ("publisher", "Publisher: sees and sets everything, these pages too"),
))  # fmt: skip


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose token has been checked already, in front of every route.

    `seen` is the fingerprint of what it was filled from; `standing` what somebody else has saved meanwhile.
    """

    seen = HiddenField()

    class Meta:
        csrf = False

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self.standing: list[tuple[str, str]] = []

    def typed(self) -> dict[str, str]:
        """What was typed, by field."""
        return {field.name: field.data or "" for field in self if field.name != "seen"}

    def refuse(self, error: DomainError) -> None:
        """Put what the service said where it belongs: beside its field, or above the form."""
        problems: Mapping[str, str] = error.problems if isinstance(error, Refused) else {}
        for name, sentence in problems.items():
            self[name].errors = [*self[name].errors, sentence]
        if not problems:
            self.form_errors.append(error.sentence)
        if isinstance(error, Stale):
            self.seen.data = error.seen
            self.standing = [
                (self[name].label.text, self._words(name, value)) for name, value in error.standing.items()
            ]

    def _words(self, name: str, value: Any) -> str:
        chosen = value if isinstance(value, list) else [value or ""]
        labels = {str(choice.value): choice.label for choice in getattr(self[name], "choices", None) or []}
        return ", ".join(labels.get(str(each), str(each)) for each in chosen) or "nothing"


def _audience(label: str, description: str) -> SelectField:
    return SelectField(label, description=description, choices=[], validate_choice=False)


class _WithAudiences(Form):
    """Offers the audiences that can be chosen now."""

    def offer_audiences(self, plans: Mapping[str, str], inherit: Mapping[str, str] | None = None) -> None:
        """`plans` are names by key; `inherit` what an empty choice means, by field."""
        for field in (self.read_audience, self.comment_audience, self.respect_audience):
            choices = policy.audience_choices(plans, field.data)
            if inherit is not None:
                words = policy.audience_label(inherit[field.name], plans)
                choices = [("", f"As the site: {words}"), *choices]
            field.choices = options(choices)


class SiteForm(_WithAudiences):
    name = StringField("Name of the paper")
    tagline = StringField("Line under the name")
    language = StringField("Language", description="A language tag such as en, de or pt-BR. Screen readers go by it.")
    direction = SelectField(
        "Direction of the script", validate_choice=False,
        choices=options((("ltr", "From left to right"), ("rtl", "From right to left"))),
    )  # fmt: skip
    colour = SelectField(
        "Colour of links and buttons", validate_choice=False,
        description="Each can be read on light and on dark pages.",
        choices=options((("", "Not chosen, which is red"), *((name, name.capitalize()) for name in policy.COLOURS))),
    )  # fmt: skip
    read_audience = _audience("Who may read", "Everybody sees the headline and the first paragraphs.")
    comment_audience = _audience("Who may comment", "Staff may everywhere.")
    respect_audience = _audience("Who may give respect", "The one reaction: a reader found a comment worth reading.")
    comments_shown_to = SelectField(
        "Who sees the comments of an article that is not for everybody", validate_choice=False,
        choices=options(policy.SHOWN_TO),
        description="With the second answer the others see how many comments there are, and no words. Staff see all.",
    )  # fmt: skip
    default_sort = SelectField(
        "Order of discussions", validate_choice=False, choices=options(SORT_LABELS.items()),
        description="What readers see first. Each reader can choose another order.",
    )  # fmt: skip
    longest_pause = SelectField(
        "Members who pay by the month may pause", validate_choice=False, choices=options(policy.PAUSES),
        description="Offered once, beside “Cancel now”. While it lasts nothing is charged, and there is no access.",
    )
    about = TextAreaField("About the paper", description="Markdown. Shown at /about.")
    privacy = TextAreaField("Privacy and cookies", description="Markdown. Shown at /privacy.")


class SecondFactorForm(Form):
    staff_second_factor = SelectField(
        "A second factor of the staff", validate_choice=False,
        choices=options((
            ("", "Required, but in the demonstration"), ("required", "Required"), ("offered", "Offered only"),
        )),
    )  # fmt: skip


class SectionForm(_WithAudiences):
    name = StringField("Name")
    description = TextAreaField("Description", description="One or two sentences under the name, on its page.")
    read_audience = _audience("Who may read", "An article can have its own answer, which then counts.")
    comment_audience = _audience("Who may comment", "")
    respect_audience = _audience("Who may give respect", "")
    default_sort = SelectField("Order of discussions", choices=[], validate_choice=False)
    preset_closes_after_days = SelectField("Closes by itself", choices=[], validate_choice=False)
    preset_members_first_hours = SelectField("Members first", choices=[], validate_choice=False)
    preset_pace_seconds = SelectField("Slow mode", choices=[], validate_choice=False)
    preset_premoderated = SelectField(
        "Comments appear", validate_choice=False,
        choices=options((("", "At once"), ("True", "After somebody has read them"))),
    )  # fmt: skip

    def offer_presets(self) -> None:
        """Fill in how discussions can begin."""
        self.preset_closes_after_days.choices = closing_choices(self.preset_closes_after_days.data)
        self.preset_members_first_hours.choices = members_first_choices(self.preset_members_first_hours.data)
        self.preset_pace_seconds.choices = pace_choices(self.preset_pace_seconds.data)

    def offer_sorts(self, of_site: Sort) -> None:
        """`of_site` is what an empty choice means."""
        self.default_sort.choices = options((("", f"As the site: {SORT_LABELS[of_site]}"), *SORT_LABELS.items()))


class RuleForm(Form):
    title = StringField("Title", description="A few words: a moderator chooses by them, and an author is told them.")
    text = TextAreaField("What it asks", description="Plain sentences, as you would say them to a reader.")
    note_template = TextAreaField(
        "What the author is told",
        description="Put before a moderator who rejects under this rule, who may change it. {story} stands for the "
        "article, {rule} for the title above. May be empty.",
    )


class EnforcersForm(Form):
    rules_enforced_by = TextAreaField(
        "Who enforces the rules",
        description="One or two sentences under the rules: who decides, and who hears an appeal.",
    )


class RolesForm(Form):
    roles = SelectMultipleField("Roles", choices=ROLES, validate_choice=False)
    section_ids = SelectMultipleField(
        "Moderates only these sections", coerce=int, validate_choice=False,
        description="Nothing chosen means all sections. Only for moderators.",
    )  # fmt: skip

    def offer_sections(self, sections: Sequence[tuple[int, str]]) -> None:
        self.section_ids.choices = options(sections)


class GiftForm(Form):
    plan = SelectField("Plan", choices=[], validate_choice=False)
    last_day = DateField(
        "Last day", description="Until the end of this day, UTC. Empty means without end. A running one gets this end."
    )

    def offer_plans(self, plans: Sequence[tuple[str, str]]) -> None:
        self.plan.choices = options(plans)

    def last_day_is_readable(self) -> bool:
        """Whether the day was left empty or can be understood; says so beside the field if not."""
        if self.last_day.data is not None or not "".join(self.last_day.raw_data or []).strip():
            self.last_day.errors = []
            return True
        self.last_day.errors = ["Please give a day such as 2030-01-31."]
        return False


class PlanForm(Form):
    name = StringField("Name")
    description = StringField("Description", description="One sentence under the name, where readers choose.")
    perks = TextAreaField("What members get", description="One line for each.")
    badge = StringField("Badge", description="The words beside a member's name. Empty means the plan's name.")
