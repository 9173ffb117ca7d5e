"""What the newsroom's pages read."""

from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from blueprints.threads import modes
from blueprints.threads.listing import FoundComment, latest_picks
from blueprints.threads.queries_facts import facts_of_article_id
from blueprints.threads.settings import Conversation, read
from core import clock
from core.db import db
from core.names import name_key
from core.records import dataclass
from models.article import Article, Picture, Section
from models.membership import Plan
from models.thread import Thread
from models.user import RoleGrant, User

ARTICLES_PER_PAGE = 50
PICKS_OFFERED = 8


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """Articles of one state or of any, the newest first, and where the next page begins."""

    rows: list[Any]
    next_after: int | None


def article_page(state: str | None, own_id: int | None, after: int | None) -> ArticlePage:
    """Articles in that state, None for any; with `own_id` only those of that person."""
    chosen = (
        select(
            Article.id, Article.slug, Article.headline, Article.state, Article.version, Article.created_at,
            Article.published_at, Article.edited_at, Section.name.label("section_name"),
            func.coalesce(User.display_name, Article.byline).label("author_name"),
            func.coalesce(Thread.published_count, 0).label("comment_count"),
        )
        .join(Section, Section.id == Article.section_id)
        .outerjoin(User, User.id == Article.author_id)
        .outerjoin(Thread, Thread.article_id == Article.id)
        .where(*([Article.state == state] if state else []), *_own(own_id))
        .order_by(Article.id.desc())
        .limit(ARTICLES_PER_PAGE + 1)
    )  # fmt: skip
    if after is not None:
        chosen = chosen.where(Article.id < after)
    rows = list(db.session().execute(chosen))
    shown = rows[:ARTICLES_PER_PAGE]
    return ArticlePage(shown, shown[-1].id if len(rows) > ARTICLES_PER_PAGE else None)


def counts_by_state(own_id: int | None) -> dict[str, int]:
    """How many articles there are in each state; with `own_id` only of that person."""
    chosen = select(Article.state, func.count()).where(*_own(own_id)).group_by(Article.state)
    return {row[0]: row[1] for row in db.session().execute(chosen)}


def picks_to_quote(article_id: int | None) -> list[FoundComment]:
    """The newest Picks, those on this article first."""
    return latest_picks(db.session(), article_id, PICKS_OFFERED, clock.now())


def article_to_edit(article_id: int) -> tuple[Article, Thread | None, Picture | None] | None:
    """An article with its thread and picture, for the form."""
    row = db.session().execute(_with_thread().where(Article.id == article_id)).first()
    return (row[0], row[1], row[2]) if row else None


def thread_of(article_id: int) -> Thread | None:
    """The thread under an article."""
    return db.session().scalar(select(Thread).where(Thread.article_id == article_id))


def closed_by_itself(article_id: int) -> str:
    """The sentence that stands in the composer's place where a discussion has closed at its moment."""
    facts, now = facts_of_article_id(db.session(), article_id), clock.now()
    closed = facts is not None and facts.state == "open" and modes.state_at(facts, now) == "closed"
    return modes.closed_sentence(facts, now) if facts and closed else ""


def conversation_of(thread: Thread | None) -> Conversation:
    """What is set on an article's discussion; the plain settings where it has none yet."""
    return read(db.session(), thread) if thread is not None else Conversation()


def locked_article(session: Session, article_id: int) -> tuple[Article | None, Thread | None]:
    """The article and its thread as they stand, held until the transaction ends."""
    article = session.scalar(select(Article).where(Article.id == article_id).with_for_update())
    thread = session.scalar(select(Thread).where(Thread.article_id == article_id).with_for_update())
    return article, thread


def slug_is_taken(session: Session, slug: str, by_other_than: int | None) -> bool:
    """Whether another article has this address."""
    other = select(Article.id).where(Article.slug == slug, Article.id != (by_other_than or 0))
    return session.scalar(other) is not None


def picture(picture_id: int) -> Picture | None:
    """The picture with this id."""
    return db.session().get(Picture, picture_id)


def section_exists(session: Session, section_id: int) -> bool:
    """Whether there is such a section."""
    return session.scalar(select(Section.id).where(Section.id == section_id)) is not None


def possible_authors() -> list[tuple[int, str]]:
    """Those who may sign an article, by name."""
    chosen = select(User.id, User.display_name).where(_writes()).order_by(User.display_name)
    return [(row.id, row.display_name) for row in db.session().execute(chosen)]


def can_be_author(session: Session, user_id: int) -> bool:
    """Whether this person may sign an article."""
    return session.scalar(select(User.id).where(User.id == user_id, _writes())) is not None


def person_called(who: str) -> tuple[int, str] | None:
    """Id and name of the account with that display name, however it is written, or with that e-mail address."""
    chosen = select(User.id, User.display_name).where(
        or_(User.email == who.casefold(), User.name_key == name_key(who)), User.deleted_at.is_(None)
    )
    row = db.session().execute(chosen.order_by(User.id).limit(1)).first()
    return (row.id, row.display_name) if row else None


def plan_names() -> dict[str, str]:
    """The plans' names by key, the lowest plan first."""
    chosen = select(Plan.key, Plan.name).where(Plan.active).order_by(Plan.rank, Plan.id)
    return {row.key: row.name for row in db.session().execute(chosen)}


def unmark_other_leads(session: Session, article_id: int) -> None:
    """There is one lead: take the mark from every other article."""
    for other in session.scalars(
        select(Article).where(Article.is_lead, Article.id != article_id).with_for_update()
    ):
        other.is_lead = False
    session.flush()


def _writes() -> ColumnElement[bool]:
    grants = select(RoleGrant.user_id).where(RoleGrant.name.in_(("author", "editor", "publisher")))
    return User.id.in_(grants) & User.deleted_at.is_(None)


def _own(own_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return () if own_id is None else (or_(Article.author_id == own_id, Article.created_by == own_id),)


def _with_thread() -> Select[Article, Thread, Picture]:
    return (
        select(Article, Thread, Picture)
        .outerjoin(Thread, Thread.article_id == Article.id)
        .outerjoin(Picture, Picture.id == Article.picture_id)
    )
