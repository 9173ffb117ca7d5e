"""Finding articles: one for its page, many for the lists, feeds and the sitemap."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Integer,
    Row,
    Select,
    String,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.selectable import CompoundSelect

from blueprints.articles.picture_sizes import CARD_SHAPE, srcset
from blueprints.articles.policy import PUBLISHED, Gate, is_gated
from blueprints.membership.entitlements import effective_audience
from blueprints.site.queries import SiteView
from blueprints.threads.facts import THREAD_COLUMNS
from blueprints.threads.listing import open_to_all
from core import clock
from core.db import UTCDateTime, db
from core.ids import MAX_ID
from core.prepared import Prepared
from core.records import dataclass
from models.article import Article, Picture, Section
from models.membership import Plan
from models.site import Site
from models.thread import Comment, Thread
from models.user import User

FRONT_NEWEST = 24
FRONT_PER_SECTION = 8
SECTION_PAGE = 20
SECTION_PICKS = 3
PICKS_FRESH = timedelta(days=60)  # older ones are no longer news
FEED_ENTRIES = 30
SITEMAP_LIMIT = 50_000  # as many as one sitemap file may list
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif", "image/avif": "avif"}


@dataclass(frozen=True, slots=True)
class Card:
    """A story as a list shows it."""

    id: int
    headline: str
    standfirst: str
    url: str
    section_id: int
    section_name: str
    section_url: str
    byline: str
    published_at: datetime
    picture_url: str | None
    picture_srcset: str
    picture_alt: str
    comment_count: int
    is_gated: bool
    slug: str


def article_row(slug: str) -> Row[Any] | None:
    """Everything the article's page needs of article, author, picture and thread, whatever its state: one query.

    The thread's columns are those that `threads.facts.facts_from` reads; they are empty where there is no thread.
    `site_version` is the version of the site's settings.
    """
    found: Row[Any] | None = _BY_SLUG.first(db.session(), slug=slug)
    return found


def article_row_by_id(article_id: int) -> Row[Any] | None:
    """As `article_row`, by id."""
    return db.session().execute(_story_columns().where(Article.id == article_id)).first()


def gate_of(row: Row[Any], site: SiteView) -> Gate:
    """What decides about reading, from a row that has the article's state, author, section and audience."""
    section = site.section(row.section_id)
    return Gate(
        row.state,
        row.author_id,
        effective_audience(row.read_audience, section.read_audience, site.read_audience),
        row.opens_to_all_at,
    )


@lru_cache(maxsize=8)
def front_listing(section_ids: tuple[int, ...]) -> CompoundSelect[Any]:
    """The newest stories of the paper and of each section, with the columns of `_listed`.

    These change whenever the front page would, so they are also what a kept page is checked by. Parameter: `moment`.
    """
    parts = [_listed().limit(FRONT_NEWEST)]
    parts += [_listed().where(Article.section_id == section_id).limit(FRONT_PER_SECTION) for section_id in section_ids]
    return union_all(*(select(part.subquery()) for part in parts))


@lru_cache(maxsize=2)
def section_listing(*, paged: bool) -> Select[Any]:
    """One page of a section, and one story more to know of a next page; columns as in `_listed`, with the Picks' stamp.

    Parameters: `moment`, `since` (how old Picks may be), `section` (its slug), and for a later page `after_at` and
    `after_id`, the story before it.
    """
    chosen = _listed(_picks_stamp()).join(Section, Section.id == Article.section_id)
    chosen = chosen.where(Section.slug == bindparam("section"))
    if paged:
        place = tuple_(bindparam("after_at", type_=UTCDateTime()), bindparam("after_id", type_=Integer()))
        chosen = chosen.where(tuple_(Article.published_at, Article.id) < place)
    return chosen.limit(SECTION_PAGE + 1)


def article_stamp() -> Select[Any]:
    """What decides how a visitor sees a published article's page, in one indexed row; last but one, how much it quotes.

    Parameters: `moment`, `article` (its slug).
    """
    return (
        select(
            type_coerce(Article.created_at, _AS_STORED).label("created"),
            Article.version,
            _HAS_OPENED,
            Thread.version.label("thread_version"),
            Thread.state.label("thread_state"),
            *(is_past(moment) for moment in (
                Thread.closes_at, Thread.members_first_until, Thread.questions_open_at, Thread.questions_close_at,
            )),
            Article.quote_count,
            _SITE_VERSION,
        )
        .outerjoin(Thread, Thread.article_id == Article.id)
        .where(Article.slug == bindparam("article"), Article.state == PUBLISHED)
    )


def sections_in_order() -> Select[Any]:
    """The ids of the sections in their order."""
    return select(Section.id).order_by(Section.position, Section.id)


def section_rows(slug: str, after: tuple[datetime, int] | None) -> list[Row[Any]]:
    """One page of a section, newest first, and one story more if there is a next page; columns of `_listed`."""
    moment = clock.now()
    values: dict[str, Any] = {"section": slug, "moment": moment, "since": moment - PICKS_FRESH}
    if after is not None:
        values |= {"after_at": after[0], "after_id": after[1]}
    return list(db.session().connection().execute(section_listing(paged=after is not None), values))


