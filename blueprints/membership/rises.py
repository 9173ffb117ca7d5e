"""Prices that rise for those who pay them: planned for a lawful day, told in time, moved at each own renewal.

Neither amount changes: there is an old price and a new one. Who could not be told in time goes on paying the old one
until a renewal for which they could. Inside the caller's transaction; Stripe is told by jobs (rises_jobs).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from blueprints.membership import queries, queries_catalogue, queries_rises
from blueprints.membership.gateway import Mode
from blueprints.membership.law import MARGIN, law_for, strictest_price_window
from blueprints.membership.queries_rises import RiseView
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.recording import note, plain
from core.records import dataclass
from core.rendering import date as day_words
from core.rendering import money
from jobs.queue import enqueue
from models.membership import Price
from models.pricing import PriceRise

SUGGESTED = timedelta(days=7)  # after the first lawful day, where there is room


@dataclass(frozen=True, slots=True)
class Window:
    """The days on which a new price may begin; `most` and `least` days of notice are what the law wants."""

    first: date
    last: date
    most: int
    least: int

    @property
    def suggested(self) -> date:
        return min(self.first + SUGGESTED, self.last)

    def problem(self, chosen: date | None) -> str | None:
        """Why the price may not rise on this day, in a sentence; None when it may."""
        days = f"Choose a day from {_words(self.first)} to {_words(self.last)}."
        rule = f"members must be told between {self.least} and {self.most} days before they pay more"
        if chosen is None:
            return f"Please choose a day. {days}"
        if chosen < self.first:
            return f"{_words(chosen)} is too soon: {rule}, and the letters need a day to go out. {days}"
        if chosen > self.last:
            return f"{_words(chosen)} is too far away: {rule}, so a rise cannot be announced earlier. {days}"
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rise would mean, as it is shown before it is planned."""

    price_key: str
    plan_key: str
    plan_name: str
    amount_cents: int
    currency: str
    interval: str
    payers: int
    unknown: int  # of them, how many have not said where they live
    window: Window


def lawful_window(countries: list[str | None], now: datetime) -> Window:
    """When a new price may begin for people of these countries, announced now. Pure."""
    most, least = strictest_price_window([law_for(country) for country in countries])
    today = now.astimezone(UTC).date()
    # Letters leave within a day, and a day more is kept for time zones; midnight of the chosen day is when it begins.
    return Window(today + timedelta(days=least) + 2 * MARGIN, today + timedelta(days=most) - MARGIN, most, least)


def proposal(mode: Mode, price_key: str) -> Plan:
    """What a rise of this price would mean. Raises NotFound, or Conflict when one is planned."""
    price = queries_rises.price_to_raise(price_key)
    plan = queries_catalogue.plan_of(price.plan_id) if price else None
    if price is None or plan is None:
        raise NotFound("There is no such price.")
    if queries_rises.planned_for(mode, price_key) is not None:
        raise Conflict("A rise of this price is planned already.")
    by_country = queries_rises.payers_by_country(mode, price.id)
    return Plan(
        price.key, plan.key, plan.name, price.amount_cents, price.currency, price.interval, sum(by_country.values()),
        by_country.get(None, 0), lawful_window(list(by_country), clock.now()),
    )  # fmt: skip


def plan_rise(mode: Mode, price_key: str, cents: int, day: date | None, by: int) -> int:
    """Plan that a price rises to this amount on this day. Returns the rise's id.

    Members are told by jobs, each in their own window. Raises NotFound, Conflict, or DomainError with the code of the
    field: `amount` or `day`.
    """
    shown = proposal(mode, price_key)
    if cents <= shown.amount_cents:
        amount = money(shown.amount_cents, shown.currency)
        raise DomainError(f"A rise needs an amount above {amount}.", 422, "amount")
    problem = shown.window.problem(day)
    if problem or day is None:
        raise DomainError(problem or "", 422, "day")
    old = queries_rises.price_to_raise(price_key, lock=True)
    if old is None:
        raise NotFound("There is no such price.")
    new = _target(old, cents)
    planned = queries.insert_new(
        PriceRise, mode=mode, from_price_id=old.id, to_price_id=new.id, state="planned",
        takes_effect_at=datetime.combine(day, time(), UTC), created_at=clock.now(), created_by=by,
    )  # fmt: skip
    made = queries_rises.planned_for(mode, price_key)
    if not planned or made is None:
        raise Conflict("A rise of this price is planned already.")
    note(
        db.session(), "rise", made.id, before=None,
        after={"from_price_id": old.id, "to_price_id": new.id, "takes_effect_at": plain(made.takes_effect_at),
               "state": "planned"},
    )  # fmt: skip
    enqueue("membership.rise", key=f"rise:{made.id}", rise_id=made.id)
    return made.id


def call_off(mode: Mode, rise_id: int, by: int) -> RiseView:
    """Drop a rise before its day. Who was told is told that the price stays. Raises NotFound or Conflict."""
    row = queries_rises.rise_by_id(rise_id, lock=True)
    view = queries_rises.rise_view(mode, rise_id)
    if row is None or view is None:
        raise NotFound("There is no such rise.")
    if not view.may_call_off(clock.now()):
        raise Conflict("This rise cannot be called off any more.")
    row.state, row.ended_at, row.ended_by = "called_off", clock.now(), by
    enqueue("membership.rise-off", key=f"rise-off:{rise_id}", rise_id=rise_id)
    return view


def begin_selling(rise: RiseView) -> bool:
    """On the day, put the new price on sale in the place of the old one, in the current transaction; whether it did.

    Where something else took the old one's place meanwhile, that stays on sale.
    """
    old = queries_rises.price_to_raise(rise.from_price.key, lock=True)
    new = queries_rises.price_to_raise(rise.to_price.key, lock=True)
    if old is None or new is None or new.active or not old.active:
        return False
    old.active, new.active, new.trial_days = False, True, old.trial_days
    enqueue("stripe.publish-plan", key=f"publish-plan:{rise.plan_key}", plan=rise.plan_key)
    enqueue("stripe.retire-price", key=f"retire-price:{old.key}", price=old.key)
    return True


def _target(old: Price, cents: int) -> Price:
    """The new price: the one on sale where it is just that, else a price of its own, on sale from the day on."""
    for standing in queries_rises.price_on_sale(old.plan_id, old.interval, old.currency):
        if standing.amount_cents == cents:
            return standing
    plan = queries_catalogue.plan_of(old.plan_id)
    count = len(queries_catalogue.prices_by_plan(old.plan_id))
    key = f"{plan.key if plan else old.plan_id}-{old.interval}-{old.currency}-{count + 1}"
    new = Price(
        key=key, plan_id=old.plan_id, amount_cents=cents, currency=old.currency, interval=old.interval, active=False,
    )  # fmt: skip
    db.session().add(new)
    db.session().flush()
    return new


def _words(day: date) -> str:
    return day_words(cast(datetime, day))
