"""Bringing the database to the newest shape."""

from pathlib import Path

from flask import current_app
from flask_migrate import Migrate, upgrade
from sqlalchemy import inspect, text

from core.db import db, write_connection

ANALYSED_ROWS = 1_000  # of each index
FOLDER = Path(__file__).resolve().parent.parent / "migrations"

migrate = Migrate(directory=str(FOLDER), render_as_batch=True, compare_type=True)


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
    if current_revision() == newest_revision():
        return False
    with current_app.app_context():
        upgrade(directory=str(FOLDER))
    learn_about_tables()
    return True


def learn_about_tables() -> None:
    """Let SQLite look at samples of every table: it guesses badly about new indexes beside those it knows well.

    PostgreSQL does that by itself.
    """
    if db.engine.dialect.name == "sqlite":
        with write_connection() as connection:
            connection.execute(text(f"PRAGMA analysis_limit = {ANALYSED_ROWS}"))
            connection.execute(text("ANALYZE"))
