"""Telling Stripe what is sold: plans, prices and codes. Each job says what holds now; any order and repeat is right."""

from blueprints.membership import queries_catalogue
from blueprints.membership.gateway import gateway
from blueprints.membership.paying import ensure_price
from blueprints.membership.promotions import ensure_promotion, promotion_for
from jobs.queue import handler


@handler("stripe.publish-plan")
def publish_plan(plan: str) -> None:
    """A plan's name and its prices on sale."""
    stripe = gateway()
    row = queries_catalogue.plan_by_key(plan)
    if row is None:
        return
    name, description = row.name, row.description
    for price in queries_catalogue.prices_of_plan(row.id):
        ensure_price(stripe, price)
    product = queries_catalogue.stripe_ids(stripe.mode, "product").get(plan)
    if product is not None:
        stripe.name_product(product, name, description)


@handler("stripe.retire-price")
def retire_price(price: str) -> None:
    """A price that is sold no longer."""
    stripe = gateway()
    known = queries_catalogue.stripe_ids(stripe.mode, "price").get(price)
    if known is not None and queries_catalogue.price_on_offer(price) is None:
        stripe.retire_price(known)


@handler("stripe.publish-promo")
def publish_promo(code: str) -> None:
    """A promotion code that is taken from now on."""
    stripe = gateway()
    promotion, _ = promotion_for(code, None)
    if promotion is None:
        return
    if promotion.plan_key:
        publish_plan(promotion.plan_key)
    product = queries_catalogue.stripe_ids(stripe.mode, "product").get(promotion.plan_key or "")
    ensure_promotion(stripe, promotion, product)


@handler("stripe.retire-promo")
def retire_promo(promo_id: int) -> None:
    """A code that is taken no longer."""
    stripe = gateway()
    known = queries_catalogue.stripe_ids(stripe.mode, "promo").get(str(promo_id))
    if known is not None:
        stripe.retire_promotion(known)
