"""For every way a membership goes: whatever becomes of its Events, our tables end where Stripe is.

Each Event may come in any order, once or more often, or never (then catching up brings it), to two processes at the
same moment, with workers between. What Stripe shows is read from the sandbox's own objects, not through our gateway.
"""

import os
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from blueprints.insights import checking
from blueprints.membership.gateway import gateway
from blueprints.membership.jobs_health import catch_up
from blueprints.membership.policy import ENDED
from blueprints.membership.webhooks import HANDLERS
from core import clock
from core.db import db
from jobs import worker
from models.membership import BillingCustomer, Payment, StripeEvent, Subscription
from tests.membership.conftest import Till
from tests.membership.test_sync import deliver
from tests.proof.crew import Crew
from tests.proof.flows import FLOWS, Flow, Stand

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "1"))  # of each flow; hypothesis runs more of them where it is asked to
CURRENT = {"trialing", "active"}


def live_through(till: Till, flow: Flow) -> tuple[Stand, list[dict[str, Any]]]:
    """The flow up to the moment from which nobody was told; with what should have been told."""
    till.sandbox.set_delivery_mode("normal")
    user, browser = till.reader()
    stand = Stand(till, user, browser)
    flow.setting(stand)
    till.deliver()
    told = {event["id"] for event in till.events()}
    till.sandbox.set_delivery_mode("lost")
    flow.act(stand)
    return stand, [event for event in till.events() if event["id"] not in told]


def fates(events: list[dict[str, Any]], seed: int) -> tuple[list[list[dict[str, Any]]], list[list[bool]]]:
    """What two processes are told, in which order, and after which Events each is a worker."""
    chance = random.Random(seed)
    kept = [event for event in events if chance.random() > 0.25]
    twice = [event for event in kept if chance.random() < 0.3]
    told = kept + twice
    chance.shuffle(told)
    share = [[], []]  # type: ignore[var-annotated]
    for event in told:
        share[chance.randrange(2)].append(event)
    return share, [[chance.random() < 0.2 for _ in part] for part in share]


def is_as_stripe_says(stand: Stand, flow: Flow) -> None:
    """Compare everything that counts."""
    till, user, customer = stand.till, stand.user, stand.customer
    with till.sandbox.store.read() as tx:
        subscriptions = {each["id"]: each for each in tx.select("subscription", customer=customer)}
        invoices = tx.select("invoice", customer=customer)
        charges = tx.select("charge", customer=customer)
        refunds = [each for each in tx.select("refund") if each["charge"] in {charge["id"] for charge in charges}]
        ours = {each["id"] for each in tx.select("product") if each["id"].startswith("rejoinder_")}
        gone = tx.find("customer", customer) is None
        intents = {each["invoice"]: each["payment"]["payment_intent"] for each in tx.select("invoice_payment")}
    subscriptions = {
        name: each for name, each in subscriptions.items() if each["items"]["data"][0]["price"]["product"] in ours
    }
    ours_of = select(BillingCustomer.id).where(BillingCustomer.user_id == user.id)
    mirrors = db.session().scalars(
        select(Subscription).where(Subscription.customer_id.in_(ours_of)).execution_options(populate_existing=True)
    )
    assert {mirror.stripe_id: _seen(mirror) for mirror in mirrors} == {
        name: _shown(each) for name, each in subscriptions.items()
    }
    by_intent = {each["payment_intent"]: each for each in charges}
    bills, spoilt = {}, set()
    for invoice in sorted(invoices, key=lambda each: each["created"]):
        of = invoice["parent"]["subscription_details"]["subscription"]
        if invoice["status"] != "paid" or not invoice["amount_paid"] or of not in subscriptions:
            continue
        charge = by_intent[intents[invoice["id"]]]
        bills[invoice["id"]] = (invoice["amount_paid"], charge["amount_refunded"])
        open_dispute = charge["disputed"] and not _won(till, charge["id"])
        (spoilt.add if charge["refunded"] or open_dispute else spoilt.discard)(of)
    if not gone:  # of a Customer that is no more nothing can be asked
        payments = db.session().execute(
            select(Payment.invoice_id, Payment.amount_cents, Payment.refunded_cents)
            .where(Payment.customer_id.in_(ours_of))
        )  # fmt: skip
        assert {row[0]: (row[1], row[2]) for row in payments} == bills
    may_read = {name for name, each in subscriptions.items() if each["status"] in CURRENT | {"past_due"} and name not in spoilt}
    given = {
        row.source_ref.partition(":")[2] for row in till.entitlements(user)
        if row.ends_at is None or row.ends_at > clock.now()
    }  # fmt: skip
    assert given == may_read
    assert [row.ended_at is None for row in till.memberships(user)].count(True) == len(till.live(user))
    mails = Counter(till.mails(user))
    assert max(mails.values(), default=0) <= 1, mails
    assert flow.must <= mails.keys(), mails
    assert len(refunds) == flow.refunds
    states = set(db.session().scalars(select(StripeEvent.state)))
    assert states <= {"done", "ignored"}
    assert checking.compare(gateway().mode).differences == ()


