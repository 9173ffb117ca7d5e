"""From the press on a gift to Stripe's page, and back. As with joining, every call stands between two transactions.

A giver pays one gift at a time: pressing again with the same words leads to the same page, with other words the open
session is closed at Stripe before another is made.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from blueprints.membership import paying, queries, queries_catalogue, queries_customers, queries_gifts, sync
from blueprints.membership.agreements import Origin, record_consent
from blueprints.membership.gateway import Gateway, Missing, Refused, gateway
from blueprints.membership.queries_catalogue import PriceView
from blueprints.membership.queries_gifts import GiftView
from core import clock
from core.db import transaction
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.rendering import money
from core.viewer import Viewer
from models.gift import Gift

GIFT_TERMS = (
    "The amount is paid once, today. Nothing renews, for you or for them.",
    "The link does not run out. Until somebody has taken the gift you can take it back, and get the whole amount.",
)
KEY_HOLDS = timedelta(hours=20)  # Stripe remembers what a key asked for a day; a session lives as long


class AlreadyPaid(Exception):
    """The gift that was being paid turned out to be paid."""

    def __init__(self, gift_id: int) -> None:
        super().__init__(gift_id)
        self.gift_id = gift_id


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be given, to whom, from whom, and when."""

    price: PriceView
    from_name: str
    to_name: str
    to_email: str
    note: str
    send_at: datetime

    def is_that_of(self, gift: Gift) -> bool:
        """Whether a gift that is being paid is exactly this."""
        mine = (self.price.id, self.from_name, self.to_name, self.to_email, self.note, self.send_at)
        return mine == (gift.price_id, gift.from_name, gift.to_name, gift.to_email, gift.note, gift.send_at)

    @property
    def terms(self) -> tuple[str, ...]:
        return (words_of_choice(self.price), *GIFT_TERMS)


@dataclass(frozen=True, slots=True)
class _Open:
    id: int
    session_id: str | None
    created_at: datetime
    same: bool


def words_of_choice(price: PriceView) -> str:
    """What stands beside a price that can be given."""
    return f"{price.plan_name} for a {price.interval}: {money(price.amount_cents, price.currency)} once"


def start_gift(viewer: Viewer, wish: Wish, base_url: str, origin: Origin) -> str:
    """The address of Stripe's page on which a gift is paid; what stood beside the button is kept as agreed to.

    Raises DomainError, AlreadyPaid, or GatewayError when Stripe does not answer.
    """
    if viewer.id is None or not viewer.confirmed:
        raise DomainError("Please confirm your e-mail address first: the link is in the mail we sent you.", 403)
    stripe = gateway()
    with transaction():
        record_consent(viewer.id, "gift", wish.terms, origin)
    for _ in range(paying.TRIES):
        customer = paying.ensure_customer(stripe, viewer.id, viewer.email, viewer.display_name)
        found = _open(stripe, viewer.id, wish)
        if not found.same or found.created_at < clock.now() - KEY_HOLDS:
            _close(stripe, viewer.id, found)
            continue
        url = _url(stripe, viewer, wish, found, customer, base_url)
        if url is not None:
            return url
    raise Conflict(paying.CHOOSING)


def go_on_paying(viewer: Viewer, gift_id: int) -> str:
    """The page of a gift that is not paid yet. Raises NotFound, AlreadyPaid or GatewayError."""
    stripe = gateway()
    found = queries_gifts.open_gift(stripe.mode, viewer.id or 0)
    if found is None or found.id != gift_id or found.session_id is None:
        raise NotFound("This gift is not waiting for a payment.")
    session = stripe.retrieve_session(found.session_id)
    if session.status == "complete":
        raise AlreadyPaid(gift_id)
    if session.url is None:
        refresh_gifts(viewer)
        raise NotFound("The time to pay this gift has run out, and nothing was charged. Please begin anew.")
    return session.url


def finish_gift(viewer: Viewer, session_id: str) -> GiftView:
    """The gift that somebody coming back from Stripe has paid, or not. Raises NotFound, GatewayError or sync.Busy."""
    stripe = gateway()
    mine = paying.is_session_id(session_id)
    gift = queries_gifts.gift_by_session(stripe.mode, viewer.id or 0, session_id) if mine else None
    if gift is None:
        raise NotFound("We do not know this payment.")
    if gift.state == "open":
        refresh_gifts(viewer)
    return queries_gifts.gift_view(gift.id) or gift


