"""The forms of what is sold."""

from collections.abc import Sequence

from wtforms import BooleanField, DateField, SelectField, StringField

from blueprints.publisher.forms import Form, options
from blueprints.publisher.selling import CURRENCIES

_CURRENCIES = options((code, code.upper()) for code in CURRENCIES)


class NewPlanForm(Form):
    name = StringField("Name", description="As readers will see it, such as VIP.")


class GrantsForm(Form):
    grants_reading = BooleanField("Reading what is for members")
    grants_commenting = BooleanField("Commenting where members may")
    grants_respect = BooleanField("Giving respect where members may")
    ad_free = BooleanField("Pages without advertisements")
    share_links = StringField("Share links a month", description="Links that open one article to anybody for a while.")


class PriceForm(Form):
    amount = StringField("Amount", description="Such as 4.90.")
    currency = SelectField("Currency", choices=_CURRENCIES, validate_choice=False)
    interval = SelectField(
        "Paid every", choices=options((("month", "month"), ("year", "year"))), validate_choice=False
    )
    trial_days = StringField("Free days first", description="For somebody's first membership. Empty means none.")


class EndsForm(Form):
    refund_ends_access = BooleanField(
        "Giving back the whole of the last payment ends access",
        description="Also where it is given back at Stripe. Giving back a part of it changes nothing.",
    )
    dispute_ends_access = BooleanField(
        "A dispute of the last payment ends access",
        description="While the bank decides, and after it decided for the member. Access is back when you win.",
    )


class RiseForm(Form):
    amount = StringField("New amount", description="Such as 5.90.")
    day = DateField("From")


class PromoForm(Form):
    code = StringField("Code", description="What readers type, such as SPRING-2027.")
    kind = SelectField(
        "What it takes off", choices=options((("percent", "A share of the price"), ("amount", "An amount"))),
        validate_choice=False,
    )  # fmt: skip
    worth = StringField("How much", description="20 for 20 per cent, or 5.00 for an amount.")
    currency = SelectField("Currency of the amount", choices=_CURRENCIES, validate_choice=False)
    duration = SelectField(
        "For how long", validate_choice=False,
        choices=options((("once", "The first payment"), ("repeating", "Some months"), ("forever", "Every payment"))),
    )  # fmt: skip
    months = StringField("How many months", description="Only for “some months”.")
    plan = SelectField("Only for the plan", choices=[], validate_choice=False)
    last_day = DateField("Last day", description="Good until the end of this day, UTC. Empty means without end.")
    most_redemptions = StringField("At most so many people", description="Empty means any number.")
    first_time_only = BooleanField("Only for somebody's first membership")

    def offer_plans(self, plans: Sequence[tuple[str, str]]) -> None:
        """The plans that a code can be limited to."""
        self.plan.choices = options((("", "Any plan"), *plans))
