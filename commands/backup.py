"""Keeping the site in one file, and putting it back."""

from datetime import timedelta
from pathlib import Path

import click
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from core import backup as backups
from core import clock
from core.config import Settings
from jobs.heartbeat import worker_seen_at

ALIVE = timedelta(seconds=40)  # since a worker's last sign of life; the site may still run


@click.command("backup")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="The folder, else BACKUP_DIR.")
@click.option("--keep", type=click.IntRange(min=1), help="Afterwards remove all but the newest so many.")
def backup(folder: Path | None, keep: int | None) -> None:
    """Write the whole site into one file, while it runs. The file is read once more before it gets its name."""
    settings: Settings = current_app.config["SETTINGS"]
    try:
        folder = folder or settings.backup_dir or settings.data_dir / "backups"
        made = backups.make(settings, folder, lambda words: click.echo(f"… {words}", err=True))
    except backups.CannotBackUp as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{made.path} ({made.bytes / 1e6:,.1f} MB)")
    for path in backups.keep(folder, keep) if keep else []:
        click.echo(f"removed {path.name}")


@click.command("restore")
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Also where there is a site already, which is lost then.")
@click.option("--check", "only_check", is_flag=True, help="Only read the archive and say whether it is whole.")
def restore(archive: Path, *, replace: bool, only_check: bool) -> None:
    """Put a backup in the place of the database and the pictures. The site must not run meanwhile."""
    settings: Settings = current_app.config["SETTINGS"]

    def say(words: str) -> None:
        click.echo(f"… {words}", err=True)

    try:
        if not only_check and is_running():
            raise click.ClickException(
                f"The site seems to run: a worker was there within {int(ALIVE.total_seconds())} seconds. Stop it first."
            )
        if only_check:
            manifest = backups.check(archive, say)
        else:
            manifest = backups.restore(settings, archive, replace=replace, say=say)
    except backups.CannotBackUp as error:
        raise click.ClickException(str(error)) from None
    rows = sum(manifest.tables.values())
    pictures = sum(name.startswith(f"{backups.PICTURES}/") for name in manifest.files)
    done = "is whole" if only_check else "is in its place"
    click.echo(
        f"The site of {manifest.made_at[:19]} UTC {done}: {rows:,} rows in {len(manifest.tables)} tables, "
        f"{pictures} pictures."
    )


def is_running() -> bool:
    """Whether a worker gave a sign of life a moment ago."""
    try:
        seen_at = worker_seen_at()
    except SQLAlchemyError:
        return False  # nothing is there yet
    return seen_at is not None and clock.now() - seen_at < ALIVE
