"""What stands where on the front page, and on the pages of the sections."""

from datetime import datetime
from typing import Any

from markupsafe import Markup

from blueprints.articles.page import kept
from blueprints.articles.queries import (
    PICKS_FRESH,
    SECTION_PAGE,
    SECTION_PICKS,
    Card,
    cards,
    encode_after,
    front_rows,
    lead_id,
    section_path,
    section_rows,
)
from blueprints.site.queries import SectionView, SiteView
from blueprints.threads.listing import newest_picks
from core import clock
from core.db import db
from core.records import dataclass
from core.viewer import GUEST

SECOND_STORIES = 2
PAIR_STORIES = 2
COMPACT_STORIES = 5
SECTION_STORIES = 4


@dataclass(frozen=True, slots=True)
class SectionBlock:
    """A section's part of the front page."""

    slug: str
    name: str
    url: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Front:
    """The front page: the lead, stories beside and below it, a short list, and a block for each section."""

    lead: Card | None
    pair: tuple[Card, ...]
    second: tuple[Card, ...]
    compact: tuple[Card, ...]
    discussed: bool
    blocks: tuple[SectionBlock, ...]


def front_part(site: SiteView) -> Markup:
    """The stories of the front page, the same for everybody; made anew when one of them has changed."""
    rows = front_rows(tuple(section.id for section in site.sections))
    ids = list(dict.fromkeys(row.id for row in rows))

    def values() -> dict[str, Any]:
        return {"front": arrange(cards(ids, site), lead_id(ids), site)}

    return kept(("front", site.version, *map(tuple, rows)), "articles/_front.html", values)


def section_part(site: SiteView, section: SectionView, after: tuple[datetime, int] | None) -> Markup:
    """One page of a section's stories, the same for everybody."""
    rows = section_rows(section.slug, after)
    path = section_path(section.slug)

    def values() -> dict[str, Any]:
        now = clock.now()
        shown = cards([row.id for row in rows[:SECTION_PAGE]], site)
        has_more = len(rows) > SECTION_PAGE
        return {
            "cards": shown,
            "next_url": f"{path}?after={encode_after(shown[-1].published_at, shown[-1].id)}" if has_more else None,
            "first_url": path if after else None,
            "section": section,
            "picks": [] if after else newest_picks(
                db.session(), GUEST, section.id, SECTION_PICKS, now, since=now - PICKS_FRESH
            ),
        }

    return kept(("section", section.id, after, site.version, *map(tuple, rows)), "articles/_section.html", values)


def arrange(newest: list[Card], lead: int | None, site: SiteView) -> Front:
    """Place cards that come newest first, each in one place; the most discussed may be named again. Pure.

    The lead is the marked story, else the newest with a picture.
    """
    first = next((card for card in newest if card.id == lead), None)
    first = first or next((card for card in newest[:SECTION_STORIES] if card.picture_url), None)
    first = first or next(iter(newest), None)
    rest = [card for card in newest if card is not first]
    second, rest = _take(rest, SECOND_STORIES)
    pair, rest = _take(rest, PAIR_STORIES)
    compact = sorted((card for card in newest if card.comment_count), key=lambda card: -card.comment_count)
    discussed = len(compact) >= COMPACT_STORIES
    if not discussed:
        compact, rest = _take(rest, COMPACT_STORIES)
    blocks = []
    for section in site.sections:
        chosen = tuple(card for card in rest if card.section_id == section.id)[:SECTION_STORIES]
        if chosen:
            blocks.append(SectionBlock(section.slug, section.name, section_path(section.slug), chosen))
    return Front(first, tuple(pair), tuple(second), tuple(compact[:COMPACT_STORIES]), discussed, tuple(blocks))


def _take(stories: list[Card], number: int) -> tuple[list[Card], list[Card]]:
    return stories[:number], stories[number:]
