"""What is sold, and who has it. Every function works inside the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from blueprints.membership import queries, queries_catalogue, queries_entitlements
from blueprints.membership.signals import membership_changed_signal
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from models.membership import Entitlement, Membership, Plan, Price

INTERVALS = {"month", "year"}
LEAST_CENTS = 50  # what Stripe takes as a minimum in most currencies


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """What a price asks: an amount in minor units, every month or every year."""

    amount_cents: int
    interval: Literal["month", "year"]
    currency: str = "usd"


def offer_plan(
    key: str, name: str, *, prices: Mapping[str, PriceTerms], description: str = "", perks: tuple[str, ...] = (),
    badge: str = "", rank: int = 0,
) -> Plan:  # fmt: skip
    """Offer a plan at these prices and no others; safe to repeat.

    An amount never changes: a price key that is known with other terms raises Conflict. Prices of the plan that are
    not named are no longer sold; who has them keeps them.
    """
    for terms in prices.values():
        if terms.interval not in INTERVALS or terms.amount_cents < LEAST_CENTS or len(terms.currency) != 3:
            raise DomainError("A price needs an amount, a currency of three letters, and month or year.")
    session = db.session()
    plan = queries_catalogue.plan_by_key(key)
    if plan is None:
        plan = Plan(key=key)
        session.add(plan)
    plan.name, plan.description, plan.perks = name, description, "\n".join(perks)
    plan.badge, plan.rank, plan.active = badge or name, rank, True
    session.flush()
    known = {price.key: price for price in queries_catalogue.prices_by_plan(plan.id)}
    for price in known.values():
        price.active = price.key in prices
    for price_key, terms in prices.items():
        old = known.get(price_key)
        if old is None:
            session.add(Price(key=price_key, plan_id=plan.id, amount_cents=terms.amount_cents,
                              currency=terms.currency.lower(), interval=terms.interval))  # fmt: skip
        elif (old.amount_cents, old.currency, old.interval) != (
            terms.amount_cents, terms.currency.lower(), terms.interval
        ):  # fmt: skip
            raise Conflict(f"The price {price_key} is known with another amount: give the new one a key of its own.")
    session.flush()
    return plan


def withdraw_plan(key: str) -> None:
    """Sell a plan no longer. Who has it keeps it. Raises NotFound."""
    plan = queries_catalogue.plan_by_key(key)
    if plan is None:
        raise NotFound("There is no such plan.")
    plan.active = False


def grant(
    user_id: int, plan_key: str, *, source: Literal["gift", "complimentary", "staff"], source_ref: str,
    ends_at: datetime | None = None,
) -> Entitlement:  # fmt: skip
    """Give a reader a plan without payment, until `ends_at` or without end; the same `source_ref` moves the end."""
    plan = queries_catalogue.plan_by_key(plan_key)
    if plan is None:
        raise NotFound("There is no such plan.")
    entitlement = queries_entitlements.entitlement_from(source, source_ref)
    if entitlement is None:
        entitlement = Entitlement(user_id=user_id, plan_id=plan.id, source=source, source_ref=source_ref,
                                  starts_at=clock.now(), ends_at=ends_at)  # fmt: skip
        db.session().add(entitlement)
    elif entitlement.user_id != user_id or entitlement.plan_id != plan.id:
        raise Conflict("This gift was given to somebody else.")
    entitlement.ends_at = ends_at
    db.session().flush()
    settle_membership(user_id, plan.id)
    membership_changed_signal.send(None, user_id=user_id)
    return entitlement


def end_grant(source: Literal["gift", "complimentary", "staff"], source_ref: str) -> None:
    """Take back what was given, from now on. What has ended already stays as it was. Raises NotFound."""
    entitlement = queries_entitlements.entitlement_from(source, source_ref)
    if entitlement is None:
        raise NotFound("There is no such gift.")
    now = clock.now()
    if entitlement.ends_at is None or entitlement.ends_at > now:
        entitlement.ends_at = now
        db.session().flush()
        settle_membership(entitlement.user_id, entitlement.plan_id)
        membership_changed_signal.send(None, user_id=entitlement.user_id)


def settle_membership(user_id: int, plan_id: int) -> Literal["joined", "ended"] | None:
    """Begin or end the Membership that the reader's entitlements now say; what happened, if anything."""
    queries.lock_person(user_id)
    now = clock.now()
    live = queries_entitlements.live_membership(user_id, plan_id)
    if queries_entitlements.has_plan(user_id, plan_id, now):
        if live is not None:
            return None
        db.session().add(Membership(user_id=user_id, plan_id=plan_id, started_at=now))
        db.session().flush()
        return "joined"
    if live is None:
        return None
    live.ended_at = now
    db.session().flush()
    return "ended"
