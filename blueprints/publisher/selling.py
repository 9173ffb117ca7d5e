"""What the publisher sells: plans, prices, promotion codes. Inside the caller's transaction; Stripe is told by jobs."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal, cast

from blueprints.membership import rises
from blueprints.membership.gateway import Mode
from blueprints.membership.promotions import CODE_LENGTH
from blueprints.membership.queries import insert_new
from blueprints.membership.service import LEAST_CENTS
from blueprints.publisher import policy, queries, queries_plans, queries_selling
from blueprints.publisher.checking import Check, Refused
from blueprints.site.queries import bump_site_version
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.recording import note, plain
from core.rendering import ZERO_DECIMAL
from core.text import slugify
from jobs.queue import enqueue
from models.membership import Plan, Price, PromoCode

CURRENCIES = ("usd", "eur", "gbp", "cad", "aud", "chf", "sek", "nok", "dkk", "pln", "jpy")
INTERVALS = ("month", "year")
DURATIONS = ("once", "repeating", "forever")
MOST_CENTS = 10_000_000
MOST_TRIAL_DAYS = 90
MOST_LINKS = 100
MOST_MONTHS = 36
MOST_PLANS = 20
_AMOUNT = re.compile(r"\d{1,7}(?:[.,]\d{1,2})?")
_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,38}[A-Z0-9]")


def create_plan(typed: Mapping[str, str]) -> str:
    """Make a plan, above the others, without a price yet: nobody can buy it before it has one. Returns its key."""
    check = Check(typed)
    name = check.line("name", most=60, needed="Please give the plan a name.")
    taken = queries_selling.plan_keys()
    if len(taken) >= MOST_PLANS:
        check.problems["name"] = f"There can be at most {MOST_PLANS} plans."
    check.done()
    base = slugify(name)[:30] or "plan"
    key = next(one for one in (base, *(f"{base}-{n}" for n in range(2, MOST_PLANS + 2))) if one not in taken)
    rank = queries_selling.highest_rank() + 1
    if not insert_new(Plan, key=key, name=name, badge=name, rank=rank, active=True, description="", perks=""):
        raise Conflict("Somebody else made a plan of this name at this moment.")
    note(db.session(), "plan", key, before=None, after={"key": key, "name": name, "rank": rank, "active": True})
    bump_site_version()
    return key


def set_grants(key: str, typed: Mapping[str, str]) -> None:
    """Say what a plan's members may do. Raises NotFound or Refused."""
    plan = queries_plans.plan_to_edit(key, lock=True)
    if plan is None:
        raise NotFound("There is no such plan on sale.")
    links = _whole(typed, "share_links", 0, MOST_LINKS, "Please give a number from 0 to 100.") or 0
    for flag in ("grants_reading", "grants_commenting", "grants_respect", "ad_free"):
        setattr(plan, flag, bool(typed.get(flag)))
    plan.share_links = links
    bump_site_version()
    enqueue("stripe.publish-plan", key=f"publish-plan:{key}", plan=key)


def add_price(key: str, typed: Mapping[str, str]) -> str:
    """Sell a plan at one more price; one of the same interval and currency is sold no longer, and who has it keeps it.

    Returns the key of the price. Raises NotFound or Refused.
    """
    plan = queries_plans.plan_to_edit(key, lock=True)
    if plan is None:
        raise NotFound("There is no such plan on sale.")
    check = Check(typed)
    currency = check.choice("currency", CURRENCIES)
    interval = check.choice("interval", INTERVALS)
    cents = _cents(check, "amount", currency)
    check.done()
    trial = _whole(typed, "trial_days", 1, MOST_TRIAL_DAYS, f"A trial lasts from 1 to {MOST_TRIAL_DAYS} days.")
    for old in queries_plans.prices_on_sale(plan.id):
        if (old.interval, old.currency) != (interval, currency):
            continue
        if (old.amount_cents, old.trial_days) == (cents, trial):
            raise Refused({"amount": "The plan is sold at exactly this price already."})
        old.active = False
        if old.amount_cents != cents:
            enqueue("stripe.retire-price", key=f"retire-price:{old.key}", price=old.key)
    price_key = f"{key}-{interval}-{currency}-{queries_selling.prices_ever(plan.id) + 1}"
    db.session().add(Price(
        key=price_key, plan_id=plan.id, amount_cents=cents, currency=currency,
        interval=cast(Literal["month", "year"], interval), active=True, trial_days=trial,
    ))  # fmt: skip
    db.session().flush()
    bump_site_version()
    enqueue("stripe.publish-plan", key=f"publish-plan:{key}", plan=key)
    return price_key


def plan_rise(mode: Mode, price_key: str, typed: Mapping[str, str], day: date | None, by: int) -> int:
    """Plan that a price rises for who pays it. Returns the rise's id. Raises NotFound, Conflict or Refused."""
    check = Check(typed)
    cents = _cents(check, "amount", rises.proposal(mode, price_key).currency)
    check.done()
    try:
        return rises.plan_rise(mode, price_key, cents, day, by)
    except DomainError as problem:
        if problem.code in {"amount", "day"}:
            raise Refused({problem.code: problem.sentence}) from None
        raise


