"""Whether payments are in good health: what our own tables say, and how the account at Stripe is set up."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from flask import current_app

from blueprints.membership import queries_catalogue, queries_customers, queries_events, queries_health, queries_leaving
from blueprints.membership.gateway import (
    API_VERSION,
    AccountFacts,
    EndpointFacts,
    Gateway,
    GatewayError,
    PortalFacts,
    gateway,
)
from blueprints.membership.webhooks import ANOTHER_MODE, WANTED
from core import clock
from core.config import Settings
from core.db import db, transaction
from core.records import dataclass
from jobs.heartbeat import worker_seen_at

LARGEST_SKEW = timedelta(seconds=60)
OLDEST_WAITING = timedelta(minutes=10)
LONGEST_WITHOUT_CATCH_UP = timedelta(hours=3)
LONGEST_WITHOUT_COMPARISON = timedelta(days=2)
LONGEST_LEAVING = timedelta(hours=2)
SILENCE = timedelta(minutes=2)
LATELY = timedelta(days=7)
WEBHOOK_PATH = "/webhooks/stripe"
MODES = {
    "sandbox": "the built-in stand-in, no money moves", "test": "Stripe in test mode, no money moves",
    "live": "Stripe, live",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `good` is None for what is only told; `advice` says what to do about it."""

    name: str
    value: str
    good: bool | None = None
    advice: str = ""

    @property
    def wrong(self) -> bool:
        return self.good is False


def checks_here() -> list[Check]:
    """What our own settings and tables say; asks nobody."""
    settings: Settings = current_app.config["SETTINGS"]
    stripe, now = gateway(), clock.now()
    return [*_settings(stripe, settings), *_events(stripe.mode, now), *_rounds(stripe.mode, now)]


def checks_at_stripe() -> list[Check]:
    """How the account is set up. Stripe not answering is one of the answers."""
    settings: Settings = current_app.config["SETTINGS"]
    stripe = gateway()
    products = queries_catalogue.stripe_ids(stripe.mode, "product")
    prices = queries_catalogue.stripe_ids(stripe.mode, "price")
    sold = {key: (cents, currency, interval) for key, cents, currency, interval in
            queries_health.prices_on_sale(stripe.mode, prices)}  # fmt: skip
    plans = {plan.key for plan in queries_catalogue.plans_on_offer()}
    db.session().rollback()
    try:
        facts = stripe.account_facts(
            [name for key, name in products.items() if key in plans], [prices[key] for key in sold]
        )
    except GatewayError as error:
        return [Check("Stripe", str(error), False, "Without an answer nothing more can be checked.")]
    named = {prices[key]: (key, terms) for key, terms in sold.items()}
    return [
        *_endpoints(facts, settings.base_url + WEBHOOK_PATH, live=stripe.mode == "live"), *_sold(facts, named),
        *_portal(facts.portal), *_clock(facts),
    ]  # fmt: skip


def check_and_keep() -> list[Check]:
    """Check the account now, and keep what was found for the page."""
    started_at, found = clock.now(), checks_at_stripe()
    with transaction():
        run = queries_health.begin_run(gateway().mode, "check", started_at)
        run.ended_at, run.looked, run.found = clock.now(), len(found), sum(check.wrong for check in found)
        run.detail = json.dumps([asdict(check) for check in found])
    return found


def kept_checks() -> tuple[datetime, list[Check]] | None:
    """What the newest check of the account found, and when."""
    run = queries_health.last_run(gateway().mode, "check")
    return (run.started_at, [Check(**each) for each in json.loads(run.detail)]) if run else None


def _settings(stripe: Gateway, settings: Settings) -> Iterator[Check]:
    where = f" at {settings.stripe_api_base}" if settings.stripe_api_base else ""
    yield Check("Mode", MODES[stripe.mode] + where)
    if stripe.mode != "sandbox":
        restricted = settings.stripe_secret_key.startswith("rk_")
        yield Check("Key", "restricted to some rights" if restricted else "with every right")
    secrets = len(stripe.webhook_secrets)
    said = "one" if secrets == 1 else f"{secrets}, while one is rotated" if secrets else "none"
    yield Check("Signing secrets", said, secrets > 0, "Set STRIPE_WEBHOOK_SECRETS: without one no Event is believed.")
    sold = queries_catalogue.plans_on_offer()
    yield Check("Plans on offer", ", ".join(plan.key for plan in sold) or "none", bool(sold),
                "Nothing can be bought before a plan with a price is on offer.")  # fmt: skip


def _events(mode: str, now: datetime) -> Iterator[Check]:
    unfinished = queries_events.unfinished_events(mode)
    failed = [event for event in unfinished if event.state == "failed"]
    yield Check("Failed events", str(len(failed)), not failed,
                "See what went wrong, and deal with them again: on the page, or by "
                "`python3 app.py billing replay`.")  # fmt: skip
    waiting = next((event for event in unfinished if event.state == "waiting"), None)
    if waiting is not None:
        age = now - waiting.received_at
        yield Check("Oldest waiting event", f"{waiting.id}, for {_span(age)}", age < OLDEST_WAITING,
                    "Is a worker running? Whatever waits is dealt with by one.")  # fmt: skip
    versions = queries_health.versions_since(mode, now - LATELY) - {API_VERSION}
    yield Check("Events of other API versions", ", ".join(sorted(versions)) or "none", not versions,
                f"Set the endpoint's version to {API_VERSION}.")  # fmt: skip
    mixed = dict(queries_health.left_alone(mode, now - LATELY)).get(ANOTHER_MODE, 0)
    yield Check("Events of the other mode", str(mixed), not mixed,
                "Test and live send to the same address: give each its own, with its own secret.")  # fmt: skip


