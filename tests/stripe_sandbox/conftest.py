"""A fresh sandbox, the official client in front of it, and a browser on its hosted pages."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from werkzeug.test import Client, TestResponse

from stripe_sandbox import Sandbox, create_sandbox

PUBLIC = "http://127.0.0.1:8000/_sandbox/stripe"
SITE = "http://127.0.0.1:8000"
SECRET = "whsec_sandbox"
KEY = "sk_test_sandbox"


class InProcess(stripe.HTTPClient):
    """The official client's own transport, without a network."""

    name = "in-process"

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.browser = Client(sandbox.wsgi)
        self.seen: list[dict[str, str]] = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> tuple[bytes, int, Any]:
        parts = urlsplit(url)
        answer = self.browser.open(
            parts.path, method=method.upper(), query_string=parts.query, headers=dict(headers), data=post_data
        )
        self.seen.append(dict(answer.headers))
        return answer.get_data(), answer.status_code, answer.headers

    def close(self) -> None:
        return None


class World:
    """What a test stands on."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.transport = InProcess(sandbox)
        self.client = stripe.StripeClient(KEY, http_client=self.transport, max_network_retries=0)
        self.api = self.client.v1
        self.browser = Client(sandbox.wsgi)
        self.inbox: list[stripe.Event] = []

    def raw(self, method: str, path: str, data: str = "", **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.open(path, method=method, data=data, headers=sent)

    def price(self, **more: Any) -> stripe.Price:
        """A monthly VIP price, made with its product."""
        given = {
            "product_data": {"name": "VIP"},
            "unit_amount": 800,
            "currency": "eur",
            "recurring": {"interval": "month"},
        }
        return self.api.prices.create(given | more)

    def customer(self, **more: Any) -> stripe.Customer:
        return self.api.customers.create({"email": "rosa@example.test", **more})

    def session(self, customer: str | None = None, price: str | None = None, **more: Any) -> Any:
        given = {
            "mode": "subscription",
            "line_items": [{"price": price or self.price().id, "quantity": 1}],
            "success_url": f"{SITE}/join/complete?session={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{SITE}/join",
        }
        if customer:
            given["customer"] = customer
        return self.api.checkout.sessions.create(given | more)

    def page(self, url: str) -> str:
        """The path of a hosted page, as this application sees it."""
        assert url.startswith(PUBLIC)
        return url.removeprefix(PUBLIC)

    def pay(self, session: Any, card: str = "works", **form: str) -> TestResponse:
        return self.browser.post(f"/pay/{session.id}", data={"card": card, **form})

    def refusal(self, answer: TestResponse, session: Any) -> str:
        """The form that a refused POST leads back to, so that Back never sends it again."""
        assert (answer.status_code, answer.location) == (303, f"/pay/{session.id}")
        text = self.browser.get(answer.location).text
        assert 'role="alert"' in text
        return text

    def member(self, card: str = "works", **more: Any) -> tuple[stripe.Customer, stripe.Subscription]:
        """A customer who has just joined."""
        customer = self.customer()
        session = self.session(customer.id, **more)
        assert self.pay(session, card).status_code == 303
        return customer, self.api.subscriptions.list({"customer": customer.id}).data[0]

    def portal(self, customer: str, **more: Any) -> str:
        """The path of a fresh portal page."""
        session = self.api.billing_portal.sessions.create(
            {"customer": customer, "return_url": f"{SITE}/account/membership", **more}
        )
        return self.page(session.url)

    def configure_portal(self) -> stripe.billing_portal.Configuration:
        return self.api.billing_portal.configurations.create(
            {
                "features": {
                    "subscription_cancel": {"enabled": True, "cancellation_reason": {"enabled": True, "options": ["other"]}},
                    "invoice_history": {"enabled": True},
                    "payment_method_update": {"enabled": True},
                }
            }
        )

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """A receiver that verifies like the product does."""
        assert url == f"{SITE}/webhooks/stripe"
        self.inbox.append(self.client.construct_event(body, headers["Stripe-Signature"], SECRET))
        return 200

    def delivered(self) -> list[str]:
        """Deliver everything due; the types of this round."""
        before = len(self.inbox)
        self.sandbox.deliver_all(self.post)
        return [event.type for event in self.inbox[before:]]


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    sandbox = create_sandbox(
        tmp_path / "sandbox.db", public_url=PUBLIC, webhook_url=f"{SITE}/webhooks/stripe", webhook_secret=SECRET
    )
    yield World(sandbox)
    sandbox.close()
