"""Many readers of one live stream, in a process of their own: `python -m tests.bench.readers PORT PATH READERS`.

Says `connected N` when all are there, and when a line comes in, what arrived when: for each run of event numbers that
arrived together the moments, in seconds of the wall clock rounded to GRAIN, with how many readers had it then.
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter, defaultdict

import uvloop

AN_ADDRESS = 4_000  # readers; each comes from 127.0.1.1, 127.0.1.2, …
AT_ONCE = 100  # connections being made
GRAIN = 0.005


class Reader(asyncio.Protocol):
    """One line: notes the last event's number in what arrives."""

    arrived: "defaultdict[tuple[int, int], Counter[int]]" = defaultdict(Counter)
    failed = 0
    lost = 0

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.last = 0
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.connected.done():
            if not data.startswith(b"HTTP/1.1 200 "):
                Reader.failed += 1
            self.connected.set_result(None)
        found = data.rfind(b"id: ")
        if found < 0:
            return
        number = int(data[found + 4 : data.index(b"\n", found)])
        Reader.arrived[self.last, number][int(time.time() / GRAIN)] += 1
        self.last = number

    def connection_lost(self, exc: Exception | None) -> None:
        Reader.lost += 1
        if not self.connected.done():
            Reader.failed += 1
            self.connected.set_result(None)


async def main(port: int, path: str, readers: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, readers + 500), hard))
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n".encode()
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def connect(number: int) -> None:
        async with gate:
            address = (f"127.0.1.{1 + number // AN_ADDRESS}", 0)
            _, reader = await loop.create_connection(lambda: Reader(request), "127.0.0.1", port, local_addr=address)
            await reader.connected

    await asyncio.gather(*(connect(number) for number in range(readers)))
    print(f"connected {readers - Reader.failed}", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    runs = [[first, last, sorted(moments.items())] for (first, last), moments in Reader.arrived.items()]
    print(json.dumps({"runs": runs, "lost": Reader.lost, "failed": Reader.failed}), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
