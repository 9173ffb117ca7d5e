"""Databases for tests on PostgreSQL, and what the first worker of a run makes for all: the others take copies of it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url

POSTGRESQL = os.environ.get("TEST_DATABASE_URL", "")
IN_A_WORKER = "PYTEST_XDIST_WORKER" in os.environ
MIGRATED, DEMO = "migrated", "demo"  # what is made once


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills for all workers of this run. Who fails leaves it to the next."""
    base = factory.getbasetemp().parent if IN_A_WORKER else factory.getbasetemp()
    folder, part = base / name, base / f"{name}.part"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part.mkdir(exist_ok=True)
            make(part)
            part.rename(folder)
    return folder


def database_name(of: str) -> str:
    """The name of this run's database of that use. The process that began a run is the same to all of its workers."""
    return f"{make_url(POSTGRESQL).database}_{os.getppid() if IN_A_WORKER else os.getpid()}_{of}"


def create_database(name: str, like: str = "template1") -> URL:
    """A new database on PostgreSQL, empty or as another one that nobody uses just now."""
    drop_database(name)
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    # Nobody needs it tomorrow, and for a dozen rows it is not worth milliseconds in what order tables are joined.
    for setting in ("synchronous_commit = off", "join_collapse_limit = 4"):
        _administer(f'ALTER DATABASE "{name}" SET {setting}')
    return _server().set(database=name)


def drop_database(name: str) -> None:
    """Remove it, whoever is connected."""
    _administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _server() -> URL:
    return make_url(POSTGRESQL).set(drivername="postgresql+psycopg")


def _administer(statement: str) -> None:
    engine = create_engine(_server().set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
