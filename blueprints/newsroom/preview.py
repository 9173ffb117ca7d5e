"""An article as different readers will see it, before anybody does."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

from blueprints.articles.page import story_parts
from blueprints.articles.policy import Gate
from blueprints.articles.queries import article_row_by_id
from blueprints.membership.entitlements import effective_audience
from blueprints.membership.queries_catalogue import grants_of_plans
from blueprints.newsroom import policy, queries
from blueprints.newsroom.service import ArticleValues
from blueprints.site.queries import SiteView
from blueprints.threads import modes
from blueprints.threads.composer import Composer, composer_for, leads_to_joining
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.lookup import offer_for
from blueprints.threads.policy import may_comment
from blueprints.threads.settings import Conversation, Guest, after_publication
from core import clock
from core.markup import render_article, split_preview
from core.records import dataclass
from core.viewer import EVERY_ACT, GUEST, EntitlementSpan, Viewer

AS_PLAN = "plan:"


@dataclass(frozen=True, slots=True)
class ReaderKind:
    """Whom a preview is for."""

    key: str
    label: str
    viewer: Viewer


@dataclass(frozen=True, slots=True)
class Preview:
    """The article for one kind of reader."""

    headline: str
    story: Markup
    gate: Markup | None
    commenting: str
    facts: ThreadFacts
    composer: Composer
    guests: tuple[Guest, ...]
    question_time: str
    kind: ReaderKind
    kinds: tuple[ReaderKind, ...]


def reader_kinds() -> tuple[ReaderKind, ...]:
    """A visitor, a registered reader, and a member of each plan."""
    moment = clock.now()
    kinds = [ReaderKind("visitor", "Visitor", GUEST), ReaderKind("registered", "Registered", _reader())]
    granted = grants_of_plans()
    for key, name in queries.plan_names().items():
        span = EntitlementSpan(key, moment, None, "complimentary", granted.get(key, EVERY_ACT))
        kinds.append(ReaderKind(AS_PLAN + key, name, _reader(span)))
    return tuple(kinds)


def preview_of_saved(article_id: int, site: SiteView, kind: str | None) -> Preview | None:
    """The article as it stands in the database, were it published; None when there is none."""
    row = article_row_by_id(article_id)
    if row is None:
        return None
    standing = queries.conversation_of(queries.thread_of(article_id))
    return _preview(row, standing, row.published_at or clock.now(), site, kind)


def preview_of_typed(values: ArticleValues, site: SiteView, kind: str | None) -> Preview:
    """The article as it would be if these values were saved and published; nothing is saved."""
    picture = queries.picture(values.picture_id) if values.picture_id else None
    author = dict(queries.possible_authors()).get(values.author_id) if values.author_id else None
    body = values.body_source
    row = SimpleNamespace(
        id=0, slug=values.slug or "preview", section_id=values.section_id, state="published", version=0,
        headline=values.headline or "No headline yet", standfirst=values.standfirst,
        byline=values.byline or author or "", author_id=values.author_id, body_html=render_article(body),
        preview_html=render_article(split_preview(body)[0]), reading_minutes=policy.reading_minutes(body),
        picture_alt=values.picture_alt, picture_caption=values.picture_caption, picture_credit=values.picture_credit,
        read_audience=values.read_audience, comment_audience=values.comment_audience,
        respect_audience=values.respect_audience, opens_to_all_at=values.opens_to_all_at, published_at=clock.now(),
        edited_at=None, created_at=clock.now(), comment_count=0, quote_count=0,
        sha256=picture.sha256 if picture else None,
        mime=picture.mime if picture else None, width=picture.width if picture else None,
        height=picture.height if picture else None,
    )  # fmt: skip
    return _preview(row, values.conversation, clock.now(), site, kind)


def _preview(row: Any, wanted: Conversation, published_at: datetime, site: SiteView, kind: str | None) -> Preview:
    kinds = reader_kinds()
    chosen = next((found for found in kinds if found.key == kind), kinds[0])
    moment, section = clock.now(), site.section(row.section_id)
    reading = effective_audience(row.read_audience, section.read_audience, site.read_audience)
    commenting = effective_audience(row.comment_audience, section.comment_audience, site.comment_audience)
    gate = Gate("published", row.author_id, reading, row.opens_to_all_at)
    parts = story_parts(row, site, gate, chosen.viewer, moment, keep=False)
    facts = _facts(row, wanted, published_at, commenting)
    refusal = may_comment(chosen.viewer, facts, moment)
    offer = offer_for(modes.audience_at(facts, moment)) if leads_to_joining(refusal) else None
    return Preview(
        row.headline, parts["story"], parts["gate"], policy.audience_label(commenting, queries.plan_names()), facts,
        composer_for(facts, chosen.viewer, refusal, offer, now=moment), wanted.guests,
        modes.question_sentence(facts, moment), chosen, kinds,
    )  # fmt: skip


def _facts(row: Any, wanted: Conversation, published_at: datetime, commenting: str) -> ThreadFacts:
    """The discussion as it would be with these settings."""
    plain = {name: getattr(wanted, name) for name in SAME_IN_FACTS}
    until, closes_at = wanted.members_first_until, wanted.closes_at
    if wanted.members_first_hours:
        until = after_publication(published_at, hours=wanted.members_first_hours)
    if wanted.closes_after_days:
        closes_at = after_publication(published_at, days=wanted.closes_after_days)
    return ThreadFacts(
        thread_id=0, article_id=row.id, slug=row.slug, headline=row.headline, byline=row.byline,
        section_id=row.section_id, article_author_id=row.author_id, article_state="published",
        article_created_at=row.created_at, published_count=0, root_count=0, picked_count=0, last_comment_at=None,
        version=0, comment_audience=commenting, respect_audience=row.respect_audience or "", closed_at=None,
        members_first_until=until, closes_at=closes_at, has_quiz=bool(wanted.quiz),
        guest_ids=frozenset(guest.user_id for guest in wanted.guests), **plain,
    )  # fmt: skip


SAME_IN_FACTS = (
    "state", "closed_reason", "premoderated", "opening_question", "pace_seconds", "closes_after_days",
    "takes_questions", "questions_open_at", "questions_close_at",
)  # fmt: skip


def _reader(*spans: EntitlementSpan) -> Viewer:
    return Viewer(id=0, display_name="A reader", confirmed=True, entitlements=spans)
