"""What a kept page is checked by, asked of the database in one statement that is compiled once.

The check stands in front of every page a visitor sees, so it goes to the driver directly: compiling, types and
result rows of the ordinary way cost three times as much as the statement itself.
"""

from collections.abc import Callable, Hashable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Dialect, Engine, PoolProxiedConnection

from blueprints.articles.queries import (
    PICKS_FRESH,
    article_stamp,
    decode_after,
    front_listing,
    section_listing,
    sections_in_order,
)
from blueprints.articles.quotations import quotes_stamp
from core.db import UTCDateTime
from core.prepared import Preparable, with_constants

Stamp = tuple[Any, ...]
Rows = list[tuple[Any, ...]]
COMPILED_KEPT = 32
_SECTION = {paged: partial(section_listing, paged=paged) for paged in (False, True)}


@lru_cache(COMPILED_KEPT)
def _compiled(make: Callable[..., Preparable], given: tuple[Hashable, ...], dialect: Dialect) -> Any:
    """The statement that is made of these values. Processes find what was compiled before there were any of them."""
    return with_constants(make(*given), dialect).compile(dialect=dialect)


class Prepared:
    """A statement compiled for one engine; run with the values of its named parameters, it returns plain tuples.

    It borrows a connection of the pool each time, or runs on the one that it is given.
    """

    def __init__(
        self, make: Callable[..., Preparable], given: tuple[Hashable, ...], engine: Engine,
        own: PoolProxiedConnection | None = None,
    ) -> None:  # fmt: skip
        compiled = _compiled(make, given, engine.dialect)
        self._engine = engine
        self._own = own
        self._text = str(compiled)
        self._order: list[str] | None = getattr(compiled, "positiontup", None)
        self._fixed = dict(compiled.params)
        as_stored: Callable[[datetime], Any] | None = UTCDateTime().dialect_impl(engine.dialect).bind_processor(
            engine.dialect
        )
        self._moment = as_stored or (lambda moment: moment)

    def __call__(self, **values: Any) -> Rows:
        given = {**self._fixed, **values}
        for name, value in values.items():
            if isinstance(value, datetime):
                given[name] = self._moment(value)
        parameters: Any = [given[name] for name in self._order] if self._order else given
        if self._own is not None:
            return _rows(self._own, self._text, parameters)
        connection = self._engine.raw_connection()
        try:
            return _rows(connection, self._text, parameters)
        finally:
            connection.close()


def _rows(connection: PoolProxiedConnection, text: str, parameters: Any) -> Rows:
    cursor = connection.cursor()
    cursor.execute(text, parameters)
    rows: Rows = list(cursor.fetchall())
    cursor.close()
    return rows


class Stamps:
    """For each kind of page, everything that decides how it looks to a visitor now.

    `own` is a connection that nobody else uses and that is in no transaction between two questions.
    """

    def __init__(self, engine: Engine, own: PoolProxiedConnection | None = None) -> None:
        self._engine = engine
        self._own = own
        self._article = Prepared(article_stamp, (), engine, own)
        self._quotes = Prepared(quotes_stamp, (), engine, own)
        self._section = {paged: Prepared(_SECTION[paged], (), engine, own) for paged in (False, True)}
        self._sections = Prepared(sections_in_order, (), engine, own)
        self._front: tuple[int | None, Prepared | None] = (None, None)

    def article(self, slug: str, moment: datetime) -> Stamp | None:
        """For an article's page; None when nothing that everybody may see has this slug."""
        rows = self._article(article=slug, moment=moment)
        if not _is_whole(rows):
            return None
        *_, quote_count, _version = rows[0]
        return (*rows[0], *self._quotes(article=slug, moment=moment)) if quote_count else rows[0]

    def section(self, slug: str, after: str, moment: datetime) -> Stamp | None:
        """For a page of a section; None for an empty or wrong one."""
        values: dict[str, Any] = {"section": slug, "moment": moment, "since": moment - PICKS_FRESH}
        if after:
            place = decode_after(after)
            if place is None:
                return None
            values |= {"after_at": place[0], "after_id": place[1]}
        rows = self._section[bool(after)](**values)
        return tuple(rows) if _is_whole(rows) else None

    def front(self, moment: datetime) -> Stamp | None:
        """For the front page; None while nothing is published."""
        version, listing = self._front
        rows = listing(moment=moment) if listing else []
        if not rows or rows[0][-1] != version:
            # The sections are part of the statement, and they may have changed with the site.
            sections = tuple(row[0] for row in self._sections())
            listing = Prepared(front_listing, (sections,), self._engine, self._own)
            rows = listing(moment=moment)
            self._front = (rows[0][-1] if rows else None, listing)
        return tuple(rows) if _is_whole(rows) else None


def _is_whole(rows: Rows) -> bool:
    """Whether there are rows and the site they belong to has been set up: each row ends with its version."""
    return bool(rows) and rows[0][-1] is not None
