"""Comments in lists outside their threads: what is found, what a person said, what was picked.

Every list of this kind goes through `readable_by`, so that nothing is listed that its reader could not open.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from blueprints.membership.entitlements import EVERYONE, MEMBERS, PLANS_PREFIX, REGISTERED, live_plans
from blueprints.site.queries import site
from blueprints.threads import queries_badges
from blueprints.threads.facts import reader_path
from blueprints.threads.names import is_named, shown_name
from core import clock
from core.db import UTCDateTime
from core.markup import plain_text
from core.records import dataclass
from core.text import excerpt
from core.viewer import GUEST, Viewer
from models.article import Article, Section
from models.conversation import ThreadGuest
from models.notice import Mute
from models.site import Site
from models.thread import Comment, Thread
from models.user import User

EXCERPT_CHARACTERS = 220

FOUND_COLUMNS: tuple[Any, ...] = (
    Comment.id, Comment.author_id, Comment.author_badge, Comment.parent_id, Comment.respect_count,
    Comment.reply_count, Comment.created_at, Comment.edited_at, Comment.picked_at, Comment.body_html,
    shown_name().label("name"), is_named().label("is_named"), User.page_is_open,
    Article.slug, Article.headline, Article.section_id,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundComment:
    """A comment as a list shows it, with where it stands."""

    id: int
    name: str
    page_url: str  # of the author's page, if others may see it
    author_badge: str
    plan_badge: str
    plan_rank: int
    parent_id: int | None
    is_picked: bool
    respect_count: int
    reply_count: int
    created_at: datetime
    edited_at: datetime | None
    headline: str
    article_url: str
    body: Markup
    is_muted: bool = False  # by the viewer, where the list asks for it

    @property
    def url(self) -> str:
        return f"/comments/{self.id}"

    @property
    def words(self) -> str:
        """The beginning of what it says, without mark-up and hidden words."""
        return excerpt(plain_text(str(self.body)), EXCERPT_CHARACTERS)

    @property
    def changed_at(self) -> datetime:
        """When it was said, or changed after that."""
        return self.edited_at or self.created_at


def with_places(statement: Select[Any]) -> Select[Any]:
    """Join what FOUND_COLUMNS needs to a statement that has Comment in it."""
    return (
        statement.join(User, User.id == Comment.author_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
    )


def readable_by(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on Comment, Thread and Article for what this viewer may read: `policy.may_see_thread` in SQL,
    and of the comments the published ones only, also for moderators, who have the desk for the others."""
    return and_(Comment.status == "published", threads_seen_by(viewer))


