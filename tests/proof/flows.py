"""The ways in which a membership goes at Stripe, each as what happens there while nobody tells us.

`setting` is lived through with every Event delivered; then Events are lost while `act` happens, and the test decides
what becomes of them. `must` are mails that the end calls for, `refunds` how many there are at Stripe in the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blueprints.membership.gateway import gateway
from core.db import transaction
from models.membership import Price, PromoCode
from models.user import User
from tests.browser import Browser
from tests.membership.conftest import Till

DAY = 86_400


@dataclass
class Stand:
    """One reader in one flow."""

    till: Till
    user: User
    browser: Browser

    @property
    def v1(self) -> Any:
        return gateway().client.v1

    @property
    def customer(self) -> str:
        return self.till.customer_of(self.user)

    @property
    def subscription(self) -> dict[str, Any]:
        """The reader's newest Subscription at Stripe."""
        return next(each for each in self.till.subscriptions() if each["customer"] == self.customer)

    def join(self, card: str = "works", price: str = "vip-month") -> None:
        """Pay at Stripe, without coming back."""
        url = self.till.press(self.browser, price)
        led_to = self.till.pay(url, card)
        if card.startswith("3d-secure"):
            self.till.at_bank(led_to, "complete")

    def advance(self, days: float) -> None:
        self.till.sandbox.advance(int(days * DAY))

    def charge(self) -> Any:
        return self.v1.charges.list({"customer": self.customer}).data[0]

    def card(self, key: str) -> None:
        """Let the card on file behave otherwise from now on."""
        with self.till.sandbox.store.write() as tx:
            for method in tx.select("payment_method", customer=self.customer):
                method["_card"] = key
                tx.save(method)

    def panel(self, action: str) -> None:
        """Press a button of the sandbox's control panel about this Subscription."""
        form = {"action": action, "id": self.subscription["id"]}
        answer = Browser(self.till.app).http.post("/_sandbox/stripe/", data=form)
        assert answer.status_code == 303, action

    def price_at_stripe(self, key: str) -> str:
        from blueprints.membership.paying import ensure_price
        from blueprints.membership.queries_catalogue import price_on_offer

        view = price_on_offer(key)
        assert view is not None
        return ensure_price(gateway(), view)


Act = Callable[[Stand], None]


def nothing(_stand: Stand) -> None:
    """Begin with a reader who never paid."""


def joined(stand: Stand) -> None:
    stand.join()


def in_debt(stand: Stand) -> None:
    stand.join("fails-later")
    stand.advance(32)


def giving_up(stand: Stand) -> None:
    stand.join()
    gateway().cancel_at_period_end(stand.subscription["id"])


def on_trial(stand: Stand) -> None:
    with transaction() as session:
        for price in session.query(Price).filter_by(key="vip-month"):
            price.trial_days = 14
    stand.join()


def disputed(stand: Stand) -> None:
    stand.join()
    stand.panel("dispute")


@dataclass(frozen=True)
class Flow:
    name: str
    setting: Act
    act: Act
    must: frozenset[str] = frozenset()
    refunds: int = 0


def _declined(stand: Stand) -> None:
    stand.join("declined")


def _bank_said_no(stand: Stand) -> None:
    led_to = stand.till.pay(stand.till.press(stand.browser), "3d-secure")
    stand.till.at_bank(led_to, "fail")


def _left(stand: Stand) -> None:
    stand.till.press(stand.browser)
    stand.advance(1.1)


def _with_code(stand: Stand) -> None:
    with transaction() as session:
        session.add(PromoCode(code=f"HALF-{stand.user.id}", percent=50, duration="once"))
    answer = stand.browser.post("/join/checkout", {"price": "vip-month", "code": f"HALF-{stand.user.id}"})
    stand.till.pay(str(answer.headers["Location"]))


def _trial_without_card(stand: Stand) -> None:
    for method in stand.v1.payment_methods.list({"customer": stand.customer}).data:
        stand.v1.payment_methods.detach(method.id)
    stand.advance(15)


def _fails_until_the_end(stand: Stand) -> None:
    stand.card("fails-later")
    stand.advance(60)


def _recovers(stand: Stand) -> None:
    stand.card("works")
    open_invoice = stand.v1.invoices.list({"customer": stand.customer, "status": "open"}).data[0]
    stand.v1.invoices.pay(open_invoice.id)


def _fails_once(stand: Stand) -> None:
    stand.card("fails-later")
    stand.advance(32)


def _bank_asks_again(stand: Stand) -> None:
    stand.card("3d-secure-always")
    stand.advance(32)


def _new_card(stand: Stand) -> None:
    method = stand.v1.payment_methods.attach("pm_card_mastercard", {"customer": stand.customer})
    stand.v1.customers.update(stand.customer, {"invoice_settings": {"default_payment_method": method.id}})
    stand.v1.subscriptions.update(stand.subscription["id"], {"default_payment_method": method.id})


def _upgrade(stand: Stand) -> None:
    items = [{"id": stand.subscription["items"]["data"][0]["id"], "price": stand.price_at_stripe("gold-month")}]
    stand.v1.subscriptions.update(stand.subscription["id"], {"items": items, "proration_behavior": "always_invoice"})


def _upgrade_at_renewal(stand: Stand) -> None:
    items = [{"id": stand.subscription["items"]["data"][0]["id"], "price": stand.price_at_stripe("gold-month")}]
    stand.v1.subscriptions.update(stand.subscription["id"], {"items": items, "proration_behavior": "create_prorations"})
    stand.advance(32)


