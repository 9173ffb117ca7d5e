"""Migrations go up, down and up again, and leave nothing for the models to miss; on both databases."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import create_engine, inspect, make_url, text

from app import create_app
from core.config import Settings
from core.db import db
from core.migrations import FOLDER, newest_revision
from tests.conftest import POSTGRESQL


@pytest.fixture
def empty_app(tmp_path: Path) -> Iterator[Flask]:
    url, admin, name = f"sqlite:///{tmp_path / 'm.sqlite3'}", None, f"rejoinder_migrations_{os.getpid()}"
    if POSTGRESQL:
        base = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
        admin = create_engine(base.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        url = base.set(database=name).render_as_string(hide_password=False)
    settings = Settings(_env_file=None, database_url=url, data_dir=tmp_path, secret_key="a-key-for-tests-only")  # type: ignore[call-arg]
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    if admin is not None:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


def test_migrations_go_up_down_and_up_again(empty_app: Flask) -> None:
    upgrade(directory=str(FOLDER))
    check(directory=str(FOLDER))
    first = set(inspect(db.engine).get_table_names())
    downgrade(directory=str(FOLDER), revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade(directory=str(FOLDER))
    assert set(inspect(db.engine).get_table_names()) == first
    check(directory=str(FOLDER))


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (FOLDER / "versions").glob("*.py"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert int(newest_revision()) == numbers[-1]


def test_the_ledger_refuses_change_and_removal(app: Flask) -> None:
    insert = text(
        "INSERT INTO moderation_action (id, action, from_state, to_state, reason, created_at, previous_hash, hash)"
        " VALUES (1, 'note', '', '', '', '2026-01-01 00:00:00', '', 'a')"
    )
    with db.engine.begin() as connection:
        connection.execute(insert)
    for statement in ("UPDATE moderation_action SET reason = 'x'", "DELETE FROM moderation_action"):
        with pytest.raises(Exception, match="append-only"), db.engine.begin() as connection:
            connection.execute(text(statement))
