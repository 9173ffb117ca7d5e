"""The site's settings, kept per process and checked against their version."""

from datetime import datetime

from flask import current_app, g
from sqlalchemy import select, update

from core import clock
from core.db import db
from core.prepared import Prepared
from core.records import dataclass
from models.article import Section
from models.conduct import ProtectedAuthor
from models.site import Rule, Site
from models.stress import Surge


@dataclass(frozen=True, slots=True)
class SectionView:
    id: int
    slug: str
    name: str
    description: str
    read_audience: str | None
    comment_audience: str | None
    respect_audience: str | None
    default_sort: str | None
    preset_premoderated: bool = False
    preset_pace_seconds: int | None = None
    preset_members_first_hours: int | None = None
    preset_closes_after_days: int | None = None


@dataclass(frozen=True, slots=True)
class RuleView:
    id: int
    key: str
    title: str
    text: str
    note_template: str = ""


@dataclass(frozen=True, slots=True)
class SurgeView:
    """Surge mode: of one discussion, or of all; it ends by itself."""

    thread_id: int | None
    holds_newcomers: bool
    members_only: bool
    pace_seconds: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class SiteView:
    """The publisher's settings as plain values."""

    name: str
    tagline: str
    language: str
    direction: str
    about: str
    privacy: str
    rules_enforced_by: str
    read_audience: str
    comment_audience: str
    respect_audience: str
    default_sort: str
    longest_pause: str
    version: int
    sections: tuple[SectionView, ...]
    rules: tuple[RuleView, ...]
    staff_second_factor: str | None = None  # required, offered; None: by the mode
    colour: str | None = None
    first_steps_away: bool = False
    comments_shown_to: str = "everyone"  # of gated articles: everyone, article_readers
    surges: tuple[SurgeView, ...] = ()  # those that had not ended when this was read
    protected_ids: frozenset[int] = frozenset()  # authors on whose stories doubtful comments are held

    def surges_of(self, thread_id: int) -> tuple[SurgeView, ...]:
        """The surges that concern a discussion."""
        return tuple(surge for surge in self.surges if surge.thread_id in {None, thread_id}) if self.surges else ()

    def section(self, section_id: int) -> SectionView:
        return next(section for section in self.sections if section.id == section_id)


_VERSION = Prepared(select(Site.version))
NO_SITE = SiteView(
    "Rejoinder", "", "en", "ltr", "", "", "", "everyone", "members", "registered", "best", "0", 0, (), ()
)


def site(version: int | None = None) -> SiteView:
    """The settings in force: one small query a request, the rest from memory while the version stands.

    `version` spares the query where another one has just brought it along.
    """
    if "site" not in g:
        version = version or _VERSION.scalar(db.session()) or 0
        known: SiteView | None = current_app.extensions.get("rejoinder_site")
        if known is None or known.version != version:
            known = _load_site()
            current_app.extensions["rejoinder_site"] = known
        g.site = known
    view: SiteView = g.site
    return view


def bump_site_version() -> None:
    """Call in the transaction of every change to site, sections or rules; cached pages are made anew."""
    db.session().execute(update(Site).values(version=Site.version + 1))
    g.pop("site", None)


def _load_site() -> SiteView:
    session = db.session()
    row = session.scalar(select(Site).execution_options(populate_existing=True))
    if row is None:
        return NO_SITE
    sections = session.execute(
        select(
            Section.id, Section.slug, Section.name, Section.description, Section.read_audience,
            Section.comment_audience, Section.respect_audience, Section.default_sort, Section.preset_premoderated,
            Section.preset_pace_seconds, Section.preset_members_first_hours, Section.preset_closes_after_days,
        ).order_by(Section.position, Section.id)
    )
    rules = session.execute(
        select(Rule.id, Rule.key, Rule.title, Rule.text, Rule.note_template)
        .where(Rule.active)
        .order_by(Rule.position, Rule.id)
    )
    surges = session.execute(
        select(Surge.thread_id, Surge.holds_newcomers, Surge.members_only, Surge.pace_seconds, Surge.ends_at)
        .where(Surge.ends_at > clock.now())
        .order_by(Surge.id)
    )
    return SiteView(
        row.name, row.tagline, row.language, row.direction, row.about, row.privacy, row.rules_enforced_by,
        row.read_audience, row.comment_audience, row.respect_audience, row.default_sort, row.longest_pause,
        row.version,
        tuple(SectionView(*values) for values in sections), tuple(RuleView(*values) for values in rules),
        row.staff_second_factor, row.colour, row.first_steps_away, row.comments_shown_to,
        surges=tuple(SurgeView(*values) for values in surges),
        protected_ids=frozenset(session.scalars(select(ProtectedAuthor.user_id))),
    )
