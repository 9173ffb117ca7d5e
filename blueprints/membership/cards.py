"""Noticing when somebody tries stolen cards: far more first payments are declined than go through.

Nothing here answers anybody differently by their card. Whoever pays sees the same page whatever Stripe said, and
whoever tries many cards learns nothing from us; limits stand in front of beginning, and the publisher is told.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from werkzeug.wrappers import Response

from blueprints.membership import queries, queries_health
from blueprints.membership.gateway import gateway
from blueprints.notifications.service import send_mail
from core.limits import address_block, at_most, everybody, limiter, person_or_address
from core.rendering import count
from models.billing_health import CardBurst

View = Callable[..., Any]

WINDOW = timedelta(hours=1)
QUIET = timedelta(hours=1)  # a burst is over when nothing like it was seen for so long
FEWEST_DECLINED = 10  # in one window; below that it is ordinary bad luck
DECLINED_TO_JOINED = 2  # declined cards for each that went through

CHECKOUTS_A_DAY = 20  # begun by one reader
PRESSES_OF_READER = 30  # an hour
PRESSES_OF_ADDRESS = 60  # an hour; a school or an office may share one
PRESSES_OF_SITE = 3_000  # an hour; far above any rush to join, far below what trying cards needs
PRESSES_IN_A_BURST = 6  # an hour from one address


def limits_on_paying(too_often: Callable[[], Response]) -> Callable[[View], View]:
    """In front of Stripe's page: limits of a reader, an address and the whole site. Only who is led there is counted.

    In a burst an address has few tries; `too_often` makes the one answer to all that are too many.
    """

    def decorate(view: View) -> View:
        for most, whom in (
            (at_most(PRESSES_OF_READER, "hour"), person_or_address), (_of_address, address_block),
            (at_most(PRESSES_OF_SITE, "hour"), everybody),
        ):  # fmt: skip
            view = limiter.limit(
                most, key_func=whom, deduct_when=_led_to_stripe,
                on_breach=lambda _limit: current_app.make_response(too_often()),
            )(view)
        return view

    return decorate


def _of_address() -> str:
    burst = queries_health.is_bursting(gateway().mode)
    return at_most(PRESSES_IN_A_BURST if burst else PRESSES_OF_ADDRESS, "hour")()


def _led_to_stripe(answer: Response) -> bool:
    return answer.status_code == 303 and not answer.headers["Location"].startswith("/")


def is_burst(declined: int, joined: int) -> bool:
    """Whether so many declined first payments, beside so many that went through, are somebody trying cards."""
    return declined >= FEWEST_DECLINED and declined > DECLINED_TO_JOINED * joined


def watch(mode: str, now: datetime) -> CardBurst | None:
    """Begin, go on with or end a burst, and tell the publishers once when one begins; in the current transaction.

    Returns the burst that is going on, if any.
    """
    since = now - WINDOW
    declined, readers = queries_health.declined_since(mode, since)
    bursting = is_burst(declined, queries_health.joined_since(mode, since))
    if bursting:
        queries.insert_new(CardBurst, mode=mode, began_at=now, last_at=now)  # one open: a second changes nothing
    burst = queries_health.lock_open_burst(mode)
    if burst is None:
        return None
    if bursting:
        burst.last_at = now
        burst.declined, burst.readers = max(burst.declined, declined), max(burst.readers, readers)
        _tell(burst, declined, readers)
    elif burst.last_at + QUIET <= now:
        burst.ended_at = now
        return None
    return burst


def _tell(burst: CardBurst, declined: int, readers: int) -> None:
    for person in queries_health.publishers():
        send_mail(
            kind="billing.card-burst", recipient=person[2], user_id=person[0],
            subject="Many cards are being declined", template="card_burst",
            context={"name": person[1], "declined": count(declined), "readers": count(readers)},
            dedupe_key=f"card-burst:{burst.id}:{person[0]}",
        )  # fmt: skip
