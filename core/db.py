"""The database: one base class, one session, one way to write.

Reads run in an ordinary transaction that the end of the request closes. Every change happens inside
`with transaction():` at the edge (route, job, command), which commits once. On SQLite that is BEGIN IMMEDIATE, so two
writers queue instead of failing half-way; on PostgreSQL services lock the rows they decide on, always in the order
thread, comment, user, so that two of them cannot wait for each other.
"""

import os
import select
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Any

import structlog
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Connection, DateTime, Dialect, MetaData, event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry, Pool, PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

from core.metrics import SLOW_QUERIES
from core.turns import turns

BUSY_TIMEOUT_MS = 10_000
CHECKPOINT_PAGES = 8_000  # of 4 kB; SQLite's 1,000 are some forty comments, and whoever posts the last of them waits
READ_ONLY = "25006"  # PostgreSQL's name for a write where only reading is possible
SLOW_QUERY_SECONDS = 0.5

log = structlog.get_logger("database")

# A host that vanishes without a word (its cable, its power) is noticed by both sides after about eleven seconds; until
# then PostgreSQL holds the locks of what was under way there, and its threads wait for an answer.
VANISHED = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 11_000}
CONNECT_SECONDS = 5

# Our questions take a few milliseconds at most. Where PostgreSQL guesses that one is costly, it would first spend a
# hundred times as long on compiling it, at every asking.
PLANNING = {"jit": "off"}

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC moment; a naive one is refused rather than guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    registry = registry(
        metadata=MetaData(naming_convention=NAMING), type_annotation_map={datetime: UTCDateTime()}
    )


committed: list[Callable[[], None]] = []  # called after every use case of this process; must be quick, and not raise

_writing: ContextVar[bool] = ContextVar("writing", default=False)

_creating = Lock()


def keep_private(path: str | Path) -> None:
    """Make a SQLite file that nobody else on this machine can read, or shut out everybody from one that is there.

    The files beside it take its mode from SQLite (`-wal`, `-shm`), but not afterwards. A group that was let in stays
    so. A file that is there is never opened here: closing it would end the locks that SQLite has on it.
    """
    with _creating, suppress(OSError):  # what cannot be made or is not ours is SQLite's to complain of
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            if stat.S_IMODE(os.stat(f"{path}{suffix}").st_mode) & stat.S_IRWXO:
                os.chmod(f"{path}{suffix}", 0o600)


def connect_arguments(url: str) -> dict[str, Any]:
    """What the driver of this database is told for each connection."""
    if not url.startswith("postgresql"):
        return {}
    there = {name if name.startswith("tcp") else f"tcp_{name}": value for name, value in VANISHED.items()}
    options = " ".join(f"-c {name}={value}" for name, value in (there | PLANNING).items())
    return {"connect_timeout": CONNECT_SECONDS, "options": options, **VANISHED}


@event.listens_for(Engine, "do_connect")
def _keep_private(dialect: Dialect, _record: ConnectionPoolEntry, values: list[Any], _options: dict[str, Any]) -> None:
    if dialect.name == "sqlite" and values and not str(values[0]).startswith((":memory:", "file:")):
        keep_private(values[0])


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # this module says when a transaction begins, not the driver
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        "cache_size = -16000",
        "mmap_size = 268435456",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Pool, "checkout")
