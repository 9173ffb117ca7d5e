"""The live stream of threads: `/articles/<slug>/live` as server-sent events, in the event loop.

A process holds the readers of each thread. One question a moment asks which of the watched threads have changed; what
happened in them is read once, put into bytes once, and the same bytes are written to every reader. A stream carries
ids and counts only and is for everybody who may see the thread without an account, so it needs no session: readers
who may see more (a hidden thread's moderators) have the page. Nobody waits for anybody: who reads too slowly is let
go, comes back by itself and is told what it missed.
"""

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import field
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

import structlog
from flask import Flask

from blueprints.threads import live
from commands.server.bare import bare_headers, bare_lines
from commands.server.bridge import Headers, Scope, Send
from commands.server.connection import Connection
from commands.server.looks import Looks
from core import clock
from core import db as database
from core.ids import row_id
from core.records import dataclass
from jobs import heartbeat

POLL_SECONDS = 0.5  # between two looks at the database, for what other processes write
SHORTEST_PAUSE = 0.1  # between two rounds to the readers; more where there are many
PAUSE_FOR_A_READER = 0.00005
HEARTBEAT_SECONDS = 20.0
READERS_SECONDS = 10.0  # between two counts of who reads
FIRST_READERS_SECONDS = 2.0  # where somebody has not been told any number yet
REMEMBERED = 200  # events of a thread in memory, for readers who come back
AT_A_STRETCH = 100  # readers written to before others are let through
LET_THROUGH = 0.001  # seconds, in which other threads answer requests: merely letting go of the loop is not enough
RETRY_MS = (2_000, 6_000)  # a browser comes back after some time between these
RETRY_AFTER_SECONDS = 30
LOOK_UPS = 2  # threads that look up what a new stream is about
SENTENCES = {
    404: b"There is no discussion to follow at this address.\n",
    503: b"Too many readers follow discussions at the moment. Please try again soon.\n",
}

log = structlog.get_logger("live")


