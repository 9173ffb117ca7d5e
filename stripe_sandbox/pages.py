"""The hosted pages' common ground: routing, rendering, security headers, refusing foreign forms."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from . import checkout_pages, invoice_pages, panel, portal_pages
from .periods import every, long_date
from .store import Store
from .wire import money

HERE = Path(__file__).parent
MAX_FORM_BYTES = 20_000
STYLE = (HERE / "static" / "sandbox.css").read_bytes()
STYLE_VERSION = hashlib.sha256(STYLE).hexdigest()[:10]

SELF = "'self'"
ID = r"[A-Za-z0-9_]+"
View = Callable[["Visit"], Response]


class Visit:
    """One request to a hosted page."""

    def __init__(self, pages: "Pages", request: Request, ids: dict[str, str]) -> None:
        self.pages, self.request, self.ids = pages, request, ids
        self.store = pages.store
        self.root = request.root_path.rstrip("/") + pages.prefix
        self.posted = request.method == "POST"

    @property
    def form(self) -> Any:
        return self.request.form

    def page(
        self, template: str, status: int = 200, *, leads_to: tuple[str | None, ...] = (), **values: Any
    ) -> Response:
        """Render; `leads_to` are the outside URLs that this page's forms may end at."""
        text = self.pages.templates.get_template(template).render(
            root=self.root, style=f"{self.root}/static/sandbox.css?v={STYLE_VERSION}", **values
        )
        response = Response(text, status=status, content_type="text/html; charset=utf-8")
        response.headers.update(security_headers(leads_to))
        return response

    def message(self, status: int, title: str, text: str, *, link: tuple[str, str] | None = None) -> Response:
        return self.page("message.html", status, title=title, text=text, link=link)

    def go(self, url: str) -> Response:
        response = Response("", status=303)
        response.autocorrect_location_header = False
        response.headers["Location"] = url
        response.headers["Cache-Control"] = "no-store"
        return response

    def here(self, path: str) -> Response:
        return self.go(self.root + path)


def origin_of(url: str | None) -> str | None:
    """`https://example.org:8443` of a URL, fit for a policy; None when there is none."""
    parts = urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s;,'\"]", parts.netloc):
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def security_headers(leads_to: tuple[str | None, ...]) -> dict[str, str]:
    targets = sorted({origin for url in leads_to if (origin := origin_of(url))})
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"form-action {' '.join([SELF, *targets])}; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Cache-Control": "no-store",
    }


class Pages:
    """Everything a browser sees."""

    def __init__(
        self, store: Store, *, public_url: str, prefix: str, settle: Callable[[], None], wake: Callable[[], None]
    ) -> None:
        self.store, self.prefix, self.wake, self._settle = store, prefix, wake, settle
        self._public_origin = origin_of(public_url)
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self.templates.filters.update(money=money, long_date=long_date)
        self.templates.globals.update(every=every)
        self._routes: list[tuple[re.Pattern[str], View]] = [
            (re.compile(rf"^/pay/(?P<id>{ID})$"), checkout_pages.pay),
            (re.compile(rf"^/pay/(?P<id>{ID})/verify$"), checkout_pages.verify),
            (re.compile(rf"^/portal/(?P<id>{ID})$"), portal_pages.home),
            (re.compile(rf"^/portal/(?P<id>{ID})/cancel/(?P<subscription>{ID})$"), portal_pages.cancel),
            (re.compile(rf"^/portal/(?P<id>{ID})/resume/(?P<subscription>{ID})$"), portal_pages.resume),
            (re.compile(rf"^/portal/(?P<id>{ID})/card$"), portal_pages.card),
            (re.compile(rf"^/portal/(?P<id>{ID})/switch/(?P<subscription>{ID})$"), portal_pages.switch),
            (re.compile(rf"^/events/(?P<id>{ID})$"), panel.event),
            (re.compile(rf"^/invoice/(?P<id>{ID})/(?P<token>{ID})$"), invoice_pages.show),
            (re.compile(rf"^/invoice/(?P<id>{ID})/(?P<token>{ID})/pdf$"), invoice_pages.pdf),
            (re.compile(rf"^/receipt/(?P<id>{ID})/(?P<token>{ID})$"), invoice_pages.receipt),
            (re.compile(r"^/$"), panel.show),
        ]

    def answer(self, request: Request, path: str) -> Response:
        if path == "/static/sandbox.css":
            headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
            return Response(STYLE, content_type="text/css; charset=utf-8", headers=headers)
        request.max_content_length = MAX_FORM_BYTES
        for pattern, view in self._routes:
            if match := pattern.match(path):
                return self._visit(Visit(self, request, match.groupdict()), view)
        visit = Visit(self, request, {})
        return visit.message(404, "There is nothing here", "The address may be incomplete.")

    def _visit(self, visit: Visit, view: View) -> Response:
        if visit.request.method not in ("GET", "HEAD", "POST"):
            return Response("", status=405, headers={"Allow": "GET, HEAD, POST"})
        if visit.posted and not self._same_site(visit.request):
            return visit.message(
                403, "This form came from another site", "Nothing was done. Open the page itself and try again."
            )
        self._settle()
        try:
            response = view(visit)
        except HTTPException as refusal:
            return visit.message(refusal.code or 400, "This form could not be read", "Nothing was done.")
        if visit.posted:
            self.wake()
        return response

    def _same_site(self, request: Request) -> bool:
        """Browsers say where a form comes from; a client that says nothing has no ambient power here."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        origin = request.headers.get("Origin")
        return origin is None or origin in (request.host_url.rstrip("/"), self._public_origin)
