"""A running server with a database of its own, and a very plain browser for it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

from flask import Flask

from core.db import db
from models.user import User
from tests.browser import Browser

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
PATIENCE = 10.0


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Served:
    """A server's process and the application on the same data."""

    app: Flask
    port: int
    process: "subprocess.Popen[bytes]"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The application's context, to change what the server shows."""
        with self.app.app_context():
            try:
                yield
            finally:
                db.session.remove()

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """One request over a connection of its own. `accept_encoding="gzip"` names a header."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {"Accept-Encoding": "identity"} | {name.replace("_", "-").title(): value for name, value in headers.items()}
        try:
            line.request(method, path, body, named)
            return read(line.getresponse())
        finally:
            line.close()

    def open(self, request: bytes) -> "Line":
        """A connection on which these bytes were sent."""
        return Line(self.port, request)

    def cookie(self, user: User) -> str:
        """The Cookie header of somebody who is signed in."""
        found = Browser(self.app).sign_in(user).http.get_cookie("session")
        assert found is not None
        return f"session={found.value}"

    def token(self, user: User) -> tuple[str, str]:
        """Their cookie, and the token of their forms."""
        browser = Browser(self.app).sign_in(user)
        token = browser.token()
        found = browser.http.get_cookie("session")
        assert found is not None
        return f"session={found.value}", token

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Line:
    """A connection, byte by byte."""

    def __init__(self, port: int, request: bytes, address: str = "127.0.0.1", room: int = 0) -> None:
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(PATIENCE)
        self.socket.bind((address, 0))
        self.socket.connect(("127.0.0.1", port))
        self.got = b""
        self.socket.sendall(request)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """Everything up to this mark and the mark; fails when the line ends before."""
        while mark not in self.got:
            arrived = self.socket.recv(65_536)
            assert arrived, self.got[-300:]
            self.got += arrived
        found, _, self.got = self.got.partition(mark)
        return found + mark

    def rest(self) -> bytes:
        """Everything until the server ends the line."""
        while arrived := self.socket.recv(65_536):
            self.got += arrived
        return self.got

    def close(self) -> None:
        self.socket.close()


def read(response: HTTPResponse) -> Answer:
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


def environment(app: Flask, port: int, **settings: str) -> dict[str, str]:
    """What `app.py` must be told to serve this application's data."""
    given = app.config["SETTINGS"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STRIPE_", "MAIL_"))}
    return kept | {
        "PORT": str(port), "HOST": "127.0.0.1", "DATA_DIR": str(given.data_dir), "DATABASE_URL": given.database_url,
        "SITE_URL": "http://localhost", "SECRET_KEY": given.secret_key, "WEB_PROCESSES": "1", "WEB_THREADS": "2",
        "REJOINDER_NO_BOOTSTRAP": "1", **settings,
    }  # fmt: skip


def start(app: Flask, *arguments: str, **settings: str) -> Served:
    """Start `app.py` on this application's data and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = environment(app, port, **settings)
    log = app.config["SETTINGS"].data_dir / f"server-{port}.log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "app.py", *arguments], cwd=ROOT, env=environ, stdout=file, stderr=file)
    served = Served(app, port, process)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if served.ask("/livez").status == 200:
                return served
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError(log.read_text()[-2000:])
