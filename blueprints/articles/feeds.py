"""What programs read: Atom feeds, the sitemap, robots.txt. Made as for a guest, whoever asks."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from flask import Response, request
from sqlalchemy import Row

from blueprints.articles.policy import may_read
from blueprints.articles.queries import article_path, feed_rows, gate_of, picture_path, section_path, sitemap_rows
from blueprints.articles.quotations import without_quotations
from blueprints.articles.structured import absolute
from blueprints.site.queries import SectionView, SiteView
from core import clock
from core.rendering import iso
from core.text import remove_controls
from core.viewer import GUEST

ATOM = "http://www.w3.org/2005/Atom"
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
NOT_FOR_CRAWLERS = (
    "/account", "/api/", "/comments/", "/demo/", "/join/", "/moderation", "/newsroom", "/publisher", "/readers/",
    "/search", "/sign-in", "/sign-up", "/unsubscribe/", "/feeds/replies/",
)  # fmt: skip


def paper_feed(site: SiteView) -> bytes:
    """Atom of the newest stories of the whole paper."""
    return _feed(site, site.name, "/", "/feed.xml", feed_rows(None))


def section_feed(site: SiteView, section: SectionView) -> bytes:
    """Atom of the newest stories of one section."""
    path = section_path(section.slug)
    return _feed(site, f"{site.name}: {section.name}", path, f"{path}/feed.xml", feed_rows(section.id))


def sitemap(site: SiteView) -> bytes:
    """The front page, the sections and the newest published stories with the time of their last change."""
    root = Element("urlset", xmlns=SITEMAP)
    for path in ("/", *(section_path(section.slug) for section in site.sections)):
        put(SubElement(root, "url"), "loc", absolute(path))
    for row in sitemap_rows():
        entry = SubElement(root, "url")
        put(entry, "loc", absolute(article_path(row.slug)))
        put(entry, "lastmod", iso(row.changed_at))
    return document(root)


def robots() -> bytes:
    """robots.txt"""
    barred = "".join(f"Disallow: {path}\n" for path in NOT_FOR_CRAWLERS)
    return f"User-agent: *\n{barred}Sitemap: {absolute('/sitemap.xml')}\n".encode()


def conditional(body: bytes, mimetype: str) -> Response:
    """An answer that is checked on each visit and sent only if it changed."""
    answer = Response(body, content_type=f"{mimetype}; charset=utf-8")
    answer.headers["Cache-Control"] = "public, no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def begin(site: SiteView, title: str, path: str, self_path: str, changes: list[datetime]) -> Element:
    """A feed without its entries: of the page at `path`, itself at `self_path`, with the moments of its changes."""
    root = Element("feed", {"xmlns": ATOM, "xml:lang": site.language})
    put(root, "title", title)
    if site.tagline:
        put(root, "subtitle", site.tagline)
    put(root, "id", absolute(self_path))
    SubElement(root, "link", rel="self", type="application/atom+xml", href=absolute(self_path))
    SubElement(root, "link", rel="alternate", type="text/html", href=absolute(path))
    put(root, "updated", iso(max(changes, default=clock.now().replace(hour=0, minute=0, second=0))))
    return root


def _feed(site: SiteView, title: str, path: str, self_path: str, rows: list[Row[Any]]) -> bytes:
    moment = clock.now()
    root = begin(site, title, path, self_path, [row.edited_at or row.published_at for row in rows])
    for row in rows:
        _entry(root, row, site, moment)
    return document(root)


def _entry(root: Element, row: Row[Any], site: SiteView, moment: datetime) -> None:
    url = absolute(article_path(row.slug))
    readable = may_read(GUEST, gate_of(row, site), moment)
    entry = SubElement(root, "entry")
    put(entry, "title", row.headline)
    put(entry, "id", url)
    SubElement(entry, "link", rel="alternate", type="text/html", href=url)
    if row.sha256:
        SubElement(entry, "link", rel="enclosure", type=row.mime, href=absolute(picture_path(row.sha256, row.mime)))
    put(entry, "published", iso(row.published_at))
    put(entry, "updated", iso(row.edited_at or row.published_at))
    put(SubElement(entry, "author"), "name", row.byline or site.name)
    SubElement(entry, "category", term=site.section(row.section_id).name)
    if row.standfirst:
        put(entry, "summary", row.standfirst)
    # Addresses within the site mean nothing in a feed reader: xml:base says what they are relative to.
    content = SubElement(entry, "content", {"type": "html", "xml:base": absolute("/")})
    content.text = remove_controls(
        without_quotations(row.body_html) if readable else without_quotations(row.preview_html) + _read_on(url)
    )


def _read_on(url: str) -> str:
    return f'\n<p><a href="{url}">Read on at {urlsplit(url).netloc}</a></p>'


def put(parent: Element, name: str, text: str) -> None:
    """Add an element with that text."""
    SubElement(parent, name).text = remove_controls(text)


def document(root: Element) -> bytes:
    """The finished document."""
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
