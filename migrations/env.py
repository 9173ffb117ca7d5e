"""How Alembic reaches the application's database. SQLite changes tables by copying them (batch mode)."""

import time
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from core.db import Base
from core.migrations import LONGEST_WAIT, MIGRATING, PAUSE_SECONDS

extension = current_app.extensions["migrate"]
database = extension.db


def include_object(item: Any, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Leave alone what no model describes, full-text tables and their shadows; and on SQLite indexes it cannot have."""
    if kind == "index" and item.dialect_options["postgresql"]["using"] == "gin":
        return bool(database.engine.dialect.name == "postgresql")
    return not (kind == "table" and name is not None and name.startswith("search_"))


def run() -> None:
    with database.engine.connect() as connection:
        try:
            _run(connection)
        except BaseException:
            connection.invalidate()  # what it holds and was told goes with it
            raise


def _run(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.commit()
    else:  # a second host that starts meanwhile waits here, and then finds nothing to do
        while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({MIGRATING})").scalar():
            connection.rollback()  # an index that is made beside others' work waits for every open transaction
            time.sleep(PAUSE_SECONDS)
        connection.exec_driver_sql(f"SET lock_timeout = '{LONGEST_WAIT}s'")
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=include_object,
        render_as_batch=True,
        compare_type=True,
        transaction_per_migration=True,  # no table stays locked while others are changed
    )
    with context.begin_transaction():
        context.run_migrations()
    if sqlite:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({MIGRATING})")
        connection.exec_driver_sql("RESET lock_timeout")
        connection.commit()


run()