def refresh_gifts(viewer: Viewer) -> None:
    """Fetch what became of a giver's payments now. Raises GatewayError or sync.Busy."""
    customer = queries_customers.customer_of(gateway().mode, viewer.id or 0)
    if customer is not None:
        sync.sync_customer(customer.stripe_id, "gift")


def receipt_page(mode: str, giver_id: int, gift_id: int) -> str:
    """The address of a gift's receipt at Stripe. Raises NotFound or GatewayError."""
    stripe, gift = gateway(), queries_gifts.watched_gift(gift_id)
    if gift is None or gift.giver_id != giver_id or gift.mode != mode or gift.intent is None:
        raise NotFound("There is no such payment of yours.")
    page = stripe.receipt_page(gift.intent)
    if page is None:
        raise NotFound("Stripe has no receipt for this payment.")
    return page


def close_gift_of(stripe: Gateway, user_id: int) -> None:
    """Close the gift that somebody is paying, at Stripe first, so that nobody who left can still pay."""
    found = queries_gifts.open_gift(stripe.mode, user_id)
    if found is None:
        return
    if found.session_id is not None:
        with suppress(Missing):
            if stripe.expire_session(found.session_id).status == "complete":
                return  # paid meanwhile: it is a gift like any other
    _end(found.id, "expired")


def _open(stripe: Gateway, user_id: int, wish: Wish) -> _Open:
    """The gift that is being paid; a new one of this wish where there is none."""
    with transaction():
        queries.insert_new(
            Gift, mode=stripe.mode, giver_id=user_id, price_id=wish.price.id, state="open", from_name=wish.from_name,
            to_name=wish.to_name, to_email=wish.to_email, note=wish.note, send_at=wish.send_at, link_number=1,
            paid_cents=0, currency=wish.price.currency, refunded_cents=0, disputed=False, created_at=clock.now(),
        )  # fmt: skip
        row = queries_gifts.lock_open_gift(stripe.mode, user_id)
        if row is None:
            raise Conflict(paying.CHOOSING)  # closed by another tab between two statements
        return _Open(row.id, row.session_id, row.created_at, wish.is_that_of(row))


def _close(stripe: Gateway, user_id: int, found: _Open) -> None:
    if found.session_id is not None and stripe.expire_session(found.session_id).status == "complete":
        raise AlreadyPaid(found.id)
    _end(found.id, "expired")


def _url(
    stripe: Gateway, viewer: Viewer, wish: Wish, found: _Open, customer: str, base_url: str
) -> str | None:
    """Where the gift is paid; None when it cannot be, and another is to be opened."""
    if found.session_id is not None:
        standing = paying.standing_session(stripe, found.session_id, lambda state: _end(found.id, state))
        if standing is not None and standing.status == "complete":
            raise AlreadyPaid(found.id)
        return standing.url if standing is not None else None
    paying.ensure_price(stripe, wish.price)
    product = queries_catalogue.stripe_ids(stripe.mode, "product")[wish.price.plan_key]
    try:
        session = stripe.create_payment_session(
            customer=customer, product=product, amount_cents=wish.price.amount_cents, currency=wish.price.currency,
            words=f"A gift: {wish.price.plan_name} for a {wish.price.interval}", receipt_email=viewer.email,
            reference=f"gift-{found.id}", marks={"gift_id": str(found.id), "user_id": str(viewer.id)},
            success_url=f"{base_url}/account/gifts/complete?session_id={{CHECKOUT_SESSION_ID}}",
            cancel_url=f"{base_url}/account/gifts/{found.id}",
            idempotency_key=f"gift:{found.id}:{paying.stamp(found.created_at)}",
        )  # fmt: skip
    except Missing as missing:
        _end(found.id, "failed")
        paying.forget_missing(stripe, missing, wish.price, customer)
        return None
    except Refused:
        _end(found.id, "failed")
        raise
    with transaction():
        row = queries_gifts.lock_gift(found.id)
        kept = row is not None and row.state == "open"
        if row is not None:
            row.session_id = session.id
    if kept:
        return session.url
    stripe.expire_session(session.id)
    raise Conflict(paying.CHOOSING)


def _end(gift_id: int, state: str) -> None:
    with transaction():
        row = queries_gifts.lock_gift(gift_id)
        if row is not None and row.state == "open":
            row.state = state