def front_rows(section_ids: tuple[int, ...]) -> list[Row[Any]]:
    """What the front page may choose from, newest of all first, then section by section; columns of `_listed`."""
    return list(db.session().connection().execute(front_listing(section_ids), {"moment": clock.now()}))


def cards(ids: list[int], site: SiteView) -> list[Card]:
    """These stories as cards, newest first."""
    if not ids:
        return []
    moment = clock.now()
    return [_card(row, site, moment) for row in db.session().execute(_newest_first(_card_columns(Article.id.in_(ids))))]


def newest_cards(site: SiteView, section_id: int | None, after: tuple[datetime, int] | None, limit: int) -> list[Card]:
    """So many published stories behind a place in the list (see `encode_after`), newest first, as cards."""
    chosen = _card_columns(Article.state == PUBLISHED)
    if section_id is not None:
        chosen = chosen.where(Article.section_id == section_id)
    if after is not None:
        place = tuple_(literal(after[0], UTCDateTime()), literal(after[1], Integer()))
        chosen = chosen.where(tuple_(Article.published_at, Article.id) < place)
    moment = clock.now()
    return [_card(row, site, moment) for row in db.session().execute(_newest_first(chosen).limit(limit))]


def lead_id(ids: list[int]) -> int | None:
    """The newest of these stories that an editor marked as the lead."""
    marked = _newest_first(select(Article.id).where(Article.id.in_(ids), Article.is_lead)).limit(1)
    found: int | None = db.session().scalar(marked)
    return found


def feed_rows(section_id: int | None) -> list[Row[Any]]:
    """The newest published stories with their texts, for a feed; the caller asks the gate before it uses them."""
    chosen = _story_columns().where(Article.state == PUBLISHED)
    if section_id is not None:
        chosen = chosen.where(Article.section_id == section_id)
    return list(db.session().execute(_newest_first(chosen).limit(FEED_ENTRIES)))


def sitemap_rows() -> list[Row[Any]]:
    """Slug and last change of the newest published stories."""
    changed = func.coalesce(Article.edited_at, Article.published_at, type_=Article.published_at.type)
    chosen: Any = select(Article.slug, changed.label("changed_at")).where(Article.state == PUBLISHED)
    return list(db.session().execute(_newest_first(chosen).limit(SITEMAP_LIMIT)))


def plan_names(keys: frozenset[str]) -> list[str]:
    """The names of these plans as far as they are on sale, by rank."""
    chosen = select(Plan.name).where(Plan.key.in_(sorted(keys)), Plan.active).order_by(Plan.rank, Plan.id)
    return list(db.session().scalars(chosen))


def renew_signed_by(session: Session, user_id: int) -> None:
    """Raise the version of the articles that show this person's name as it stands in the account."""
    session.execute(
        update(Article)
        .where(Article.author_id == user_id, Article.byline == "")
        .values(version=Article.version + 1)
        .execution_options(synchronize_session=False)
    )


def picture_with_hash(session: Session, sha256: str) -> Picture | None:
    """The picture with that content, if there is one."""
    return session.scalar(select(Picture).where(Picture.sha256 == sha256))


def encode_after(published_at: datetime, article_id: int) -> str:
    """The place after this story in a list, for an address."""
    since = published_at - FIRST_MOMENT
    return f"{since // _MICROSECOND}-{article_id}"


def decode_after(text: str) -> tuple[datetime, int] | None:
    """The place that `encode_after` wrote; None for anything else."""
    moment, _, number = text.partition("-")
    if not (moment.isascii() and moment.isdecimal() and number.isascii() and number.isdecimal()):
        return None
    if len(moment) > 17 or len(number) > 18 or int(number) > MAX_ID:
        return None
    return FIRST_MOMENT + int(moment) * _MICROSECOND, int(number)


def is_picture_name(name: str) -> bool:
    """Whether a picture's file could have that name: the hash of its content and the ending of its kind."""
    return _PICTURE_NAME.fullmatch(name) is not None


_PICTURE_NAME = re.compile(rf"[0-9a-f]{{64}}\.(?:{'|'.join(EXTENSIONS.values())})")
_SITE_VERSION = select(func.max(Site.version)).scalar_subquery().label("site_version")


def is_past(column: Any) -> Any:
    """Whether a moment that was set has come, for the time-driven switches of a page."""
    return func.coalesce(column <= bindparam("moment", type_=UTCDateTime()), false())


_HAS_OPENED = is_past(Article.opens_to_all_at).label("has_opened")
# For columns that are only compared with themselves: spares making moments of them.
_AS_STORED = String()
_MICROSECOND = (FIRST_MOMENT.replace(microsecond=1)) - FIRST_MOMENT
_signed_by = case((Article.byline != "", Article.byline), else_=func.coalesce(User.display_name, ""))


