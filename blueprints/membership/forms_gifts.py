"""The forms of gifts. They hold what was typed; each field says what is wrong with it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from wtforms import DateField, EmailField, RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from blueprints.accounts.forms import Form
from blueprints.accounts.policy import normal_email
from blueprints.membership.gifts_checkout import Wish, words_of_choice
from blueprints.membership.gifts_policy import LATEST, LONGEST_NAME, LONGEST_NOTE
from blueprints.membership.queries_catalogue import PlanView
from core import clock
from core.text import remove_controls

MORNING = time(7, tzinfo=UTC)


class AddressForm(Form):
    """Where a gift is sent."""

    to_email = EmailField("Their e-mail address")

    def address(self) -> str | None:
        """The address as it is stored; None with the reason beside the field."""
        if not self.typed("to_email").strip():
            self.refuse("to_email", "Where is it sent? Please enter their e-mail address.")
            return None
        try:
            return normal_email(self.typed("to_email"))
        except ValueError as error:
            self.refuse("to_email", str(error))
            return None


class GiftForm(AddressForm):
    """What is given, to whom, from whom, and when."""

    price = RadioField("What you give", choices=[], validate_choice=False)
    to_name = StringField("For", description="As you call them.")
    to_email = EmailField("Their e-mail address", description="Used for this gift only.")
    from_name = StringField("From", description="As they know you.")
    note = TextAreaField("Your words to them", description=f"Up to {LONGEST_NOTE} characters.")
    send_on = DateField("Send it on", description="Today, or a morning within a year (7:00 UTC).")

    def offer(self, plans: Sequence[PlanView]) -> None:
        """The prices that can be given."""
        self.prices = {price.key: price for plan in plans for price in plan.prices}
        self.price.choices = [
            SelectChoice(one.key, words_of_choice(one)) for one in self.prices.values()
        ]

    def wish(self) -> Wish | None:
        """What was typed, when it can be given; None with the reasons beside the fields."""
        price = self.prices.get(self.typed("price"))
        if price is None:
            self.refuse("price", "Please choose what you give.")
        to_name, from_name = self._name("to_name", "Whom is it for?"), self._name("from_name", "Who gives it?")
        email = self.address()
        note = remove_controls(self.typed("note").replace("\r\n", "\n")).strip()
        if len(note) > LONGEST_NOTE:
            self.refuse("note", f"These are {len(note)} characters, and {LONGEST_NOTE} fit in.")
        send_at = self._send_at()
        if self.errors or price is None or email is None or send_at is None:
            return None
        return Wish(price, from_name, to_name, email, note, send_at)

    def _name(self, field: str, question: str) -> str:
        name = " ".join(remove_controls(self.typed(field)).split())
        if not name:
            self.refuse(field, question)
        elif len(name) > LONGEST_NAME:
            self.refuse(field, f"At most {LONGEST_NAME} characters, please.")
        return name

    def _send_at(self) -> datetime | None:
        day: date | None = self.send_on.data
        today = clock.now().date()
        if day is None:
            self.refuse("send_on", "Please choose a day.")
        elif day < today:
            self.refuse("send_on", "This day is over.")
        elif day > today + LATEST:
            self.refuse("send_on", "A gift can be sent within a year.")
        elif day == today:
            return datetime.combine(day, time(tzinfo=UTC))  # past: it goes out as soon as it is paid
        else:
            return datetime.combine(day, MORNING)
        return None
