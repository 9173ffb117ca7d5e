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
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn
import uvloop
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from sqlalchemy.exc import SQLAlchemyError

from commands.server.connection import SWEEP_SECONDS, Connection
from commands.server.front import LiveFront, WebFront
from core.config import ConfigError, Settings
from core.db import db
from core.prepared import prepare_soon
from jobs import worker

MOST_PROCESSES = 4
KEEP_ALIVE_SECONDS = 5
HANGING_SECONDS = 60  # without a sign of life, then a process is ended and another begun
SIGN_OF_LIFE_SECONDS = 5
GRACEFUL_SECONDS = 20
STREAMS_SECONDS = 3  # to end the live streams and take back what was said of their readers
FILES_BESIDE_CONNECTIONS = 500
BACKLOG = 2048
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# How long a thread keeps others waiting while it computes. Each question to the database lets others run and then waits
# for its turn again: behind a loop that is writing to thousands of readers the ordinary five milliseconds add up.
SWITCH_SECONDS = 0.001

log = structlog.get_logger("server")

Front = Callable[[Flask, Settings], LiveFront]
Started = Callable[[Flask], list[Callable[[], None]]]


class LoopServer(uvicorn.Server):
    """uvicorn's server, told by its worker when to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Logs(Logger):  # type: ignore[misc]
    """What gunicorn says goes where all our lines go, in their form (`core.logs`)."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class Keeper(Arbiter):  # type: ignore[misc]
    """gunicorn's arbiter. A process that is just begun does not lose a signal that tells it to end."""

    def spawn_worker(self) -> int:
        """Begin one process. Its signals wait until it has its own answer to them (`LoopWorker.init_signals`)."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return int(super().spawn_worker())
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


class LoopWorker(Worker):  # type: ignore[misc]
    """One process: an event loop, and what it answers with."""

    def init_signals(self) -> None:
        """From here on `SIGTERM` ends the process when it has answered, `SIGINT` and `SIGQUIT` at once; not sooner."""
        self.told = 0
        self.wake: Callable[[], object] | None = None
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        signal.signal(signal.SIGABRT, self.handle_abort)
        for number in ENDING:
            signal.signal(number, self._tell)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def run(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    def _tell(self, number: int, _frame: FrameType | None) -> None:
        # The last word counts, but who was told to leave at once does not go back to answering first.
        self.told = number if self.told in (0, signal.SIGTERM) else self.told
        if self.wake is not None:
            self.wake()

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
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self.wake = lambda: loop.call_soon_threadsafe(told.set)
        if self.told:
            told.set()
        ending = loop.create_task(self._end_when(told, front))
        sweeping = loop.create_task(self._sweep(front))
        try:
            await self.server.serve(sockets=[listener.sock for listener in self.sockets])
        finally:
            self.wake = None
            ending.cancel()
            sweeping.cancel()
            front.end()

    async def _end_when(self, told: asyncio.Event, front: LiveFront) -> None:
        """When told to end: no more connections, and every answer says that its connection ends with it."""
        await told.wait()
        told.clear()
        Connection.ending = True
        try:
            async with asyncio.timeout(STREAMS_SECONDS):
                await front.stop()
        except Exception as error:  # a database that is away does not keep the process from ending
            log.warning("the streams were not ended as they should", error=repr(error))
        self.server.force_exit = self.told != signal.SIGTERM
        self.server.should_exit = True
        await told.wait()
        self.server.force_exit = self.told != signal.SIGTERM

    async def _sign_of_life(self) -> None:
        self.notify()
        if self.ppid != os.getppid():
            self._tell(signal.SIGTERM, None)

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
            "graceful_timeout": GRACEFUL_SECONDS + STREAMS_SECONDS + 5,
            "loglevel": "warning",
            "logger_class": Logs,
            "preload_app": True,
            "control_socket_disable": True,
            "post_worker_init": self._begin,
            "worker_exit": self._end,
            "on_exit": lambda _keeper: signal.signal(signal.SIGTERM, signal.SIG_IGN),  # it ends already
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self.app

    def run(self) -> None:
        """Serve until told to stop."""
        Connection.most = _allow_connections(self.settings.live_readers + FILES_BESIDE_CONNECTIONS)
        if self.front is not LiveFront:
            self._make_ready()
        if gc.isenabled():
            gc.collect()  # without the collector so far, there is little that it would find
        gc.freeze()  # what all processes share stays shared: the collector would touch every page of it
        gc.enable()
        Keeper(self).run()

    def _make_ready(self) -> None:
        """Have the front page made, and a worker look around, once before there are processes.

        What every one of them needs is then read, compiled and prepared in memory that they share, and no reader waits
        for it. No connection to the database outlives this: none may be shared.
        """
        self.app.test_client().get("/", base_url=self.settings.base_url)
        with self.app.app_context():
            try:
                prepare_soon()
                worker.look_around()
            except SQLAlchemyError as error:  # a full disk or a database that is away, as in any process later
                log.warning("no worker could look around before there were processes", error=repr(error))
            finally:
                db.session.remove()
                db.engine.dispose()

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