def _listed(*more: Any) -> Select[Any]:
    """Id, version, number of comments, date, whether it has opened to all, `more`, and the site's version."""
    return _newest_first(
        select(
            Article.id,
            Article.version,
            func.coalesce(Thread.published_count, 0).label("comments"),
            type_coerce(Article.published_at, _AS_STORED).label("published"),
            _HAS_OPENED,
            *more,
            _SITE_VERSION,
        )
        .outerjoin(Thread, Thread.article_id == Article.id)
        .where(Article.state == PUBLISHED)
    )


def _picks_stamp() -> Any:
    """What decides how a section's fresh Picks look, as one text for all rows.

    Parameters: `moment`, `section` (its slug) and `since`. One walk along the newest Picks of the paper.
    """
    thread, article = aliased(Thread, name="of_thread"), aliased(Article, name="of_article")
    section = aliased(Section, name="of_section")
    parts = (Comment.id, thread.version, article.version)
    newest = (
        select(sum((cast(part, String) + "." for part in parts), start=literal("")).label("pick"))
        .select_from(Comment)
        # The plus changes nothing but the plan: from the Picks to their places, never the other way round.
        .join(thread, thread.id == literal_column("+comment.thread_id"))
        .join(article, article.id == literal_column("+of_thread.article_id"))
        .join(section, section.id == literal_column("+of_article.section_id"))
        .outerjoin(Site, true())
        .where(
            Comment.picked_at.is_not(None), Comment.status == "published",
            Comment.picked_at > bindparam("since", type_=UTCDateTime()), thread.state != "hidden",
            article.state == PUBLISHED, section.slug == bindparam("section"), open_to_all(article, section),
        )
        .order_by(Comment.picked_at.desc(), Comment.id.desc())
        .limit(SECTION_PICKS)
        .subquery()
    )  # fmt: skip
    between: Any = literal_column("','")  # written out: statements that go to the driver know no late parameters
    return select(func.coalesce(func.aggregate_strings(newest.c.pick, between), "")).scalar_subquery().label("picks")


def _newest_first(chosen: Select[Any]) -> Select[Any]:
    return chosen.order_by(Article.published_at.desc(), Article.id.desc())


def _story_columns() -> Select[Any]:
    return (
        select(
            Article.id, Article.slug, Article.section_id, Article.state, Article.version, Article.headline,
            Article.standfirst, _signed_by.label("byline"), Article.author_id, Article.body_html, Article.preview_html,
            Article.reading_minutes, Article.picture_alt, Article.picture_caption, Article.picture_credit,
            Article.read_audience, Article.comment_audience, Article.respect_audience, Article.opens_to_all_at,
            Article.published_at, Article.edited_at, Article.created_at,
            Picture.sha256, Picture.mime, Picture.width, Picture.height, *THREAD_COLUMNS,
            func.coalesce(Thread.published_count, 0).label("comment_count"), Article.quote_count,
        )
        .outerjoin(Picture, Picture.id == Article.picture_id)
        .outerjoin(Thread, Thread.article_id == Article.id)
        .outerjoin(User, User.id == Article.author_id)
    )  # fmt: skip


def _card_columns(condition: Any) -> Select[Any]:
    return (
        select(
            Article.id, Article.slug, Article.section_id, Article.state, Article.headline, Article.standfirst,
            _signed_by.label("byline"), Article.author_id, Article.picture_alt, Article.read_audience,
            Article.opens_to_all_at, Article.published_at, Picture.sha256, Picture.mime, Picture.width,
            Picture.height, func.coalesce(Thread.published_count, 0).label("comment_count"),
        )
        .outerjoin(Picture, Picture.id == Article.picture_id)
        .outerjoin(Thread, Thread.article_id == Article.id)
        .outerjoin(User, User.id == Article.author_id)
        .where(condition)
    )  # fmt: skip


def _card(row: Row[Any], site: SiteView, moment: datetime) -> Card:
    section = site.section(row.section_id)
    picture = picture_path(row.sha256, row.mime) if row.sha256 else None
    return Card(
        row.id, row.headline, row.standfirst, article_path(row.slug), section.id, section.name,
        section_path(section.slug), row.byline, row.published_at,
        picture, srcset(picture, row.width, row.height, shape=CARD_SHAPE) if picture else "", row.picture_alt,
        row.comment_count, is_gated(gate_of(row, site), moment), row.slug,
    )  # fmt: skip


def article_path(slug: str) -> str:
    """The address of an article within the site."""
    return f"/articles/{slug}"


def section_path(slug: str) -> str:
    """The address of a section within the site."""
    return f"/sections/{slug}"


def picture_path(sha256: str, mime: str) -> str:
    """The address of a picture within the site; it never changes its content."""
    return f"/pictures/{sha256}.{EXTENSIONS[mime]}"


# Every request for an article asks this, so it is put together once.
_BY_SLUG = Prepared(_story_columns().add_columns(_SITE_VERSION).where(Article.slug == bindparam("slug")))