def _rounds(mode: str, now: datetime) -> Iterator[Check]:
    seen = worker_seen_at()
    if mode != "sandbox" or seen is not None:  # the stand-in may be looked at before anything runs
        yield Check("Worker", f"seen {_span(now - seen)} ago" if seen else "never seen",
                    seen is not None and now - seen < SILENCE, "Start one: `python3 app.py worker`.")  # fmt: skip
    if queries_customers.first_customer_at(mode) is None:
        return
    left, since = queries_leaving.undone_since(mode)
    yield Check("Deleted accounts to be ended at Stripe", f"{left}, since {_span(now - since)}" if since else "none",
                since is None or now - since < LONGEST_LEAVING, "See the failed jobs.")  # fmt: skip
    for kind, name, longest in (
        ("catch-up", "Caught up with Stripe", LONGEST_WITHOUT_CATCH_UP),
        ("compare", "Compared with Stripe", LONGEST_WITHOUT_COMPARISON),
    ):
        last, begun = queries_health.last_run(mode, kind, ended=True), queries_health.last_run(mode, kind)
        if last is not None:
            yield Check(name, f"{_span(now - last.started_at)} ago, {last.found} put right",
                        now - last.started_at < longest, "Is a worker running? See the failed jobs.")  # fmt: skip
        elif begun is not None and now - begun.started_at > longest:
            yield Check(name, "never to the end", False, "Is a worker running? See the failed jobs.")


def _endpoints(facts: AccountFacts, here: str, *, live: bool) -> Iterator[Check]:
    ours = [endpoint for endpoint in facts.endpoints if endpoint.url.rstrip("/") == here]
    said = here if len(ours) == 1 else f"none for {here}" if not ours else f"{len(ours)} for {here}"
    yield Check("Webhook endpoint", said, len(ours) == 1,
                "Stripe must have exactly one endpoint with this address: two tell everything twice.")  # fmt: skip
    for endpoint in ours:
        yield from _endpoint(endpoint, live=live)


def _endpoint(endpoint: EndpointFacts, *, live: bool) -> Iterator[Check]:
    yield Check("Its state", endpoint.status, endpoint.status == "enabled", "Enable it in Stripe's dashboard.")
    yield Check("Its mode", "live" if endpoint.livemode else "test", endpoint.livemode == live,
                "Our key is of the other mode.")  # fmt: skip
    version = endpoint.api_version
    yield Check("Its API version", version or "the account's default", version == API_VERSION,
                f"Make one with {API_VERSION} beside it, then remove this one: each Event counts once.")  # fmt: skip
    lacks = endpoint.lacks(WANTED)
    yield Check("Its events", "all that are needed" if not lacks else "without " + ", ".join(lacks), not lacks,
                "Add them in Stripe's dashboard; until then the hourly catch-up brings them.")  # fmt: skip


def _sold(facts: AccountFacts, named: dict[str, tuple[str, tuple[int, str, str]]]) -> Iterator[Check]:
    wrong = list(facts.inactive_products)
    for price in facts.prices:
        key, terms = named[price.id]
        if not price.active:
            wrong.append(f"{key} is not for sale at Stripe")
        elif (price.amount_cents, price.currency, price.interval) != terms:
            wrong.append(f"{key} asks for something else at Stripe")
    number = len(facts.prices)
    yield Check("Prices", ", ".join(wrong) or f"{number} on offer, the same at Stripe", not wrong,
                "What is not for sale any more is made anew at the next press.")  # fmt: skip


def _portal(portal: PortalFacts | None) -> Iterator[Check]:
    if portal is None:
        yield Check("Portal settings", "made when first needed")
        return
    lacks = [name for name, has in (
        ("changing the card", portal.card), ("seeing invoices", portal.invoices), ("cancelling", portal.cancel),
    ) if not has]  # fmt: skip
    yield Check("Portal settings", "without " + ", ".join(lacks) if lacks else "card, invoices and cancelling",
                not lacks, "Members reach these through Stripe's portal: allow them in its settings.")  # fmt: skip
    if portal.cancels_at_once:
        yield Check("Cancelling in the portal", "takes access away at once", False,
                    "Let it end with the paid period, as this site's own page does.")  # fmt: skip


def _clock(facts: AccountFacts) -> Iterator[Check]:
    if facts.clock_skew is not None:
        yield Check("Clocks differ by", _span(abs(facts.clock_skew)), abs(facts.clock_skew) < LARGEST_SKEW,
                    "Set this machine's clock: signatures are good for five minutes.")  # fmt: skip


def _span(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}s"
    return f"{seconds} second" + ("" if seconds == 1 else "s")