def _seen(mirror: Subscription) -> tuple[Any, ...]:
    """A Subscription as our tables have it; of one that is over, only that."""
    if mirror.status in ENDED:
        return (mirror.status,)
    ends = mirror.cancel_at and int(mirror.cancel_at.timestamp())
    renews = mirror.current_period_end_at and int(mirror.current_period_end_at.timestamp())
    return mirror.status, ends, renews, mirror.quantity, mirror.is_paused


def _shown(each: dict[str, Any]) -> tuple[Any, ...]:
    """The same of a Subscription as Stripe shows it."""
    if each["status"] in ENDED:
        return (each["status"],)
    item, paused = each["items"]["data"][0], each["pause_collection"]
    void = bool(paused and paused["behavior"] == "void") and each["status"] in CURRENT
    return each["status"], each["cancel_at"], item["current_period_end"], item["quantity"], void


def _won(till: Till, charge: str) -> bool:
    with till.sandbox.store.read() as tx:
        return all(each["status"] == "won" for each in tx.select("dispute") if each["charge"] == charge)


@pytest.mark.parametrize(
    "flow", [pytest.param(flow, id=flow.name, marks=[pytest.mark.once] if number % 3 else []) for number, flow in enumerate(FLOWS)]
)
def test_a_flow_ends_where_stripe_is_whatever_becomes_of_its_events(till: Till, crew: Crew, flow: Flow) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors])  # fmt: skip
    @given(seed=st.integers(0, 2**32))
    def holds(seed: int) -> None:
        stand, events = live_through(till, flow)
        share, runs = fates(events, seed)
        crew.run(*(
            ("tasks.deliver", {"events": part, "run_between": run})
            for part, run in zip(share, runs, strict=True)
        ))  # fmt: skip
        crew.run(("tasks.work", {"catching_up": True}), ("tasks.work", {}))
        db.session().rollback()
        worker.run_all()
        is_as_stripe_says(stand, flow)
        if "tasks.deliver" not in crew.known:  # once, and when all is looked at
            crew.learn(("tasks.deliver", {"events": events, "run_between": [True] * len(events)}), ("tasks.work", {"catching_up": True}))

    holds()


@pytest.mark.once
@pytest.mark.parametrize("name", ["join, paid", "resume", "cancel now", "pause", "refund of a part", "dispute won"])
def test_the_comparison_sees_a_flow_of_which_nothing_was_heard(till: Till, name: str) -> None:
    """What proves the others has to be able to fail: without delivery and catching up it names the difference."""
    flow = next(flow for flow in FLOWS if flow.name == name)
    stand, _ = live_through(till, flow)
    worker.run_all()
    with pytest.raises(AssertionError):
        is_as_stripe_says(stand, flow)
    catch_up()
    worker.run_all()
    is_as_stripe_says(stand, flow)


def test_the_comparison_names_the_one_event_that_was_lost(till: Till) -> None:
    flow = next(flow for flow in FLOWS if flow.name == "cancel now")
    stand, events = live_through(till, flow)
    (lost,) = [event for event in events if event["type"] in HANDLERS]
    for event in events:
        if event is not lost:
            deliver(till, event)
    worker.run_all()
    with pytest.raises(AssertionError, match=r"'active'.*'canceled'"):
        is_as_stripe_says(stand, flow)
    deliver(till, lost)
    worker.run_all()
    is_as_stripe_says(stand, flow)
