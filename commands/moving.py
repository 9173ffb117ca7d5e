"""The whole site out of here in one archive, and into a fresh install."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from blueprints.publisher.site_archive import CannotMove, Manifest
from blueprints.publisher.site_export import Note, export_site
from blueprints.publisher.site_import import check_archive, import_site, why_not_here
from commands.backup import ALIVE, is_running
from core.db import db
from core.migrations import upgrade_if_needed

FILE = click.Path(dir_okay=False, path_type=Path)
TOLD = {
    "article": "articles", "user": "people", "thread": "discussions", "comment": "comments", "revision": "texts",
    "respect": "respects", "report": "reports", "moderation_action": "entries of the ledger",
    "membership": "memberships", "entitlement": "entitlements", "payment": "payments",
}  # fmt: skip


@click.command("export")
@click.argument("file", type=FILE)
@click.option("--with-passwords", is_flag=True, help="Also the hashes of passwords: people go on signing in with them.")
@click.option("--replace", is_flag=True, help="In the place of a file that is there.")
def export(file: Path, *, with_passwords: bool, replace: bool) -> None:
    """Write the whole site into FILE, a ZIP of JSON lines and pictures, while the site runs.

    Unlike a backup it goes from one kind of database to the other, and can be read by other programs: docs/export.md
    says how. Sessions, second factors and other secrets are never in it.
    """
    if file.exists() and not replace:
        raise click.ClickException(f"{file} is there already: say --replace to write over it.")
    try:
        with _progress("Writing") as note:
            manifest = export_site(file, passwords=with_passwords, note=note)
    except CannotMove as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file} ({file.stat().st_size / 1e6:,.1f} MB): {manifest.site}.")
    _tell(manifest)
    if manifest.missing_pictures:
        click.echo(f"{len(manifest.missing_pictures)} pictures are not on this machine and not in the archive.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only read it all, and say what it would make here.")
@click.option("--accept-broken-ledger", is_flag=True, help="Also if its chain of decisions was altered.")
def import_(file: Path, *, only_check: bool, accept_broken_ledger: bool) -> None:
    """Take the site in FILE into a fresh install: all of it, or nothing. Nobody is written to.

    The archive brings its people and their roles: take in only what you or somebody you trust has made.
    """
    try:
        if not only_check:
            if (why := why_not_here()) is not None:
                raise CannotMove(why)
            if is_running():
                raise CannotMove(
                    f"The site seems to run: a worker was there within {int(ALIVE.total_seconds())} seconds. "
                    "Stop it first."
                )
            db.session.remove()
            upgrade_if_needed()
        db.session.rollback()
        with _progress("Reading") as note:
            manifest = check_archive(file, note)
        if only_check:
            click.echo(f"{file.name} is whole: {manifest.site}, as it was {manifest.made_at[:19]} UTC. It would make")
            _tell(manifest)
            click.echo(why_not_here() or "This is a fresh install, which can take it in.")
            return
        with _progress("Writing") as note:
            taken = import_site(file, accept_broken_ledger=accept_broken_ledger, note=note)
    except CannotMove as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{manifest.site} is here, as it was {manifest.made_at[:19]} UTC.")
    _tell(manifest)
    click.echo(f"{taken.publishers} of the people are publishers.")
    if taken.ledger_problem:
        click.echo(f"The ledger is broken, as it was in the archive: {taken.ledger_problem}")
    else:
        click.echo(f"The ledger's {taken.ledger_entries:,} entries are sound.")
    if taken.drifts:
        click.echo(f"{taken.drifts:,} counters were wrong in the archive, and are right now.")
    else:
        click.echo("Every counter agrees with what was counted anew.")
    if not manifest.passwords:
        click.echo("No passwords came along: everybody sets a new one by “Forgotten your password?”.")
    click.echo("The search learns its words from the first worker that runs.")


def _tell(manifest: Manifest) -> None:
    for name, words in TOLD.items():
        if name in manifest.nouns:
            click.echo(f"{manifest.nouns[name].rows:>12,} {words}")
    click.echo(f"{manifest.pictures:>12,} pictures; {manifest.rows:,} rows in all")


@contextmanager
def _progress(label: str) -> Iterator[Note]:
    bar: Any = None

    def note(done: int, rows: int) -> None:
        nonlocal bar
        if bar is None:
            bar = click.progressbar(length=max(rows, 1), label=label).__enter__()
        bar.update(done - bar.pos)

    try:
        yield note
    finally:
        if bar is not None:
            bar.render_finish()
