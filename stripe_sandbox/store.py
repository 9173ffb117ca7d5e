"""The sandbox's SQLite file: objects as JSON rows, in short transactions safe across processes."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .wire import Json

BUSY_SECONDS = 20.0
POOL_SIZE = 8
LAYOUT = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    customer TEXT,
    parent TEXT,
    created INTEGER NOT NULL,
    due_at INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, kind, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, kind, seq) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_by_due ON objects (due_at, seq) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'held', 'lost')),
    forged INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    lease_until REAL NOT NULL DEFAULT 0,
    last_status INTEGER,
    last_error TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at, id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS attempts (
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    at REAL NOT NULL,
    status INTEGER,
    error TEXT
);
CREATE INDEX IF NOT EXISTS attempts_by_delivery ON attempts (delivery_id);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done')),
    claimed_at REAL NOT NULL,
    created INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER,
    body TEXT
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Transaction:
    """One connection inside BEGIN … COMMIT. `now` is the sandbox's clock in whole seconds."""

    def __init__(self, connection: sqlite3.Connection, public_url: str) -> None:
        self.sql, self.public_url = connection, public_url
        self.emitted = False
        self.request: Json = {"id": None, "idempotency_key": None}
        self.now = int(time.time()) + int(self.setting("clock_offset", "0"))

    def setting(self, name: str, default: str) -> str:
        row = self.sql.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row["value"]) if row else default

    def set_setting(self, name: str, value: str) -> None:
        self.sql.execute(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def insert(
        self,
        kind: str,
        data: Json,
        *,
        customer: str | None = None,
        parent: str | None = None,
        due_at: int | None = None,
    ) -> Json:
        self.sql.execute(
            "INSERT INTO objects (id, kind, customer, parent, created, due_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (data["id"], kind, customer, parent, data.get("created", self.now), due_at, json.dumps(data)),
        )
        return data

    def save(self, data: Json) -> Json:
        self.sql.execute("UPDATE objects SET data = ? WHERE id = ?", (json.dumps(data), data["id"]))
        return data

    def set_due(self, identifier: str, due_at: int | None) -> None:
        self.sql.execute("UPDATE objects SET due_at = ? WHERE id = ?", (due_at, identifier))

    def set_customer(self, identifier: str, customer: str | None) -> None:
        self.sql.execute("UPDATE objects SET customer = ? WHERE id = ?", (customer, identifier))

    def mark_deleted(self, identifier: str) -> None:
        self.sql.execute("UPDATE objects SET deleted = 1, due_at = NULL WHERE id = ?", (identifier,))

    def find(self, kind: str | None, identifier: str, *, deleted: bool = False) -> Json | None:
        """The object of this id; of any kind when `kind` is None."""
        row = self.sql.execute("SELECT kind, deleted, data FROM objects WHERE id = ?", (identifier,)).fetchone()
        if row is None or (kind and row["kind"] != kind) or (row["deleted"] and not deleted):
            return None
        data: Json = json.loads(row["data"])
        if row["deleted"]:
            data["deleted"] = True
        return data

    def sequence(self, kind: str, identifier: str) -> int | None:
        row = self.sql.execute("SELECT seq FROM objects WHERE id = ? AND kind = ?", (identifier, kind)).fetchone()
        return int(row["seq"]) if row else None

    def select(
        self,
        kind: str,
        *,
        customer: str | None = None,
        parent: str | None = None,
        where: list[tuple[str, list[Any]]] | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Json]:
        """Newest first; `after` is older than that sequence number, `before` newer (nearest ones)."""
        clauses, values = ["kind = ?", "deleted = 0"], [kind]
        bound: list[Any] = list(values)
        for column, value in (("customer", customer), ("parent", parent)):
            if value is not None:
                clauses.append(f"{column} = ?")
                bound.append(value)
        for clause, parameters in where or []:
            clauses.append(clause)
            bound.extend(parameters)
        if after is not None:
            clauses.append("seq < ?")
            bound.append(after)
        if before is not None:
            clauses.append("seq > ?")
            bound.append(before)
        order = "ASC" if before is not None else "DESC"
        query = f"SELECT data FROM objects WHERE {' AND '.join(clauses)} ORDER BY seq {order}"  # noqa: S608
        if limit is not None:
            query += " LIMIT ?"
            bound.append(limit)
        return [json.loads(row["data"]) for row in self.sql.execute(query, bound)]

    def next_due(self, until: int) -> tuple[str, str, int] | None:
        """The earliest (kind, id, due_at) not later than `until`."""
        row = self.sql.execute(
            "SELECT kind, id, due_at FROM objects WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1", (until,)
        ).fetchone()
        return (row["kind"], row["id"], row["due_at"]) if row else None


class Store:
    """Connections to the file, one pool per process (connections must not cross a fork)."""

    def __init__(self, path: str | Path, public_url: str) -> None:
        self.path, self._public_url = Path(path), public_url
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._pool: list[sqlite3.Connection] = []
        self._owner = os.getpid()
        connection = self._open()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, LAYOUT):
                raise RuntimeError(f"{path} was written by another version of the sandbox: delete it to start afresh.")
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {LAYOUT}; COMMIT;")
        finally:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._owner != os.getpid():
                self._pool, self._owner = [], os.getpid()
            if self._pool:
                return self._pool.pop()
        return self._open()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if self._owner == os.getpid() and len(self._pool) < POOL_SIZE:
                self._pool.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            while self._pool:
                self._pool.pop().close()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        yield from self._run("BEGIN")

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Writers queue here, so nothing slow may happen inside."""
        yield from self._run("BEGIN IMMEDIATE")

    def _run(self, begin: str) -> Iterator[Transaction]:
        connection = self._take()
        try:
            connection.execute(begin)
            yield Transaction(connection, self._public_url)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._give_back(connection)
