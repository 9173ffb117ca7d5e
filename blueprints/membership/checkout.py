"""From the press on a price to Stripe's page, and back.

Each step is a short transaction of its own; every call to Stripe stands between two of them. A reader has one Customer
and at most one open checkout, whatever they press, how often, and in how many tabs.
"""

from contextlib import suppress
from datetime import timedelta

from blueprints.membership import (
    paying,
    queries,
    queries_catalogue,
    queries_checkout,
    queries_customers,
    queries_entitlements,
    queries_health,
    queries_payments,
    queries_subscriptions,
    sync,
)
from blueprints.membership.agreements import Origin, record_consent
from blueprints.membership.cards import CHECKOUTS_A_DAY
from blueprints.membership.gateway import Gateway, GatewayError, Missing, Refused, SessionState, gateway
from blueprints.membership.policy import may_join
from blueprints.membership.promotions import Promotion, ensure_promotion, promotion_for
from blueprints.membership.queries_catalogue import PriceView
from blueprints.membership.queries_checkout import AttemptRow
from blueprints.membership.queries_rises import ComingPrice, rises_ahead
from blueprints.membership.sync_writer import close_attempt
from blueprints.membership.terms import terms_of
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError, Forbidden, NotFound, TooFast
from core.limits import allowed
from core.records import dataclass
from core.viewer import Viewer
from models.membership import CheckoutAttempt

MOST_SEATS = 200
UNFINISHED = timedelta(hours=1)  # a checkout without a session after this time is begun anew
TOO_MANY_TODAY = "You began to pay many times today. Please go on tomorrow, or write to us if something is in the way."
CHOSEN_ELSEWHERE = "You chose another plan in another tab a moment ago. Go on there, or choose again here."


class AlreadyPaid(Exception):
    """The open checkout turned out to be paid: `session_id` is to be completed instead."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.session_id = session_id


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is to be bought: a price, with the free days and the promotion that apply to this reader."""

    price: PriceView
    trial_days: int | None = None
    promotion: Promotion | None = None
    seats: int = 1
    rise: ComingPrice | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        return terms_of(self.price, trial_days=self.trial_days, promotion=self.promotion, seats=self.seats,
                        rise=self.rise)  # fmt: skip

    def is_that_of(self, attempt: AttemptRow) -> bool:
        """Whether an open checkout is for exactly this."""
        promo_id = self.promotion.id if self.promotion else None
        return (attempt.price_key, attempt.promo_id, attempt.trial_days, attempt.quantity) == (
            self.price.key, promo_id, self.trial_days, self.seats,
        )  # fmt: skip


class _GoneMeanwhile(Exception):
    """The Customer is no longer at Stripe: another is to be made."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What became of a checkout: `ready` to go on to `return_path`, or `waiting`, or `open`, or `expired`."""

    state: str
    return_path: str
    slow: bool = False


def purchase_of(price: PriceView, code: str, user_id: int | None, seats: int = 1) -> Purchase:
    """What this reader would buy at this price with this code. Raises DomainError where the code does not fit."""
    if not 1 <= seats <= MOST_SEATS:
        raise DomainError(f"A group has 2 to {MOST_SEATS} seats.", 422)
    if code and seats > 1:
        raise DomainError("Codes are for one person's membership, not for a group.", 422, "code")
    trial = price.trial_days if user_id is None or not queries_payments.has_ever_paid(user_id) else None
    rise = rises_ahead(gateway().mode).get(price.key)
    if not code:
        return Purchase(price, trial, seats=seats, rise=rise)
    promotion, problem = promotion_for(code, user_id)
    if promotion is None:
        raise DomainError(problem, 422, "code")
    if promotion.lowered(price) is None:
        raise DomainError(f"The code {promotion.code} is not for this price.", 422, "code")
    return Purchase(price, trial, promotion, rise=rise)


def start_checkout(
    viewer: Viewer, price_key: str, return_path: str, base_url: str, origin: Origin, code: str = "", seats: int = 1
) -> str:
    """The address of Stripe's page for this reader and price; what stood beside the button is kept as agreed to.

    Raises DomainError when they may not buy it, AlreadyPaid when they have paid meanwhile, GatewayError when Stripe
    does not answer.
    """
    price = queries_catalogue.price_on_offer(price_key)
    if price is None:
        raise NotFound("This price is no longer offered.")
    user_id = _allowed(viewer, price)
    purchase = purchase_of(price, code, user_id, seats)
    stripe = gateway()
    with transaction():
        record_consent(user_id, "join", purchase.terms, origin)
    for _ in range(paying.TRIES):
        customer = paying.ensure_customer(stripe, user_id, viewer.email, viewer.display_name)
        with suppress(_GoneMeanwhile):
            return session_url(stripe, user_id, purchase, customer, return_path, base_url)
    raise Conflict(paying.CHOOSING)


