"""Articles for readers who are signed in, made ahead of Flask from what memory holds.

The page is the one that the view makes (`page.article_page`), for the same viewer, from the same tables; only what a
request costs beside it is left out. A page that takes time, or that somebody on the staff asks for, is Flask's: `find`
says None then, and nothing is lost.

A page once made is kept for its reader with all that it was made from: the stamp of article, thread and site, the
viewer with their rights, and what of the page is their own. These are asked of the database each time (three
statements), so a kept page is never older than what it shows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, g
from sqlalchemy import PoolProxiedConnection

from blueprints.accounts.session import viewer_at_once
from blueprints.articles import queries
from blueprints.articles.page import ThreadPlace, article_page
from blueprints.articles.policy import may_see
from blueprints.articles.stamps import Stamps
from blueprints.articles.visitor_cache import Place
from blueprints.site.queries import site
from blueprints.threads.memory import Memory
from blueprints.threads.page import OwnQuestion
from core import clock, csrf
from core.at_hand import NotAtHand, only_at_hand
from core.prepared import read_on
from core.rendering import HSTS, PERSONAL, standard_headers
from core.viewer import Viewer

KEPT_BYTES = 32 * 1024 * 1024
ENTRY_OVERHEAD = 3000

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class ReaderPage:
    """A page for one reader, and what it was made from. `packed` and `head` are the server's, once it has sent it."""

    made_from: tuple[Any, ...]
    own: OwnQuestion
    body: bytes
    packed: bytes | None = None
    head: Any = None


class ReaderPages:
    """Pages for readers, asked for on one connection that nobody else uses; for one thread."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._kept: Memory[ReaderPage] = Memory(KEPT_BYTES)
        settings = app.config["SETTINGS"]
        self.headers: Headers = [("Content-Type", "text/html; charset=utf-8"), *standard_headers(app)]
        if settings.production and settings.base_url.startswith("https:"):
            self.headers.append(("Strict-Transport-Security", HSTS))
        self.headers += [("Cache-Control", PERSONAL), ("Vary", "Accept-Encoding, Cookie")]

    def find(self, cookie: str, place: Place, own: PoolProxiedConnection, stamps: Stamps) -> ReaderPage | None:
        """The page that the session in this cookie sees there; None where Flask must be asked.

        Raises what the driver raises.
        """
        kind, slug, _, _ = place
        if kind != "articles":
            return None
        values = self._app.session_interface.known(self._app, cookie)  # type: ignore[attr-defined]
        if not values or "_flashes" in values or not values.get("csrf_token"):
            return None
        moment = clock.now()
        stamp = stamps.article(slug, moment)
        if stamp is None:
            return None
        with self._app.app_context():
            read_on(own)
            viewer = viewer_at_once(values)
            if viewer is None or viewer.id is None or viewer.is_staff or viewer.sanctions:
                return None
            token = csrf.token_of(values["csrf_token"])
            in_force = tuple(span.covers(moment) for span in viewer.entitlements)
            made_from = (moment.date(), stamp, viewer, in_force, token)
            kept = self._kept.get((cookie, place))
            if kept and kept.made_from == made_from and kept.own.holds(viewer.id, moment):
                return kept
            return self._make((cookie, place), made_from, viewer, token, moment)

    def _make(
        self, key: tuple[str, Place], made_from: tuple[Any, ...], viewer: Viewer, token: str, moment: datetime
    ) -> ReaderPage | None:
        g.viewer, g.csrf_token = viewer, token
        _, slug, sort, after = key[1]
        row = queries.article_row(slug)
        if row is None or not may_see(viewer, gate := queries.gate_of(row, site(row.site_version))):
            return None
        only_at_hand()
        try:
            html, thread = article_page(
                row, site(), gate, viewer, ThreadPlace(sort or None, after or None, None, None, False), moment
            )
        except NotAtHand:
            return None
        if thread.own is None:
            return None
        page = ReaderPage(made_from, thread.own, html.encode())
        if not thread.own.passes:
            self._kept.put(key, page, len(page.body) // 4 + ENTRY_OVERHEAD)
        return page
