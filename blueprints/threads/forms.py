"""The one form of this domain that has more than a text: a report. And choices that forms about threads share."""

from wtforms import Form, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from blueprints.threads.modes import DAY, HOUR, span
from blueprints.threads.reports import NOTE_LENGTH

# What forms offer: seconds of slow mode, hours that members are alone, days until a discussion closes.
PACES = (30, 60, 120, 300, 600, 1800, 3600)
HOURS_FIRST = (1, 3, 6, 12, 24, 48, 7 * 24)
DAYS_OPEN = (1, 2, 3, 7, 14, 30, 90)

REASON_LABELS = tuple(SelectChoice(value, label) for value, label in (
    ("offensive", "It insults or demeans people"),
    ("abusive", "It threatens or harasses somebody"),
    ("spam", "It is advertising or spam"),
    ("off-topic", "It has nothing to do with the story"),
    ("illegal", "It breaks the law"),
    ("other", "Something else"),
))  # fmt: skip


class ReportForm(Form):
    """What is wrong with a comment."""

    reason = RadioField("What is wrong with it?", choices=REASON_LABELS, validators=[
        InputRequired("Please choose what is wrong with this comment.")])  # fmt: skip
    note = TextAreaField("What should the moderators know? (optional)", validators=[
        Length(max=NOTE_LENGTH, message=f"The note can be up to {NOTE_LENGTH} characters long.")])  # fmt: skip


def whole(typed: str | None) -> int | None:
    """A number of up to six digits, or None."""
    return int(typed) if typed and typed.isascii() and typed.isdecimal() and len(typed) < 7 else None


def length_choices(standing: str | None, offered: tuple[int, ...], unit: int, words: str) -> list[SelectChoice]:
    """Lengths of time to choose from, in units of so many seconds; one that stands and is none of these is among them.

    `words` say what the length is for, with `{}` in its place.
    """
    typed = whole(standing)
    numbers = {*offered, *([typed] if typed is not None else [])}
    return [
        SelectChoice(str(number), words.format(span(number * unit)) if number else "No pace at all")
        for number in sorted(numbers)
    ]


def members_first_choices(standing: str | None) -> list[SelectChoice]:
    """How long members are alone after publication."""
    lengths = length_choices(standing, HOURS_FIRST, HOUR, "For {} after publication")
    return [SelectChoice("", "No: everybody at the same time"), *lengths]


def closing_choices(standing: str | None) -> list[SelectChoice]:
    """When a discussion closes by itself."""
    return [SelectChoice("", "No: it stays open"), *length_choices(standing, DAYS_OPEN, DAY, "{} after publication")]


def pace_choices(standing: str | None) -> list[SelectChoice]:
    """What slow mode can be."""
    return [SelectChoice("", "Off: the pace of every discussion"), *length_choices(standing, PACES, 1, "{} apart")]
