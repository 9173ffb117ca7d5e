"""What the publisher sends about openness and keeping."""

from datetime import UTC, datetime, time, timedelta

from wtforms import BooleanField, DateField, Form, HiddenField, StringField, TextAreaField
from wtforms.validators import Optional

from blueprints.moderation.keeping import FIELDS, Unfit, Wanted, mark
from blueprints.threads.forms import whole
from core.errors import DomainError
from models.fairness import FairProcess

_NUMBER = {"inputmode": "numeric", "maxlength": 4}


class FairForm(Form):
    """What is open to readers, and how long things are kept."""

    seen = HiddenField()
    public_log = BooleanField("Publish the moderation log",
                              description="Every decision with its ground, without names and words.")  # fmt: skip
    public_report = BooleanField("Publish the transparency report", description="Figures for any period.")
    dispute_body = StringField(
        "Certified body for settling disputes out of court", render_kw={"maxlength": 300, "dir": "auto"},
        description="Named in every statement of reasons, with its address on the web (DSA art. 21).",
    )  # fmt: skip
    address_days = StringField("Days that a browser’s network is kept after its last use", render_kw=_NUMBER)
    removed_text_days = StringField(
        "Days that removed words are kept", render_kw=_NUMBER,
        description="At least 183: so long an author can object, and the comment may have to come back.",
    )  # fmt: skip
    notifier_days = StringField(
        "Days that a notifier’s name and address are kept after the decision", render_kw=_NUMBER
    )

    def show(self, row: FairProcess) -> None:
        """Fill in what stands."""
        for field in FIELDS:
            value = getattr(row, field)
            self[field].data = value if isinstance(value, bool) else str(value)
        self.seen.data = mark(row)

    def wanted(self) -> Wanted:
        """What was typed."""
        return Wanted(
            bool(self.public_log.data), bool(self.public_report.data), self.dispute_body.data or "",
            whole(self.address_days.data), whole(self.removed_text_days.data), whole(self.notifier_days.data),
        )  # fmt: skip

    def refuse(self, error: DomainError) -> None:
        """Put the sentence beside its field, or above the form."""
        if isinstance(error, Unfit):
            self[error.field].errors = [error.sentence]
        else:
            self.form_errors.append(error.sentence)


class HoldForm(Form):
    """A hold on a person's or a comment's record."""

    user_id = StringField("Person’s number", [Optional()], render_kw={"inputmode": "numeric", "maxlength": 10},
                          description="At the end of the address of the person’s page.")  # fmt: skip
    comment_id = StringField("Comment’s number", [Optional()], render_kw={"inputmode": "numeric", "maxlength": 10})
    reason = StringField("Why", render_kw={"maxlength": 500, "dir": "auto"})
    last_day = DateField("Until the end of this day", [Optional()], description="In UTC. Empty: until it is released.")

    def until(self) -> datetime | None:
        """When it ends. Raises DomainError for a day that is none."""
        if self.last_day.raw_data and self.last_day.raw_data[0] and not self.validate():
            raise DomainError("Please give a day, or leave it empty.")
        day = self.last_day.data
        return datetime.combine(day, time(), UTC) + timedelta(days=1) if day else None


class PurgeForm(Form):
    """Why words have to go for good."""

    reason = TextAreaField("Why do these words have to go for good?", render_kw={"rows": 3, "maxlength": 500,
                                                                                 "dir": "auto"})  # fmt: skip
