"""The line to Stripe: keys, time-outs, retries, failures. The only file that imports its package.

The same calls go to Stripe itself or to the sandbox; nothing above this file knows which. No call may be made inside a
transaction, and no database connection is held while one is under way.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar, cast

from werkzeug.test import Client

from blueprints.membership.gateway.reading import read_event, signed_at
from blueprints.membership.gateway.values import (
    BadEvent,
    EventState,
    GatewayError,
    Missing,
    Mode,
    Refused,
    Unavailable,
)
from core import clock
from core.db import db, is_writing
from core.late import left_out

with left_out("requests"):  # the sandbox is asked without; a line to Stripe itself imports it in `Line`
    import stripe

API_VERSION = "2026-10-28.endive"
CONNECT_SECONDS, READ_SECONDS = 3, 10
RETRIES = 2
PAGE_SIZE = 100
SIGNATURE_TOLERANCE = timedelta(seconds=300)

Wsgi = Callable[..., Any]
T = TypeVar("T")


class InProcessTransport(stripe.HTTPClient):
    """Carries calls to a WSGI application in this process; encoding, errors and retries stay the package's own."""

    name = "in-process"

    def __init__(self, wsgi: Wsgi) -> None:
        super().__init__()
        self.client = Client(wsgi)

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:  # fmt: skip
        path = "/" + url.split("://", 1)[-1].partition("/")[2]
        answer = self.client.open(path, method=method.upper(), headers=dict(headers or {}), data=post_data or b"")
        # werkzeug's headers ignore case, as the package expects of a mapping here
        return answer.get_data(as_text=True), answer.status_code, cast(Mapping[str, str], answer.headers)

    def close(self) -> None:
        """Nothing is kept open."""


class Line:
    """One Stripe account in one mode."""

    def __init__(
        self, key: str, *, mode: Mode, webhook_secrets: tuple[str, ...], api_base: str = "",
        transport: stripe.HTTPClient | None = None,
    ) -> None:  # fmt: skip
        self.mode = mode
        self.webhook_secrets = webhook_secrets
        self.client = stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            max_network_retries=RETRIES,
            base_addresses={"api": api_base.rstrip("/")} if api_base else None,
            http_client=transport or stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS)),
        )
        self.v1 = self.client.v1

    def construct_event(self, body: bytes, signature: str | None) -> EventState:
        """The Event in a webhook's body, when one of our secrets signed it within five minutes. Raises BadEvent."""
        tolerance = int(SIGNATURE_TOLERANCE.total_seconds())
        for secret in self.webhook_secrets:
            try:
                self.client.construct_event(body, signature, secret, tolerance)
            except stripe.SignatureVerificationError:
                continue
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
                raise BadEvent(type(error).__name__) from None
            if signed_at(signature) > clock.now() + SIGNATURE_TOLERANCE:
                raise BadEvent("a signature from the future")
            return read_event(body)
        raise BadEvent("no secret of ours signed this")

    def ask(self, call: Callable[[], T]) -> T:
        if is_writing():
            raise RuntimeError("a call to Stripe inside a transaction")
        db.session().rollback()  # the read is over: no connection waits for Stripe
        try:
            return call()
        except stripe.StripeError as error:
            raise _translated(error) from error


    def every(self, path: str, **params: Any) -> list[Any]:
        """All objects of one of Stripe's lists, page after page, newest first.

        They are read without the package's own objects: to make those of a member of three years takes longer than all
        else that is done with them.
        """
        found: list[Any] = []
        more = True
        while more:
            page = self.ask(lambda: self.client.raw_request("get", path, limit=PAGE_SIZE, **params))
            read = json.loads(page.body, object_hook=Thing)
            found += read.data
            more = bool(read.has_more and read.data)
            params["starting_after"] = read.data[-1].id if more else None
        return found


class Thing:
    """An object of Stripe's with its fields as they came, read as the package's are."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__ = fields

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]


def _translated(error: stripe.StripeError) -> GatewayError:
    message = str(error.user_message or error)
    if isinstance(error, stripe.APIConnectionError):
        message = "Stripe could not be reached."  # the library's words hold addresses, and several lines of advice
    if error.http_status == 404 or error.code == "resource_missing":
        return Missing(message, error.code, getattr(error, "param", None))
    busy = error.http_status == 409
    if isinstance(error, stripe.InvalidRequestError | stripe.CardError | stripe.IdempotencyError) and not busy:
        return Refused(message, error.code, getattr(error, "param", None))
    return Unavailable(f"{type(error).__name__}: {message}")
