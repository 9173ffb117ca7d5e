"""What is asked for while the server is told to end, or is begun anew behind a socket that somebody else holds."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from tests.factories import make_article
from tests.server.serving import PATIENCE, ROOT, Line, environment, start

# As systemd hands a socket over: the third file, and whom it is meant for.
BEHIND_A_SOCKET = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.executable, [sys.executable, "app.py"])
"""
ASKING = 4  # at the same time
START_SECONDS = 60.0  # for a start on a machine that does much else


class Held:
    """A port that stays open while servers come and go behind it."""

    def __init__(self, house: Flask, log: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self.listener.getsockname()[1]
        self._settings = environment(house, self.port, WEB_PROCESSES="2")
        self._log = log.open("ab")
        self.process = self.begin()

    def begin(self) -> "subprocess.Popen[bytes]":
        """Begin a server; who asks before it is there waits."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEHIND_A_SOCKET, str(self.listener.fileno())], cwd=ROOT, env=self._settings,
            stdout=self._log, stderr=self._log, pass_fds=[self.listener.fileno()],
        )  # fmt: skip
        return self.process

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self.listener.close()
        self._log.close()


@pytest.fixture
def held(house: Flask, tmp_path: Path) -> Iterator[Held]:
    port = Held(house, tmp_path / "server.log")
    yield port
    port.close()


def test_a_restart_behind_a_socket_fails_no_request(house: Flask, held: Held) -> None:
    with house.app_context():
        address = f"/articles/{make_article().slug}"
    over, answers = threading.Event(), [Counter[str]() for _ in range(ASKING)]

    def ask(said: Counter[str]) -> None:
        while not over.is_set():
            line = HTTPConnection("127.0.0.1", held.port, timeout=START_SECONDS)
            try:
                for path in ("/livez", address, "/sign-in"):  # at once, from memory, through Flask
                    line.request("GET", path)
                    answer = line.getresponse()
                    answer.read()
                    said[str(answer.status)] += 1
                    if answer.will_close:
                        break
            except OSError as error:
                said[repr(error)] += 1
            finally:
                line.close()

    crowd = [threading.Thread(target=ask, args=(said,)) for said in answers]
    for one in crowd:
        one.start()
    try:
        _until(lambda: all(said["200"] for said in answers), held.process)
        held.process.send_signal(signal.SIGTERM)
        status = held.process.wait(START_SECONDS)  # from here on everybody waits for the next server
        before = [said.pop("200") for said in answers]
        held.begin()
        _until(lambda: all(said["200"] for said in answers), held.process)
    finally:
        over.set()
        for one in crowd:
            one.join(START_SECONDS)
    assert status == 0
    assert all(before)
    assert {what for said in answers for what in said} == {"200"}


def test_what_was_on_its_way_when_the_server_was_told_to_end_is_answered(house: Flask) -> None:
    served = start(house)
    ask = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    fresh, half, known = Line(served.port, b""), Line(served.port, ask[:20]), Line(served.port, ask)
    known.until(b"ok\n")
    time.sleep(0.05)
    served.process.send_signal(signal.SIGTERM)
    _until(lambda: _is_refused(served.port))
    for line, rest in ((fresh, ask), (half, ask[20:]), (known, ask)):
        line.send(rest)
        answer = line.rest()  # the server ends the line after it
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer
        assert answer.endswith(b"ok\n")
    assert served.process.wait(START_SECONDS) == 0


def test_a_start_that_is_told_to_end_ends_as_an_ended_server_does(held: Held) -> None:
    time.sleep(0.4)  # whatever it is doing by then
    held.process.send_signal(signal.SIGTERM)
    assert held.process.wait(START_SECONDS) == 0


def _is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _until(is_so: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    until = time.monotonic() + START_SECONDS
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        assert process is None or process.poll() is None, "the server ended"
        time.sleep(0.02)
