"""Pages for visitors without a session, kept as bytes in front of Flask.

The WSGI layer here works under any server. Our own asks `find` and `reply` in its event loop before it hands a request
to a thread, where this layer makes and keeps what was not there.

A request without any cookie of ours gets what everybody gets. Whether a kept page still holds is asked of the
database each time, in one indexed statement: the versions of article, thread and site, and the moment at which an
article opens to all. So a page is never older than what it shows; nothing has to be told to forget it. A page that
could differ from person to person never comes here: the view must have said that it is for everybody
(`g.cacheable`), the viewer must be nobody, and the answer must set no cookie.
"""

import gzip
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from flask import Flask, Response, g, request

from blueprints.articles.stamps import Stamp, Stamps
from core import clock
from core.db import db
from core.rendering import HSTS, current_viewer_known

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CACHE_BYTES = 64 * 1024 * 1024
LONGEST_LIFE = timedelta(hours=1)
LARGEST_PAGE = 2 * 1024 * 1024
ENTRY_OVERHEAD = 2048
GZIP_LEVEL = 6
LONGEST_PARAMETER = 200
# A browser with one of these is somebody: a session, a sign-in to be remembered, a guest with a draft.
PERSONAL_COOKIES = ("session", "remember_token", "guest")
CACHE_CONTROL = "public, max-age=0, must-revalidate"
VARY = "Cookie, Accept-Encoding"
# Seconds; then nginx asks whether the page still holds. Without it, and where it comes behind the max-age, nginx keeps
# nothing at all.
NGINX_KEEPS = "1"
_OWN_HEADERS = {
    "content-length", "cache-control", "vary", "etag", "date", "set-cookie", "strict-transport-security",
    "x-accel-expires",
}  # fmt: skip
_OF_A_BODY = ("content-type", "content-encoding", "content-language")
_PATH = re.compile(r"/(?:(articles|sections)/([A-Za-z0-9_-]{1,120}))?")
_KNOWN_PARAMETERS: dict[str, set[str]] = {"articles": {"sort", "after"}, "sections": {"after"}, "": set()}
_MARK = "rejoinder.for_everybody"

Place = tuple[str, str, str, str]  # kind (empty for the front page), slug, sort, after
Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Page:
    """One kept page: what it was made from, its bytes, and its bytes as gzip once somebody asked for them."""

    stamp: Stamp
    made_at: datetime
    headers: Headers
    body: bytes
    etag: str
    packed: bytes | None = None
    heads: dict[tuple[bool, bool], Any] = field(default_factory=dict)  # by packed and known, as a server writes them

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed or b"") + ENTRY_OVERHEAD


