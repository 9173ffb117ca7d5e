"""Events, and what the account is set up to tell."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from blueprints.membership.gateway.line import PAGE_SIZE, Line
from blueprints.membership.gateway.reading import read_event
from blueprints.membership.gateway.values import (
    AccountFacts,
    EndpointFacts,
    EventState,
    Missing,
    PortalFacts,
    PriceFacts,
)
from core import clock


class EventCalls(Line):
    """Events, and what the account is set up to tell."""

    def list_events(self, since: datetime, types: frozenset[str]) -> Iterator[EventState]:
        """The Events since a moment that are of these types; newest first, as Stripe lists them."""
        params: Any = {"created": {"gte": int(since.timestamp())}, "limit": PAGE_SIZE}
        after: str | None = None
        while True:
            asked = params | ({"starting_after": after} if after else {})
            page = self.ask(lambda asked=asked: self.v1.events.list(asked))  # type: ignore[misc]
            for item in page.data:
                if item.type in types:
                    yield read_event(json.dumps(item.to_dict(for_json=True)).encode())
            if not page.has_more or not page.data:
                return
            after = str(page.data[-1].id)

    def account_facts(self, products: list[str], prices: list[str]) -> AccountFacts:
        """What a doctor wants to know of the account: endpoints, Portal, what is sold, the clock."""
        endpoints: Any = self.ask(lambda: self.v1.webhook_endpoints.list({"limit": PAGE_SIZE}))
        portals: Any = self.ask(
            lambda: self.v1.billing_portal.configurations.list({"active": True, "limit": PAGE_SIZE})
        )
        chosen = next((item for item in portals.data if item.is_default), next(iter(portals.data), None))
        headers = getattr(getattr(endpoints, "last_response", None), "headers", None) or {}
        sent = headers.get("Date")
        skew = parsedate_to_datetime(sent).astimezone(UTC) - clock.now() if sent else None
        return AccountFacts(
            tuple(
                EndpointFacts(
                    str(item.url), str(item.status), item.api_version, frozenset(item.enabled_events),
                    bool(item.livemode),
                )
                for item in endpoints.data
            ),
            _portal_facts(chosen.features) if chosen else None,
            tuple(name for name in products if not self._is_sold(name)),
            tuple(self._price_facts(name) for name in prices), skew,
        )  # fmt: skip

    def _is_sold(self, product: str) -> bool:
        try:
            return bool(self.ask(lambda: self.v1.products.retrieve(product)).active)
        except Missing:
            return False

    def _price_facts(self, price: str) -> PriceFacts:
        try:
            found: Any = self.ask(lambda: self.v1.prices.retrieve(price))
        except Missing:
            return PriceFacts(price, active=False)
        interval = str(found.recurring.interval) if found.recurring else None
        return PriceFacts(price, bool(found.active), found.unit_amount, str(found.currency), interval)


def _portal_facts(features: Any) -> PortalFacts:
    cancel = features.subscription_cancel
    return PortalFacts(
        bool(features.payment_method_update.enabled), bool(features.invoice_history.enabled), bool(cancel.enabled),
        bool(cancel.enabled) and cancel.mode == "immediately", bool(features.subscription_update.enabled),
    )  # fmt: skip