def _see_whether_it_is_there(connection: Any, _record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Leave all waiting connections where one was ended by PostgreSQL meanwhile, so that no request meets its restart.

    A server that ends a connection says so on it; where nothing was asked, nothing else is ever said. Looking costs no
    question, only a call of the system.
    """
    if isinstance(connection, sqlite3.Connection):
        return
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    if line.poll(0):
        raise InvalidatePoolError


def note_time(statement: str, seconds: float) -> None:
    """Log a statement that took long, without its values."""
    if seconds > SLOW_QUERY_SECONDS:
        SLOW_QUERIES.inc()
        log.warning("slow query", seconds=round(seconds, 3), statement=" ".join(statement.split())[:500])


@event.listens_for(Engine, "before_cursor_execute")
def _begin_time(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
    if context is not None:
        context.began = perf_counter()


@event.listens_for(Engine, "after_cursor_execute")
def _end_time(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
    if context is not None:
        note_time(statement, perf_counter() - context.began)


@event.listens_for(Engine, "handle_error")
def _leave_out_rows(context: ExceptionContext) -> None:
    leave_out_rows(context.original_exception)
    if context.sqlalchemy_exception:
        leave_out_rows(context.sqlalchemy_exception)


@event.listens_for(Engine, "handle_error")
def _leave_what_may_only_read(context: ExceptionContext) -> None:
    if may_only_read(context.original_exception):
        context.is_disconnect = True  # with it go all that wait, which were opened like it


def may_only_read(failure: BaseException) -> bool:
    """Whether PostgreSQL refused to write because this connection was opened for reading.

    It stays so when the database may be written again, so it is not used any more.
    """
    return getattr(failure, "sqlstate", None) == READ_ONLY


def leave_out_rows(failure: BaseException) -> None:
    """Keep the first line of a database's message, so that no log repeats what people typed.

    PostgreSQL's further lines quote the row that was refused. SQLite's messages have one line.
    """
    failure.args = (str(failure.args[0]).partition("\n")[0], *failure.args[1:]) if failure.args else ()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    fairy = connection.connection
    if _writing.get():
        _begin_to_write(connection.engine, fairy)
    else:
        fairy.cursor().execute("BEGIN")  # cannot fail


def _begin_to_write(engine: Engine, fairy: PoolProxiedConnection) -> None:
    """Wait for the turn to write to SQLite's file and begin; changes nothing where this connection has begun."""
    driver = fairy.driver_connection
    if engine.dialect.name != "sqlite" or (driver is not None and driver.in_transaction):
        return
    turns.take(engine.url.database)
    try:
        fairy.cursor().execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:  # whoever takes no turn has the file
        raise as_sqlalchemy("BEGIN IMMEDIATE", error, engine.dialect) from error


def as_sqlalchemy(statement: str, error: Exception, dialect: Dialect) -> BaseException:
    """The driver's failure as SQLAlchemy would have raised it, without any values."""
    leave_out_rows(error)
    failure: BaseException = DBAPIError.instance(
        statement, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
    )
    return failure


class Writing:
    """The connection of one use case, in a transaction that begins with its first statement.

    What is prepared runs on the driver's connection at once. What goes through the session sees the same connection as
    SQLAlchemy's own, which is made only then: most comments are written without it.
    """

    def __init__(self, engine: Engine, session: Session) -> None:
        self.engine = engine
        self.session = session
        self._fairy: PoolProxiedConnection | None = None
        self._known: Connection | None = None

    def connection(self) -> PoolProxiedConnection:
        """The driver's connection, with the transaction begun."""
        if self._fairy is None:
            fairy = self.engine.raw_connection()
            try:
                _begin_to_write(self.engine, fairy)
            except BaseException:
                fairy.close()
                raise
            self._fairy = fairy
        return self._fairy

    def known(self) -> Connection:
        """The same connection, for the session."""
        if self._known is None:
            self._known = Connection(self.engine, connection=self.connection())
            self._known.begin()
        return self._known

    def commit(self) -> None:
        """Keep what was done. Raises SQLAlchemy's error where the database refuses."""
        if self._known is not None:
            self._known.commit()
        elif self._fairy is not None:
            try:
                self._fairy.commit()
            except self.engine.dialect.loaded_dbapi.Error as error:
                raise as_sqlalchemy("COMMIT", error, self.engine.dialect) from error

    def rollback(self) -> None:
        """Undo what was done, as far as the database is still there."""
        if self._known is not None:
            self._known.rollback()
        elif self._fairy is not None and self._fairy.is_valid:
            try:
                self._fairy.rollback()
            except self.engine.dialect.loaded_dbapi.Error as error:
                self._fairy.invalidate(error)

    def close(self) -> None:
        """Give the connection back."""
        if self._known is not None:
            self._known.close()
        elif self._fairy is not None:
            self._fairy.close()


_open: ContextVar[Writing | None] = ContextVar("open", default=None)


class OneSession(FlaskSession):
    """The session, which inside `transaction()` works on that transaction's connection."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **more: Any) -> Engine | Connection:
        writing = _open.get()
        if writing is not None and writing.session is self:
            return writing.known()
        return super().get_bind(mapper, clause, bind, **more)

    def rollback(self) -> None:
        """End a read. Raises RuntimeError inside `transaction()`, of which this would undo what came before it and let
        what comes after it stand: an error that leaves it undoes all."""
        writing = _open.get()
        if writing is not None and writing.session is self:
            raise RuntimeError("a rollback inside transaction(): raise an error, and all of it is undone")
        super().rollback()


db: SQLAlchemy = SQLAlchemy(
    model_class=Base, session_options={"expire_on_commit": False, "autoflush": False, "class_": OneSession}
)


def refuse_leftovers(session: Session) -> None:
    """Raise RuntimeError when something was changed outside a transaction and would be lost, or saved by the next."""
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("a change made outside transaction()")


@contextmanager
def transaction() -> Iterator[Session]:
    """One use case, one commit. Rows must be loaded inside; a read begun before is ended first.

    On SQLite the first statement waits for the turn to write: what needs no statement is best done before it. Raises
    RuntimeError when nested, or when something was changed outside.
    """
    if _writing.get():
        raise RuntimeError("a transaction inside a transaction: one use case, one commit")
    session = db.session()
    refuse_leftovers(session)
    session.rollback()  # ends the read and expires what it loaded
    writing = Writing(db.engine, session)
    token, opened = _writing.set(True), _open.set(writing)
    try:
        yield session
        if session.in_transaction() or session.new or session.dirty or session.deleted:
            session.commit()
        writing.commit()
    except BaseException:
        Session.rollback(session)  # past what refuses it to everybody else
        writing.rollback()
        session.info.pop("after_commit", None)
        raise
    finally:
        _open.reset(opened)
        _writing.reset(token)
        writing.close()
        turns.give_back()
    for call in (*session.info.pop("after_commit", {}).values(), *committed):
        call()


@contextmanager
def write_connection() -> Iterator[Connection]:
    """A short write of its own beside the session's transaction, for counters that must outlive a refusal."""
    token = _writing.set(True)
    try:
        with db.engine.begin() as connection:
            yield connection
    finally:
        _writing.reset(token)
        turns.give_back()


def open_writing() -> Writing | None:
    """The `transaction()` that is open in this context, if any."""
    return _open.get()


def dialect_name() -> str:
    """Which kind of database this is: sqlite or postgresql."""
    return db.engine.dialect.name


def after_commit(key: str, call: Callable[[], None]) -> None:
    """Run `call` once after the current transaction has committed; never if it does not. Same key, one call."""
    db.session().info.setdefault("after_commit", {})[key] = call


def is_writing() -> bool:
    """Whether a `transaction()` is open in this context: no outside call may be made then."""
    return _writing.get()
