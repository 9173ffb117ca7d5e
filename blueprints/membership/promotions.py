"""Codes that lower what is paid: what they say, whom they are for, and what they are called at Stripe."""

from datetime import datetime

from sqlalchemy import select

from blueprints.membership import queries_catalogue, queries_payments
from blueprints.membership.gateway import Gateway, PromoOffer
from blueprints.membership.queries_catalogue import PriceView
from core import clock
from core.db import db, transaction
from core.records import dataclass
from core.rendering import date, money
from models.membership import Plan, PromoCode

CODE_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Promotion:
    """A code as a reader meets it."""

    id: int
    code: str
    plan_key: str | None
    plan_id: int | None
    percent: int | None
    amount_cents: int | None
    currency: str | None
    duration: str
    months: int | None
    first_time_only: bool
    most_redemptions: int | None
    expires_at: datetime | None

    def lowered(self, price: PriceView) -> int | None:
        """The first payment for this price in minor units; None where the code does not apply to it."""
        if self.plan_key not in (None, price.plan_key) or self.currency not in (None, price.currency):
            return None
        if self.percent is not None:
            return price.amount_cents - round(price.amount_cents * self.percent / 100)
        return max(0, price.amount_cents - (self.amount_cents or 0))

    @property
    def words(self) -> str:
        """20 % off the first payment"""
        off = f"{self.percent} % off" if self.percent else f"{money(self.amount_cents or 0, self.currency or '')} off"
        how_long = {"once": "the first payment", "forever": "every payment", "repeating": f"for {self.months} months"}
        return f"{off} {how_long[self.duration]}"


def promotion_for(code: str, user_id: int | None) -> tuple[Promotion | None, str]:
    """The promotion of a code, or the sentence that says why it cannot be used by this reader."""
    row = db.session().execute(
        select(PromoCode, Plan.key.label("plan_key")).outerjoin(Plan, Plan.id == PromoCode.plan_id)
        .where(PromoCode.code == code.strip().upper()[:CODE_LENGTH])
    ).first()  # fmt: skip
    if row is None:
        return None, "We do not know this code. Please look at how it is written."
    found = _promotion(row.PromoCode, row.plan_key)
    if row.PromoCode.retired_at is not None:
        return None, f"The code {found.code} is no longer taken."
    if found.expires_at is not None and found.expires_at <= clock.now():
        return None, f"The code {found.code} was good until {date(found.expires_at)}."
    if found.first_time_only and user_id is not None and queries_payments.has_ever_paid(user_id):
        return None, f"The code {found.code} is for a first membership."
    return found, ""


def ensure_promotion(stripe: Gateway, promotion: Promotion, product: str | None) -> str:
    """What a promotion is called at Stripe, made there when it is new. Raises GatewayError."""
    key = str(promotion.id)
    known = queries_catalogue.stripe_ids(stripe.mode, "promo")
    if key in known:
        return known[key]
    made = stripe.ensure_promotion(PromoOffer(
        key, promotion.code, promotion.percent, promotion.amount_cents, promotion.currency, promotion.duration,
        promotion.months, promotion.first_time_only, promotion.most_redemptions, promotion.expires_at, product,
    ))  # fmt: skip
    with transaction():
        queries_catalogue.remember_stripe_id(stripe.mode, "promo", key, made)
    return made


def _promotion(row: PromoCode, plan_key: str | None) -> Promotion:
    return Promotion(
        row.id, row.code, plan_key, row.plan_id, row.percent, row.amount_cents, row.currency, row.duration, row.months,
        row.first_time_only, row.most_redemptions, row.expires_at,
    )  # fmt: skip