class VisitorCache:
    """The WSGI layer: answers visitors from memory, hands everything else to Flask and keeps what it may."""

    def __init__(self, app: Flask, inner: "WSGIApplication", limit: int = CACHE_BYTES) -> None:
        self._app = app
        self._inner = inner
        self._limit = limit
        self._pages: OrderedDict[Place, Page] = OrderedDict()
        self._size = 0
        self._lock = Lock()
        self._stamps: Stamps | None = None
        settings = app.config["SETTINGS"]
        secure = settings.production and settings.base_url.startswith("https:")
        self._common: Headers = [("X-Accel-Expires", NGINX_KEEPS), ("Cache-Control", CACHE_CONTROL), ("Vary", VARY)]
        self._common += [("Strict-Transport-Security", HSTS)] if secure else []
        self.hits = 0
        self.misses = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        place = place_of(environ)
        if place is None:
            return self._inner(environ, start_response)
        stamp = self._stamp(place)
        if stamp is None:
            return self._inner(environ, start_response)
        page = self.find(place, stamp)
        if page is None:
            self.misses += 1
            return self._render(place, stamp, environ, start_response)
        self.hits += 1
        return self._send(place, page, environ, start_response)

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._pages.clear()
            self._size = 0

    @property
    def size(self) -> int:
        """The bytes that are kept."""
        return self._size

    def _stamp(self, place: Place) -> Stamp | None:
        """Everything that decides how this page looks now; None when it cannot be kept."""
        if self._stamps is None:
            with self._app.app_context():
                self._stamps = Stamps(db.engine)
        try:
            return stamp_of(place, self._stamps)
        except Exception:  # whatever the driver raises: Flask meets it too, and has an error page
            return None

    def find(self, place: Place, stamp: Stamp) -> Page | None:
        """The page kept for this place, if it was made from the same."""
        with self._lock:
            page = self._pages.get(place)
            if page is None or page.stamp != stamp or clock.now() - page.made_at > LONGEST_LIFE:
                return None
            self._pages.move_to_end(place)
            return page

    def _keep(self, place: Place, page: Page) -> None:
        with self._lock:
            old = self._pages.pop(place, None)
            self._size += page.size - (old.size if old else 0)
            self._pages[place] = page
            while self._size > self._limit and self._pages:
                _, dropped = self._pages.popitem(last=False)
                self._size -= dropped.size

    def _render(
        self, place: Place, stamp: Stamp, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began: list[tuple[str, Headers, Any]] = []

        def begin(status: str, headers: Headers, failure: Any = None) -> Callable[[bytes], object]:
            began[:] = [(status, headers, failure)]
            return lambda _: None

        mark: dict[str, bool] = {}
        wanted = environ["REQUEST_METHOD"]
        # A HEAD is answered from the page that a GET would get, so that it fills the cache as well.
        made = self._inner({**environ, "REQUEST_METHOD": "GET", _MARK: mark}, cast(Any, begin))
        status, headers, failure = began[0]
        if not mark or not status.startswith("200") or any(name.lower() == "set-cookie" for name, _ in headers):
            start_response(status, headers, failure)
            return made if wanted == "GET" else _closed(made)
        body = b"".join(made)
        _closed(made)
        digest = hashlib.sha256(body).hexdigest()[:24]
        kept = [(name, value) for name, value in headers if name.lower() not in _OWN_HEADERS]
        page = Page(stamp, clock.now(), kept, body, digest)
        # What was read while the page was made may be newer than the stamp: then it is not kept under it.
        if len(body) <= LARGEST_PAGE and self._stamp(place) == stamp:
            self._keep(place, page)
        return self._send(place, page, environ, start_response)

    def _send(
        self, place: Place, page: Page, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        packed = takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        if is_known(page, environ.get("HTTP_IF_NONE_MATCH", "")):
            start_response("304 Not Modified", self.headers_of(page, packed=packed, known=True))
            return []
        body = self._pack(place, page) if packed else page.body
        start_response("200 OK", self.headers_of(page, packed=packed))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def headers_of(self, page: Page, *, packed: bool, known: bool = False) -> Headers:
        """The headers of an answer with this page, or of one that says the browser has it already."""
        headers = [*self._common, ("ETag", f'"{page.etag}-gzip"' if packed else f'"{page.etag}"')]
        if known:  # a browser takes the headers that come with this for those of the page it has
            return headers + [pair for pair in page.headers if not pair[0].lower().startswith(_OF_A_BODY)]
        headers += page.headers
        headers.append(("Content-Length", str(len((page.packed or b"") if packed else page.body))))
        if packed:
            headers.append(("Content-Encoding", "gzip"))
        return headers

    def _pack(self, place: Place, page: Page) -> bytes:
        if page.packed is None:
            packed = gzip.compress(page.body, GZIP_LEVEL, mtime=0)
            with self._lock:
                kept = self._pages.get(place) is page
                if page.packed is None:
                    page.packed = packed
                    self._size += len(packed) if kept else 0
        return page.packed


def stamp_of(place: Place, stamps: Stamps) -> Stamp | None:
    """Everything that decides how a page looks now; None when it cannot be kept. Raises what the driver raises."""
    kind, slug, _, after = place
    moment = clock.now()
    if kind == "articles":
        found = stamps.article(slug, moment)
    elif kind == "sections":
        found = stamps.section(slug, after, moment)
    else:
        found = stamps.front(moment)
    # The masthead names the day.
    return (moment.date(), *found) if found else None


def place_of(environ: "WSGIEnvironment") -> Place | None:
    """Which kept page a request asks for; None where Flask must answer: somebody known, or something unusual."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return None
    if "HTTP_X_REQUESTED_WITH" in environ or "HTTP_AUTHORIZATION" in environ:
        return None
    if is_somebody(environ.get("HTTP_COOKIE", "")):
        return None
    return place_at(environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))


def place_at(path: str, query: str) -> Place | None:
    """The place of a page with this address, where it is one that may be kept."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    kind, slug = found[1] or "", found[2] or ""
    if not query:
        return kind, slug, "", ""
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    values = dict(pairs)
    if len(values) != len(pairs) or not values.keys() <= _KNOWN_PARAMETERS[kind]:
        return None
    if any(not value or len(value) > LONGEST_PARAMETER for value in values.values()):
        return None
    return kind, slug, values.get("sort", ""), values.get("after", "")


def is_somebody(cookies: str) -> bool:
    """Whether a Cookie header names a cookie of ours. Part of a foreign name counts too: that only costs speed."""
    return bool(cookies) and any(name in cookies for name in PERSONAL_COOKIES)


def is_known(page: Page, tags: str) -> bool:
    """Whether a browser that knows these tags has the page already."""
    return bool(tags) and (page.etag in tags or tags.strip() == "*")


def install(app: Flask) -> None:
    """Put the cache in front of the application, and let views say that a page is for everybody."""
    app.after_request(_after)
    cache = VisitorCache(app, app.wsgi_app)
    app.wsgi_app = cache  # type: ignore[method-assign]
    app.extensions["rejoinder_visitor_cache"] = cache


def _after(response: Response) -> Response:
    if not g.get("cacheable"):
        return response
    mark = request.environ.get(_MARK)
    if mark is not None and not current_viewer_known():
        mark["for_everybody"] = True
    elif request.cookies:
        # A guest's draft may stand in it.
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def takes_gzip(accepted: str) -> bool:
    """Whether a browser that accepts these encodings takes gzip."""
    return "gzip" in accepted and "gzip;q=0" not in accepted.replace(" ", "")


def _closed(made: Iterable[bytes]) -> list[bytes]:
    close = getattr(made, "close", None)
    if close is not None:
        close()
    return []
