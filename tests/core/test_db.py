"""One use case, one commit."""

import stat
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select

from core.db import after_commit, db, transaction
from models.site import Rule
from tests.factories import make_rule


def rules() -> int:
    return db.session().scalar(select(func.count()).select_from(Rule)) or 0


def test_what_fails_leaves_nothing_behind(app: Flask) -> None:
    calls: list[str] = []
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.add(Rule(key="a", title="A", text="A"))
        session.flush()
        after_commit("x", lambda: calls.append("x"))
        raise ZeroDivisionError
    assert rules() == 0
    assert calls == []


def test_after_commit_runs_once_and_only_then(app: Flask) -> None:
    calls: list[int] = []
    with transaction() as session:
        after_commit("x", lambda: calls.append(1))
        after_commit("x", lambda: calls.append(2))
        session.add(Rule(key="a", title="A", text="A"))
        assert calls == []
    assert calls == [2]
    assert rules() == 1


def test_a_transaction_inside_a_transaction_is_refused(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction(), transaction():
        pass


def test_a_rollback_inside_a_transaction_is_refused_and_nothing_of_it_stays(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="a rollback inside"), transaction() as session:
        session.add(Rule(key="a", title="A", text="A"))
        session.flush()
        session.rollback()
    assert rules() == 0
    with transaction() as session:
        session.add(Rule(key="b", title="B", text="B"))
    assert list(db.session().scalars(select(Rule.key))) == ["b"]


def test_a_change_made_outside_is_refused(app: Flask) -> None:
    row = make_rule()
    row.title = "changed outside"
    with pytest.raises(RuntimeError, match="outside"), transaction():
        pass
    db.session().rollback()


def test_a_sqlite_file_is_nobody_elses_to_read_when_it_is_new_and_when_it_was_open_to_all(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite3"
    files = [Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm")]

    def modes_while_open() -> list[int]:
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS a (b)")
            found = [stat.S_IMODE(file.stat().st_mode) for file in files if file.exists()]
        engine.dispose()
        return found

    assert modes_while_open() == [0o600] * 3
    path.chmod(0o644)
    assert modes_while_open() == [0o600] * 3
    path.chmod(0o640)  # a group that its owner let in
    assert modes_while_open()[0] == 0o640
