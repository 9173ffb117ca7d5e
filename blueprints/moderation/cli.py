"""Commands about decisions."""

import sys

import click
from flask.cli import AppGroup

from blueprints.moderation import ledger, queries_queues, records
from core.db import db, transaction

moderation_cli = AppGroup("moderation", help="The ledger of decisions.")


@moderation_cli.command("verify-ledger")
def verify_ledger() -> None:
    """Walk the whole chain of decisions; exit with 1 at the first that was altered or is missing."""
    verdict = ledger.verify(db.session(), lambda number: click.echo(f"… {number:,} decisions", err=True))
    verdict = verdict if verdict.problem else ledger.Verdict(verdict.sound, records.seal_problem(db.session()))
    if verdict.problem:
        click.echo(f"The ledger is not intact. {verdict.problem} Sound up to decision {verdict.sound:,}.", err=True)
        sys.exit(1)
    click.echo(f"The ledger is intact: {verdict.sound:,} decisions, ending with {ledger.end_of(db.session())}.")


@moderation_cli.command("check-queues")
@click.option("--repair", is_flag=True, help="Write what was counted.")
def check_queues(repair: bool) -> None:
    """Count every queue anew and say what differs from the kept numbers; exit with 1 where something does."""
    if repair:
        with transaction() as session:
            wrong = queries_queues.recount_backlog(session, repair=True)
    else:
        wrong = queries_queues.recount_backlog(db.session())
    for one in wrong:
        click.echo(f"thread {one.thread_id}: {one.queue} is {one.stored}, counted {one.counted}")
    click.echo("Every queue is counted right." if not wrong else "Put right." if repair else "Use --repair.")
    sys.exit(1 if wrong and not repair else 0)
