"""Articles as programs get them. A text that its reader may not read is cut here, and the rest never leaves."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from blueprints.api.gates import answers
from blueprints.articles import queries
from blueprints.articles.policy import PUBLISHED
from blueprints.articles.quotations import without_quotations
from blueprints.articles.structured import absolute
from blueprints.site.queries import SectionView, SiteView
from blueprints.threads import modes
from blueprints.threads.facts import ThreadFacts, facts_from
from blueprints.threads.policy import may_see_thread
from core import clock
from core.errors import DomainError, NotFound
from core.rendering import iso
from core.viewer import Viewer

MOST_LISTED = 50
LISTED = 20
API = "/api/v1"


def listing(site: SiteView, section: str | None, after: str | None, limit: int) -> dict[str, Any]:
    """Published stories, newest first, and where the next ones are. Raises DomainError."""
    place = queries.decode_after(after) if after is not None else None
    if after is not None and place is None:
        raise bad_cursor()
    found = _section(site, section) if section is not None else None
    cards = queries.newest_cards(site, found.id if found else None, place, limit + 1)
    shown = cards[:limit]
    following: dict[str, str] = {}
    if len(cards) > limit:
        following = {"after": queries.encode_after(shown[-1].published_at, shown[-1].id), "limit": str(limit)}
        following |= {"section": section} if section else {}
    return {
        "items": [
            {
                "slug": card.slug, "headline": card.headline, "standfirst": card.standfirst, "byline": card.byline,
                "section": _named(site.section(card.section_id)), "published_at": iso(card.published_at),
                "picture": {"url": absolute(card.picture_url), "alt": card.picture_alt} if card.picture_url else None,
                "comments": card.comment_count, "gated": card.is_gated, "url": absolute(card.url),
            }
            for card in shown
        ],
        "next": address("/articles", **following) if following else None,
    }  # fmt: skip


def story(site: SiteView, row: Row[Any] | None, viewer: Viewer) -> dict[str, Any]:
    """One published story as this viewer may read it; `row` as `articles.queries.article_row` finds it.

    What is not published has the newsroom's pages, and no address here for anybody. Raises NotFound.
    """
    if row is None or row.state != PUBLISHED:
        raise NotFound
    now, gate = clock.now(), queries.gate_of(row, site)
    facts = facts_from(row, site) if row.thread_id is not None else None
    may = answers(viewer, gate, facts, now)
    readable = bool(may["read"]["allowed"])
    return {
        "slug": row.slug, "headline": row.headline, "standfirst": row.standfirst, "byline": row.byline,
        "section": _named(site.section(row.section_id)), "published_at": iso(row.published_at),
        "edited_at": iso(row.edited_at) if row.edited_at and row.edited_at > row.published_at else None,
        "picture": _picture(row), "minutes": row.reading_minutes, "may": may, "cut": not readable,
        # A comment that is quoted can be taken back, and could not be taken back from an archive.
        "html": without_quotations(row.body_html if readable else row.preview_html),
        "discussion": _discussion(facts, viewer, now), "url": absolute(queries.article_path(row.slug)),
    }  # fmt: skip


def address(path: str, **query: str) -> str:
    """An address of the API, for a program to follow as it is; no value of ours needs quoting."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return absolute(f"{API}{path}") + (f"?{asked}" if asked else "")


def bad_cursor() -> DomainError:
    """What a program is told whose cursor is damaged: the first page instead would be read again and again."""
    return DomainError("There is no such place in this list. Follow `next` as it was given.", 422, "bad_cursor")


def _discussion(facts: ThreadFacts | None, viewer: Viewer, now: datetime) -> dict[str, Any] | None:
    if facts is None or may_see_thread(viewer, facts, now) is not None:
        return None
    return {
        "state": modes.state_at(facts, now), "comments": facts.published_count,
        "url": address(f"/articles/{facts.slug}/comments"),
    }  # fmt: skip


def _section(site: SiteView, slug: str) -> SectionView:
    found = next((section for section in site.sections if section.slug == slug), None)
    if found is None:
        raise NotFound("There is no such section.")
    return found


def _named(section: SectionView) -> dict[str, str]:
    return {"slug": section.slug, "name": section.name}


def _picture(row: Row[Any]) -> dict[str, Any] | None:
    if not row.sha256:
        return None
    return {
        "url": absolute(queries.picture_path(row.sha256, row.mime)), "alt": row.picture_alt, "width": row.width,
        "height": row.height, "caption": row.picture_caption, "credit": row.picture_credit,
    }  # fmt: skip
