"""What stands in front of Flask in a web process: one ASGI callable.

Live streams are held in the event loop, visitors' pages and static files answered from memory, everything else goes
through a bounded pool of threads to Flask. `LiveFront` has the streams alone, for a process of their own.
"""

import re
from typing import TYPE_CHECKING

from flask import Flask

from commands.server.bare import bare_headers, set_over_tls
from commands.server.bridge import Answer, Bridge, Receive, Scope, Send
from commands.server.connection import Connection
from commands.server.kept import VISITOR, Kept, asked_by, place_by
from commands.server.packing import pack
from commands.server.streams import Streams
from core.config import Settings
from jobs import heartbeat
from models.job import LIVE_STREAMS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_STREAM = re.compile(r"/articles/([A-Za-z0-9_-]{1,120})/live")


class LiveFront:
    """Live streams and a sign of life; nothing else is here."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        set_over_tls(bool(app.config["COOKIES_OVER_TLS"]))
        most, of_an_address = settings.live_readers, settings.live_readers_of_an_address
        self.streams = Streams(app, most, of_an_address, settings.trusted_proxies)
        self.streams.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "GET" and (found := _STREAM.fullmatch(scope["path"])):
            await self.streams(scope, found[1], send)
        else:
            await self.otherwise(scope, receive, send)

    async def otherwise(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever is not a stream."""
        is_alive = scope["path"] == "/livez"
        text = b"ok\n" if is_alive else b"Only live streams are here.\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text)),
                   (b"cache-control", b"no-store"), *bare_headers()]  # fmt: skip
        await send({"type": "http.response.start", "status": 200 if is_alive else 404, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    async def stop(self) -> None:
        """End the streams; what else runs is finished by the server."""
        await self.streams.stop()

    def count(self) -> None:
        """Every few seconds: add to the metrics."""

    def end(self) -> None:
        """After the last answer."""


class WebFront(LiveFront):
    """All of Rejoinder."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        super().__init__(app, settings)
        self.streams.says_it_lives = False
        heartbeat.beside[LIVE_STREAMS] = self.streams.goes_on
        self.kept = Kept(app)
        Connection.kept = self.kept
        self.bridge = Bridge(app.wsgi_app, settings.web_threads, app.config["MAX_CONTENT_LENGTH"], self._finish)

    async def otherwise(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pages from memory where the database has to be asked without blocking, and Flask."""
        if not self.kept.pages.is_at_once and scope["method"] in {"GET", "HEAD"}:
            headers = scope["headers"]
            query = scope["query_string"]
            if place := place_by(scope["raw_path"] + (b"?" + query if query else b""), headers):
                page = await self.kept.pages.find_later(place)
                reply = self.kept.pages.reply(page, asked_by(scope["method"].encode(), headers)) if page else None
                if reply is not None:
                    self.kept.counted[VISITOR] += 1
                    await send({"type": "http.response.start", "status": reply.head.status,
                                "headers": reply.head.headers})  # fmt: skip
                    await send({"type": "http.response.body", "body": reply.body})
                    return
        await self.bridge(scope, receive, send)

    def count(self) -> None:
        self.kept.count()

    def end(self) -> None:
        self.bridge.stop()
        self.kept.pages.stop()

    def _finish(self, environ: "WSGIEnvironment", answer: Answer) -> None:
        pack(environ, answer)
        self.kept.files.finish(environ, answer)