def session_url(
    stripe: Gateway, user_id: int, purchase: Purchase, customer: str, return_path: str, base_url: str
) -> str:
    """The address of the reader's one open session for this purchase. Raises AlreadyPaid, Conflict or GatewayError."""
    for _ in range(paying.TRIES):
        attempt = _open_attempt(stripe, user_id, purchase, return_path)
        if not purchase.is_that_of(attempt):
            _replace(stripe, attempt)
            continue
        url = _url_of(stripe, attempt, purchase, customer, base_url)
        if url is not None:
            return url
    raise Conflict(paying.CHOOSING)


def finish_checkout(viewer: Viewer, session_id: str) -> Completion:
    """What a reader coming back from Stripe is to see. Raises NotFound for a session that is not theirs.

    Applies the payment at once instead of waiting for the webhook.
    """
    stripe = gateway()
    session = _own_session(stripe, viewer, session_id)
    attempt = queries_checkout.attempt_by_session(stripe.mode, session.id)
    return_path = attempt.return_path if attempt else "/account/membership"
    if session.status != "complete":
        return Completion(session.status, return_path)
    if not session.paid:
        return Completion("waiting", return_path, slow=True)
    sync.sync_customer(session.customer or "", "redirect")
    state = queries_subscriptions.billing_state(stripe.mode, viewer.id or 0, clock.now())
    return Completion("ready" if state is not None and state.has_access else "waiting", return_path)


def _allowed(viewer: Viewer, price: PriceView) -> int:
    """The reader's id, when they may buy this now. Raises DomainError."""
    if viewer.id is None:
        raise Forbidden("Please sign in first.")
    if not viewer.confirmed:
        raise DomainError(
            "Please confirm your e-mail address first: the link is in the mail we sent you. It brings you back here.",
            403, "unconfirmed",
        )  # fmt: skip
    if _refusal(viewer.id, price):
        _ask_again(viewer.id)
    if refusal := _refusal(viewer.id, price):
        raise refusal
    today = clock.now() - timedelta(days=1)
    if queries_health.checkouts_since(gateway().mode, viewer.id, today) >= allowed(CHECKOUTS_A_DAY):
        raise TooFast(TOO_MANY_TODAY, int(timedelta(hours=6).total_seconds()))
    return viewer.id


def _refusal(user_id: int, price: PriceView) -> DomainError | None:
    """Why this reader may not buy this, by what we know."""
    now = clock.now()
    state = queries_subscriptions.billing_state(gateway().mode, user_id, now)
    held = frozenset(plan.plan_key for plan in queries_entitlements.plans_held(user_id, now))
    sentence = may_join(price.plan_key, state.status if state else None, held)
    return DomainError(sentence, 409, "owing" if state and state.is_owing else "member") if sentence else None


def _ask_again(user_id: int) -> None:
    """Fetch the reader's state: what refuses them may have ended, and the message of it be lost or on its way."""
    customer = queries_customers.customer_of(gateway().mode, user_id)
    if customer is not None:
        with suppress(GatewayError, sync.Busy):
            sync.sync_customer(customer.stripe_id, "wants to join")


def _open_attempt(stripe: Gateway, user_id: int, purchase: Purchase, return_path: str) -> AttemptRow:
    """The reader's open checkout; a new one for this purchase where there is none."""
    for _ in range(paying.TRIES):
        with transaction():
            queries.insert_new(
                CheckoutAttempt, mode=stripe.mode, user_id=user_id, price_id=purchase.price.id, state="open",
                terms="\n".join(purchase.terms), return_path=return_path, created_at=clock.now(),
                promo_id=purchase.promotion.id if purchase.promotion else None, trial_days=purchase.trial_days,
                quantity=purchase.seats,
            )  # fmt: skip
            row = queries_checkout.lock_open_attempt(stripe.mode, user_id)
            if row is None:
                continue  # closed by another tab between two statements
            if row.session_id is not None:
                row.return_path = return_path  # the newest press says where to go afterwards
                db.session().flush()
            elif row.created_at < clock.now() - UNFINISHED:
                close_attempt(row, "failed")
                continue
            attempt = queries_checkout.attempt_by_id(row.id)
        if attempt is not None:
            return attempt
    raise Conflict(paying.CHOOSING)


