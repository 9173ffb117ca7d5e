"""What the gateway's calls return, and how they fail: small values of ours, never Stripe's objects."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from core.records import dataclass

Mode = Literal["sandbox", "test", "live"]


class GatewayError(Exception):
    """Stripe did not do what was asked."""


class Unavailable(GatewayError):
    """Stripe could not be reached, is busy, or does not take our key: asking later may help."""


class Refused(GatewayError):
    """Stripe understood and said no. `code` is Stripe's word for why, `param` what it was about."""

    def __init__(self, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class Missing(Refused):
    """What was named does not exist at Stripe (any more)."""


class BadEvent(Exception):
    """A body that is not an Event signed for us."""


@dataclass(frozen=True, slots=True)
class PriceOffer:
    """A price of ours, to be known at Stripe by its key."""

    key: str
    amount_cents: int
    currency: str
    interval: str


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """A plan of ours with its prices."""

    key: str
    name: str
    prices: tuple[PriceOffer, ...]


@dataclass(frozen=True, slots=True)
class PromoOffer:
    """A promotion code of ours, to be known at Stripe by its key; `product` limits it to one."""

    key: str
    code: str
    percent: int | None
    amount_cents: int | None
    currency: str | None
    duration: str
    months: int | None
    first_time_only: bool
    most_redemptions: int | None
    expires_at: datetime | None
    product: str | None


@dataclass(frozen=True, slots=True)
class CatalogueIds:
    """The Stripe product of a plan, and the Stripe price of each price key."""

    product: str
    prices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CustomerState:
    """A Customer; `method` is the one that pays where a Subscription has none of its own."""

    id: str
    email: str | None
    deleted: bool
    method: str | None = None


@dataclass(frozen=True, slots=True)
class SessionState:
    """A Checkout session: `status` is open, complete or expired; `paid` says that nothing is owed for it."""

    id: str
    url: str | None
    status: str
    payment_status: str
    customer: str | None
    reference: str | None
    expires_at: datetime
    intent: str | None = None  # the PaymentIntent of what was bought once
    amount_cents: int = 0
    currency: str = ""

    @property
    def paid(self) -> bool:
        return self.payment_status in {"paid", "no_payment_required"}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The card on file, as people know it; `expires` is year and month."""

    name: str
    expires: str | None


@dataclass(frozen=True, slots=True)
class PlannedPrice:
    """The price that a schedule brings when the running period ends."""

    price: str
    starts_at: datetime
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class SwitchCost:
    """What a switch takes at once, as Stripe counts it; `at` is the second it was counted for."""

    amount_cents: int
    currency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Discount:
    """What lowers an amount: by a share (`percent`, which may have decimals) or by `amount_cents`.

    `lasting` is one for good or for some months, until `ends_at`; the other kind is gone after one Invoice.
    """

    id: str
    lasting: bool
    percent: Decimal | None
    amount_cents: int | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class SoldItem:
    """One thing that a Subscription sells, every `count` intervals."""

    price: str
    product: str
    unit_cents: int
    interval: str
    count: int
    quantity: int


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an Invoice; `is_change` where it settles a change within a period. Discounts by their ids."""

    price: str | None
    product: str | None
    quantity: int
    amount_cents: int
    starts_at: datetime
    ends_at: datetime
    is_change: bool
    discounted: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """A Subscription as it is now. `cancel_at` is set in either form of scheduled cancellation."""

    id: str
    customer: str
    status: str
    products: frozenset[str]
    prices: tuple[str, ...]
    started_at: datetime
    period_end_at: datetime | None
    cancel_at: datetime | None
    by_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    void_while_paused: bool
    item: str = ""
    quantity: int = 1
    trial_ends_at: datetime | None = None
    schedule: str | None = None
    resumes_at: datetime | None = None  # when a pause ends by itself
    card: CardFacts | None = None
    sold: tuple[SoldItem, ...] = ()
    discounts: tuple[Discount, ...] = ()
    currency: str = ""
    ended_unpaid: bool = False  # Stripe ended it because a payment did not arrive


@dataclass(frozen=True, slots=True)
class InvoiceState:
    id: str
    number: str | None
    status: str
    subscription: str | None
    amount_cents: int
    currency: str
    created_at: datetime
    finalized_at: datetime | None
    paid_at: datetime | None
    intents: tuple[str, ...]
    page: str | None = None
    total_cents: int = 0
    lines: tuple[InvoiceLine, ...] = ()
    discounts: tuple[Discount, ...] = ()
    next_try_at: datetime | None = None  # when Stripe tries the card again by itself


@dataclass(frozen=True, slots=True)
class ChargeState:
    """Money taken once; `disputed` while a dispute is open or after it was lost."""

    id: str
    intent: str | None
    refunded_cents: int
    disputed: bool


@dataclass(frozen=True, slots=True)
class NextPayment:
    """What the next payment takes, and how much a discount takes off it."""

    amount_cents: int
    currency: str
    discount_cents: int = 0


@dataclass(frozen=True, slots=True)
class EventState:
    """An Event as it came: what it is about, and the body to keep."""

    id: str
    type: str
    created_at: datetime
    api_version: str | None
    livemode: bool
    connected: bool
    object_id: str | None
    customer: str | None
    charge: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """An address that Stripe sends Events to, and which it sends."""

    url: str
    status: str
    api_version: str | None
    events: frozenset[str]
    livemode: bool = False

    def lacks(self, wanted: Iterable[str]) -> list[str]:
        """The types that would not come."""
        return [] if "*" in self.events else sorted(set(wanted) - self.events)


@dataclass(frozen=True, slots=True)
class PortalFacts:
    """What members may do on the account's own Portal pages."""

    card: bool
    invoices: bool
    cancel: bool
    cancels_at_once: bool
    switch: bool


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """A price as Stripe has it; one it does not know is not active."""

    id: str
    active: bool
    amount_cents: int | None = None
    currency: str | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What `flask billing doctor` and the publisher's page say about the account."""

    endpoints: tuple[EndpointFacts, ...]
    portal: PortalFacts | None
    inactive_products: tuple[str, ...]
    prices: tuple[PriceFacts, ...]
    clock_skew: timedelta | None


def mode_of(key: str) -> Mode:
    """Which world a secret key belongs to."""
    if not key:
        return "sandbox"
    return "live" if "_live_" in key else "test"
