"""From the event loop to Flask: a bounded pool of threads that runs a WSGI application.

A request comes here when its body is complete, so a thread is never kept waiting by a slow browser; an answer that is
one piece leaves the thread at once, so neither is it by a slow reader. Only what is made piece by piece is sent from
the thread, at the reader's speed, within limits.
"""

import asyncio
import io
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

import structlog

from commands.server.bare import bare_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IN_MEMORY = 64 * 1024  # bytes of a body; more is put on disk
GATHERED = 2 * 1024 * 1024  # bytes of an answer that leave a thread at once; a longer one is sent at its reader's speed
MOST_LARGE_BODIES = 32  # at the same time, in one process
MOST_WAITING = 256  # requests in front of the threads of one process
REQUEST_SECONDS = 60.0  # from a complete request to an answer
SEND_SECONDS = 60.0  # for one piece of an answer that is made piece by piece
RETRY_SECONDS = 5

Scope = dict[str, Any]
Headers = list[tuple[bytes, bytes]]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]

log = structlog.get_logger("server")


class Busy(Exception):
    """More is asked for at this moment than can be answered in time."""


@dataclass(slots=True)
class Answer:
    """What the application said. `body` is all of it, unless it is sent piece by piece from the thread."""

    status: int
    headers: Headers
    body: bytes = b""
    is_sent: bool = False


@dataclass(slots=True)
class Job:
    """One request on its way through the threads."""

    environ: "WSGIEnvironment"
    send: Callable[[dict[str, Any]], None]
    is_gone: Callable[[], bool]
    done: "asyncio.Future[Answer]"
    given_up: bool = False
    status: int = 0
    headers: Headers = field(default_factory=list)


