"""One connection of a browser: uvicorn's, with limits that it leaves to a proxy, and two shorter ways out.

The parser is llhttp (httptools), which refuses what two readers could understand differently. Here stand the limits
on a request's head, on how slowly it may come, on how slowly an answer may be taken; what a page that is kept costs
is cut down by writing it without a task; and a live stream takes the connection over, so that it needs no task either.
"""

import socket
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from commands.server.bare import bare_lines

LONGEST_TARGET = 8190  # bytes of a request's address
LONGEST_HEAD = 32 * 1024  # bytes of all its headers
MOST_HEADERS = 100
HEAD_SECONDS = 15.0  # from a request's first byte to the end of its head
BODY_PAUSE_SECONDS = 20.0  # between two pieces of a body
BODY_GRACE_SECONDS = 30.0  # after which a body must have come at SLOWEST_BODY
SLOWEST_BODY = 1024  # bytes a second
STUCK_SECONDS = 30.0  # that a browser may take nothing of an answer
SWEEP_SECONDS = 2.0
SHARED_FROM = 16 * 1024  # bytes of a kept body
VANISHED_MS = 60_000  # that what was sent to a stream's reader may stay unconfirmed
MOST_BEHIND = 64 * 1024  # bytes of a stream that may wait for its reader

PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 414: b"URI Too Long", 431: b"Request Header Fields Too Large",
           501: b"Not Implemented", 503: b"Service Unavailable"}  # fmt: skip
SENTENCES = {400: b"The request could not be understood.\n", 414: b"This address is too long.\n",
             431: b"This request has more headers than we take.\n",
             501: b"A body in this form is not taken.\n",
             503: b"More browsers are connected than can be served. Please try again soon.\n"}  # fmt: skip


