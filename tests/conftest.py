"""A real application on a real database for every test: SQLite, or PostgreSQL where TEST_DATABASE_URL says so.

The run on PostgreSQL leaves out what would say the same again: every test that no fixture leads to `database_url`,
outside the folders and files of `OWN_DATABASES`. These make databases of their own on the server that POSTGRESQL names,
and nobody else knows that name (tests/house/test_both_databases.py holds it), so that a test which is left out cannot
have reached PostgreSQL. What reads or writes rows is in both runs, but for what the marker `once` says; of tests that
invent their examples it tries fewer.
"""

import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright, expect, sync_playwright
from sqlalchemy import event, make_url
from sqlalchemy.engine import Engine

from app import create_app
from blueprints.insights.sights import sights_of
from core.config import Settings
from core.db import Base, db
from core.migrations import upgrade_if_needed
from tests.browser import Browser
from tests.databases import (
    DEMO,
    IN_A_WORKER,
    MIGRATED,
    POSTGRESQL,
    create_database,
    database_name,
    drop_database,
    made_once,
)
from tests.passwords import cheap_passwords, restore

gc.disable()  # until all is imported and collected, which stays

# The shell without windows draws and runs what the whole browser does, for less than half of the processor's time.
CHROMIUMS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
PATIENCE_MS = 20_000
OWN_DATABASES = ("tests/demo/test_seeding.py", "tests/house/test_migrations.py", "tests/journeys/", "tests/server/")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other kind of database, and from the second run what says there the same again."""
    others = ("sqlite", "once") if POSTGRESQL else ("postgresql",)
    out = {
        item for item in items
        if any(item.get_closest_marker(name) for name in others) or (POSTGRESQL and not may_reach_a_database(item))
    }  # fmt: skip
    if out:
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]


def pytest_collection_finish() -> None:
    """Do not look again and again for rubbish among what was imported and collected: it takes a twentieth of the run."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    gc.enable()


def examples(number: int) -> int:
    """How many examples a test of orders and mixtures invents: what no database changes was looked for in the first run."""
    return max(6, number // 3) if POSTGRESQL else number


def some(of: range) -> range:
    """All of these; every fifth in the run on PostgreSQL, by the same rule, where there is nothing to invent."""
    return of[:: 5 if POSTGRESQL else 1]


def may_reach_a_database(item: pytest.Item) -> bool:
    """Whether anything leads this test to the database that the run is about."""
    return "database_url" in getattr(item, "fixturenames", ["database_url"]) or item.nodeid.startswith(OWN_DATABASES)


@event.listens_for(Engine, "connect")
def nothing_has_to_outlive_the_power(connection: object, _record: object) -> None:
    """Let SQLite not wait for the disk: else it does at the end of every test, when its file is closed."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def worker_name(request: pytest.FixtureRequest) -> str:
    """The xdist worker, so that parallel runs never share a database."""
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def database_url(worker_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of this worker's own."""
    with migrated_database(tmp_path_factory, worker_name) as url:
        if not POSTGRESQL:
            shutil.copy(_file(url), _file(url).with_suffix(".template"))
        yield url


@contextmanager
def migrated_database(factory: pytest.TempPathFactory, of: str) -> Iterator[str]:
    """A database for this use, of the shape that the migrations give it."""
    migrated = made_once(factory, MIGRATED, _migrate)
    if not POSTGRESQL:
        path = factory.mktemp("database") / "test.sqlite3"
        shutil.copy(migrated / path.name, path)
        yield f"sqlite:///{path}"
        return
    name = database_name(of)
    yield create_database(name, like=database_name(MIGRATED)).render_as_string(hide_password=False)
    drop_database(name)


def _migrate(folder: Path) -> None:
    url = f"sqlite:///{folder / 'test.sqlite3'}"
    if POSTGRESQL:
        url = create_database(database_name(MIGRATED)).render_as_string(hide_password=False)
    with _application(url, folder).app_context():
        upgrade_if_needed()
        db.engine.dispose()


def pytest_unconfigure() -> None:
    """What all workers had copies of goes when the last of them has ended."""
    gc.freeze()  # else pytest looks through everything five times over before it ends
    if POSTGRESQL and not IN_A_WORKER:
        for name in (MIGRATED, DEMO):
            drop_database(database_name(name))


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def migrated_app(database_url: str, data_dir: Path) -> Iterator[Flask]:
    """One application for the whole run."""
    app = _application(database_url, data_dir)
    app.testing = True
    yield app
    with app.app_context():
        db.engine.dispose()


def _application(database_url: str, data_dir: Path) -> Flask:
    return create_app(Settings(
        database_url=database_url, data_dir=data_dir, secret_key="a-key-for-tests-only",
        site_url="http://localhost", redis_url="", mail_url="", stripe_secret_key="", stripe_webhook_secrets="",
        stripe_api_base="", rejoinder_mode="demo", host="127.0.0.1", port=8000,
    ))  # fmt: skip


@pytest.fixture
def app(migrated_app: Flask, database_url: str, data_dir: Path) -> Iterator[Flask]:
    """The application on a database as fresh as after the migrations, inside its context."""
    _forget(migrated_app)
    with migrated_app.app_context(), cheap_passwords():
        yield migrated_app
        sights_of(migrated_app).forget()  # they would be written when the process ends, into a database that is gone
        db.session.remove()
        _empty(database_url)
    _without_sandbox(data_dir)


@pytest.fixture
def begin_anew(app: Flask, database_url: str, data_dir: Path) -> Callable[[], None]:
    """For tests of many examples: everything as fresh as at the start of a test, database and sandbox."""

    def begin() -> None:
        db.session.remove()
        _empty(database_url)
        _without_sandbox(data_dir)
        _forget(app)

    return begin


@pytest.fixture
def full_cost(app: Flask) -> None:
    """Passwords cost what they cost readers."""
    restore()


@pytest.fixture
def client(app: Flask) -> Browser:
    """A visitor's browser without scripts."""
    return Browser(app)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if _chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs Chromium at {CHROMIUMS[-1]}")
        pytest.skip("Chromium is not installed, so the journeys in a real browser are left out.")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Chromium]:
    arguments = [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
        "--renderer-process-limit=1",  # to begin a process for each person's pages takes as long as three pages
    ]  # fmt: skip
    browser = playwright.chromium.launch(executable_path=_chromium(), args=arguments)
    yield browser
    browser.close()


