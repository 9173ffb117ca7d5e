"""Reading: the front page, sections, articles, feeds, pictures."""

from hashlib import sha256
from io import BytesIO

import structlog
from flask import Blueprint, Response, g, render_template, request, send_file, send_from_directory
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from blueprints.articles import comment_feeds, feeds, queries, queries_sharing, service, sharing
from blueprints.articles.front import front_part, section_part
from blueprints.articles.page import ThreadPlace, article_page
from blueprints.articles.policy import may_see
from blueprints.articles.queries_sharing import SharedWith
from blueprints.articles.structured import absolute
from blueprints.site.queries import SectionView, site
from blueprints.threads.drafts import guest_hash
from blueprints.threads.lookup import article_thread
from blueprints.threads.policy import may_see_thread
from core import clock
from core.cookies import cookie_name
from core.db import transaction
from core.errors import NotFound
from core.guards import public
from core.ids import row_id
from core.rendering import YEAR_SECONDS
from core.viewer import GUEST, Viewer, current_viewer

articles = Blueprint("articles", __name__)
log = structlog.get_logger("articles")


@articles.get("/")
@public
def front() -> str:
    """The front page."""
    g.cacheable = not current_viewer().is_signed_in
    return render_template(
        "articles/front.html", stories=front_part(site()), canonical=absolute("/"), feed_url=absolute("/feed.xml")
    )


@articles.get("/sections/<slug>")
@public
def section(slug: str) -> str:
    """One page of a section, newest first."""
    found = _section(slug)
    after = None
    if "after" in request.args and (after := queries.decode_after(request.args["after"])) is None:
        raise NotFound
    g.cacheable = not current_viewer().is_signed_in
    path = queries.section_path(slug)
    return render_template(
        "articles/section.html", section=found, stories=section_part(site(), found, after), canonical=absolute(path),
        feed_url=absolute(f"{path}/feed.xml"), picks_url=absolute(f"{path}/picks.atom"),
    )  # fmt: skip


@articles.get("/articles/<slug>")
@public
def article(slug: str) -> ResponseReturnValue:
    """An article and the first page of its thread.

    `sort` and `after` page the thread, `at` opens it at a comment; `share` names a link that a member gave away.
    """
    row, viewer, moment = queries.article_row(slug), current_viewer(), clock.now()
    if row is None or not may_see(viewer, gate := queries.gate_of(row, site(row.site_version))):
        raise NotFound
    link = sharing.named(request.args.get("share"))
    g.cacheable = not viewer.is_signed_in and "share" not in request.args
    place = ThreadPlace(
        request.args.get("sort"), request.args.get("after"), request.args.get("at", type=row_id),
        guest_hash(request.cookies.get(cookie_name("guest"))), request.args.get("welcome") == "1",
    )  # fmt: skip
    page, _ = article_page(row, site(), gate, viewer, place, moment, link)
    given = link is not None and link.opens(row.id, moment)
    return _gift_page(page, link if given else None, viewer) if "share" in request.args else page


@articles.get("/feed.xml")
@public
def feed() -> Response:
    """The newest stories of the paper as Atom."""
    return feeds.conditional(feeds.paper_feed(site()), "application/atom+xml")


@articles.get("/sections/<slug>/feed.xml")
@public
def section_feed(slug: str) -> Response:
    """The newest stories of a section as Atom."""
    return feeds.conditional(feeds.section_feed(site(), _section(slug)), "application/atom+xml")


@articles.get("/articles/<slug>/comments.atom")
@public
def comment_feed(slug: str) -> Response:
    """The newest comments on a story as Atom, where everybody may read them."""
    facts = article_thread(slug)
    if may_see_thread(GUEST, facts, clock.now()):
        raise NotFound
    return comment_feeds.thread_feed(site(), facts)


@articles.get("/sections/<slug>/picks.atom")
@public
def picks_feed(slug: str) -> Response:
    """The newest Picks of a section as Atom."""
    return comment_feeds.picks_feed(site(), _section(slug))


@articles.get("/sitemap.xml")
@public
def sitemap() -> Response:
    """The addresses of all published stories."""
    return feeds.conditional(feeds.sitemap(site()), "application/xml")


@articles.get("/robots.txt")
@public
def robots() -> Response:
    """What crawlers need not visit, and where the sitemap is."""
    return feeds.conditional(feeds.robots(), "text/plain")


@articles.get("/pictures/<name>")
@public
def picture(name: str) -> Response:
    """A picture, or one of its smaller sizes; its name is its content, so browsers keep it for good."""
    if queries.is_picture_name(name):
        answer = send_from_directory(service.picture_folder(name), name, conditional=True)
    elif isinstance(size := service.picture_size(name), bytes):
        answer = send_file(BytesIO(size), download_name=name, conditional=True, etag=sha256(size).hexdigest())
    else:
        answer = send_from_directory(size.parent, size.name, conditional=True)
    answer.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return answer


def _gift_page(page: str, link: SharedWith | None, viewer: Viewer) -> Response:
    """A page opened by a link: for nobody's cache or index, and counted unless its giver looks at it."""
    if link is not None and viewer.id != link.user_id and request.method == "GET":
        try:
            with transaction():
                queries_sharing.count(link.id, reads=1)
        except SQLAlchemyError as error:  # reading goes on while nothing can be written
            log.warning("the opening of a link was not counted", error=type(error).__name__)
    answer = Response(page, mimetype="text/html")
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


def _section(slug: str) -> SectionView:
    found = next((section for section in site().sections if section.slug == slug), None)
    if found is None:
        raise NotFound
    return found
