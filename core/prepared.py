"""Statements for what every page asks and every post writes, handed to the driver directly.

SQLAlchemy's ordinary way (cache key, context, result object) takes several times as long as a small indexed statement
itself. A `Prepared` is written with SQLAlchemy, compiled once for each kind of database, and run on the session's own
connection, so it sees and belongs to the same transaction. Where the session has not begun one and nothing is being
written, a question to SQLite goes straight to a connection of the pool: most pages then need no session at all.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, cast

from flask import g
from sqlalchemy import (
    BindParameter,
    Column,
    CompoundSelect,
    Connection,
    Dialect,
    Engine,
    Float,
    Insert,
    PoolProxiedConnection,
    Select,
    UpdateBase,
    bindparam,
    literal_column,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors
from sqlalchemy.sql.expression import TextClause

from core.db import Base, as_sqlalchemy, db, may_only_read, note_time, open_writing

Process = Callable[[Any], Any]
Preparable = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | UpdateBase | TextClause


_READING = "reading_connection"
_SOON: list["Prepared"] = []
FLOAT8 = 701  # PostgreSQL's number of the only kind of broken number that there is here; SQLAlchemy wants to know it


def read_on(connection: PoolProxiedConnection) -> None:
    """Let what is prepared run on this connection till the end of the context: for one that only reads, and at once."""
    setattr(g, _READING, connection)


def prepare_soon() -> None:
    """Compile what every process asks soon, in memory that they will share. Needs no connection."""
    for prepared in _SOON:
        prepared._plan(db.engine.dialect)


class Prepared:
    """A statement with named parameters; rows are named tuples of Python values, those of a text plain tuples.

    `soon` says that every process asks it again and again: it is compiled before there are any (`prepare_soon`).

    No parameter may be a list: such a statement is a different one for each length. What it writes is written past
    the session, which must not hold the same rows with changes of its own; defaults of columns are not filled in.
    """

    def __init__(self, statement: Preparable, *, soon: bool = False) -> None:
        self._statement = statement
        self._plans: dict[str, _Plan] = {}
        if soon:
            _SOON.append(self)

    def all(self, session: Session | None, **values: Any) -> Sequence[Any]:
        """Every row. The values are those of all parameters that the statement does not fix itself.

        Without a session it is the context's own, where one is needed.
        """
        rows: list[Any] = self._run(session, values)
        return rows

    def write(self, session: Session, **values: Any) -> int:
        """Run an INSERT, UPDATE or DELETE; returns how many rows it touched."""
        return int(self._run(session, values))

    def first(self, session: Session, **values: Any) -> Any:
        """The first row, or None. The statement should not find many."""
        rows = self.all(session, **values)
        return rows[0] if rows else None

    def scalar(self, session: Session, **values: Any) -> Any:
        """The first column of the first row, or None."""
        rows = self.all(session, **values)
        return rows[0][0] if rows else None

    def _run(self, session: Session | None, values: dict[str, Any]) -> Any:
        own: PoolProxiedConnection | None = g.get(_READING)
        if own is not None:
            return self._plan(db.engine.dialect).run(db.engine, own, values)
        if session is None:
            session = db.session()
        engine = db.engine
        writing = open_writing()
        if writing is not None:
            if session.in_nested_transaction():
                session.connection()  # which sets the savepoint: the session waits with it for its own first statement
            return self._plan(engine.dialect).run(engine, writing.connection(), values)
        plan = self._plan(engine.dialect)
        if plan.is_sqlite and not session.in_transaction():
            borrowed = engine.raw_connection()
            try:
                return plan.run(engine, borrowed, values)
            finally:
                borrowed.close()
        connection = session.connection()
        return plan.run(connection, connection.connection, values)

    def _plan(self, dialect: Dialect) -> "_Plan":
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plans[dialect.name] = _Plan(self._for(dialect), dialect)
        return plan

    def _for(self, _dialect: Dialect) -> Preparable:
        return self._statement


class PreparedInsert(Prepared):
    """The INSERT of one row of a model, its values given by the names of the columns.

    Left out may be what can be null, and what has a plain default in the model. Columns whose default is the
    database's own, and the key that it counts itself, are given only if they are named in `also`. `or_nothing` makes
    a row that breaks a unique constraint vanish instead of failing.
    """

    def __init__(self, model: type[Base], *, also: tuple[str, ...] = (), or_nothing: bool = False) -> None:
        self._table: Any = model.__table__
        self._also = also
        self._or_nothing = or_nothing
        self._plans = {}

    def _for(self, dialect: Dialect) -> Preparable:
        insert = pg_insert if dialect.name == "postgresql" else sqlite_insert
        values = {column.key: _value_of(column) for column in self._table.columns if self._takes(column)}
        statement = insert(self._table).values(values).inline()
        return statement.on_conflict_do_nothing() if self._or_nothing else statement

    def _takes(self, column: Column[Any]) -> bool:
        counted = column is self._table.autoincrement_column
        return column.key in self._also or not (counted or (column.server_default and column.default is None))


def _value_of(column: Column[Any]) -> Any:
    default: Any = column.default
    if default is not None and default.is_scalar:
        return bindparam(column.key, default.arg, type_=column.type)
    return bindparam(column.key, None, type_=column.type, required=not column.nullable)


def with_constants(statement: Preparable, dialect: Dialect) -> Preparable:
    """The statement with the words and numbers that it fixes itself written out, instead of as parameters.

    A planner uses an index on part of a table only where it sees that the condition is met. SQLite looks at the values
    of parameters for that, and then plans the statement anew each time it is run, which takes longer than running it.
    """
    if isinstance(statement, TextClause | Insert):
        return statement

    def written_out(element: Any, **_: Any) -> Any:
        if not isinstance(element, BindParameter) or element.required or element.expanding:
            return None
        if element.callable is not None or not isinstance(element.value, str | int):
            return None
        write = element.type.dialect_impl(dialect).literal_processor(dialect)
        if not write:
            return None
        text = write(element.value)
        if dialect.identifier_preparer._double_percents:
            text = text.replace("%%", "%")  # the column doubles them once more
        made: Any = literal_column(text, element.type)
        return made

    whole: Any = visitors.replacement_traverse(statement, {}, written_out)
    return cast(Preparable, whole)


class _Plan:
    """A statement as one kind of database takes it."""

    def __init__(self, statement: Preparable, dialect: Dialect) -> None:
        compiled: Any = with_constants(statement, dialect).compile(dialect=dialect)
        if compiled.post_compile_params:
            raise ValueError("a parameter that is a list cannot be prepared")
        self._dialect = dialect
        self.is_sqlite = dialect.name == "sqlite"
        answers = not isinstance(statement, UpdateBase) or bool(statement._returning)
        self._text = str(compiled)
        self._order: list[str] | None = compiled.positiontup
        self._fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        self._given: dict[str, Process] = {}
        for name, bind in compiled.binds.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if process:
                self._given[name] = process
                if name in self._fixed:
                    self._fixed[name] = process(self._fixed[name])
        self._row: Any = tuple
        self._results: list[tuple[int, Process]] = []
        if answers and not isinstance(statement, TextClause):
            columns = list(statement.exported_columns)
            make: Any = namedtuple  # its names are known only now
            self._row = make("Row", [str(column.key) for column in columns], rename=True)._make
            found = (
                column.type.dialect_impl(dialect).result_processor(
                    dialect, FLOAT8 if isinstance(column.type, Float) else None
                )
                for column in columns
            )
            self._results = [(index, process) for index, process in enumerate(found) if process]

    def run(self, listened: Connection | Engine, connection: PoolProxiedConnection, values: dict[str, Any]) -> Any:
        named = self._fixed | values
        for name in self._given.keys() & values.keys():
            named[name] = self._given[name](values[name])
        parameters: Any = [named[name] for name in self._order] if self._order is not None else named
        cursor = connection.cursor()
        try:
            for listener in listened.dispatch.before_cursor_execute:
                listener(listened, cursor, self._text, parameters, None, False)
            began = perf_counter()
            cursor.execute(self._text, parameters)
            note_time(self._text, perf_counter() - began)
            found: Any = cursor.fetchall() if cursor.description else None
            touched = cursor.rowcount
        except self._dialect.loaded_dbapi.Error as error:
            raise self._failure(listened, connection, cursor, parameters, error) from error
        finally:
            cursor.close()
        if found is None:
            return touched
        return [self._row(self._processed(row) if self._results else row) for row in found]

    def _failure(
        self, listened: Connection | Engine, connection: PoolProxiedConnection, cursor: Any, parameters: Any, error: Any
    ) -> BaseException:  # fmt: skip
        """The driver's failure as SQLAlchemy names it; one that is lost, or can only read, is not used again."""
        is_read_only = may_only_read(error)
        if is_read_only or self._dialect.is_disconnect(error, connection, cursor):
            connection.invalidate(error)
        if is_read_only:
            listened.engine.dispose()
        return as_sqlalchemy(self._text, error, self._dialect)

    def _processed(self, row: Sequence[Any]) -> list[Any]:
        cells = list(row)
        for index, process in self._results:
            cells[index] = process(cells[index])
        return cells