def threads_seen_by(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on Thread and Article for the discussions this viewer may see; as `policy.may_see_thread`."""
    seen = and_(Article.state == "published", Thread.state != "hidden", _reads_along(viewer))
    if not viewer.is_moderator:
        return seen
    if viewer.is_editor or not viewer.section_ids:
        return true()
    return or_(seen, Article.section_id.in_(sorted(viewer.section_ids)))


def open_to_all(article: Any = Article, section: Any = Section, site: Any = Site) -> ColumnElement[bool]:
    """The condition for nobody being kept from an article's comments, at a `moment`: `modes.is_for_everyone` in SQL."""
    return or_(
        func.coalesce(site.comments_shown_to, EVERYONE) == EVERYONE,
        func.coalesce(article.read_audience, section.read_audience, site.read_audience) == EVERYONE,
        func.coalesce(article.opens_to_all_at <= bindparam("moment", type_=UTCDateTime()), false()),
    )


def _reads_along(viewer: Viewer) -> ColumnElement[bool]:
    """The condition on Thread and Article for this viewer reading the comments of gated articles."""
    view, now = site(), clock.now()
    if view.comments_shown_to == EVERYONE or viewer.is_staff:
        return true()
    of_section = {one.id: one.read_audience for one in view.sections if one.read_audience}
    rules = [Article.read_audience, view.read_audience]
    if of_section:
        rules.insert(1, case(of_section, value=Article.section_id))
    audience = func.coalesce(*rules)
    reads = [audience == EVERYONE, Article.opens_to_all_at <= now]
    if viewer.id is not None:
        invited = exists().where(ThreadGuest.thread_id == Thread.id, ThreadGuest.user_id == viewer.id)
        reads += [Article.author_id == viewer.id, and_(Thread.takes_questions, invited)]
        if viewer.confirmed:
            reads.append(audience == REGISTERED)
        if plans := live_plans(viewer, now, "read"):
            named = literal(",") + func.replace(func.substr(audience, len(PLANS_PREFIX) + 1), " ", "") + ","
            ours = or_(*(named.contains(f",{key},", autoescape=True) for key in sorted(plans)))
            reads += [audience == MEMBERS, and_(audience.startswith(PLANS_PREFIX), ours)]
    return or_(*reads)


def muted_by(viewer: Viewer) -> ColumnElement[bool]:
    """Whether the author of a comment is muted by this viewer; a column beside FOUND_COLUMNS."""
    if viewer.id is None:
        return false().label("is_muted")
    return exists().where(Mute.user_id == viewer.id, Mute.muted_id == Comment.author_id).label("is_muted")


def found_from(session: Session, rows: Sequence[Row[Any]], now: datetime) -> list[FoundComment]:
    """Rows with FOUND_COLUMNS as they are shown."""
    plans = queries_badges.plan_badges(session, (row.author_id for row in rows), now)
    return [_found(row, plans.get(row.author_id)) for row in rows]


def newest_in_thread(session: Session, viewer: Viewer, thread_id: int, limit: int, now: datetime) -> list[FoundComment]:
    """So many of the newest comments of a discussion, as far as this viewer may read them."""
    statement = with_places(select(*FOUND_COLUMNS).select_from(Comment)).where(
        Comment.thread_id == thread_id, readable_by(viewer)
    )
    newest = statement.order_by(Comment.published_number.desc(), Comment.id.desc()).limit(limit)
    return found_from(session, session.execute(newest).all(), now)


def newest_picks(
    session: Session, viewer: Viewer, section_id: int, limit: int, now: datetime, *, since: datetime | None = None
) -> list[FoundComment]:
    """So many of the newest Picks of a section's discussions, as far as this viewer may read them."""
    statement = with_places(select(*FOUND_COLUMNS).select_from(Comment)).where(
        Comment.picked_at.is_not(None), Article.section_id == section_id, readable_by(viewer)
    )
    if since:
        statement = statement.where(Comment.picked_at > since)
    newest = statement.order_by(Comment.picked_at.desc(), Comment.id.desc()).limit(limit)
    return found_from(session, session.execute(newest).all(), now)


def picks_by_id(session: Session, ids: Sequence[int], now: datetime) -> list[FoundComment]:
    """Those of these comments that are Picks which everybody may read."""
    statement = with_places(select(*FOUND_COLUMNS).select_from(Comment)).where(
        Comment.id.in_(ids), Comment.picked_at.is_not(None), readable_by(GUEST)
    )
    return found_from(session, session.execute(statement).all(), now)


def latest_picks(session: Session, first_of: int | None, limit: int, now: datetime) -> list[FoundComment]:
    """So many of the newest Picks of the paper that everybody may read, those on one article before all others."""
    statement = with_places(select(*FOUND_COLUMNS).select_from(Comment)).where(
        Comment.picked_at.is_not(None), readable_by(GUEST)
    )
    nearest = case((Article.id == first_of, 0), else_=1)
    newest = statement.order_by(nearest, Comment.picked_at.desc(), Comment.id.desc()).limit(limit)
    return found_from(session, session.execute(newest).all(), now)


def _found(row: Row[Any], plan: tuple[str, int] | None) -> FoundComment:
    plan = plan if row.is_named else None
    return FoundComment(
        id=row.id,
        name=row.name,
        page_url=reader_path(row.author_id, row.name) if row.page_is_open and row.is_named else "",
        author_badge=row.author_badge if row.is_named else "",
        plan_badge=plan[0] if plan else "",
        plan_rank=plan[1] if plan else 0,
        parent_id=row.parent_id,
        is_picked=row.picked_at is not None,
        respect_count=row.respect_count,
        reply_count=row.reply_count,
        created_at=row.created_at,
        edited_at=row.edited_at,
        headline=row.headline,
        article_url=f"/articles/{row.slug}",
        body=Markup(row.body_html),  # noqa: S704 - cleaned when it was written
        is_muted=bool(row._mapping.get("is_muted", False)),
    )