@dataclass(slots=True)
class Watch:
    """A thread that somebody reads here. `number` is the last event that its readers were told."""

    thread_id: int
    slug: str
    version: int
    number: int
    readers: dict[Connection, str] = field(default_factory=dict)  # with their addresses
    recent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    known_from: int = 0  # everything behind this number is in `recent`
    told_at: float = field(default_factory=monotonic)
    shown: int = 0  # readers, as they were told last

    def add(self, number: int, data: bytes) -> None:
        if len(self.recent) == REMEMBERED:
            self.known_from = self.recent[0][0]
        self.recent.append((number, data))
        self.number = number

    def behind(self, number: int) -> bytes:
        """What happened behind this number, which must not lie before `known_from`."""
        return b"".join(data for known, data in self.recent if known > number)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is no stream: 404 nothing to see, 204 nothing will come, 503 too many at this moment."""

    status: int


class Streams:
    """All live streams of one process."""

    def __init__(self, app: Flask, most: int, most_of_an_address: int, proxies: int) -> None:
        self._looks = Looks(app)
        self._most = most
        self._most_of_an_address = most_of_an_address
        self._proxies = proxies
        self._loop = asyncio.get_running_loop()
        self._watches: dict[str, Watch] = {}
        self._looking: dict[str, asyncio.Task[Watch | Refused]] = {}
        self._addresses: Counter[str] = Counter()
        self._database = ThreadPoolExecutor(1, "streams")
        self._look_ups = ThreadPoolExecutor(LOOK_UPS, "stream-look-up")
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.readers = 0
        self.is_closed = False
        self.says_it_lives = True  # by itself; where there is a worker as well, that one does
        self._round_at = monotonic()

    def start(self) -> None:
        """Begin to look for changes. A commit of this process wakes it at once."""
        self._task = self._loop.create_task(self._run())
        database.committed.append(self._wake)

    async def stop(self) -> None:
        """End every stream, so that its browser goes to another process; take back what was said of readers."""
        self.is_closed = True
        database.committed.remove(self._wake)
        for watch in list(self._watches.values()):
            await self._end(watch)
        if self._task is not None:
            self._task.cancel()
        if self._looks.said:
            await self._loop.run_in_executor(self._database, self._looks.say, {}, [])
        self._database.shutdown(wait=False)
        self._look_ups.shutdown(wait=False)

    async def __call__(self, scope: Scope, slug: str, send: Send) -> None:
        """Answer a request for a stream: with one, or with why there is none."""
        connection: Connection | None = scope.get("extensions", {}).get("rejoinder.connection")
        address = client_address(scope, self._proxies)
        found: Watch | Refused
        if connection is None:
            found = Refused(204)
        elif self.is_closed:  # the process ends: an end right after the beginning lets the browser come back by itself
            if connection.take_over(_head(), lambda: None):
                connection.hang_up()
            return
        elif self.readers >= self._most or self._addresses[address] >= self._most_of_an_address:
            found = Refused(503)
        else:
            found = self._watches.get(slug) or await self._look_up(slug)
        if isinstance(found, Refused) or connection is None:
            await _refuse(send, found.status if isinstance(found, Refused) else 204)
            return
        wanted = _wanted(scope)
        after = found.number if wanted is None else min(wanted, found.number)
        missed: list[dict[str, Any]] = []
        if after < found.known_from:
            missed = await self._loop.run_in_executor(self._look_ups, self._looks.missed, slug, after)
            after = max([found.known_from, *(event["n"] for event in missed)])
        self._join(found, connection, address, _encoded(missed), after)

    def _join(self, watch: Watch, connection: Connection, address: str, missed: bytes, after: int) -> None:
        """From here on nothing waits, so nothing can happen between what is missed and what will come."""
        watch = self._watches.get(watch.slug, watch)

        def gone() -> None:
            if watch.readers.pop(connection, None) is None:
                return
            self.readers -= 1
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]
            if not watch.readers and self._watches.get(watch.slug) is watch:
                del self._watches[watch.slug]

        if not connection.take_over(_head(), gone):
            return
        if self.is_closed or after < watch.known_from:  # the watch is another one by now: the browser asks again
            connection.hang_up()
            return
        self._watches[watch.slug] = watch
        watch.readers[connection] = address
        self.readers += 1
        self._addresses[address] += 1
        self._woken.set()
        connection.push(
            b"retry: %d\n" % random.randint(*RETRY_MS)  # noqa: S311 - only spreads them
            + _readers(max(watch.shown, len(watch.readers)))
            + missed
            + watch.behind(after)
        )

    # what the database says

    async def _look_up(self, slug: str) -> Watch | Refused:
        """The watch of a thread that nobody reads here yet; many who come at once share one look."""
        task = self._looking.get(slug)
        if task is None:
            task = self._looking[slug] = self._loop.create_task(self._look(slug))
            task.add_done_callback(lambda _: self._looking.pop(slug, None))
        return await asyncio.shield(task)

    async def _look(self, slug: str) -> Watch | Refused:
        facts = await self._loop.run_in_executor(self._look_ups, self._looks.facts, slug)
        if facts is None:
            return Refused(404)
        if not live.is_live(facts, clock.now()):
            return Refused(204)
        return Watch(facts.thread_id, facts.slug, facts.version, facts.version, known_from=facts.version)

    def _wake(self) -> None:
        if self._watches:
            self._loop.call_soon_threadsafe(self._woken.set)

    async def _run(self) -> None:
        counted_at, lived_at = monotonic(), float("-inf")
        while True:
            try:
                self._round_at = monotonic()
                if self.says_it_lives and self._round_at - lived_at >= heartbeat.EVERY_SECONDS:
                    lived_at = self._round_at
                    await self._loop.run_in_executor(self._database, self._looks.say_alive)
                await self._pause()
                await self._look_round()
                is_told = all(watch.shown for watch in self._watches.values())
                if monotonic() - counted_at >= (READERS_SECONDS if is_told else FIRST_READERS_SECONDS):
                    counted_at = monotonic()
                    await self._count()
                await self._beat()
            except Exception as error:  # a database that is away for a while only makes readers wait
                log.warning("the live stream met an error and goes on", error=repr(error))
                await asyncio.sleep(1)

    async def _pause(self) -> None:
        """Until the next look is due: soon after a commit of our own; while nobody reads, only to say that we live."""
        await asyncio.sleep(SHORTEST_PAUSE + PAUSE_FOR_A_READER * self.readers)
        is_idle = not self._watches and not self._looks.said
        with suppress(TimeoutError):
            async with asyncio.timeout(heartbeat.EVERY_SECONDS if is_idle else POLL_SECONDS):
                await self._woken.wait()
        self._woken.clear()

    async def _look_round(self) -> None:
        watches = {watch.thread_id: watch for watch in self._watches.values()}
        if not watches:
            return
        asked = {thread_id: (watch.version, watch.number) for thread_id, watch in watches.items()}
        changed = await self._loop.run_in_executor(self._database, self._looks.changed, asked)
        for thread_id, (version, goes_on, events) in changed.items():
            watch = watches[thread_id]
            watch.version = version
            fresh = [(event["n"], _encoded([event])) for event in events if event["n"] > watch.number]
            for number, data in fresh:
                watch.add(number, data)
            if fresh:
                await self._tell(watch, b"".join(data for _, data in fresh))
            if not goes_on:
                await self._end(watch)
            elif len(events) == live.TOLD_AT_ONCE:
                self._woken.set()  # there is more

    # what readers are told

    async def _tell(self, watch: Watch, data: bytes) -> None:
        watch.told_at = monotonic()
        await _spread(list(watch.readers), lambda reader: reader.push(data))

    async def _end(self, watch: Watch) -> None:
        if self._watches.get(watch.slug) is watch:
            del self._watches[watch.slug]
        await _spread(list(watch.readers), lambda reader: reader.hang_up())

    async def _beat(self) -> None:
        """A sign of life where nothing happens, so that proxies and browsers hold the line."""
        now = monotonic()
        for watch in list(self._watches.values()):
            if now - watch.told_at >= HEARTBEAT_SECONDS:
                await self._tell(watch, b":\n\n")

    async def _count(self) -> None:
        readers = {watch.thread_id: len(watch.readers) for watch in self._watches.values()}
        if not readers and not self._looks.said:
            return
        sums = await self._loop.run_in_executor(self._database, self._looks.say, readers, sorted(readers))
        for watch in list(self._watches.values()):
            number = sums.get(watch.thread_id, 0)
            if number and number != watch.shown:
                watch.shown = number
                await self._tell(watch, _readers(number))

    def goes_on(self) -> bool:
        """Whether the rounds are made: none is further from the one before than two signs of life."""
        return monotonic() - self._round_at < 2 * heartbeat.EVERY_SECONDS


def client_address(scope: Scope, proxies: int) -> str:
    """Where a request comes from, as `ProxyFix` finds it: that many proxies in front are believed."""
    if proxies:
        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        parts = [part.strip() for part in ",".join(named).split(",")]
        if named and len(parts) >= proxies and parts[-proxies]:
            return parts[-proxies]
    return str(scope["client"][0]) if scope["client"] else ""


def _wanted(scope: Scope) -> int | None:
    """The number behind which a reader wants to hear, if they say one."""
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return _number(value.decode("latin-1"))
    return _number(parse_qs(scope["query_string"].decode("latin-1")).get("after", [""])[0])


def _number(text: str) -> int | None:
    try:
        return row_id(text)
    except ValueError:
        return None


def _encoded(events: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n"
        % (event["n"], event["kind"].encode(), json.dumps(event, separators=(",", ":")).encode())
        for event in events
    )


def _readers(number: int) -> bytes:
    return b'event: readers\ndata: {"readers":%d}\n\n' % number


async def _spread(readers: list[Connection], call: Callable[[Connection], None]) -> None:
    """Do something for every reader, and let other requests through in between."""
    for index, reader in enumerate(readers):
        if index % AT_A_STRETCH == AT_A_STRETCH - 1:
            await asyncio.sleep(LET_THROUGH)
        call(reader)


_HEADERS: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]
# Its end is the connection's end: no pieces need marking, so all readers get the same bytes.
def _head() -> bytes:
    lines = b"".join(b"%s: %s\r\n" % pair for pair in _HEADERS)
    return b"HTTP/1.1 200 OK\r\n" + lines + bare_lines() + b"connection: close\r\n\r\n"


async def _refuse(send: Send, status: int) -> None:
    headers: Headers = [(b"cache-control", b"no-store"), *bare_headers()]
    text = SENTENCES.get(status, b"")
    if status == 503:
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    if text:
        headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
