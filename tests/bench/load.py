"""Bounded load on a server: a fixed number of kept connections, each sending its next request when it has its answer.

`wrk` is used for reading where it is installed; otherwise, and for everything that writes, the generator below. It runs
in a process of its own, so that nothing of the caller's slows it down.
"""

import multiprocessing
import re
import selectors
import shutil
import socket
import subprocess
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection

LONGEST_WAIT = 30.0
BETWEEN = 0.005  # seconds from one connection to the next: people do not come in the same instant
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PACKED = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)
_GZIP = 16 + zlib.MAX_WBITS
_COMMENT = re.compile(rb"comment-(\d+)")
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass
class Load:
    """What came back: how long it took, the answers by status, latencies in milliseconds."""

    seconds: float
    statuses: Counter[int]
    p50: float
    p99: float
    comment_ids: list[int] = field(default_factory=list)  # of the comments that answers name, one an answer

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


@dataclass
class _Line:
    """One connection: its requests and what has arrived of the answer to the last."""

    script: list[bytes]
    socket: socket.socket
    sent: int = 0
    since: float = 0.0
    received: bytearray = field(default_factory=bytearray)


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def read(port: int, path: str, headers: dict[str, str], connections: int, seconds: float, *, wrk: bool) -> Load:
    """Ask for one path over and over."""
    if wrk:
        return _wrk(port, path, headers, connections, seconds)
    return drive(port, [[request("GET", path, headers)]] * connections, seconds, again=True)


def drive(port: int, scripts: list[list[bytes]], seconds: float, *, again: bool = False) -> Load:
    """Send each script over a connection of its own until it is through or the time is over; `again` repeats it.

    Every request that was sent gets its answer before this returns, so nothing is in doubt afterwards.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_drive, (port, scripts, seconds, again))


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """A connection that is kept over several requests, so that one process answers them all."""
    line = HTTPConnection("127.0.0.1", port, timeout=LONGEST_WAIT)
    try:
        yield line
    finally:
        line.close()


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the line."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method == "POST":
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _drive(port: int, scripts: list[list[bytes]], seconds: float, again: bool) -> Load:
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    ids: list[int] = []
    chooser = selectors.DefaultSelector()
    begun = time.perf_counter()
    until = begun + seconds

    def send(line: _Line) -> None:
        over = line.sent >= len(line.script) and not again
        if over or time.perf_counter() >= until:
            chooser.unregister(line.socket)
            line.socket.close()
            return
        line.since = time.perf_counter()
        line.socket.sendall(line.script[line.sent % len(line.script)])
        line.sent += 1

    for script in scripts:
        time.sleep(BETWEEN)
        connection = socket.create_connection(("127.0.0.1", port), timeout=LONGEST_WAIT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(script, connection)
        chooser.register(connection, selectors.EVENT_READ, line)
        send(line)
    while chooser.get_map():
        ready = chooser.select(LONGEST_WAIT)
        if not ready:
            raise TimeoutError(f"no answer within {LONGEST_WAIT:.0f} seconds")
        for key, _ in ready:
            line = key.data
            arrived = line.socket.recv(262_144)
            if not arrived:
                raise ConnectionError("the server ended a connection in the middle of an answer")
            line.received += arrived
            if not _is_whole(line.received):
                continue
            answer = bytes(line.received)
            line.received.clear()
            latencies.append((time.perf_counter() - line.since) * 1000)
            statuses[int(answer[9:12])] += 1
            if found := _COMMENT.search(_unpacked(answer)):
                ids.append(int(found[1]))
            send(line)
    took = time.perf_counter() - begun
    latencies.sort()
    return Load(took, statuses, _at(latencies, 0.5), _at(latencies, 0.99), ids)


def _unpacked(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head + zlib.decompress(body, _GZIP) if _PACKED.search(head) else answer


def _is_whole(received: bytearray) -> bool:
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(received, 0, end + 2)
    return len(received) >= end + 4 + (int(length[1]) if length else 0)


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _wrk(port: int, path: str, headers: dict[str, str], connections: int, seconds: float) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
    command += [item for name, value in headers.items() for item in ("-H", f"{name}: {value}")]
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    counted = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m),", said)
    assert counted is not None, said
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    bad = (int(failed[1]) if failed else 0) + (sum(map(int, broken.groups())) if broken else 0)
    total = int(counted[1])
    return Load(
        float(counted[2]) * _UNITS[counted[3]] / 1000, Counter({200: total - bad, 500: bad}),
        _percentile(said, "50%"), _percentile(said, "99%"),
    )


def _percentile(said: str, name: str) -> float:
    found = re.search(rf"\n +{name} +([\d.]+)(us|ms|s|m)", said)
    assert found is not None, said
    return float(found[1]) * _UNITS[found[2]]
