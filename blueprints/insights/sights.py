"""Counting that a gate was seen and pressed, without knowing by whom.

A page's script tells once that the gate was on screen (`static/js/gate-seen.js`). It sends the article's address and
nothing else; no cookie comes along, none is set, and nothing about the sender is stored. This layer answers in front of
Flask: it adds to numbers in memory, which are written to the database together every few seconds. A process that is
killed loses the numbers of these seconds, and no more.

Kept out: programs that say what they are, requests that another site makes, and more than MOST_A_MINUTE from one
network in a minute; for that the networks of the running minute are kept in memory, as hashes that nobody can undo
(the key is thrown away each minute).
"""

import atexit
import re
import secrets
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import date
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask

from blueprints.insights import queries_funnel
from core import clock
from core.db import transaction
from core.network import network_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FLUSH_SECONDS = 10.0
MOST_A_MINUTE = 60  # sights from one network; a school or a company behind one address is still counted
MOST_PLACES = 5_000  # different numbers in memory; what more there is in these seconds is not counted
_PATH = re.compile(r"/articles/([A-Za-z0-9_-]{1,120})/(seen|pressed)")
_PROGRAM = re.compile(
    r"bot|crawl|spider|slurp|scrap|fetch|preview|monitor|archive|headless|phantom|lighthouse|python|curl|wget|java/|go-http",
    re.I,
)

log = structlog.get_logger("insights")

Place = tuple[str | int, date, str]  # an article by its slug or number, the day, the step


class Sights:
    """The WSGI layer, and the numbers in memory."""

    def __init__(self, app: Flask, inner: "WSGIApplication", proxies: int = 0) -> None:
        self._app = app
        self._inner = inner
        self._proxies = proxies
        self._lock = threading.Lock()
        self._numbers: Counter[Place] = Counter()
        self._timer: threading.Timer | None = None
        self._minute = 0
        self._key = b""
        self._networks: Counter[bytes] = Counter()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        found = _PATH.fullmatch(environ.get("PATH_INFO", "")) if environ["REQUEST_METHOD"] == "POST" else None
        if found is None:
            return self._inner(environ, start_response)
        if self._counts(environ):
            self.count(found[1], found[2])
        start_response("204 No Content", [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")])
        return []

    def count(self, article: str | int, stage: str) -> None:
        """Add one to a step of an article."""
        place = (article, clock.now().date(), stage)
        with self._lock:
            if place not in self._numbers and len(self._numbers) >= MOST_PLACES:
                return
            self._numbers[place] += 1
            if self._timer is None and not self._app.testing:  # tests change the database under a thread's feet
                self._timer = threading.Timer(FLUSH_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what was counted. What the database does not take now is kept for the next time."""
        with self._lock:
            numbers, self._numbers, self._timer = self._numbers, Counter(), None
        if not numbers:
            return
        try:
            with self._app.app_context(), transaction():
                queries_funnel.add(numbers)
        except Exception as error:
            log.warning("sights not written yet", error=type(error).__name__)
            with self._lock:
                self._numbers.update(dict(numbers.most_common(MOST_PLACES)))

    def forget(self) -> None:
        """Drop what was counted and not written."""
        with self._lock:
            self._numbers.clear()

    def _counts(self, environ: "WSGIEnvironment") -> bool:
        """Whether this looks like a reader's browser on one of our pages, and not too often the same network."""
        agent = environ.get("HTTP_USER_AGENT", "")
        if not agent or _PROGRAM.search(agent) or environ.get("HTTP_SEC_FETCH_SITE", "same-origin") != "same-origin":
            return False
        minute = int(time.monotonic() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._key, self._networks = minute, secrets.token_bytes(16), Counter()
            mark = blake2b(self._network(environ).encode(), key=self._key, digest_size=8).digest()
            if len(self._networks) >= MOST_PLACES and mark not in self._networks:
                return False
            self._networks[mark] += 1
            return self._networks[mark] <= MOST_A_MINUTE

    def _network(self, environ: "WSGIEnvironment") -> str:
        if self._proxies:
            said = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
            if len(said) >= self._proxies:
                return network_of(said[-self._proxies])
        return network_of(environ.get("REMOTE_ADDR"))


def install(app: Flask, proxies: int) -> Sights:
    """Put the layer in front of everything else."""
    sights = Sights(app, app.wsgi_app, proxies)
    app.wsgi_app = sights  # type: ignore[method-assign]
    app.extensions["rejoinder_sights"] = sights
    atexit.register(_last, sights)
    return sights


def sights_of(app: Any) -> Sights:
    """The numbers in memory of an application."""
    sights: Sights = app.extensions["rejoinder_sights"]
    return sights


def _last(sights: Sights) -> None:
    with suppress(Exception):
        sights.flush()
