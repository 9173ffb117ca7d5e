"""Migrations go up, down and up again, and leave nothing for the models to miss; on both databases."""

import ast
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect, text

import core.migrations
from app import create_app
from core.config import ConfigError, Settings
from core.db import db
from core.migrations import FOLDER, add_index, install, newest_revision, upgrade_if_needed
from core.sealing import unseal
from tests.databases import POSTGRESQL, create_database, database_name, drop_database

# Their rows grow with readers and comments: nobody may wait while one of these is rewritten, searched or indexed.
LARGE = {
    "comment", "comment_words", "revision", "respect", "mention", "report", "finding", "user", "notice", "notice_cause",
    "thread_visit", "live_event", "moderation_action", "mail", "job",
}  # fmt: skip
FIRST_WATCHED = 39  # what came before was made before anybody had a large table
WAITING = {"create_index", "batch_alter_table", "alter_column", "create_unique_constraint"}
CHECKING = {"create_foreign_key", "create_check_constraint"}
REWRITING = re.compile(rf'\b(UPDATE|DELETE FROM|ALTER TABLE)\s+"?({"|".join(LARGE)})\b', re.I)


def holds_up(source: str) -> list[str]:
    """What in a migration keeps readers of a large table waiting on PostgreSQL."""
    found, up = [], next(node for node in ast.parse(source).body if getattr(node, "name", "") == "upgrade")
    for node in ast.walk(up):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (match := REWRITING.search(node.value)):
            found.append(match[0])
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        named = {each.value for each in node.args[:2] if isinstance(each, ast.Constant)}
        not_valid = any(each.arg == "postgresql_not_valid" for each in node.keywords)
        if named & LARGE and (node.func.attr in WAITING or (node.func.attr in CHECKING and not not_valid)):
            found.append(node.func.attr)
    return found


@pytest.fixture
def empty_app(tmp_path: Path) -> Iterator[Flask]:
    url, name = f"sqlite:///{tmp_path / 'm.sqlite3'}", database_name("migrations") if POSTGRESQL else ""
    if name:
        url = create_database(name).render_as_string(hide_password=False)
    settings = Settings(database_url=url, data_dir=tmp_path, secret_key="a-key-for-tests-only")
    app = create_app(settings)
    install(app)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
    if name:
        drop_database(name)


def test_migrations_go_up_down_and_up_again(empty_app: Flask) -> None:
    upgrade(directory=str(FOLDER))
    check(directory=str(FOLDER))
    first = set(inspect(db.engine).get_table_names())
    downgrade(directory=str(FOLDER), revision="base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    upgrade(directory=str(FOLDER))
    assert set(inspect(db.engine).get_table_names()) == first
    check(directory=str(FOLDER))


def test_the_secrets_of_services_are_sealed_and_opened_again(empty_app: Flask) -> None:
    upgrade(directory=str(FOLDER), revision="0038")
    add = text(
        "INSERT INTO screening_service (id, name, url, secret, severity, time_limit_ms, active, answered, failed,"
        " failed_in_a_row, last_failure, created_at) VALUES (:id, :name, 'https://x.test', :secret, 'hold', 2000,"
        " :yes, 0, 0, 0, '', '2026-01-01 00:00:00')"
    )
    kept = text("SELECT secret FROM screening_service ORDER BY id")
    with db.engine.begin() as connection:
        for number, secret in enumerate(("a readable secret", "another"), 1):
            connection.execute(add, {"id": number, "name": f"No. {number}", "secret": secret, "yes": True})
    upgrade(directory=str(FOLDER), revision="0039")
    with db.engine.begin() as connection:
        sealed = list(connection.execute(kept).scalars())
        assert [unseal(each, "screening service") for each in sealed] == ["a readable secret", "another"]
        connection.execute(text("UPDATE screening_service SET secret = 'g1.lost' WHERE id = 2"))
    downgrade(directory=str(FOLDER), revision="0038")
    with db.engine.connect() as connection:
        first, second = connection.execute(kept).scalars()
    assert first == "a readable secret"
    assert len(second) == 43, "what cannot be read is made anew"


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (FOLDER / "versions").glob("*.py"))
    assert numbers == list(range(1, len(numbers) + 1))
    assert int(newest_revision()) == numbers[-1]


def test_no_migration_keeps_readers_of_a_large_table_waiting() -> None:
    versions = [path for path in (FOLDER / "versions").glob("*.py") if int(path.name[:4]) >= FIRST_WATCHED]
    assert {path.name: found for path in versions if (found := holds_up(path.read_text()))} == {}
    assert holds_up("def upgrade():\n    op.create_index('ix', 'comment', ['id'])\n    op.execute('UPDATE \"user\" SET a = 1')")
    assert not holds_up("def upgrade():\n    add_index('ix', 'comment', ['id'])\n    op.create_index('ix', 'plan', ['id'])")


def test_a_database_of_a_newer_version_is_refused_in_a_sentence(app: Flask) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(ConfigError, match=f"of a newer version.*db downgrade {newest_revision()}"):
            upgrade_if_needed()
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :of"), {"of": newest_revision()})


@pytest.mark.postgresql
def test_an_index_is_made_while_others_write(app: Flask) -> None:
    def make() -> None:
        with app.app_context(), db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
            with Operations.context(context), context.begin_transaction(_per_migration=True):
                add_index("ix_heartbeat_tested", "heartbeat", ["seen_at"])

    insert = text("INSERT INTO heartbeat (name, seen_at) VALUES (:name, now())")
    making = threading.Thread(target=make)
    try:
        with db.engine.connect() as writer:
            writer.execute(insert, {"name": "before"})
            making.start()
            making.join(0.5)
            assert making.is_alive(), "it waits for who wrote before"
            with db.engine.begin() as other:
                other.execute(text("SET LOCAL lock_timeout = '2s'"))
                other.execute(insert, {"name": "meanwhile"})  # and nobody waits for it
            writer.commit()
        making.join(20)
        assert "ix_heartbeat_tested" in {index["name"] for index in inspect(db.engine).get_indexes("heartbeat")}
    finally:
        with db.engine.begin() as connection:
            connection.execute(text("DROP INDEX IF EXISTS ix_heartbeat_tested"))


@pytest.mark.postgresql
def test_a_migration_that_finds_a_table_in_use_lets_others_through_and_begins_again(
    empty_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.migrations, "LONGEST_WAIT", 0.2)
    monkeypatch.setattr(core.migrations, "PAUSE_SECONDS", 0.1)
    upgrade(directory=str(FOLDER))
    downgrade(directory=str(FOLDER), revision="0037")

    def migrate() -> None:
        with empty_app.app_context():
            upgrade_if_needed()

    host = threading.Thread(target=migrate)
    with db.engine.connect() as reader, db.engine.connect() as another_host:
        reader.execute(text("SELECT count(*) FROM subscription"))  # and stays in its transaction
        another_host.execute(text(f"SELECT pg_advisory_lock({core.migrations.MIGRATING})"))
        host.start()
        host.join(0.3)
        assert core.migrations.current_revision() == "0037", "it waits for the other host"
        another_host.execute(text(f"SELECT pg_advisory_unlock({core.migrations.MIGRATING})"))
        host.join(0.5)
        with db.engine.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            other.execute(text("SELECT count(*) FROM subscription"))  # does not wait behind the migration
    host.join(20)
    assert core.migrations.current_revision() == newest_revision()


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
