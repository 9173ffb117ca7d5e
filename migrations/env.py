"""How Alembic reaches the application's database. SQLite changes tables by copying them (batch mode)."""

from typing import Any

from alembic import context
from flask import current_app

from core.db import Base

extension = current_app.extensions["migrate"]
database = extension.db


def include_object(item: Any, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Leave alone what no model describes, full-text tables and their shadows; and on SQLite indexes it cannot have."""
    if kind == "index" and item.dialect_options["postgresql"]["using"] == "gin":
        return bool(database.engine.dialect.name == "postgresql")
    return not (kind == "table" and name is not None and name.startswith("search_"))


def run() -> None:
    with database.engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=include_object,
            render_as_batch=True,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")


run()