def set_ends(typed: Mapping[str, str]) -> None:
    """Say what ends access when money goes back. Members are looked at anew by jobs."""
    site = queries.lock_site()
    site.refund_ends_access = bool(typed.get("refund_ends_access"))
    site.dispute_ends_access = bool(typed.get("dispute_ends_access"))
    bump_site_version()
    enqueue("stripe.reconcile", key="ends-of-access")


def stop_selling(price_key: str) -> None:
    """Sell at a price no longer. Raises NotFound."""
    price = queries_selling.price_by_key(price_key, lock=True)
    if price is None or not price.active:
        raise NotFound("This price is not sold any more.")
    price.active = False
    bump_site_version()
    enqueue("stripe.retire-price", key=f"retire-price:{price.key}", price=price.key)


def stop_plan(key: str) -> None:
    """Sell a plan no longer; who has it keeps it. Raises NotFound."""
    plan = queries_plans.plan_to_edit(key, lock=True)
    if plan is None:
        raise NotFound("There is no such plan on sale.")
    plan.active = False
    bump_site_version()


def create_promotion(typed: Mapping[str, str], last_day: date | None, by: int) -> str:
    """Make a promotion code. Returns it. Raises Refused."""
    check = Check(typed)
    code = (typed.get("code") or "").strip().upper()
    if not _CODE.fullmatch(code) or len(code) > CODE_LENGTH:
        check.problems["code"] = "A code has 3 to 40 letters from A to Z, digits and hyphens."
    elif queries_selling.code_exists(code):
        check.problems["code"] = "This code has been used before. Please choose another."
    kind = check.choice("kind", ("percent", "amount"))
    duration = check.choice("duration", DURATIONS)
    currency = check.choice("currency", CURRENCIES) if kind == "amount" else None
    cents = _cents(check, "worth", currency or "usd") if kind == "amount" else None
    plan_id = None
    if typed.get("plan"):
        plan = queries_plans.plan_to_edit(typed["plan"])
        if plan is None:
            check.problems["plan"] = "Please choose one of these."
        else:
            plan_id = plan.id
    expires_at = None
    try:
        expires_at = policy.end_of(last_day, clock.now())
    except ValueError as error:
        check.problems["last_day"] = str(error)
    check.done()
    percent = _whole(typed, "worth", 1, 100, "Please give a whole number from 1 to 100.") if kind == "percent" else None
    if kind == "percent" and percent is None:
        raise Refused({"worth": "Please give a whole number from 1 to 100."})
    months = None
    if duration == "repeating":
        months = _whole(typed, "months", 1, MOST_MONTHS, f"Please give a number of months from 1 to {MOST_MONTHS}.")
        if months is None:
            raise Refused({"months": f"Please give a number of months from 1 to {MOST_MONTHS}."})
    most = _whole(typed, "most_redemptions", 1, 1_000_000, "Please give a whole number, or leave it empty.")
    new = insert_new(
        PromoCode, code=code, plan_id=plan_id, percent=percent, amount_cents=cents, currency=currency,
        duration=duration, months=months, first_time_only=bool(typed.get("first_time_only")), most_redemptions=most,
        expires_at=expires_at, created_at=clock.now(), created_by=by,
    )  # fmt: skip
    if not new:
        raise Refused({"code": "This code has been used before. Please choose another."})
    note(
        db.session(), "promotion", code, before=None,
        after={"code": code, "plan_id": plan_id, "percent": percent, "amount_cents": cents, "currency": currency,
               "duration": duration, "months": months, "most_redemptions": most, "expires_at": plain(expires_at)},
    )  # fmt: skip
    enqueue("stripe.publish-promo", key=f"publish-promo:{code}", code=code)
    return code


def retire_promotion(promo_id: int) -> None:
    """Take a code no longer; who used it keeps what it gave. Raises NotFound."""
    promo = queries_selling.promo_by_id(promo_id, lock=True)
    if promo is None or promo.retired_at is not None:
        raise NotFound("This code is not taken any more.")
    promo.retired_at = clock.now()
    enqueue("stripe.retire-promo", key=f"retire-promo:{promo.id}", promo_id=promo.id)


def _cents(check: Check, field: str, currency: str) -> int:
    text = (check.typed.get(field) or "").strip()
    if not _AMOUNT.fullmatch(text):
        check.problems[field] = "Please give an amount such as 4.90."
        return 0
    whole, _, part = text.replace(",", ".").partition(".")
    if currency in ZERO_DECIMAL:
        if part.strip("0"):
            check.problems[field] = "This currency has no smaller unit: please give a whole number."
        cents = int(whole)
    else:
        cents = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    if not LEAST_CENTS <= cents <= MOST_CENTS:
        check.problems[field] = "This amount is too small or too large."
    return cents


def _whole(typed: Mapping[str, str], field: str, least: int, most: int, sentence: str) -> int | None:
    text = (typed.get(field) or "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 8 or not least <= int(text) <= most:
        raise Refused({field: sentence})
    return int(text)
