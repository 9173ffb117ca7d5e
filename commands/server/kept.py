"""What the event loop answers by itself: visitors' pages and static files, from memory.

A visitor's page is checked against the database each time, as everywhere (`blueprints/articles/visitor_cache.py`). On
SQLite that is some ten microseconds, asked right here on a connection that nobody else uses. PostgreSQL is asked in a
thread: requests for the same page that wait at the same time share one question that is put after all of them came.
"""

import asyncio
import sqlite3
from collections import Counter, OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask
from sqlalchemy import Engine, PoolProxiedConnection

from blueprints.articles.reader_pages import ReaderPages
from blueprints.articles.stamps import Stamp, Stamps
from blueprints.articles.visitor_cache import (
    PERSONAL_COOKIES,
    Page,
    Place,
    VisitorCache,
    is_known,
    place_at,
    stamp_of,
    takes_gzip,
)
from commands.server.bridge import Answer, Headers
from commands.server.packing import LEVEL, MOST_PADDING, gzipped
from core.db import db
from core.metrics import KEPT
from core.records import dataclass
from core.rendering import static_version

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

KEPT_FILES_BYTES = 32 * 1024 * 1024
LARGEST_FILE = 2 * 1024 * 1024
FILE_OVERHEAD = 2048
VISITOR = "visitor"  # as the metrics call their pages

_SOMEBODY = tuple(name.encode() for name in PERSONAL_COOKIES)
_STATUS = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}

log = structlog.get_logger("server")


