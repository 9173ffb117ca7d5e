"""What rules and pages need to know of a thread, as plain values."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, String, case, cast, func, literal_column, select

from blueprints.membership.entitlements import EVERYONE, effective_audience
from blueprints.site.queries import SiteView, SurgeView
from core.records import dataclass
from core.text import slugify
from models.article import Article
from models.conversation import ThreadGuest
from models.thread import Thread

_comma: Any = literal_column("','")  # as a parameter it would be expanded anew each time, which prepared ones are not
_guests = select(func.aggregate_strings(cast(ThreadGuest.user_id, String), _comma)).where(
    ThreadGuest.thread_id == Thread.id
)
# Spread these into a select of Article joined with Thread that has the columns below as well, and give the row to
# `facts_from`.
THREAD_COLUMNS: tuple[Any, ...] = (
    Thread.id.label("thread_id"),
    Thread.state.label("thread_state"),
    Thread.version.label("thread_version"),
    Thread.closed_reason,
    Thread.premoderated,
    Thread.opening_question,
    Thread.pace_seconds,
    Thread.brake_seconds,
    Thread.brake_until,
    Thread.published_count,
    Thread.root_count,
    Thread.picked_count,
    Thread.last_comment_at,
    Thread.closed_at,
    Thread.members_first_until,
    Thread.closes_at,
    Thread.closes_after_days,
    Thread.takes_questions,
    Thread.questions_open_at,
    Thread.questions_close_at,
    Thread.has_quiz,
    Thread.question_count,
    Thread.answered_count,
    # Asked only where there may be any.
    case((Thread.takes_questions, _guests.scalar_subquery())).label("guest_ids"),
)
ARTICLE_COLUMNS: tuple[Any, ...] = (
    Article.id,
    Article.slug,
    Article.state,
    Article.created_at,
    Article.headline,
    Article.byline,
    Article.section_id,
    Article.author_id,
    Article.opens_to_all_at,
    Article.read_audience,
    Article.comment_audience,
    Article.respect_audience,
)


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """A thread and its article. The audiences are those in force: article, then section, then site.

    What changes by itself with the time is a question to `blueprints.threads.modes`: whether it is open, and for whom.
    """

    thread_id: int
    article_id: int
    slug: str
    headline: str
    byline: str
    section_id: int
    article_author_id: int | None
    article_state: str
    article_created_at: datetime
    state: str
    closed_reason: str
    premoderated: bool
    opening_question: str
    pace_seconds: int | None
    published_count: int
    root_count: int
    picked_count: int
    last_comment_at: datetime | None
    version: int
    comment_audience: str
    respect_audience: str
    closed_at: datetime | None = None
    members_first_until: datetime | None = None
    closes_at: datetime | None = None
    closes_after_days: int | None = None
    takes_questions: bool = False
    questions_open_at: datetime | None = None
    questions_close_at: datetime | None = None
    has_quiz: bool = False
    question_count: int = 0
    answered_count: int = 0
    guest_ids: frozenset[int] = frozenset()
    default_sort: str = "best"
    brake_seconds: int | None = None
    brake_until: datetime | None = None
    surges: tuple[SurgeView, ...] = ()
    shown_to: str = EVERYONE  # until the article opens to all: who may read the comments
    opens_to_all_at: datetime | None = None
    protects_author: bool = False  # doubtful comments are held before its author sees them

    @property
    def article_url(self) -> str:
        return f"/articles/{self.slug}"


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """One comment, as far as rules ask."""

    id: int
    thread_id: int
    parent_id: int | None
    author_id: int
    status: str
    shown: bool
    revision: int
    created_at: datetime
    nameless: bool = False


def reader_path(user_id: int, name: str) -> str:
    """The address of a person's own page. The number names the person; the name only reads well."""
    return f"/readers/{user_id}-{slugify(name)}"


def facts_from(row: Row[Any], site: SiteView) -> ThreadFacts:
    """The facts of a row that was selected with THREAD_COLUMNS and ARTICLE_COLUMNS."""
    section = next((section for section in site.sections if section.id == row.section_id), None)
    return ThreadFacts(
        thread_id=row.thread_id,
        article_id=row.id,
        slug=row.slug,
        headline=row.headline,
        byline=row.byline,
        section_id=row.section_id,
        article_author_id=row.author_id,
        article_state=row.state,
        article_created_at=row.created_at,
        state=row.thread_state,
        closed_reason=row.closed_reason,
        premoderated=row.premoderated,
        opening_question=row.opening_question,
        pace_seconds=row.pace_seconds,
        published_count=row.published_count,
        root_count=row.root_count,
        picked_count=row.picked_count,
        last_comment_at=row.last_comment_at,
        version=row.thread_version,
        comment_audience=effective_audience(
            row.comment_audience, section.comment_audience if section else None, site.comment_audience
        ),
        respect_audience=effective_audience(
            row.respect_audience, section.respect_audience if section else None, site.respect_audience
        ),
        shown_to=EVERYONE if site.comments_shown_to == EVERYONE else effective_audience(
            row.read_audience, section.read_audience if section else None, site.read_audience
        ),
        opens_to_all_at=row.opens_to_all_at,
        closed_at=row.closed_at,
        members_first_until=row.members_first_until,
        closes_at=row.closes_at,
        closes_after_days=row.closes_after_days,
        takes_questions=row.takes_questions,
        questions_open_at=row.questions_open_at,
        questions_close_at=row.questions_close_at,
        has_quiz=row.has_quiz,
        question_count=row.question_count,
        answered_count=row.answered_count,
        guest_ids=frozenset(map(int, row.guest_ids.split(","))) if row.guest_ids else frozenset(),
        brake_seconds=row.brake_seconds,
        brake_until=row.brake_until,
        surges=site.surges_of(row.thread_id),
        protects_author=row.author_id in site.protected_ids,
        default_sort=(section.default_sort if section else None) or site.default_sort,
    )


def comment_facts(comment: Any) -> CommentFacts:
    """A comment, or a row with these columns of it, as rules see it."""
    return CommentFacts(
        comment.id, comment.thread_id, comment.parent_id, comment.author_id, comment.status, comment.shown,
        comment.revision, comment.created_at, comment.nameless,
    )  # fmt: skip
