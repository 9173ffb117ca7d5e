"""Atom feeds of what is said: one discussion's newest comments, and a section's newest Picks. Made as for a guest."""

import hashlib
from xml.etree.ElementTree import Element, SubElement

from flask import Response, request

from blueprints.articles import feeds
from blueprints.articles.queries import section_path
from blueprints.articles.structured import absolute
from blueprints.site.queries import SectionView, SiteView
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.listing import FoundComment, newest_in_thread, newest_picks
from core import clock
from core.db import db
from core.markup import hide_spoilers
from core.rendering import iso
from core.text import remove_controls
from core.viewer import GUEST

MIMETYPE = "application/atom+xml"
THREADING = "http://purl.org/syndication/thread/1.0"  # RFC 4685: which entry answers which
THREAD_ENTRIES = 50
PICK_ENTRIES = 30


def thread_feed(site: SiteView, facts: ThreadFacts) -> Response:
    """The newest comments of a discussion that everybody may see. Nothing is read for those who know this version."""
    known_by = (facts.thread_id, facts.article_created_at, facts.version, facts.headline, facts.slug, site.version)
    etag = hashlib.sha256(repr(known_by).encode()).hexdigest()[:24]
    if request.if_none_match.contains_weak(etag):
        return _marked(Response(status=304), etag)
    comments = newest_in_thread(db.session(), GUEST, facts.thread_id, THREAD_ENTRIES, clock.now())
    path = f"{facts.article_url}/comments.atom"
    body = _feed(site, f"Comments on “{facts.headline}”", f"{facts.article_url}#comments", path, comments)
    return _marked(Response(body, content_type=f"{MIMETYPE}; charset=utf-8"), etag)


def picks_feed(site: SiteView, section: SectionView) -> Response:
    """The newest Picks of all discussions of a section that everybody may see."""
    picks = newest_picks(db.session(), GUEST, section.id, PICK_ENTRIES, clock.now())
    path, title = section_path(section.slug), f"{site.name}: Picks in {section.name}"
    return feeds.conditional(_feed(site, title, path, f"{path}/picks.atom", picks), MIMETYPE)


def _feed(site: SiteView, title: str, path: str, self_path: str, comments: list[FoundComment]) -> bytes:
    root = feeds.begin(site, title, path, self_path, [comment.changed_at for comment in comments])
    root.set("xmlns:thr", THREADING)
    for comment in comments:
        _entry(root, comment)
    return feeds.document(root)


def _entry(root: Element, comment: FoundComment) -> None:
    url = absolute(comment.url)
    entry = SubElement(root, "entry")
    feeds.put(entry, "title", f"{comment.name} on “{comment.headline}”")
    feeds.put(entry, "id", url)
    SubElement(entry, "link", rel="alternate", type="text/html", href=url)
    feeds.put(entry, "published", iso(comment.created_at))
    feeds.put(entry, "updated", iso(comment.changed_at))
    author = SubElement(entry, "author")
    feeds.put(author, "name", comment.name)
    if comment.page_url:
        feeds.put(author, "uri", absolute(comment.page_url))
    if comment.parent_id:
        parent = absolute(f"/comments/{comment.parent_id}")
        SubElement(entry, "thr:in-reply-to", ref=parent, href=parent, type="text/html")
    content = SubElement(entry, "content", {"type": "html", "xml:base": absolute("/")})
    content.text = remove_controls(hide_spoilers(str(comment.body)))


def _marked(answer: Response, etag: str) -> Response:
    answer.set_etag(etag)
    answer.headers["Cache-Control"] = "public, no-cache"
    return answer
