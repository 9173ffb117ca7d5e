"""The server inside `python3 app.py`: gunicorn keeps the processes, each runs an event loop in front of Flask.

gunicorn's arbiter starts, restarts and ends processes and notices one that hangs. In each, uvicorn speaks HTTP on
uvloop and hands requests to the front (`commands/server/front.py`).
"""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, cast

import uvicorn
import uvloop
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from commands.server.connection import SWEEP_SECONDS, Connection
from commands.server.front import LiveFront, WebFront
from core.config import ConfigError, Settings
from core.db import db
from jobs import worker

MOST_PROCESSES = 4
KEEP_ALIVE_SECONDS = 5
HANGING_SECONDS = 60  # without a sign of life, then a process is ended and another begun
SIGN_OF_LIFE_SECONDS = 5
GRACEFUL_SECONDS = 20
FILES_BESIDE_CONNECTIONS = 500
BACKLOG = 2048
# How long a thread keeps others waiting while it computes. Each question to the database lets others run and then waits
# for its turn again: behind a loop that is writing to thousands of readers the ordinary five milliseconds add up.
SWITCH_SECONDS = 0.001

Front = Callable[[Flask, Settings], LiveFront]
Started = Callable[[Flask], list[Callable[[], None]]]


class LoopServer(uvicorn.Server):
    """uvicorn's server, told by its worker when to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LoopWorker(Worker):  # type: ignore[misc]
    """One process: an event loop, and what it answers with."""

    def init_signals(self) -> None:
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        signal.signal(signal.SIGABRT, self.handle_abort)

    def run(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        served: Server = self.app
        front = served.front(served.app, served.settings)
        config = uvicorn.Config(
            cast(Any, front), http=Connection, ws="none", lifespan="off", interface="asgi3", log_config=None,
            log_level="error", access_log=False, proxy_headers=False, server_header=False, backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=GRACEFUL_SECONDS,
            timeout_notify=SIGN_OF_LIFE_SECONDS, callback_notify=self._sign_of_life,
        )  # fmt: skip
        self.server = LoopServer(config)
        loop = asyncio.get_running_loop()

        def finish() -> None:
            loop.create_task(self._finish(front))  # noqa: RUF006 - the server waits for what it does

        def leave() -> None:
            self.server.force_exit = True
            finish()

        loop.add_signal_handler(signal.SIGTERM, finish)
        loop.add_signal_handler(signal.SIGINT, leave)
        loop.add_signal_handler(signal.SIGQUIT, leave)
        sweeping = loop.create_task(self._sweep(front))
        try:
            await self.server.serve(sockets=[listener.sock for listener in self.sockets])
        finally:
            sweeping.cancel()
            front.end()

    async def _finish(self, front: LiveFront) -> None:
        await front.stop()
        self.server.should_exit = True

    async def _sign_of_life(self) -> None:
        self.notify()
        if self.ppid != os.getppid():
            self.server.should_exit = True

    async def _sweep(self, front: LiveFront) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            front.count()
            now = monotonic()
            for index, connection in enumerate(list(self.server.server_state.connections)):
                if index % 1000 == 999:
                    await asyncio.sleep(0)
                cast(Connection, connection).sweep(now)


class Server(BaseApplication):  # type: ignore[misc]
    """Serve one application that is already made, in a few processes."""

    def __init__(
        self, app: Flask, settings: Settings, started: Started, front: Front = WebFront, processes: int = 0
    ) -> None:
        self.app = app
        self.settings = settings
        self.started = started
        self.front = front
        self.processes = processes or settings.web_processes or min(os.cpu_count() or 1, MOST_PROCESSES)
        self.stops: list[Callable[[], None]] = []
        app.config["LIVE_STREAM"] = settings.live_readers > 0  # pages may ask for the stream instead of for changes
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        values: dict[str, Any] = {
            "bind": f"{host}:{self.settings.port}",
            "workers": self.processes,
            "worker_class": LoopWorker,
            "backlog": BACKLOG,
            "timeout": HANGING_SECONDS,
            "graceful_timeout": GRACEFUL_SECONDS + 5,
            "loglevel": "warning",
            "preload_app": True,
            "control_socket_disable": True,
            "post_worker_init": self._begin,
            "worker_exit": self._end,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.app

    def run(self) -> None:
        """Serve until told to stop."""
        Connection.most = _allow_connections(self.settings.live_readers + FILES_BESIDE_CONNECTIONS)
        gc.collect()
        gc.freeze()  # what all processes share stays shared: the collector would touch every page of it
        super().run()

    def _begin(self, _worker: object) -> None:
        """In each process: its own connections to the database, and what else the house keeps running."""
        with self.app.app_context():
            db.engine.dispose(close=False)
        self.stops = [] if self.front is LiveFront else [worker.start_thread(self.app)]
        self.stops += self.started(self.app)

    def _end(self, _server: object, _worker: object) -> None:
        for stop in self.stops:
            stop()


def _allow_connections(wanted: int) -> int:
    """Raise the limit of open files as far as it goes; returns how many connections a process may hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = hard if hard != resource.RLIM_INFINITY else wanted + FILES_BESIDE_CONNECTIONS
    allowed = max(soft, min(ceiling, wanted + 2 * FILES_BESIDE_CONNECTIONS))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(100, allowed - FILES_BESIDE_CONNECTIONS)


def check_port(settings: Settings) -> None:
    """Raise ConfigError when the port cannot be had, in one line. A socket that systemd hands over is there already."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS"):
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            place = f"{settings.host}:{settings.port}"
            raise ConfigError(
                f"Port {place} cannot be used ({error.strerror}): set PORT to a free one, "
                f"for example `PORT={settings.port + 1} python3 app.py`."
            ) from None
