"""Products and prices: ours, known at Stripe by their keys."""

from contextlib import suppress
from typing import Any

from blueprints.membership.gateway.line import Line
from blueprints.membership.gateway.reading import id_of
from blueprints.membership.gateway.values import CatalogueIds, Missing, PlanOffer, PriceOffer, PromoOffer, Refused


class CatalogueCalls(Line):
    """Products and prices: ours, known at Stripe by their keys."""

    def ensure_product_and_prices(self, plan: PlanOffer) -> CatalogueIds:
        """Find the plan's product and prices by their keys, or make what is missing. Safe to call twice."""
        product = self._product(plan)
        return CatalogueIds(product, {price.key: self._price(price, product) for price in plan.prices})

    def _product(self, plan: PlanOffer) -> str:
        identifier = f"rejoinder_{plan.key}"
        try:
            found = self.ask(lambda: self.v1.products.retrieve(identifier))
            return str(found.id)
        except Missing:
            pass
        try:
            made = self.ask(lambda: self.v1.products.create(
                {"id": identifier, "name": plan.name, "metadata": {"rejoinder_plan": plan.key}}))  # fmt: skip
            return str(made.id)
        except Refused as refusal:
            if refusal.code != "resource_already_exists":
                raise
            return identifier

    def _price(self, price: PriceOffer, product: str) -> str:
        lookup = f"rejoinder_{price.key}"
        found: Any = self.ask(lambda: self.v1.prices.list({"lookup_keys": [lookup], "active": True, "limit": 1}))
        for item in found.data:
            same = (item.unit_amount, item.currency, item.recurring and item.recurring.interval)
            if same == (price.amount_cents, price.currency, price.interval) and id_of(item.product) == product:
                return str(item.id)
        params: Any = {
            "product": product, "unit_amount": price.amount_cents, "currency": price.currency,
            "recurring": {"interval": price.interval}, "lookup_key": lookup, "transfer_lookup_key": True,
            "metadata": {"rejoinder_price": price.key},
        }  # fmt: skip
        terms = f"{price.amount_cents}:{price.currency}:{price.interval}"
        once: Any = {"idempotency_key": f"price:{lookup}:{product}:{terms}"}  # two at once make one
        made = self.ask(lambda: self.v1.prices.create(params, once))
        if not made.active:  # made with this key before, and retired since
            made = self.ask(lambda: self.v1.prices.create(params))
        return str(made.id)

    def ensure_promotion(self, offer: PromoOffer) -> str:
        """Make a coupon and its code, or find those made before. Returns the id of the code."""
        coupon = f"rejoinder_{self.mode}_{offer.key}_{offer.code.lower()}"
        terms: Any = {"id": coupon, "duration": offer.duration, "name": offer.code}
        if offer.percent is not None:
            terms["percent_off"] = offer.percent
        else:
            terms |= {"amount_off": offer.amount_cents, "currency": offer.currency}
        if offer.months:
            terms["duration_in_months"] = offer.months
        if offer.product:
            terms["applies_to"] = {"products": [offer.product]}
        try:
            self.ask(lambda: self.v1.coupons.create(terms))
        except Refused as refusal:
            if refusal.code != "resource_already_exists":
                raise
        standing: Any = self.ask(lambda: self.v1.promotion_codes.list({"code": offer.code, "active": True, "limit": 1}))
        for one in standing.data:
            if id_of(one.promotion.coupon) == coupon:
                return str(one.id)
        given: Any = {"code": offer.code, "promotion": {"type": "coupon", "coupon": coupon}}
        if offer.first_time_only:
            given["restrictions"] = {"first_time_transaction": True}
        if offer.most_redemptions:
            given["max_redemptions"] = offer.most_redemptions
        if offer.expires_at:
            given["expires_at"] = int(offer.expires_at.timestamp())
        made = self.ask(lambda: self.v1.promotion_codes.create(given, {"idempotency_key": f"promo:{coupon}"}))
        return str(made.id)

    def retire_promotion(self, promotion: str) -> None:
        """Take a code no longer; who used it keeps what it gave."""
        with suppress(Missing):
            self.ask(lambda: self.v1.promotion_codes.update(promotion, {"active": False}))

    def retire_price(self, price: str) -> None:
        """Sell at a price no longer; who pays it goes on."""
        with suppress(Missing):
            self.ask(lambda: self.v1.prices.update(price, {"active": False}))

    def revive_price(self, price: str) -> None:
        """Let a retired price be given to a Subscription again."""
        self.ask(lambda: self.v1.prices.update(price, {"active": True}))

    def name_product(self, product: str, name: str, description: str) -> None:
        """Tell Stripe what a plan is called now, for its pages and receipts."""
        with suppress(Missing):
            self.ask(lambda: self.v1.products.update(product, {"name": name, "description": description or ""}))