def _chromium() -> Path | None:
    return next((path for path in CHROMIUMS if path.exists()), None)


def _forget(app: Flask) -> None:
    for name in ("rejoinder_site", "rejoinder_screening", "rejoinder_screening_looked"):
        app.extensions.pop(name, None)


def _without_sandbox(data_dir: Path) -> None:
    for path in data_dir.glob("sandbox.sqlite3*"):
        path.unlink()


def _empty(database_url: str) -> None:
    if db.engine.dialect.name == "sqlite":
        db.engine.dispose()
        path = _file(database_url)
        for name in (f"{path}-wal", f"{path}-shm"):
            Path(name).unlink(missing_ok=True)
        shutil.copy(path.with_suffix(".template"), path)
        return
    # Emptying a hundred tables file by file (TRUNCATE) takes a hundred times as long as the rows that are there. Rows
    # come to lie in the order of their coming until a table is vacuumed, and afterwards again: it need not be each time.
    with db.engine.begin() as connection:
        pages = {name: size for name, size in connection.exec_driver_sql(_WRITTEN) if name in Base.metadata.tables}
        deletes = (f'DELETE FROM "{name}"' for name in pages)
        connection.exec_driver_sql("; ".join((_NO_GUARDS, *deletes, _AS_MIGRATED)))
    if grown := [f'"{name}"' for name, size in pages.items() if size > MOST_PAGES]:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM (PROCESS_TOAST OFF) {', '.join(grown)}")


MOST_PAGES = 6  # of emptied rows that a table may drag along
_WRITTEN = (
    "SELECT relname, pg_relation_size(oid) / 8192 FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"
)
_NO_GUARDS = "SET LOCAL session_replication_role = replica"  # of foreign keys, and of what is only ever added to
_AS_MIGRATED = "; ".join((
    "INSERT INTO ledger_head (id, action_id, hash) VALUES (1, 0, '')",
    "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE last_value IS NOT NULL",
))  # fmt: skip


def _file(url: str) -> Path:
    return Path(str(make_url(url).database))