class Kept(Protocol):
    """What answers a request from memory, at once and without waiting for anything."""

    def __call__(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> list[bytes] | None:
        """The pieces of an answer, the date's line left out after the first; None where somebody else must answer."""


class Connection(HttpToolsProtocol):
    """A connection with limits. `kept` and `most` are set for a process before it listens, `ending` at its end."""

    kept: Kept | None = None
    most = 20_000
    ending = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.stream: Callable[[], None] | None = None  # what to call when the reader of a stream has gone
        self._refusal = 400
        self._head_since: float | None = monotonic()
        self._head_bytes = 0
        self._headers_seen = 0
        self._body_since: float | None = None
        self._body_last = 0.0
        self._body_bytes = 0
        self._stuck_since: float | None = None
        self._answered = False
        self._cycles: list[Any] = []  # of requests that wait for their answers; uvicorn knows only the last

    # what arrives

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._refusal = 503
            self.send_400_response("")

    def data_received(self, data: bytes) -> None:
        if self.stream is not None or self.transport.is_closing():
            return
        if self._head_since is None and self._is_idle():
            self._begin_head()
        super().data_received(data)
        if self._head_since is not None:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD + LONGEST_TARGET and not self.transport.is_closing():
                self._refusal = 431
                self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begin_head()
        self._headers_seen = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LONGEST_TARGET:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers_seen += len(name) + len(value) + 4
        if self._headers_seen > LONGEST_HEAD or len(self.headers) >= MOST_HEADERS:
            self._refuse(431)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_since = None
        if self.transport.is_closing():
            self._refuse(400)
        has_body = self._check_head()
        method = self.parser.get_method()
        if not has_body and self.kept is not None and method in (b"GET", b"HEAD") and self._may_answer():
            answer = self.kept(method, self.url, self.headers)
            if answer is not None:
                self._write(answer)
                return
        self._body_since = self._body_last = monotonic()
        self._body_bytes = 0
        cast(dict[str, Any], self.scope)["extensions"] = {"rejoinder.connection": self}
        super().on_headers_complete()
        self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete] + [self.cycle]
        if self.parser.should_upgrade() or self.ending:
            self.cycle.keep_alive = False  # nothing that follows is read any more

    def on_body(self, body: bytes) -> None:
        self._body_last = monotonic()
        self._body_bytes += len(body)
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_since = None
        if not self._answered:
            super().on_message_complete()
            return
        self._answered = False
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def connection_lost(self, exc: Exception | None) -> None:
        gone, self.stream = self.stream, None
        super().connection_lost(exc)
        self._let_go()
        if gone is not None:
            gone()

    # what goes out

    def send_400_response(self, msg: str) -> None:
        """Say what cannot be understood, and end the connection."""
        if self.transport.is_closing():
            return
        text = SENTENCES[self._refusal]
        self.transport.write(
            b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"cache-control: no-store\r\n%sconnection: close\r\n\r\n%s"
            % (self._refusal, PHRASES[self._refusal], len(text), bare_lines(), text)
        )
        self.transport.close()
        self._let_go()

    def take_over(self, head: bytes, gone: Callable[[], None]) -> bool:
        """Hand the connection to a stream that ends with it: from here on only `push` writes to it.

        `head` is the answer's status line and headers. Returns whether the browser is still there.
        """
        if self.cycle.disconnected or self.transport.is_closing():
            return False
        self._unset_keepalive_if_required()
        self.cycle.response_started = self.cycle.response_complete = True
        self.cycle.scope = self.scope = {}  # type: ignore[typeddict-item]
        self.cycle.body = bytearray()
        self.headers, self.url = [], b""
        self.stream = gone
        if (line := self.transport.get_extra_info("socket")) is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BEHIND)  # or the kernel holds far more for each
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # who vanished without a word is noticed by the next heartbeats
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_MS)
        self.transport.write(head)
        return True

    def push(self, data: bytes) -> None:
        """Write to the stream; who has not taken what was sent before is let go, and comes back by itself."""
        if self.transport.get_write_buffer_size() > MOST_BEHIND:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(data)

    def hang_up(self) -> None:
        """End a stream after what has been written."""
        self.transport.close()

    def pause_writing(self) -> None:
        self._stuck_since = monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stuck_since = None
        super().resume_writing()

    # when the process ends

    def shutdown(self) -> None:
        """Answer once more, also a request that is on its way: it was sent before its browser could know of the end.

        So a connection without a request is not closed here, but as always when none comes for a while.
        """
        if self.stream is not None:
            self.transport.close()
        elif not self._is_idle():
            self.cycle.keep_alive = False
        elif self.timeout_keep_alive_task is None and not self._head_bytes:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # how slowly

    def sweep(self, now: float) -> None:
        """End the connection where it has kept us waiting for longer than the limits say."""
        if self.transport.is_closing():
            self._stuck_since = self._stuck_since or now
        if self._is_overdue(now):
            self.transport.abort()
            self._let_go()

    def _is_overdue(self, now: float) -> bool:
        if self._stuck_since is not None and now - self._stuck_since > STUCK_SECONDS:
            return True
        if self.stream is not None:
            return False
        if self._head_since is not None:
            return now - self._head_since > HEAD_SECONDS
        if self._body_since is None or self.flow.read_paused:
            return False
        taken = now - self._body_since
        return now - self._body_last > BODY_PAUSE_SECONDS or (
            taken > BODY_GRACE_SECONDS and self._body_bytes < taken * SLOWEST_BODY
        )

    def _is_idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def _let_go(self) -> None:
        """Tell the requests under way that nobody waits: an answer to a line that is closed would be an error."""
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()
        self._cycles = []

    def _may_answer(self) -> bool:
        """Nothing is under way, and the browser takes what it was sent: a kept answer costs memory until it is."""
        return self._is_idle() and not self.flow.write_paused

    def _begin_head(self) -> None:
        self._head_since = monotonic()
        self._head_bytes = 0

    def _check_head(self) -> bool:
        """Refuse what a proxy in front could read in another way; returns whether a body follows."""
        hosts, has_body = 0, False
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                has_body = has_body or value != b"0"
            elif name == b"transfer-encoding":
                has_body = True
                if value.lower() != b"chunked" or self.parser.get_http_version() != "1.1":
                    self._refuse(501)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._refuse(400)
        return has_body

    def _refuse(self, status: int) -> None:
        self._refusal = status
        raise ValueError(PHRASES[status])  # the parser stops, and `send_400_response` follows

    def _write(self, answer: list[bytes]) -> None:
        self._answered = True
        keep = self.parser.should_keep_alive() and self.parser.get_http_version() == "1.1" and not self.ending
        lines = [b"date: %s\r\n" % value for name, value in self.server_state.default_headers if name == b"date"]
        if not keep:
            lines.append(b"connection: close\r\n")
        *head, body = answer[0], *lines, *answer[1:]
        if len(body) < SHARED_FROM:
            self.transport.write(b"".join([*head, body]))
        else:
            self.transport.write(b"".join(head))
            self.transport.write(body)  # not copied, however many browsers are slow to take it
        if not keep:
            self.transport.close()
