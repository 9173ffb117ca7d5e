"""Bytes that are no request, or nearly one: the server says so or hangs up, and serves the next."""

import os
import random
import time
from contextlib import suppress

import pytest

from tests.server.serving import Line, Served

SEED = int(os.environ.get("FUZZ_SEED", "1"))
MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
REQUESTS = (
    b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /rules?a=b HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\nCookie: session=x; guest=y\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\nConnection: keep-alive\r\n\r\n",
    b"POST /sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nemail=a",
    b"POST /preview HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--x\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: a\r\nStripe-Signature: t=1,v1=x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
    b"GET /articles/a-story/live HTTP/1.1\r\nHost: a\r\nLast-Event-ID: 1\r\nAccept: text/event-stream\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 60,
)  # fmt: skip
PIECES = (b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\xff", b"%00", b"0", b"-1", b"9" * 25, b"chunked", b"Content-Length: 5\r\n", b"Host: b\r\n",
          b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0", b"HTTP/9.9", b"/../", b"http://b/", b"X: " + b"y" * 9000 + b"\r\n", b"X-A: b\r\n" * 120)  # fmt: skip


def changed(chance: random.Random) -> bytes:
    """One or two requests, cut, doubled, turned and filled with what does not belong there."""
    data = b"".join(chance.choice(REQUESTS) for _ in range(chance.choice((1, 1, 2, 3))))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.randrange(12))
        data = chance.choice((
            data[:at] + chance.choice(PIECES) + data[at:], data[:at] + data[to:], data[:at] + data[at:to] * 3 + data[to:],
            data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :], data[: at or 1], data[:at] + data[at:to].swapcase() + data[to:],
        ))  # fmt: skip
    return data


@pytest.mark.once
def test_no_bytes_make_the_server_fail_or_stop(server: Served) -> None:
    chance, until, wrong, sent = random.Random(SEED), time.monotonic() + MINUTES * 60, [], 0
    while sent < 300 or time.monotonic() < until:
        lines = []
        for _ in range(20):  # at once, so that what waits for more costs its time once
            data = changed(chance)
            lines.append((data, Line(server.port, data)))
        sent += len(lines)
        time.sleep(0.1)
        for data, line in lines:
            line.socket.setblocking(False)
            with suppress(OSError):
                line.rest()
            line.close()
            failed = line.got.startswith(b"HTTP/1.1 5") and not line.got.startswith((b"HTTP/1.1 501", b"HTTP/1.1 503"))
            if failed or b"Traceback" in line.got or (line.got and not line.got.startswith(b"HTTP/1.1 ")):
                wrong.append((data, line.got[:200]))
        assert server.ask("/livez").status == 200
    log = (server.app.config["SETTINGS"].data_dir / f"server-{server.port}.log").read_text()
    assert wrong == []
    assert "Traceback" not in log
