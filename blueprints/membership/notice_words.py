"""The words of what members are told about money: kept as proof exactly as they are mailed. Pure."""

from datetime import datetime

from blueprints.membership.law import Due, Kind, Law
from core.records import dataclass
from core.rendering import date, money

HEADINGS: dict[Kind, str] = {
    "trial": "Your free time with {plan} ends on {day}",
    "renewal": "Your {plan} membership goes on from {day}",
    "annual": "What you pay for {plan}, once a year",
    "price": "Your {plan} membership will cost {amount} from {day}",
    "promotion": "Your discount on {plan} ends on {day}",
    "price_kept": "Your {plan} membership keeps its price",
}
_WAY_OUT = "You can cancel online in three presses, without calling anybody: cancel on your membership page."


@dataclass(frozen=True, slots=True)
class Sold:
    """What a member has: `quantity` of a plan at a price. `coming`: what it will cost, of a price that rises."""

    plan_name: str
    amount_cents: int
    currency: str
    interval: str
    quantity: int = 1
    next_payment_cents: int | None = None  # as Stripe's preview says, with whatever lowers it
    period_cents: int | None = None  # what the running period was billed, with what lowered it
    coming_cents: int | None = None
    coming_at: datetime | None = None

    @property
    def price(self) -> str:
        return self._price(self.amount_cents)

    @property
    def coming(self) -> str:
        return self._price(self.coming_cents or 0)

    @property
    def payment(self) -> str:
        """What the next payment takes."""
        cents = self.next_payment_cents
        return money(self.amount_cents * self.quantity if cents is None else cents, self.currency)

    @property
    def is_lowered(self) -> bool:
        return self.next_payment_cents not in (None, self.amount_cents * self.quantity)

    def _price(self, cents: int) -> str:
        return f"{money(cents * self.quantity, self.currency)} a {self.interval}"


def subject_of(due: Due, sold: Sold) -> str:
    """The subject of the mail, and its heading."""
    return HEADINGS[due.kind].format(plan=sold.plan_name, day=date(due.about_at), amount=sold.coming)


def words_of(due: Due, sold: Sold, law: Law) -> tuple[str, ...]:
    """What is said, sentence by sentence."""
    day = date(due.about_at)
    if due.kind == "trial":
        return (
            f"Your free time with {sold.plan_name} ends on {day}. On that day your card is charged {sold.payment}, and "
            f"from then on {sold.price}, until you cancel.",
            f"If you cancel before {day}, nothing is charged.",
            _WAY_OUT,
            law.asks,
        )
    if due.kind == "renewal":
        return (
            f"Your {sold.plan_name} membership was paid until {day}. On that day it goes on for another "
            f"{sold.interval} by itself, and your card is charged {sold.payment}.",
            *_rises(sold),
            f"If you do not want that, cancel before {day}: you keep everything until then, and nothing is charged.",
            _WAY_OUT,
            law.asks,
        )
    if due.kind == "annual":
        return (
            f"You have {sold.plan_name} for {sold.price}, charged every {sold.interval} by itself until you cancel.",
            *_rises(sold),
            _WAY_OUT,
            law.asks,
        )
    if due.kind == "price":
        more = ("What lowers your payments now goes on lowering them as it was promised.",) if sold.is_lowered else ()
        return (
            f"You pay {sold.price} for {sold.plan_name}. From {day} it is {sold.coming}, first charged on that day, "
            "until you cancel.",
            *more,
            f"If you do not want that, cancel before {day}: you keep everything until then, and the new price is never "
            "charged.",
            _WAY_OUT,
            law.asks,
        )
    if due.kind == "promotion":
        paid = money(sold.period_cents or 0, sold.currency)
        return (
            f"A discount lowers what you pay for {sold.plan_name}: this {sold.interval} was {paid}. It ends, and on "
            f"{day} your card is charged {sold.payment}. From then on it is {sold.price}, until you cancel.",
            *_rises(sold),
            f"If you do not want that, cancel before {day}: you keep everything until then, and nothing is charged.",
            _WAY_OUT,
            law.asks,
        )
    return (
        f"We wrote that {sold.plan_name} would cost more from {day}. It will not: you go on paying {sold.price}.",
        "You need not do anything.",
    )


def _rises(sold: Sold) -> tuple[str, ...]:
    if sold.coming_cents is None or sold.coming_at is None:
        return ()
    return (
        f"The price rises to {sold.coming} for payments on and after {date(sold.coming_at)}. We write to you once more "
        "before you pay it.",
    )