def _downgrade_later(stand: Stand) -> None:
    standing = gateway().retrieve_subscription(stand.subscription["id"])
    gateway().switch_at_period_end(standing, stand.price_at_stripe("vip-month"), "month", f"flow:{standing.id}")
    stand.advance(32)


def _cancel_at_end(stand: Stand) -> None:
    gateway().cancel_at_period_end(stand.subscription["id"])


def _cancel_on_a_day(stand: Stand) -> None:
    end = stand.subscription["items"]["data"][0]["current_period_end"]
    stand.v1.subscriptions.update(stand.subscription["id"], {"cancel_at": end})


def _resume(stand: Stand) -> None:
    gateway().resume_subscription(gateway().retrieve_subscription(stand.subscription["id"]))


def _end_now(stand: Stand) -> None:
    gateway().cancel_subscription(stand.subscription["id"])


def _at_end_then_now(stand: Stand) -> None:
    _cancel_at_end(stand)
    _end_now(stand)


def _paused(stand: Stand) -> None:
    stand.v1.subscriptions.update(stand.subscription["id"], {"pause_collection": {"behavior": "void"}})


def _paused_and_on_again(stand: Stand) -> None:
    _paused(stand)
    stand.v1.subscriptions.update(stand.subscription["id"], {"pause_collection": ""})


def _refund_half(stand: Stand) -> None:
    stand.v1.refunds.create({"charge": stand.charge().id, "amount": 100})


def _refund_all(stand: Stand) -> None:
    stand.v1.refunds.create({"charge": stand.charge().id, "amount": 100})
    stand.v1.refunds.create({"charge": stand.charge().id})


def _dispute(stand: Stand) -> None:
    stand.panel("dispute")


def _dispute_won(stand: Stand) -> None:
    stand.panel("dispute-won")


def _dispute_lost(stand: Stand) -> None:
    stand.panel("dispute-lost")


def _customer_deleted(stand: Stand) -> None:
    stand.v1.customers.delete(stand.customer)


def _price_retired(stand: Stand) -> None:
    stand.v1.prices.update(stand.price_at_stripe("vip-month"), {"active": False})


def _bought_twice(stand: Stand) -> None:
    stand.v1.subscriptions.create({
        "customer": stand.customer, "items": [{"price": stand.price_at_stripe("vip-month")}],
        "default_payment_method": stand.v1.payment_methods.list({"customer": stand.customer}).data[0].id,
    })  # fmt: skip


def _something_else(stand: Stand) -> None:
    product = stand.v1.products.create({"name": "A tote bag club"})
    price = stand.v1.prices.create(
        {"product": product.id, "unit_amount": 900, "currency": "usd", "recurring": {"interval": "month"}}
    )
    stand.v1.subscriptions.create({
        "customer": stand.customer, "items": [{"price": price.id}],
        "default_payment_method": stand.v1.payment_methods.list({"customer": stand.customer}).data[0].id,
    })  # fmt: skip


def _gold(stand: Stand) -> None:
    stand.join(price="gold-month")


WELCOME = frozenset({"membership.welcome"})
ENDED = frozenset({"membership.ended"})

FLOWS = (
    Flow("join, paid", nothing, joined, WELCOME),
    Flow("join, declined", nothing, _declined),
    Flow("join, refused at the bank", nothing, _bank_said_no),
    Flow("join, 3-D Secure passed", nothing, lambda stand: stand.join("3d-secure"), WELCOME),
    Flow("left, session ran out", nothing, _left),
    Flow("join with free days", nothing, on_trial, WELCOME),
    Flow("join with a code", nothing, _with_code, WELCOME),
    Flow("free days run out", on_trial, lambda stand: stand.advance(15)),
    Flow("free days run out without a card", on_trial, _trial_without_card, ENDED),
    Flow("renewal", joined, lambda stand: stand.advance(32)),
    Flow("renewal fails", joined, _fails_once),
    Flow("renewal fails to the last try", joined, _fails_until_the_end, ENDED),
    Flow("renewal needs the bank", joined, _bank_asks_again),
    Flow("recovery", in_debt, _recovers),
    Flow("another card", joined, _new_card),
    Flow("upgrade at once", joined, _upgrade, frozenset({"membership.switched"})),
    Flow("upgrade billed at renewal", joined, _upgrade_at_renewal, frozenset({"membership.switched"})),
    Flow("downgrade at the end of the period", _gold, _downgrade_later, frozenset({"membership.switched"})),
    Flow("cancel at the end of the period", joined, _cancel_at_end, frozenset({"membership.cancelled"})),
    Flow("cancel on a day", joined, _cancel_on_a_day, frozenset({"membership.cancelled"})),
    Flow("the day of the end", giving_up, lambda stand: stand.advance(32), ENDED),
    Flow("resume", giving_up, _resume),
    Flow("cancel now", joined, _end_now, ENDED),
    Flow("cancel at the end, then now", joined, _at_end_then_now, ENDED),
    Flow("pause", joined, _paused),
    Flow("pause and go on", joined, _paused_and_on_again),
    Flow("refund of a part", joined, _refund_half, refunds=1),
    Flow("refund of all, in two", joined, _refund_all, ENDED, refunds=2),
    Flow("dispute", joined, _dispute, ENDED),
    Flow("dispute won", disputed, _dispute_won),
    Flow("dispute lost", disputed, _dispute_lost),
    Flow("customer deleted", joined, _customer_deleted, ENDED),
    Flow("price retired", joined, _price_retired),
    Flow("bought twice", joined, _bought_twice, frozenset({"membership.duplicate"}), refunds=1),
    Flow("something that is not ours", joined, _something_else),
)
