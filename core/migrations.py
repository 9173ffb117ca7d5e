"""Bringing the database to the newest shape, while other hosts read and write it.

On PostgreSQL one host migrates at a time, and no statement waits longer than LONGEST_WAIT for a table: whoever comes
after it would wait too. It gives up, lets the others through, and begins that migration again.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, current_app
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from core.config import ConfigError
from core.db import db, write_connection

ANALYSED_ROWS = 1_000  # of each index
LONGEST_WAIT = 2  # seconds for a lock on a table
TRIES = 30
PAUSE_SECONDS = 1.0
MIGRATING = 7_405_626  # the number of the lock that whoever migrates holds
LOCK_NOT_AVAILABLE = "55P03"
FOLDER = Path(__file__).resolve().parent.parent / "migrations"

log = structlog.get_logger("migrations")

def install(app: Flask) -> None:
    """Tell Flask-Migrate of this application. It brings Alembic along, which a start without migrations can spare."""
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(FOLDER), render_as_batch=True, compare_type=True)


def upgrade(revision: str = "head") -> None:
    """Run the migrations up to this one."""
    from flask_migrate import upgrade as run

    install(current_app._get_current_object())  # type: ignore[attr-defined]
    run(directory=str(FOLDER), revision=revision)


def newest_revision() -> str:
    """The number of the last migration file; their names begin with it."""
    return max(path.name for path in (FOLDER / "versions").glob("[0-9]*.py")).split("_")[0]


def current_revision() -> str | None:
    """The revision the database stands at, or None for an empty one."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def upgrade_if_needed() -> bool:
    """Run the migrations that are missing; costs one query when there are none. Returns whether any ran."""
    stands_at, newest = current_revision(), newest_revision()
    if stands_at == newest:
        return False
    if stands_at and stands_at > newest:
        raise ConfigError(
            f"The database is of a newer version: it stands at {stands_at}, and this version knows {newest}. "
            f"Start the newer version, or let it take its changes back first: `python3 app.py db downgrade {newest}`."
        )
    log.info("the database is brought to its newest shape", stands_at=stands_at or "nothing", newest=newest)
    for tried in range(1, TRIES + 1):
        try:
            with current_app.app_context():
                upgrade()
            break
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", "") != LOCK_NOT_AVAILABLE or tried == TRIES:
                raise
            log.warning("a table was in use, so its migration begins again", tried=tried)
            time.sleep(PAUSE_SECONDS)
    learn_about_tables()
    log.info("the database has its newest shape", newest=newest)
    return True


def add_index(name: str, table: str, columns: Sequence[Any], **options: Any) -> None:
    """In a migration: an index of a large table, made while others write to it. Nothing else belongs in that migration.

    Safe to begin again: one that was left half-made is removed first.
    """
    from alembic import op

    if op.get_bind().dialect.name != "postgresql":
        op.create_index(name, table, columns, **options)
        return
    with op.get_context().autocommit_block():
        op.execute(text("SET lock_timeout = 0"))  # it waits for everybody who writes, and keeps nobody waiting
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        op.execute(text(f"SET lock_timeout = '{LONGEST_WAIT}s'"))


def learn_about_tables() -> None:
    """Let SQLite look at samples of every table: it guesses badly about new indexes beside those it knows well.

    PostgreSQL does that by itself.
    """
    if db.engine.dialect.name == "sqlite":
        with write_connection() as connection:
            connection.execute(text(f"PRAGMA analysis_limit = {ANALYSED_ROWS}"))
            connection.execute(text("ANALYZE"))
