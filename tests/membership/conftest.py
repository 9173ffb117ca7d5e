"""A reader at the till: the whole way through our pages and the sandbox's, in process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from flask import Flask
from sqlalchemy import func, select

from blueprints.membership.gateway import Gateway
from blueprints.membership.manage import viewer_billing_state
from blueprints.membership.queries_subscriptions import BillingState
from blueprints.membership.sandbox import host_of
from core import clock
from core.db import db
from core.viewer import Viewer
from jobs import worker
from models.membership import BillingCustomer, Entitlement, Membership, Plan
from models.notification import Mail
from models.user import User
from stripe_sandbox import Sandbox
from tests.browser import Browser
from tests.factories import make_article, make_plan, make_site, make_user


class DeadTransport(stripe.HTTPClient):
    """A line to Stripe on which nobody answers."""

    name = "dead"

    def request(self, *args: Any, **kwargs: Any) -> Any:
        raise stripe.APIConnectionError("nobody answers", should_retry=False)

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Till:
    """What a test of joining needs: people, plans, the sandbox, and what is in our tables in the end."""

    app: Flask
    sandbox: Sandbox
    post_webhook: Callable[[str, bytes, dict[str, str]], int]

    def reader(self, **values: Any) -> tuple[User, Browser]:
        user = make_user(**values)
        return user, Browser(self.app).sign_in(user)

    def press(self, browser: Browser, price: str = "vip-month", article: str | None = None) -> str:
        """Press the button of a price; the address of Stripe's page."""
        answer = browser.post("/join/checkout", {"price": price} | ({"article": article} if article else {}))
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return str(answer.headers["Location"])

    def pay(self, url: str, card: str = "works") -> str:
        """Pay on Stripe's page; where it leads: our return page, its own next page, or "" when it was declined."""
        answer = Browser(self.app).http.post(urlsplit(url).path, data={"card": card})
        assert answer.status_code == 303, answer.get_data(as_text=True)
        leads_to = str(answer.headers["Location"])
        return "" if urlsplit(leads_to).path == urlsplit(url).path else leads_to

    def at_bank(self, url: str, answer: str) -> str:
        """Answer the bank's question on the 3-D Secure page."""
        sent = Browser(self.app).http.post(urlsplit(url).path, data={"answer": answer})
        return str(sent.headers.get("Location", ""))

    def come_back(self, browser: Browser, url: str) -> Any:
        """Follow Stripe's redirect to our return page."""
        parts = urlsplit(url)
        return browser.get(f"{parts.path}?{parts.query}")

    def hear_everything(self) -> None:
        """Let Stripe tell also of what nobody here needs, as an endpoint does that is set up without care."""
        with self.sandbox.store.write() as tx:
            for endpoint in tx.select("webhook_endpoint"):
                tx.save(endpoint | {"enabled_events": ["*"]})

    def deliver(self) -> int:
        """Deliver every webhook that is due and run what it asks for."""
        count = self.sandbox.deliver_all(self.post_webhook)
        worker.run_all()
        return count

    def join(self, browser: Browser, price: str = "vip-month", article: str | None = None) -> Any:
        """Join from end to end; the answer of the return page."""
        answer = self.come_back(browser, self.pay(self.press(browser, price, article)))
        self.deliver()
        return answer

    def state(self, user: User) -> BillingState | None:
        return viewer_billing_state(user.id)

    def viewer(self, user: User) -> Viewer:
        return Viewer(id=user.id, display_name=user.display_name, email=user.email, confirmed=True)

    def entitlements(self, user: User) -> list[Entitlement]:
        rows = select(Entitlement).where(Entitlement.user_id == user.id, Entitlement.source == "stripe")
        return list(db.session().scalars(rows.order_by(Entitlement.id).execution_options(populate_existing=True)))

    def live(self, user: User) -> list[str]:
        """The plans that the reader's entitlements give now."""
        keys = {plan.id: plan.key for plan in db.session().scalars(select(Plan))}
        now = clock.now()
        return [
            keys[row.plan_id] for row in self.entitlements(user)
            if row.starts_at <= now and (row.ends_at is None or row.ends_at > now)
        ]  # fmt: skip

    def mails(self, user: User) -> list[str]:
        return list(db.session().scalars(select(Mail.kind).where(Mail.user_id == user.id).order_by(Mail.id)))

    def count(self, model: type[Any]) -> int:
        return int(db.session().scalar(select(func.count()).select_from(model)) or 0)

    def customers(self) -> int:
        with self.sandbox.store.read() as tx:
            return len(tx.select("customer"))

    def subscriptions(self) -> list[dict[str, Any]]:
        with self.sandbox.store.read() as tx:
            return list(tx.select("subscription"))

    def customer_of(self, user: User) -> str:
        row = db.session().scalar(select(BillingCustomer).where(BillingCustomer.user_id == user.id))
        assert row is not None
        assert row.stripe_id is not None
        return row.stripe_id

    def memberships(self, user: User) -> list[Membership]:
        return list(db.session().scalars(
            select(Membership).where(Membership.user_id == user.id).order_by(Membership.id)
            .execution_options(populate_existing=True)))  # fmt: skip

    def events(self) -> list[dict[str, Any]]:
        """What the sandbox has told or would tell, oldest first."""
        with self.sandbox.store.read() as tx:
            return list(reversed(tx.select("event")))


def open_till(app: Flask) -> Till:
    """A paper with two plans and a story, and its till."""
    make_site()
    make_plan("vip", "VIP", 1, 490)
    make_plan("gold", "VIP Gold", 2, 990)
    make_article("The new bridge", slug="the-new-bridge")
    host = host_of(app)
    return Till(app, host.sandbox, host.post)


@pytest.fixture
def till(app: Flask) -> Till:
    return open_till(app)


@pytest.fixture
def stripe_down(app: Flask) -> Any:
    """Stripe does not answer inside this test, from the moment it is called."""
    standing: Gateway = app.extensions["rejoinder_gateway"]

    def cut() -> None:
        app.extensions["rejoinder_gateway"] = Gateway(
            "sk_test_dead", mode=standing.mode, webhook_secrets=standing.webhook_secrets, transport=DeadTransport()
        )

    yield cut
    app.extensions["rejoinder_gateway"] = standing


@pytest.fixture(autouse=True)
def real_time() -> Any:
    yield
    clock.shift(clock.timedelta())