class Head:
    """Status and headers of an answer, as a list and as they go over the line."""

    __slots__ = ("headers", "raw", "status")

    def __init__(self, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self.raw = _STATUS[status] + b"".join(b"%s: %s\r\n" % pair for pair in headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer from memory."""

    head: Head
    body: bytes

    def pieces(self) -> list[bytes]:
        """The answer as it goes over the line; what a connection adds comes after the first piece."""
        return [self.head.raw, b"\r\n", self.body]


@dataclass(frozen=True, slots=True)
class OwnReply:
    """An answer made for one reader."""

    raw: bytes
    body: bytes

    def pieces(self) -> list[bytes]:
        """As those of a `Reply`."""
        return [self.raw, b"\r\n", self.body]


@dataclass(frozen=True, slots=True)
class Asked:
    """What matters of a request's headers here."""

    packed: bool
    known: str
    is_head: bool


class Files:
    """Static files and pictures, each asked of Flask once: their addresses change with their content."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._files: OrderedDict[tuple[bytes, bool], tuple[Head, bytes, str]] = OrderedDict()
        self._size = 0

    def reply(self, target: bytes, asked: Asked) -> Reply | None:
        """The file at this address, if it is kept."""
        found = self._files.get((target, asked.packed))
        if found is None:
            return None
        head, body, tag = found
        if tag and tag in asked.known:
            return Reply(Head(304, [pair for pair in head.headers if pair[0] not in _OF_A_BODY]), b"")
        return Reply(head, b"" if asked.is_head else body)

    def finish(self, environ: "WSGIEnvironment", answer: Answer) -> None:
        """Keep an answer that may be kept for good."""
        size = len(answer.body) + FILE_OVERHEAD
        if environ["REQUEST_METHOD"] != "GET" or answer.status != 200 or answer.is_sent or size > LARGEST_FILE:
            return
        if not any(b"immutable" in value for _, value in answer.headers):
            return
        with self._app.app_context():
            if not _is_lasting(environ):
                return
        target = environ["RAW_URI"].encode("latin-1")
        packed = takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        tag = next((value for name, value in answer.headers if name == b"etag"), b"").decode("latin-1")
        headers = [pair for pair in answer.headers if pair[0] != b"date"]
        if (target, packed) not in self._files:
            self._size += size
        self._files[target, packed] = (Head(200, headers), answer.body, tag)
        while self._size > KEPT_FILES_BYTES:
            _, (_, body, _) = self._files.popitem(last=False)
            self._size -= len(body) + FILE_OVERHEAD


_OF_A_BODY = {b"content-length", b"content-encoding", b"content-type"}


class Pages:
    """Visitors' pages, found by the stamp that the database gives now."""

    def __init__(self, app: Flask) -> None:
        self._cache: VisitorCache = app.extensions["rejoinder_visitor_cache"]
        self._readers = ReaderPages(app)
        self._head_of_readers = Head(200, _as_sent(self._readers.headers)).raw
        with app.app_context():
            self._engine: Engine = db.engine
        self.is_at_once = self._engine.dialect.name == "sqlite"
        self._own: PoolProxiedConnection | None = None
        self._stamps: Stamps | None = None
        self._thread = ThreadPoolExecutor(1, "stamps")
        self._asked: dict[Place, asyncio.Future[Stamp | None]] = {}

    def find(self, place: Place) -> Page | None:
        """The kept page, if it still holds. For SQLite, whose answer is in memory; elsewhere it would block."""
        stamp = self._stamp(place)
        return self._cache.find(place, stamp) if stamp else None

    def of_reader(self, cookie: str, place: Place, *, packed: bool) -> OwnReply | None:
        """The page of somebody signed in, where it can be made at once."""
        try:
            page = self._readers.find(cookie, place, *self._asking())
        except Exception as error:  # as for a stamp
            self._begin_anew(error)
            return None
        if page is None:
            return None
        if not packed:
            return OwnReply(self._head_of_readers + b"content-length: %d\r\n" % len(page.body), page.body)
        if page.packed is None:
            page.packed = gzipped(page.body, LEVEL, MOST_PADDING)
            page.head = self._head_of_readers + (b"content-encoding: gzip\r\ncontent-length: %d\r\n" % len(page.packed))
        return OwnReply(page.head, page.packed)

    async def find_later(self, place: Place) -> Page | None:
        """The same without blocking. A question is shared with requests that come before it is put, and no others."""
        future = self._asked.get(place)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._asked[place] = loop.create_future()
            self._thread.submit(self._put, loop, place, future)
        stamp = await asyncio.shield(future)
        return self._cache.find(place, stamp) if stamp else None

    def reply(self, page: Page, asked: Asked) -> Reply | None:
        """The answer with this page; None where it must first be packed, which takes a thread."""
        known = is_known(page, asked.known)
        if asked.packed and page.packed is None and not known:
            return None
        self._cache.hits += 1
        head: Head | None = page.heads.get((asked.packed, known))
        if head is None:
            lines = self._cache.headers_of(page, packed=asked.packed, known=known)
            head = page.heads[asked.packed, known] = Head(304 if known else 200, _as_sent(lines))
        if known or asked.is_head:
            return Reply(head, b"")
        return Reply(head, (page.packed or b"") if asked.packed else page.body)

    def stop(self) -> None:
        """Ask nothing more."""
        self._thread.shutdown(wait=self.is_at_once, cancel_futures=True)
        if self.is_at_once and self._own is not None:
            self._own.close()

    def _put(self, loop: asyncio.AbstractEventLoop, place: Place, future: "asyncio.Future[Stamp | None]") -> None:
        self._asked.pop(place, None)  # whoever comes from here on asks anew: this question may be too old for them
        stamp = self._stamp(place)
        loop.call_soon_threadsafe(future.set_result, stamp)

    def _stamp(self, place: Place) -> Stamp | None:
        try:
            return stamp_of(place, self._asking()[1])
        except Exception as error:  # whatever the driver raises: Flask meets it too, and has an error page
            self._begin_anew(error)
            return None

    def _asking(self) -> tuple[PoolProxiedConnection, Stamps]:
        """The connection of this thread, and the statements on it."""
        if self._own is None or self._stamps is None:
            self._own = _own_connection(self._engine)
            self._stamps = Stamps(self._engine, self._own)
        return self._own, self._stamps

    def _begin_anew(self, error: Exception) -> None:
        log.warning("a kept page could not be checked", error=repr(error))
        if self._own is not None:
            self._own.close()
        self._own = self._stamps = None


class Kept:
    """Both, as a connection asks for them: at once, or not at all."""

    def __init__(self, app: Flask) -> None:
        self._session = f"{app.config['SESSION_COOKIE_NAME']}=".encode()
        self.files = Files(app)
        self.pages = Pages(app)
        self.counted: Counter[str] = Counter()

    def __call__(self, method: bytes, target: bytes, headers: Headers) -> list[bytes] | None:
        """The pieces of an answer, or None."""
        reply: Reply | OwnReply | None
        if target.startswith((b"/static/", b"/pictures/")):
            reply = self.files.reply(target, asked_by(method, headers))
        elif self.pages.is_at_once and (place := place_by(target, headers)):
            page = self.pages.find(place)
            reply = self.pages.reply(page, asked_by(method, headers)) if page else None
        elif self.pages.is_at_once and method == b"GET" and (reader := reader_by(target, headers, self._session)):
            reply = self.pages.of_reader(*reader, packed=asked_by(method, headers).packed)
        else:
            return None
        if reply is None:
            return None
        self.counted[_kind_of(target, reply)] += 1
        return reply.pieces()

    def count(self) -> None:
        """Add what was answered since the last time to the metrics: now and then, because an answer is short."""
        for kind, number in self.counted.items():
            KEPT.labels(kind).inc(number)
        self.counted.clear()


def _kind_of(target: bytes, reply: Reply | OwnReply) -> str:
    if isinstance(reply, OwnReply):
        return "reader"
    return "file" if target.startswith((b"/static/", b"/pictures/")) else VISITOR


def reader_by(target: bytes, headers: Headers, session: bytes) -> tuple[str, Place] | None:
    """The session's cookie and the place, where somebody with a session asks for an article; None for anything else."""
    if not target.startswith(b"/articles/"):
        return None
    path, _, query = target.partition(b"?")
    place = place_at(path.decode("latin-1"), query.decode("latin-1"))
    if place is None:
        return None
    sessions = []
    for name, value in headers:
        if name in _UNUSUAL:
            return None
        if name == b"cookie":
            sessions += [each[len(session) :] for each in value.split(b"; ") if each.startswith(session)]
    return (sessions[0].decode("latin-1"), place) if len(sessions) == 1 else None


def _as_sent(lines: list[tuple[str, str]]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]


def place_by(target: bytes, headers: Headers) -> Place | None:
    """The kept page that a GET or HEAD of this address asks for; None for somebody known or something unusual."""
    path, _, query = target.partition(b"?")
    place = place_at(path.decode("latin-1"), query.decode("latin-1"))
    if place is None:
        return None
    for name, value in headers:
        if name in _UNUSUAL or (name == b"cookie" and any(ours in value for ours in _SOMEBODY)):
            return None
    return place


_UNUSUAL = {b"x-requested-with", b"authorization"}


def asked_by(method: bytes, headers: Headers) -> Asked:
    """What matters of these headers."""
    packed, known = False, b""
    for name, value in headers:
        if name == b"accept-encoding":
            packed = takes_gzip(value.decode("latin-1"))
        elif name == b"if-none-match":
            known = value
    return Asked(packed, known.decode("latin-1"), method == b"HEAD")


def _is_lasting(environ: "WSGIEnvironment") -> bool:
    """Whether this address is the one of this content. With others strangers could fill the memory."""
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if "%" in environ["RAW_URI"]:
        return False  # another spelling of an address that has a plain one, and there are very many
    if path.startswith("/pictures/"):
        return not query
    name = path.removeprefix("/static/")
    if name.startswith("joined/"):
        return True  # it says that it is lasting with the right version only
    return name != path and (query == f"v={static_version(name)}" or (not query and name.endswith(".css")))


def _own_connection(engine: Engine) -> PoolProxiedConnection:
    """A connection out of the pool that begins no transactions, and on SQLite never waits for a lock."""
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    connection.detach()
    if isinstance(driver, sqlite3.Connection):
        driver.execute("PRAGMA busy_timeout = 0")
    else:
        driver.autocommit = True
    return connection
