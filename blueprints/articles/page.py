"""How an article looks: the parts that are the same for everybody, made once per version and kept in memory."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from flask import current_app
from markupsafe import Markup
from sqlalchemy import Row

from blueprints.articles.picture_sizes import srcset
from blueprints.articles.policy import PUBLISHED, Gate, is_gated, may_read
from blueprints.articles.queries import article_path, picture_path, plan_names, section_path
from blueprints.articles.queries_sharing import SharedWith
from blueprints.articles.quotations import quotes_now, with_quotations
from blueprints.articles.sharing import address_of, why_not
from blueprints.articles.structured import GATED_CLASS, absolute, structured_data
from blueprints.membership.entitlements import REGISTERED, plans_of
from blueprints.site.queries import SiteView
from blueprints.threads.facts import facts_from
from blueprints.threads.page import NO_THREAD, ThreadPage, thread_fragment
from blueprints.threads.pieces import Shown
from blueprints.threads.queries import cheapest_offer
from core.at_hand import take_time
from core.db import db
from core.frames import render_framed
from core.records import dataclass
from core.viewer import Viewer

KEPT_PARTS = 256

_parts: OrderedDict[tuple[Any, ...], Markup] = OrderedDict()
_parts_lock = Lock()


@dataclass(frozen=True, slots=True)
class ThreadPlace:
    """Which part of the thread was asked for, and by which browser without an account."""

    sort: str | None
    after: str | None
    at: int | None
    guest_hash: str | None
    welcome: bool

    @property
    def repeats(self) -> bool:
        """Whether the page shows the story once more, with other comments than its plain address."""
        return bool(self.sort or self.after or self.at)


def story_parts(
    row: Any, site: SiteView, gate: Gate, viewer: Viewer, at: datetime, *, keep: bool = True, given: bool = False,
    repeats: bool = False, comments: Sequence[Shown] = (),
) -> dict[str, Any]:  # fmt: skip
    """What the article's template shows above the thread: head, story, and for those outside the gate its panel.

    `row` has the columns of `queries.article_row`. Without the right to read, only the preview is ever handed to a
    template. `keep` is for what readers find; a preview is made and forgotten, and offers nobody to follow: the way
    back from there is a page that may not exist. `given` says that a member opened this story to whoever asks.
    `repeats` is a page that shows the story once more, with other comments; `comments` are those on the page of a
    visitor, for search engines.
    """
    readable = may_read(viewer, gate, at) or (given and gate.state == PUBLISHED)
    gated = is_gated(gate, at)
    key = (
        row.id,
        row.created_at,
        row.version,
        site.version,
        readable,
        gated,
        row.comment_count,
        quotes_now(row.slug) if row.quote_count else (),
    )

    def values() -> dict[str, Any]:
        return _values(row, site, gated, readable) | {"leads_on": keep}

    def structured() -> dict[str, Any]:
        return {"structured": structured_data(row, site, gated, comments)}

    made = kept if keep else _once
    named = _once if comments else made  # these change more often than anything else of the page
    return {
        "head": made(("head", *key, repeats), "articles/_head.html", lambda: values() | {"repeats": repeats}),
        "structured": named(("structured", *key), "articles/_structured.html", structured),
        "story": made(("story", *key), "articles/_story.html", values),
        "gate": None if readable else gate_panel(row.slug, gate.audience, viewer),
    }


def article_page(
    row: Row[Any], site: SiteView, gate: Gate, viewer: Viewer, place: ThreadPlace, at: datetime,
    link: SharedWith | None = None,
) -> tuple[str, ThreadPage]:  # fmt: skip
    """The whole page of a story that this viewer may see, and its thread. `link` is one that a member gave away."""
    given = link is not None and link.opens(row.id, at)
    thread = thread_part(row, site, viewer, place)
    parts = story_parts(
        row, site, gate, viewer, at, given=given, repeats=place.repeats,
        comments=() if viewer.is_signed_in or place.repeats else thread.comments,
    )  # fmt: skip
    feed = absolute(f"{article_path(row.slug)}/comments.atom") if thread.html and thread.for_everyone else None
    places = {
        "headline": row.headline, "thread": thread.html,
        "comments_feed": feed,
        "share": share_offer(row, gate, viewer, at), "gift": gift_note(link, row, at) if link else None,
    }  # fmt: skip
    page = render_framed("articles/article.html", (site,), places | parts, not_public=row.state != PUBLISHED)
    return page, thread


def gate_panel(slug: str, audience: str, viewer: Viewer) -> Markup:
    """What stands where the text breaks off: whom the rest is for, what that costs, and the ways in."""
    for_registered = audience == REGISTERED
    return _render(
        "articles/_gate.html",
        for_registered=for_registered,
        offer=None if for_registered else cheapest_offer(db.session(), audience),
        plans=listed(plan_names(plans_of(audience))) if plans_of(audience) else "",
        viewer=viewer,
        slug=slug,
        path=article_path(slug),
        gated_class=GATED_CLASS,
    )


def share_offer(row: Any, gate: Gate, viewer: Viewer, at: datetime) -> Markup | None:
    """The way for a member to give away a story that others cannot read; None where there is nothing to give."""
    if not viewer.is_member or gate.state != PUBLISHED or not is_gated(gate, at) or not may_read(viewer, gate, at):
        return None
    return kept(("share", row.slug), "articles/_share.html", lambda: {"slug": row.slug})


def gift_note(link: SharedWith, row: Any, at: datetime) -> Markup:
    """Who opened this story to the reader and until when; or why the link opens nothing any more."""
    opens = link.opens(row.id, at)
    return _render(
        "articles/_gift.html", link=link, opens=opens, why=why_not(link, at), back=address_of(row.slug, link.id)
    )


def thread_part(row: Row[Any], site: SiteView, viewer: Viewer, place: ThreadPlace) -> ThreadPage:
    """The discussion below a published article, for this reader; empty where there is none."""
    if row.thread_id is None or row.state != PUBLISHED:
        return NO_THREAD
    facts = facts_from(row, site)
    return thread_fragment(
        facts, viewer, sort=place.sort, after=place.after, at=place.at, guest_hash=place.guest_hash,
        welcome=place.welcome,
    )  # fmt: skip


def listed(names: list[str]) -> str:
    """a, b and c"""
    *first, last = names or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _values(row: Any, site: SiteView, gated: bool, readable: bool) -> dict[str, Any]:
    section = site.section(row.section_id)
    picture = picture_path(row.sha256, row.mime) if row.sha256 else None
    return {
        "site": site,
        "article": row,
        "body": with_quotations(row.body_html if readable else row.preview_html),
        "cut": not readable,
        "gated_class": GATED_CLASS if gated and readable else "",
        "section_name": section.name,
        "section_url": section_path(section.slug),
        "url": article_path(row.slug),
        "canonical": absolute(article_path(row.slug)),
        "picture_url": picture,
        "picture_srcset": srcset(picture, row.width, row.height) if picture else "",
        "picture_absolute": absolute(picture) if picture else None,
        "feed_url": absolute("/feed.xml"),
        "was_updated": bool(row.edited_at and row.published_at and row.edited_at > row.published_at),
    }


def kept(key: tuple[Any, ...], template: str, values: Callable[[], dict[str, Any]]) -> Markup:
    """A part that is the same for everybody, from memory if it was made for this key before.

    The key must hold everything that decides how the part looks.
    """
    with _parts_lock:
        if key in _parts:
            _parts.move_to_end(key)
            return _parts[key]
    made = _render(template, **values())
    with _parts_lock:
        _parts[key] = made
        while len(_parts) > KEPT_PARTS:
            _parts.popitem(last=False)
    return made


def _once(_key: tuple[Any, ...], template: str, values: Callable[[], dict[str, Any]]) -> Markup:
    return _render(template, **values())


def _render(template: str, **values: Any) -> Markup:
    take_time()
    # Straight from the environment: the templates get these values only, and nothing about who asks.
    return Markup(current_app.jinja_env.get_template(template).render(**values))  # noqa: S704 - templates escape
