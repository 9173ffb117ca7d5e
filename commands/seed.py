"""`flask seed demo` and `flask seed load`."""

import click
from flask.cli import AppGroup

from core.migrations import upgrade_if_needed

seed = AppGroup("seed", help="Fill the database: with the demo, or with a large thread to measure.")


@seed.command("demo")
def demo_command() -> None:
    """Fill an empty database with the demo paper."""
    from commands.demo import seed_demo

    upgrade_if_needed()
    seed_demo()
    click.echo("The demo is there.")


@seed.command("load")
@click.option("--comments", type=click.IntRange(0), required=True, help="How many comments the thread shall have.")
@click.option("--readers", type=click.IntRange(1), default=200, show_default=True, help="How many members write them.")
@click.option("--roots-only", is_flag=True, help="Nobody answers anybody: as many pages as there can be.")
def load_command(comments: int, readers: int, roots_only: bool) -> None:
    """Make the article load-N with a thread of N comments, and readers reader1@example.test … (password benchpass1)."""
    from commands.load import SHARE_OF_ROOTS, seed_load

    upgrade_if_needed()
    seed_load(comments, readers, share_of_roots=1.0 if roots_only else SHARE_OF_ROOTS)
