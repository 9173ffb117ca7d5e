"""Catching up, comparing, checking: what was missed is found, put right, and told."""

import datetime
from typing import Any

import pytest
from sqlalchemy import select

from blueprints.membership import health, jobs_health, queries_health
from blueprints.membership.gateway import API_VERSION, gateway
from blueprints.membership.jobs import process_event
from blueprints.membership.webhooks import ANOTHER_MODE, WANTED
from core import clock
from core.db import db, transaction
from jobs import worker
from jobs.queue import enqueue
from models.billing_health import BillingDrift, BillingRun
from models.membership import BillingCustomer, StripeEvent, Subscription
from tests.membership.conftest import Till
from tests.membership.test_sync import at_once


def runs(kind: str) -> list[BillingRun]:
    rows = select(BillingRun).where(BillingRun.kind == kind).order_by(BillingRun.id)
    return list(db.session().scalars(rows.execution_options(populate_existing=True)))


def drift() -> dict[str, tuple[str, str]]:
    return {row.what: (row.was, row.became) for row in db.session().scalars(select(BillingDrift))}


def compare_all() -> BillingRun:
    with transaction():
        enqueue("stripe.reconcile")
    worker.run_all()
    return runs("compare")[-1]


def named(checks: list[health.Check]) -> dict[str, health.Check]:
    return {check.name: check for check in checks}


def test_what_was_lost_is_found_though_newer_events_came_since(till: Till) -> None:
    """The newest Event says nothing of those before it: the round begins where the last good one began."""
    first, browser = till.reader()
    till.join(browser)
    jobs_health.catch_up()
    second, lost = till.reader()
    till.sandbox.set_delivery_mode("lost")
    till.pay(till.press(lost))
    clock.shift(clock.timedelta(hours=5))
    till.sandbox.advance(5 * 3600)
    till.sandbox.set_delivery_mode("normal")
    gateway().cancel_at_period_end(next(s["id"] for s in till.subscriptions() if s["customer"] == till.customer_of(first)))
    till.deliver()
    assert till.live(second) == []
    jobs_health.catch_up()
    worker.run_all()
    assert till.live(second) == ["vip"]
    assert runs("catch-up")[-1].found > 0
    assert db.session().scalar(select(StripeEvent.via).where(StripeEvent.customer == till.customer_of(second))) == "catch-up"


def test_a_round_that_failed_is_told_and_not_begun_from(till: Till, stripe_down: Any) -> None:
    _, browser = till.reader()
    till.join(browser)
    jobs_health.catch_up()
    good = runs("catch-up")[-1].started_at
    stripe_down()
    with pytest.raises(Exception, match="could not be reached"):
        jobs_health.catch_up()
    assert "could not be reached" in (runs("catch-up")[-1].error or "")
    last = queries_health.last_run(gateway().mode, "catch-up", ended=True)
    assert last is not None
    assert last.started_at == good


@pytest.mark.once
def test_a_comparison_says_what_it_looked_at_and_found(till: Till) -> None:
    ended, first = till.reader()
    till.join(first)
    till.join(till.reader()[1])
    till.sandbox.set_delivery_mode("lost")
    name = next(s["id"] for s in till.subscriptions() if s["customer"] == till.customer_of(ended))
    gateway().cancel_subscription(name)
    run = compare_all()
    assert (run.asked, run.looked, run.ended_at is not None, run.error) == (2, 2, True, None)
    found = drift()
    assert found[f"Subscription {name}, status"] == ("active", "canceled")
    assert f"Access by {name}, until" in found
    assert run.found == len(found)
    assert till.live(ended) == []
    assert compare_all().found == 0


def test_a_comparison_finds_who_runs_at_stripe_only(till: Till) -> None:
    user, browser = till.reader()
    till.sandbox.set_delivery_mode("lost")
    till.pay(till.press(browser))
    with transaction() as session:
        from models.membership import CheckoutAttempt

        session.scalars(select(CheckoutAttempt)).one().state = "failed"  # nothing here hints at a payment
    run = compare_all()
    assert (run.asked, run.looked) == (1, 1)
    assert any(was == "not known here" for was, _ in drift().values())
    assert till.live(user) == ["vip"]