class Bridge:
    """Runs `app` in `threads` threads. Bodies longer than `most_bytes` are never read; the application refuses them.

    `finish` gets each whole answer with its request's environment, in the thread: to pack it, or to keep it.
    """

    def __init__(
        self, app: "WSGIApplication", threads: int, most_bytes: int,
        finish: Callable[["WSGIEnvironment", Answer], None] = lambda _environ, _answer: None,
    ) -> None:  # fmt: skip
        self._app = app
        self._most_bytes = most_bytes
        self._finish = finish
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._large = 0
        self.waiting = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"web-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. A browser that leaves in the middle of its body is not answered."""
        try:
            body = await self._body(scope, receive)
            if body is None:
                return
            with body.file:
                answer = await self._run(scope, body, send)
        except Busy:
            answer = _busy()
        if not answer.is_sent:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            await send({"type": "http.response.body", "body": answer.body})

    def stop(self) -> None:
        """Let the threads end after what they are doing."""
        for _ in self._threads:
            self._jobs.put(None)

    async def _run(self, scope: Scope, body: "Body", send: Send) -> Answer:
        if self.waiting >= MOST_WAITING:
            raise Busy
        connection = scope.get("extensions", {}).get("rejoinder.connection")
        job = Job(
            environ_of(scope, body),
            send=lambda message: asyncio.run_coroutine_threadsafe(send(message), self._loop).result(SEND_SECONDS),
            is_gone=lambda: connection is not None and bool(connection.transport.is_closing()),
            done=self._loop.create_future(),
        )
        self.waiting += 1
        self._jobs.put(job)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                return await job.done
        except TimeoutError:
            job.given_up = True
            if job.status:  # it has begun to answer, so nothing else can be said
                raise
            log.warning("a request took too long", path=scope["path"], method=scope["method"])
            raise Busy from None
        finally:
            self.waiting -= 1

    async def _body(self, scope: Scope, receive: Receive) -> "Body | None":
        declared, chunked = 0, False
        for name, value in scope["headers"]:
            if name == b"content-length":
                declared = int(value)
            elif name == b"transfer-encoding":
                chunked = True
        if declared > self._most_bytes:
            return Body(io.BytesIO(), declared)
        if not declared and not chunked:
            return Body(io.BytesIO(), 0)
        if is_large := chunked or declared > IN_MEMORY:
            if self._large >= MOST_LARGE_BODIES:
                raise Busy
            self._large += 1
        try:
            return await self._received(receive, is_large)
        finally:
            self._large -= is_large

    async def _received(self, receive: Receive, is_large: bool) -> "Body | None":
        file: Any = tempfile.SpooledTemporaryFile(IN_MEMORY) if is_large else io.BytesIO()  # noqa: SIM115 - by __call__
        length = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                file.close()
                return None
            file.write(message["body"])
            length += len(message["body"])
            if not message["more_body"] or length > self._most_bytes:
                file.seek(0)
                return Body(file, length)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.given_up:
                continue
            try:
                answer = self._answer(job)
                self._finish(job.environ, answer)
            except BaseException as error:
                log.exception("the application broke", path=job.environ["PATH_INFO"])
                self._tell(_fail, job.done, error)
            else:
                self._tell(_resolve, job.done, answer)

    def _tell(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            log.warning("an answer came after the end of the server")

    def _answer(self, job: Job) -> Answer:
        began: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], failure: Any = None) -> Callable[[bytes], None]:
            began[:] = [(status, headers)]
            return lambda _: None

        made = self._app(job.environ, cast("StartResponse", start_response))
        try:
            pieces = iter(made)
            first = next(pieces, b"")  # an application may begin to answer with its first piece only
            status, headers = began[0]
            code = int(status[:3])
            raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            if isinstance(made, (list, tuple)):
                return Answer(code, raw, first if len(made) == 1 else b"".join(made))
            length = next((int(value) for name, value in raw if name == b"content-length"), None)
            if (length is not None and length <= GATHERED) or job.environ["REQUEST_METHOD"] == "HEAD":
                return Answer(code, raw, b"".join([first, *pieces]))
            return self._stream(job, Answer(code, raw, is_sent=True), first, pieces)
        finally:
            close = getattr(made, "close", None)
            if close is not None:
                close()

    def _stream(self, job: Job, answer: Answer, first: bytes, pieces: Iterable[bytes]) -> Answer:
        """Send piece by piece, at the reader's speed; a reader who has gone ends it."""
        job.status = answer.status
        job.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        job.send({"type": "http.response.body", "body": first, "more_body": True})
        for piece in pieces:
            if job.is_gone() or job.given_up:
                return answer
            job.send({"type": "http.response.body", "body": piece, "more_body": True})
        job.send({"type": "http.response.body", "body": b""})
        return answer


@dataclass(slots=True)
class Body:
    """A request's body, whole, and its length; or nothing and the length that was too much to read."""

    file: IO[bytes]
    length: int


def environ_of(scope: Scope, body: Body) -> "WSGIEnvironment":
    """A request as WSGI has it. Headers with an underscore are left out: they could pass for others."""
    server, client = scope["server"] or ("", 0), scope["client"] or ("", 0)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "RAW_URI": scope["raw_path"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body.file,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = _NAMES.get(name) or _name_of(name)
        if not key:
            continue
        text = value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text
    if body.length or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(body.length)
    return environ


_NAMES: dict[bytes, str] = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
_LEFT_OUT = {b"transfer-encoding", b"proxy", b"connection", b"keep-alive", b"expect"}


def _name_of(name: bytes) -> str:
    if b"_" in name or name in _LEFT_OUT:
        return ""
    key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    if len(_NAMES) < 200:
        _NAMES[name] = key
    return key


def _busy() -> Answer:
    text = b"This is more than can be answered at the moment. Please try again in a few seconds.\n"
    return Answer(
        503,
        [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text)),
         (b"retry-after", b"%d" % RETRY_SECONDS), (b"cache-control", b"no-store"), *bare_headers()],
        text,
    )  # fmt: skip


def _resolve(future: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: "asyncio.Future[Answer]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
