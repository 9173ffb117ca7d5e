"""The demo's months before today: members who joined, switched, paid late, left and came back, in the sandbox.

Everything happens through the same code as in real life, with the clock of the sandbox and ours set back to the
beginning and moved on from one happening to the next (`demo/members.json`).
"""

import heapq
import itertools
import random
import secrets
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.db import transaction
from core.names import name_key, name_skeleton
from models.article import Article
from models.user import User

LONGEST = timedelta(days=299)
AFTER = timedelta(hours=2)  # what Stripe does by itself at the end of a period is done by then
CARDS = {"works": "4242424242424242", "fails-later": "4000000000000341"}
SHORTEST_MONTH = timedelta(days=28)
RETRIES_OVER = timedelta(days=24)  # after a renewal that fails, with all the tries that follow

Happening = tuple[datetime, int, str, int, str]  # when, a number to order by, what, to whom, with what


def new_people(session: Session, entries: list[dict[str, Any]], password: str) -> dict[str, int]:
    """People who pay and never say a word; by their names."""
    found = {}
    for entry in entries:
        name = entry.get("name")
        if name is None:
            continue
        joined = clock.now() - timedelta(days=entry["days_ago"])
        row = User(
            email=f"{name.lower().replace(' ', '.')}@demo.example", display_name=name, name_key=name_key(name),
            name_skeleton=name_skeleton(name), password=password, fs_uniquifier=secrets.token_hex(16),
            confirmed_at=joined, is_demo=True, created_at=joined - timedelta(minutes=20),
        )  # fmt: skip
        session.add(row)
        session.flush()
        found[name] = row.id
    return found


def live_through(entries: list[dict[str, Any]], people: dict[str, int]) -> None:
    """Let all of it happen, from the beginning to now. Does nothing where payments are not the sandbox's."""
    from flask import current_app

    from blueprints.membership.demo import forget_recent_events
    from blueprints.membership.gateway import gateway
    from blueprints.membership.sandbox import host_of

    if gateway().mode != "sandbox":
        return
    sandbox = host_of(current_app).sandbox
    now = clock.now()
    try:
        sandbox.begin_ago(int(LONGEST.total_seconds()))
    except ValueError:
        return  # the sandbox of an earlier database: its past is not ours
    sandbox.set_delivery_mode("lost")  # everything is fetched as it happens, and nobody listens yet
    try:
        _live(sandbox, _happenings(entries, people, now), now)
    finally:
        clock.shift(timedelta())
        sandbox.advance(max(0, int(clock.now().timestamp()) - sandbox.now()))
        sandbox.set_delivery_mode("normal")
    forget_recent_events()


def _happenings(entries: list[dict[str, Any]], people: dict[str, int], now: datetime) -> list[Happening]:
    numbers = itertools.count()
    found: list[Happening] = []
    for entry in entries:
        who = people[entry.get("who") or entry["name"]]
        joined = now - timedelta(days=entry["days_ago"])
        found.append((joined, next(numbers), "join", who, f"{entry['price']} /articles/{entry['article']}"))
        for days_ago, what, *more in entry["then"]:
            found.append((now - timedelta(days=days_ago), next(numbers), what, who, " ".join(more)))
    heapq.heapify(found)
    return found


def _live(sandbox: Any, coming: list[Happening], now: datetime) -> None:
    numbers = itertools.count(len(coming))
    while coming:
        at, _, what, who, more = heapq.heappop(coming)
        if at > now:
            continue
        clock.shift(at - now)
        sandbox.advance(max(0, int(at.timestamp()) - sandbox.now()))
        later = _happen(what, who, more)
        if later is not None:
            heapq.heappush(coming, (later, next(numbers), "look", who, ""))


def _happen(what: str, who: int, more: str) -> datetime | None:
    """Let one thing happen to somebody; when to look again, if something follows by itself."""
    from blueprints.membership import demo, queries_catalogue, queries_customers, queries_subscriptions, sync
    from blueprints.membership.gateway import gateway
    from blueprints.membership.paying import ensure_price

    stripe = gateway()
    if what == "join":
        price, _, path = more.partition(" ")
        demo.join_in_sandbox(who, price, path or demo.OWN_PAGE)
        return None
    customer = queries_customers.customer_of(stripe.mode, who)
    state = queries_subscriptions.billing_state(stripe.mode, who, clock.now())
    if customer is None:
        return None
    later: datetime | None = None
    if state is not None and what not in ("look", "card"):
        standing = stripe.retrieve_subscription(state.subscription)
        if what == "cancel":
            stripe.cancel_at_period_end(standing.id)
            later = standing.period_end_at + AFTER if standing.period_end_at else None
        elif what == "resume":
            stripe.resume_subscription(standing)
        elif what == "switch":
            offer = queries_catalogue.price_on_offer(more)
            if offer is not None:
                at = clock.now().replace(microsecond=0)
                stripe.switch_now(standing, ensure_price(stripe, offer), at, f"demo:{standing.id}:{more}")
        elif what == "refund":
            for invoice in stripe.list_invoices(customer.stripe_id)[:1]:
                for intent in invoice.intents:
                    stripe.refund(intent, f"demo:{invoice.id}", reason="requested_by_customer")
        elif what == "end":
            stripe.cancel_subscription(standing.id)
    if what == "card" and state is not None:
        demo.give_card(who, CARDS[more])
        later = state.period_end_at + RETRIES_OVER if state.period_end_at and more == "fails-later" else None
    sync.sync_customer(customer.stripe_id, "demo")
    return later


def look_at_everybody() -> None:
    """Bring our tables to how the sandbox stands after all these months, for whom something was renewed since."""
    from blueprints.membership import queries_customers, sync
    from blueprints.membership.gateway import gateway

    mode, last, before = gateway().mode, 0, clock.now() - SHORTEST_MONTH
    while customers := queries_customers.customers_after(mode, last, 100):
        for customer in customers:
            if customer.synced_at is None or customer.synced_at < before:
                sync.sync_customer(customer.stripe_id, "demo")
        last = customers[-1].id



def count_sights(entries: list[dict[str, Any]]) -> None:
    """Readers of an invented paper: sights of each gate that fade with the days, and presses in a part of them."""
    from blueprints.insights import jobs, queries_funnel

    now, numbers = clock.now(), Counter[tuple[str | int, date, str]]()
    for entry in entries:
        at = (now - timedelta(days=entry["days_ago"])).date()
        numbers[entry["article"], at, "pressed"] += 1
        if "name" in entry or entry["days_ago"] < 10:
            numbers[entry["article"], at, "signed_up"] += 1
    with transaction() as session:
        for slug, published_at in session.execute(select(Article.slug, Article.published_at)):
            chance = random.Random(slug)  # noqa: S311 the same demo for everybody
            first = max(published_at or now, now - LONGEST)
            most = chance.randint(180, 520)
            for place in range((now - first).days + 1):
                day = (first + timedelta(days=place)).date()
                seen = round(most * 0.72**place + chance.randint(2, 9))
                numbers[slug, day, "seen"] += seen
                if pressed := round(seen * chance.uniform(0.01, 0.06)):
                    numbers[slug, day, "pressed"] += pressed
        queries_funnel.add(numbers)
    jobs.count_steps()
    jobs.check_books()
    jobs.compare_who_stays()
