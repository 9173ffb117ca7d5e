"""Commands of fair process: taking back what somebody did, and checking a case that was taken home."""

import sys
from datetime import UTC, datetime

import click

from blueprints.moderation import casefile, queries_ledger, reversing
from blueprints.moderation.cli import moderation_cli
from blueprints.moderation.words import DONE
from core.db import db, transaction
from core.errors import DomainError


@moderation_cli.command("revert")
@click.option("--by", "by", required=True, help="Whose acts: their e-mail address.")
@click.option("--since", required=True, type=click.DateTime(), help="Since when, in UTC: 2026-11-25T10:00:00.")
@click.option("--as", "asked_by", required=True, help="In whose name: a publisher's e-mail address.")
@click.option("--yes", is_flag=True, help="Do it. Without this, only what would be taken back is counted.")
def revert(by: str, since: datetime, asked_by: str, yes: bool) -> None:
    """Count, and with --yes take back, what one person did since a moment. If interrupted, a worker goes on."""
    actor_id, publisher_id = _person(by), _person(asked_by)
    moment = since.replace(tzinfo=UTC)
    would = reversing.dry_run(db.session(), actor_id, moment)
    for kind in would.back:
        click.echo(f"{kind.number:>8,} × {DONE.get(kind.action, kind.action)}")
    click.echo(f"{would.count:>8,} would be taken back; {would.past:,} are past; "
               f"{sum(kind.number for kind in would.by_hand):,} are put right by hand.")  # fmt: skip
    if not yes:
        return
    try:
        with transaction() as session:
            reversal_id = reversing.reverse(
                session, actor_id=actor_id, since=moment, asked_by=publisher_id, count=would.count
            )
    except DomainError as refused:
        raise click.ClickException(refused.sentence) from None
    done = 0
    more = True
    while more:
        with transaction() as session:
            more = reversing.step(session, reversal_id)
        done += more
        if done % 100 == 0:
            click.echo(f"… {done:,}", err=True)
    click.echo(f"Done: {done:,} looked at. See /publisher/ledger/reversals/{reversal_id}.")


@moderation_cli.command("verify-case")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def verify_case(file: str) -> None:
    """Check the file of a case that a person took home: the same check as theirs, without a database."""
    sys.exit(casefile.main([file]))


def _person(email: str) -> int:
    found = queries_ledger.person_by_email(db.session(), email)
    if found is None:
        raise click.ClickException(f"Nobody has the address {email}.")
    return found