def _replace(stripe: Gateway, attempt: AttemptRow) -> None:
    """Close a checkout for another price, at Stripe first: it must not be paid any more."""
    if attempt.session_id is not None:
        session = stripe.expire_session(attempt.session_id)
        if session.status == "complete":
            raise AlreadyPaid(session.id)
    _close(attempt.id, "expired")


def _url_of(stripe: Gateway, attempt: AttemptRow, purchase: Purchase, customer: str, base_url: str) -> str | None:
    """Where the attempt is paid; None when it cannot be, and another is to be opened."""
    if attempt.session_id is not None:
        standing = paying.standing_session(stripe, attempt.session_id, lambda state: _close(attempt.id, state))
        if standing is not None and standing.status == "complete":
            raise AlreadyPaid(standing.id)
        return standing.url if standing is not None else None
    try:
        price, promotion = paying.ensure_price(stripe, purchase.price), None
        if purchase.promotion:
            product = queries_catalogue.stripe_ids(stripe.mode, "product").get(purchase.promotion.plan_key or "")
            promotion = ensure_promotion(stripe, purchase.promotion, product)
        session = _create_session(stripe, attempt, price, customer, base_url, promotion)
    except Missing as missing:
        _close(attempt.id, "failed")
        if paying.forget_missing(stripe, missing, purchase.price, customer):
            raise _GoneMeanwhile from None
        return None
    except Refused:
        _close(attempt.id, "failed")
        raise
    with transaction():
        row = queries_checkout.lock_attempt(attempt.id)
        kept = row is not None and row.state == "open"
        if row is not None:
            row.session_id, row.url, row.expires_at = session.id, session.url, session.expires_at
    if kept:
        return session.url
    # Another tab chose something else meanwhile. It goes on; choosing anew here would only expire its page in turn.
    stripe.expire_session(session.id)
    raise Conflict(CHOSEN_ELSEWHERE)


def _create_session(
    stripe: Gateway, attempt: AttemptRow, stripe_price: str, customer: str, base_url: str, promotion: str | None
) -> SessionState:
    slug = attempt.return_path.removeprefix("/articles/").partition("?")[0]
    from_article = f"?article={slug}" if attempt.return_path.startswith("/articles/") else ""
    return stripe.create_checkout_session(
        customer=customer, price=stripe_price, user_id=attempt.user_id, attempt_id=attempt.id,
        success_url=f"{base_url}/join/complete?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{base_url}/join{from_article}",
        idempotency_key=f"checkout:{attempt.id}:{paying.stamp(attempt.created_at)}",
        trial_days=attempt.trial_days, promotion=promotion, quantity=attempt.quantity,
    )  # fmt: skip


def _close(attempt_id: int, state: str) -> None:
    with transaction():
        row = queries_checkout.lock_attempt(attempt_id)
        if row is not None and row.state == "open":
            close_attempt(row, state)


def _own_session(stripe: Gateway, viewer: Viewer, session_id: str) -> SessionState:
    """The Checkout session, when it is this reader's. Raises NotFound, the same for strange and unknown ones."""
    if not paying.is_session_id(session_id):
        raise NotFound("We do not know this payment.")
    mine = queries_customers.customer_of(stripe.mode, viewer.id or 0)
    if mine is None:
        raise NotFound("We do not know this payment.")
    try:
        session = stripe.retrieve_session(session_id)
    except Refused:
        raise NotFound("We do not know this payment.") from None
    if session.customer != mine.stripe_id or session.reference != str(viewer.id):
        raise NotFound("We do not know this payment.")
    return session


def close_checkout_of(stripe: Gateway, user_id: int) -> None:
    """Close a reader's open checkout at Stripe, so that nobody who left can still pay."""
    attempt = queries_checkout.open_attempt(stripe.mode, user_id)
    if attempt is None:
        return
    if attempt.session_id is not None:
        with suppress(Missing):
            stripe.expire_session(attempt.session_id)
    _close(attempt.id, "expired")
