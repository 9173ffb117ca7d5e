"""Living through a membership at Stripe with a test key, on a test clock, and removing everything afterwards.

It asks only through the gateway and the official package, and reads what comes back with the gateway's own eyes: what
fails here would fail for members. Times are moved by the test clock, so a year takes a minute.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from blueprints.membership.gateway import Gateway, PlanOffer, PriceOffer, Refused, SubscriptionState
from core import clock

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 1.0
CARD, CARD_THAT_FAILS = "pm_card_visa", "pm_card_chargeCustomerFail"


class NotAsExpected(Exception):
    """Stripe answered otherwise than this program is built for."""


class LiveCheck:
    """The main flows against one account in test mode; `say` hears of each."""

    def __init__(self, stripe: Gateway, say: Callable[[str], None]) -> None:
        self.stripe = stripe
        self.v1: Any = stripe.client.v1
        self.say = say
        self.mark = f"check_{secrets.token_hex(4)}"
        self.clock = ""
        self.customer = ""
        self.low = self.high = ""

    def run(self) -> int:
        """Live through everything; how many steps went well. Raises NotAsExpected, or GatewayError."""
        done = 0
        with self._tidied():
            for name, step in (
                ("products and prices, twice the same", self._catalogue), ("a customer on a test clock", self._begin),
                ("checkout opened and closed", self._checkout), ("joining", self._join), ("renewal", self._renew),
                ("what a switch costs, and the switch", self._switch), ("a switch that waits", self._later),
                ("cancelling and going on", self._cancel_and_resume), ("a failed renewal", self._fail),
                ("recovery", self._recover), ("refund in two parts", self._refund), ("the portal", self._portal),
                ("the end", self._end), ("events", self._events),
            ):  # fmt: skip
                step()
                self.say(f"ok    {name}")
                done += 1
        return done

    def _catalogue(self) -> None:
        low, high = self._plan("low", 490), self._plan("high", 990)
        _expect(self._plan("low", 490) == low, "asked for again, a price is another one")
        self.low, self.high = low, high

    def _plan(self, name: str, cents: int) -> str:
        key = f"{self.mark}_{name}"
        offer = PlanOffer(key, f"Live check {name}", (PriceOffer(f"{key}-month", cents, "usd", "month"),))
        return self.stripe.ensure_product_and_prices(offer).prices[f"{key}-month"]

    def _begin(self) -> None:
        frozen = self._ask(lambda: self.v1.test_helpers.test_clocks.create(
            {"frozen_time": int(clock.now().timestamp()), "name": self.mark}))  # fmt: skip
        self.clock = str(frozen.id)
        key = {"idempotency_key": f"{self.mark}:customer"}
        made = [
            self._ask(lambda: self.v1.customers.create(
                {"email": f"{self.mark}@example.com", "test_clock": self.clock, "metadata": {"user_id": "0"}}, key))
            for _ in range(2)
        ]  # fmt: skip
        _expect(made[0].id == made[1].id, "the same key made two customers")
        self.customer = str(made[0].id)
        _expect(not self.stripe.retrieve_customer(self.customer).deleted, "a new customer counts as deleted")

    def _checkout(self) -> None:
        session = self.stripe.create_checkout_session(
            customer=self.customer, price=self.low, user_id=0, attempt_id=0,
            success_url="https://example.com/?session_id={CHECKOUT_SESSION_ID}", cancel_url="https://example.com/",
            idempotency_key=f"{self.mark}:checkout",
        )  # fmt: skip
        _expect((session.status, session.reference) == ("open", "0"), f"a new session is {session.status}")
        _expect(bool(session.url), "a session without a page")
        _expect(self.stripe.expire_session(session.id).status == "expired", "a session could not be closed")
        _expect(self.stripe.expire_session(session.id).status == "expired", "closing it again said something else")

    def _join(self) -> None:
        self._use(CARD)
        self._ask(lambda: self.v1.subscriptions.create(
            {"customer": self.customer, "items": [{"price": self.low}], "off_session": True},
            {"idempotency_key": f"{self.mark}:join"}))  # fmt: skip
        now = self._now()
        _expect(now.status == "active", f"who just paid is {now.status}")
        _expect(now.prices == (self.low,) and now.period_end_at is not None, "what was bought cannot be read")
        _expect([each.amount_cents for each in self._paid()] == [490], "the first payment cannot be found")
        upcoming = self.stripe.preview_next_payment(now.id)
        _expect(upcoming is not None and upcoming.amount_cents == 490, "the next payment cannot be foretold")

    def _renew(self) -> None:
        before = self._now().period_end_at
        self._advance_past_period()
        _expect(self._now().period_end_at != before, "the period did not move")
        _expect(len(self._paid()) == 2, "a renewal was not paid")

    def _switch(self) -> None:
        now, at = self._now(), self._frozen()
        cost = self.stripe.preview_switch(now, self.high, at)
        for _ in range(2):  # pressed twice with one key
            self.stripe.switch_now(now, self.high, at, f"{self.mark}:switch")
        paid = [each.amount_cents for each in self._paid()]
        _expect(paid[0] == cost.amount_cents, f"shown {cost.amount_cents}, charged {paid[0]}")
        _expect(len(paid) == 3, "a switch was charged more than once")
        _expect(self._now().prices == (self.high,), "the switch did not take place")

    def _later(self) -> None:
        self.stripe.switch_at_period_end(self._now(), self.low, "month", f"{self.mark}:later")
        now = self._now()
        _expect(now.prices == (self.high,) and now.schedule is not None, "what was to wait happened at once")
        planned = self.stripe.planned_price(now.schedule or "")
        _expect(planned is not None and planned.price == self.low, "what waits cannot be read")
        self.stripe.release_schedule(now.schedule or "")
        self.stripe.release_schedule(now.schedule or "")

    def _cancel_and_resume(self) -> None:
        self.stripe.cancel_at_period_end(self._now().id)
        now = self._now()
        _expect(now.cancel_at is not None and now.status == "active", "a scheduled end cannot be read")
        self.stripe.resume_subscription(now)
        _expect(self._now().cancel_at is None, "the scheduled end could not be taken back")

    def _fail(self) -> None:
        self._use(CARD_THAT_FAILS)
        self._advance_past_period()
        _expect(self._now().status == "past_due", f"whose renewal failed is {self._now().status}")

    def _recover(self) -> None:
        self._use(CARD)
        owing = next(each for each in self.stripe.list_invoices(self.customer) if each.status == "open")
        self._ask(lambda: self.v1.invoices.pay(owing.id))
        _expect(self._now().status == "active", f"who paid their debt is {self._now().status}")

    def _refund(self) -> None:
        paid = self._paid()[0]
        intent = paid.intents[0]
        self._ask(lambda: self.v1.refunds.create({"payment_intent": intent, "amount": 100}))
        self._ask(lambda: self.v1.refunds.create({"payment_intent": intent}))
        self.stripe.refund(intent, f"{self.mark}:refund")  # given back already counts as done
        charge = next(each for each in self.stripe.list_charges(self.customer) if each.intent == intent)
        _expect(charge.refunded_cents == paid.amount_cents, f"{charge.refunded_cents} of {paid.amount_cents} are back")

    def _portal(self) -> None:
        address = self.stripe.create_portal_session(self.customer, "https://example.com/")
        _expect(address.startswith("http"), "there is no portal")

    def _end(self) -> None:
        name = self._now().id
        for _ in range(2):  # ended already counts as done
            self.stripe.cancel_subscription(name)
        _expect(self._now().status == "canceled", "a subscription could not be ended")
        _expect(self._now().ended_at is not None, "an ended subscription has no end")

    def _events(self) -> None:
        since = clock.now() - timedelta(hours=1)
        wanted = frozenset({"customer.subscription.deleted", "invoice.paid"})
        found = {each.type for each in self.stripe.list_events(since, wanted) if each.customer == self.customer}
        _expect(found == wanted, f"of the events only {', '.join(sorted(found)) or 'none'} can be listed")

    def _use(self, card: str) -> None:
        """Pay with this card from now on."""
        made = self._ask(lambda: self.v1.payment_methods.attach(card, {"customer": self.customer}))
        self._ask(lambda: self.v1.customers.update(
            self.customer, {"invoice_settings": {"default_payment_method": made.id}}))  # fmt: skip

    def _now(self) -> SubscriptionState:
        return self.stripe.list_subscriptions(self.customer)[0]

    def _paid(self) -> list[Any]:
        """What was paid, newest first."""
        return [each for each in self.stripe.list_invoices(self.customer) if each.status == "paid"]

    def _frozen(self) -> datetime:
        found = self._ask(lambda: self.v1.test_helpers.test_clocks.retrieve(self.clock))
        return datetime.fromtimestamp(found.frozen_time, UTC)

    def _advance_past_period(self) -> None:
        """Let the period end, and the hour pass in which Stripe leaves an Invoice open for changes."""
        ends_at = self._now().period_end_at or self._frozen()
        for target in (ends_at + timedelta(minutes=5), ends_at + timedelta(hours=3)):
            self._advance(int(target.timestamp()))

    def _advance(self, target: int) -> None:
        self._ask(lambda: self.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": target}))
        until = time.monotonic() + PATIENCE_SECONDS
        while self._ask(lambda: self.v1.test_helpers.test_clocks.retrieve(self.clock)).status != "ready":
            _expect(time.monotonic() < until, "the test clock does not arrive")
            time.sleep(LOOK_SECONDS)

    def _ask(self, call: Callable[[], Any]) -> Any:
        return self.stripe.ask(call)

    @contextmanager
    def _tidied(self) -> Iterator[None]:
        """Remove what was made, whatever happened: a test clock takes its customers with it."""
        try:
            yield
        finally:
            if self.clock:
                self._quietly(lambda: self.v1.test_helpers.test_clocks.delete(self.clock))
            for name in ("low", "high"):
                self._withdraw(f"rejoinder_{self.mark}_{name}")
            for price in filter(None, (self.low, self.high)):
                self.stripe.retire_price(price)
            self.say("      what was made for this is removed, or for sale no more")

    def _withdraw(self, product: str) -> None:
        self._quietly(lambda: self.v1.products.update(product, {"active": False}))

    def _quietly(self, call: Callable[[], Any]) -> None:
        try:
            self._ask(call)
        except Refused as refusal:
            self.say(f"      left behind: {refusal}")


def _expect(good: bool, otherwise: str) -> None:
    if not good:
        raise NotAsExpected(otherwise)
