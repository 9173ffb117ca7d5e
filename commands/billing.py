"""Looking after payments: compare with Stripe, deal with events again, find what is set up wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from blueprints.membership import health, jobs_health, queries_customers, queries_events, queries_health, sync
from blueprints.membership.drift import Difference, Drift
from blueprints.membership.gateway import GatewayError, gateway
from commands.live_check import LiveCheck, NotAsExpected
from core import clock
from core.db import transaction
from jobs import worker
from jobs.queue import enqueue

SHOWN = 20

billing = AppGroup("billing", help="Payments, and what Stripe says of them.")


@billing.command("reconcile")
def reconcile() -> None:
    """Bring every running membership to what Stripe says now. May be interrupted and run again."""
    stripe = gateway()
    with _plainly():
        jobs_health.catch_up()
    with transaction():
        run_id = queries_health.begin_run(stripe.mode, "compare", clock.now()).id
    looked = failed = last = 0
    different: list[Difference] = []
    while batch := queries_customers.customers_after(stripe.mode, last, jobs_health.BATCH):
        for customer in batch:
            failed += not _compare(customer.stripe_id, run_id, different)
            looked += 1
            click.echo(f"\r{_customers(looked)} compared", nl=False)
        last = batch[-1].id
    elsewhere, after = 0, None
    while True:
        with _plainly():
            customers, after = jobs_health.drifting_customers(stripe, after)
        for stripe_id in customers:
            failed += not _compare(stripe_id, run_id, different)
            elsewhere += 1
        if after is None:
            break
    with transaction():
        run = queries_health.lock_run(run_id)
        if run is not None:
            run.listed_at = run.ended_at = clock.now()
            run.asked, run.looked = looked + elsewhere, looked + elsewhere - failed
            run.error = f"{_customers(failed)} could not be compared" if failed else None
    click.echo(f"\r{_customers(looked)} compared, {elsewhere} running at Stripe only, {failed} failed.")
    for each in different:
        click.echo(f"put right: {each}")
    if failed:
        raise SystemExit(1)


def _customers(number: int) -> str:
    return f"{number} {'customer' if number == 1 else 'customers'}"


@billing.command("replay")
@click.argument("event_ids", nargs=-1)
def replay(event_ids: tuple[str, ...]) -> None:
    """Deal again with these events; without any, with all that wait or failed."""
    mode = gateway().mode
    wanted = event_ids or tuple(row.id for row in queries_events.unfinished_events(mode))
    asked = 0
    with transaction():
        for event_id in wanted:
            row = queries_events.event_by_id(event_id)
            if row is None or not row.body:
                click.echo(f"{event_id}: not kept any more" if row else f"{event_id}: unknown")
                continue
            row.state, row.error = "waiting", None
            enqueue("stripe.event", key=f"stripe.event:{event_id}", event_id=event_id)
            asked += 1
    worker.run_all()
    left = queries_events.unfinished_events(mode)
    for event in left[:SHOWN]:
        click.echo(f"{event.id} {event.type}: {event.error or 'waiting'}")
    click.echo(f"{asked} dealt with again, {len(left)} left.")
    if left:
        raise SystemExit(1)


@billing.command("doctor")
def doctor() -> None:
    """Say what is set up, and what is wrong. Ends with status 1 when something is."""
    found = [*health.checks_here(), *health.checks_at_stripe()]
    for check in found:
        word = "     " if check.good is None else "WRONG" if check.wrong else "ok   "
        click.echo(f"{word} {check.name}: {check.value}")
        if check.wrong and check.advice:
            click.echo(f"      {check.advice}")
    if any(check.wrong for check in found):
        raise SystemExit(1)


@billing.command("live-check")
def live_check() -> None:
    """Live through a membership at Stripe with the test key that is set, and remove it afterwards."""
    stripe = gateway()
    if stripe.mode != "test":
        why = "this would move real money" if stripe.mode == "live" else "there is none, so the stand-in is in use"
        raise click.ClickException(f"STRIPE_SECRET_KEY must be a test key: {why}.")
    try:
        with _plainly():
            done = LiveCheck(stripe, click.echo).run()
    except NotAsExpected as problem:
        raise click.ClickException(f"Stripe answered otherwise than expected: {problem}") from None
    click.echo(f"{done} flows went as they should.")


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn a silent Stripe into one line."""
    try:
        yield
    except GatewayError as error:
        raise click.ClickException(f"Stripe does not answer: {error}") from None


def _compare(customer: str, run_id: int, different: list[Difference]) -> bool:
    drift = Drift(run_id)
    try:
        sync.sync_customer(customer, "reconcile", drift=drift)
    except (GatewayError, sync.Busy) as error:
        click.echo(f"\n{customer}: {error}", err=True)
        return False
    different += drift.found
    return True