def test_a_job_that_runs_twice_counts_once(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    run = compare_all()
    jobs_health.reconcile(run_id=run.id)
    worker.run_all()
    jobs_health.compare(till.customer_of(db_user(browser, till)), run.id)
    again = runs("compare")[-1]
    assert (again.id, again.asked, again.looked) == (run.id, 1, 1)


def db_user(browser: Any, till: Till) -> Any:
    from models.user import User

    customer = db.session().scalars(select(BillingCustomer)).one()
    return db.session().get(User, customer.user_id)


def test_two_comparisons_at_once_note_a_difference_once(till: Till) -> None:
    user, browser = till.reader()
    till.join(browser)
    till.sandbox.set_delivery_mode("lost")
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    customer = till.customer_of(user)
    with transaction():
        run_id = queries_health.begin_run(gateway().mode, "compare", clock.now()).id
    calls = [lambda: jobs_health.compare(customer, run_id)] * 3
    assert at_once(till.app, *calls) == []
    whats = list(db.session().scalars(select(BillingDrift.what)))
    assert len(whats) == len(set(whats)) > 0
    assert runs("compare")[-1].looked == 1


@pytest.mark.once
def test_the_command_says_what_it_put_right(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    till.sandbox.set_delivery_mode("lost")
    gateway().cancel_subscription(till.subscriptions()[0]["id"])
    result = till.app.test_cli_runner().invoke(args=["billing", "reconcile"])
    assert result.exit_code == 0, result.output
    assert "status: active → canceled" in result.output
    assert runs("compare")[-1].ended_at is not None


def test_an_event_of_the_other_mode_is_left_alone_and_told(till: Till) -> None:
    import json

    from tests.membership.test_webhooks import event, send, signed

    body = json.dumps(event(livemode=True))
    assert send(till.app, body, signed(body)).status_code == 200
    assert queries_health.left_alone(gateway().mode, clock.now() - health.LATELY) == [(ANOTHER_MODE, 1)]
    assert named(health.checks_here())["Events of the other mode"].wrong


def test_an_event_kept_in_test_mode_is_not_dealt_with_in_live_mode(till: Till) -> None:
    _, browser = till.reader()
    till.pay(till.press(browser))
    till.sandbox.deliver_all(till.post_webhook)
    waiting = db.session().scalars(select(StripeEvent.id).where(StripeEvent.state == "waiting")).first()
    assert waiting is not None
    standing = gateway().mode
    gateway().mode = "live"
    try:
        process_event(waiting)
    finally:
        gateway().mode = standing
    assert db.session().scalar(select(StripeEvent.state).where(StripeEvent.id == waiting)) == "waiting"


def test_a_mismatch_of_api_versions_is_told(till: Till) -> None:
    import json

    from tests.membership.test_webhooks import event, send, signed

    body = json.dumps(event(api_version="2022-11-15"))
    send(till.app, body, signed(body))
    check = named(health.checks_here())["Events of other API versions"]
    assert (check.value, check.wrong) == ("2022-11-15", True)


def test_the_account_is_checked_and_what_was_found_is_kept(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    found = named(health.check_and_keep())
    assert not [name for name, check in found.items() if check.wrong]
    assert {"Webhook endpoint", "Its API version", "Its events", "Its mode", "Prices", "Portal settings", "Clocks differ by"} <= found.keys()
    kept = health.kept_checks()
    assert kept is not None
    assert named(kept[1]) == found


@pytest.mark.once
def test_a_second_endpoint_missing_events_and_another_price_are_told(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    v1 = gateway().client.v1
    here = f"http://localhost{health.WEBHOOK_PATH}"
    v1.webhook_endpoints.create({"url": here, "enabled_events": ["invoice.paid"]})
    price = next(name for key, name in stripe_prices().items() if key == "vip-month")
    v1.prices.update(price, {"active": False})
    found = health.checks_at_stripe()
    assert named(found)["Webhook endpoint"].wrong
    lacking = [check.value for check in found if check.name == "Its events" and check.wrong]
    assert lacking == ["without " + ", ".join(sorted(WANTED - {"invoice.paid"}))]
    assert named(found)["Prices"].value == "vip-month is not for sale at Stripe"


def stripe_prices() -> dict[str, str]:
    from blueprints.membership.queries_catalogue import stripe_ids

    return stripe_ids(gateway().mode, "price")


def test_a_portal_that_ends_memberships_at_once_is_told(till: Till) -> None:
    v1 = gateway().client.v1
    v1.billing_portal.configurations.create({"features": {
        "subscription_cancel": {"enabled": True, "mode": "immediately"}, "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": True},
    }})  # fmt: skip
    found = named(health.checks_at_stripe())
    assert found["Portal settings"].wrong
    assert "seeing invoices" in found["Portal settings"].value
    assert found["Cancelling in the portal"].wrong


def test_the_doctor_tells_advice_beside_what_is_wrong(till: Till) -> None:
    with transaction() as session:
        session.add(StripeEvent(id="evt_old", mode=gateway().mode, type="invoice.paid", created_at=clock.now(),
                                received_at=clock.now() - datetime.timedelta(hours=1), body=b"{}", state="waiting"))  # fmt: skip
    result = till.app.test_cli_runner().invoke(args=["billing", "doctor"])
    assert result.exit_code == 1
    assert "WRONG Oldest waiting event: evt_old, for 60 minutes" in result.output
    assert "Is a worker running?" in result.output


def test_an_event_takes_its_place_under_the_pinned_version(till: Till) -> None:
    assert gateway().client.v1.webhook_endpoints.list().data[0].api_version == API_VERSION


def test_old_rounds_are_forgotten(till: Till) -> None:
    _, browser = till.reader()
    till.join(browser)
    with transaction() as session:
        session.scalars(select(Subscription)).one().status = "past_due"
    compare_all()
    assert drift()
    clock.shift(jobs_health.RUNS_KEPT + clock.timedelta(days=1))
    jobs_health.forget_runs()
    assert runs("compare") == []
    assert drift() == {}
