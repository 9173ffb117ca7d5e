"""What the publisher sends from the pages of the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime

from wtforms import DateTimeLocalField, Form, SelectChoice, SelectField
from wtforms.validators import Optional

from core.errors import DomainError


class ReverseForm(Form):
    """Whose acts are to be taken back, since when."""

    who = SelectField("Everything that was done by", coerce=int, validate_choice=False)
    since = DateTimeLocalField(
        "Since", [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], description="In UTC."
    )

    def offer(self, people: Sequence[tuple[int, str]]) -> None:
        """Fill in who there is."""
        self.who.choices = [SelectChoice(0, "Please choose"), *(SelectChoice(one, name) for one, name in people)]

    def asked(self) -> tuple[int, datetime] | None:
        """Whom and since when; None while nothing is chosen yet. Raises DomainError for half an answer."""
        if not self.who.data and not self.since.raw_data:
            return None
        if not self.who.data:
            raise DomainError("Please choose whose acts you want to take back.")
        if self.since.data is None:
            raise DomainError("Please give the day and the time since when.")
        return int(self.who.data), self.since.data.replace(tzinfo=UTC)
