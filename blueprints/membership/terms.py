"""What the reader is told beside each button, before pressing it. Kept as it was shown."""

from datetime import timedelta

from blueprints.membership.promotions import Promotion
from blueprints.membership.queries_catalogue import PriceView
from blueprints.membership.queries_rises import ComingPrice
from core import clock
from core.rendering import date, money

WITHDRAWAL_DAYS = 14


def terms_of(
    price: PriceView, *, trial_days: int | None = None, promotion: Promotion | None = None, seats: int = 1,
    rise: ComingPrice | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """What is charged when, how to stop it, and how to get the money back."""
    amount = money(price.amount_cents * seats, price.currency)
    group = (f"{seats} seats at {money(price.amount_cents, price.currency)}, yours included.",) if seats > 1 else ()
    return (
        *group,
        _charge(price, amount, trial_days, promotion),
        *rise_terms(price, rise, seats),
        "Cancel any time on your account page, in three presses. "
        f"You keep what you paid for until the {price.interval} ends.",
        f"Within {WITHDRAWAL_DAYS} days of joining you get this payment back in full if you ask for it.",
    )


def rise_terms(price: PriceView, rise: ComingPrice | None, seats: int = 1) -> tuple[str, ...]:
    """What is planned for this price already, where something is."""
    if rise is None:
        return ()
    new = money(rise.amount_cents * seats, price.currency)
    day = date(rise.from_at)
    return (f"Payments on and after {day} are {new} a {price.interval}. We write to you before the first.",)


def _charge(price: PriceView, amount: str, trial_days: int | None, promotion: Promotion | None) -> str:
    first = promotion.lowered(price) if promotion else None
    lowered = money(first, price.currency) if first is not None else amount
    every = f"every {price.interval} until you cancel"
    if trial_days:
        begins = date(clock.now() + timedelta(days=trial_days))
        if promotion and first is not None and promotion.duration != "forever":
            later = f"and after {_span(promotion)} {amount} {every}"
            return f"Nothing for {trial_days} days. Then, on {begins}, {lowered}, {later}."
        return f"Nothing for {trial_days} days. Then, from {begins}, {lowered} {every}."
    if promotion is None or first is None:
        return f"{amount} today, then {amount} {every}."
    if promotion.duration == "forever":
        return f"{lowered} today, then {lowered} {every}."
    return f"{lowered} today with the code {promotion.code}, and after {_span(promotion)} {amount} {every}."


def _span(promotion: Promotion) -> str:
    if promotion.duration == "once" or not promotion.months:
        return "that"
    return "a month" if promotion.months == 1 else f"{promotion.months} months"
