"""What somebody wrote: their record, what they have done here, and all of theirs."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, and_, bindparam, case, func, literal_column, not_, or_, select, union
from sqlalchemy.orm import Session, aliased

from blueprints.accounts.standing import STANDS, known
from blueprints.threads import modes
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.queries_screening import STATE_VERSION
from core.db import UTCDateTime
from core.prepared import Prepared
from core.records import dataclass
from core.viewer import Viewer
from models.article import Article
from models.conversation import QuizPass, ThreadGuest
from models.moderation import Appeal, StatementOfReasons
from models.site import Rule
from models.thread import Comment, Thread


@dataclass(frozen=True, slots=True)
class AuthorRecord:
    """What pace, repetition and screening ask about an author."""

    newest_at: datetime | None
    nth_newest_at: datetime | None
    same_here: int | None  # a comment of theirs in this thread that says the same
    same_elsewhere: int  # other threads in which they said the same
    published: int  # counted up to the limit asked for
    setup_version: int = 0  # what the screening goes by now
    recent_rejected: int = 0  # of their newest comments, RECENT_COMMENTS at most
    recent_decided: int = 0
    recent_sent: int = 0  # within the time that the screening asks for
    stands: bool = True  # whether who sends is who they were when the request began


RECENT_COMMENTS = 20
_by_author = (Comment.author_id == bindparam("user_id"),)
_same = (*_by_author, Comment.body_hash == bindparam("body_hash"),
         Comment.created_at > bindparam("since", type_=UTCDateTime()))  # fmt: skip
_here = Comment.thread_id == bindparam("thread_id")
_by_age = select(Comment.created_at).where(*_by_author).order_by(Comment.id.desc()).limit(1)
_some_published = (
    select(Comment.id)
    .where(*_by_author, Comment.status == "published")
    .limit(bindparam("enough", type_=Integer()))
    .subquery()
)
_recent = (
    select(Comment.status, Comment.created_at)
    .where(*_by_author)
    .order_by(Comment.id.desc())
    .limit(literal_column(str(RECENT_COMMENTS)))
    .subquery()
)
_lately = _recent.c.created_at > bindparam("lately", type_=UTCDateTime())
_decided = or_(_recent.c.status == "rejected", _recent.c.status == "published")
_recently = select(
    func.coalesce(func.sum(case((and_(_lately, _recent.c.status == "rejected"), 1), else_=0)), 0).label("rejected"),
    func.coalesce(func.sum(case((and_(_lately, _decided), 1), else_=0)), 0).label("decided"),
    func.coalesce(
        func.sum(case((_recent.c.created_at > bindparam("just_now", type_=UTCDateTime()), 1), else_=0)), 0
    ).label("sent"),
).subquery()
_AUTHOR_RECORD = Prepared(select(
    _by_age.scalar_subquery(),
    _by_age.offset(bindparam("nth", type_=Integer())).scalar_subquery(),
    select(Comment.id).where(*_same, _here, Comment.status != "deleted").limit(1).scalar_subquery(),
    select(func.count(Comment.thread_id.distinct())).where(*_same, not_(_here)).scalar_subquery(),
    select(func.count()).select_from(_some_published).scalar_subquery(),
    STATE_VERSION,
    _recently.c.rejected,
    _recently.c.decided,
    _recently.c.sent,
    STANDS,
))  # fmt: skip


def author_record(
    session: Session, viewer: Viewer, thread_id: int, body_hash: str, *, since: datetime, nth: int, enough: int,
    lately: datetime, just_now: datetime,
) -> AuthorRecord:  # fmt: skip
    """The record of an author who sends these words to this thread, in one statement."""
    return AuthorRecord(*_AUTHOR_RECORD.first(
        session, user_id=viewer.id, thread_id=thread_id, body_hash=body_hash, since=since, nth=nth - 1,
        enough=enough, lately=lately, just_now=just_now, **known(viewer),
    ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Here:
    """What a person has done in a thread: when they last wrote, and whether they have answered its quiz."""

    last_at: datetime | None = None
    has_passed: bool = False

    @property
    def knows_story(self) -> bool:
        """Whether the quiz is behind them: a first comment is too."""
        return self.has_passed or self.last_at is not None


NEVER_HERE = Here()
_HERE = Prepared(select(
    select(Comment.created_at)
    .where(Comment.author_id == bindparam("user_id"), Comment.thread_id == bindparam("thread_id"))
    .order_by(Comment.id.desc())
    .limit(1)
    .scalar_subquery(),
    select(func.count())
    .select_from(QuizPass)
    .where(QuizPass.user_id == bindparam("user_id"), QuizPass.thread_id == bindparam("thread_id"))
    .scalar_subquery(),
))  # fmt: skip


def here(session: Session, facts: ThreadFacts, viewer: Viewer) -> Here:
    """What this person has done here, asked only where slow mode or a quiz makes it matter."""
    if viewer.id is None or not (modes.gap(viewer, facts) or modes.needs_quiz(viewer, facts)):
        return NEVER_HERE
    last_at, passed = _HERE.first(session, user_id=viewer.id, thread_id=facts.thread_id)
    return Here(last_at, bool(passed))


def threads_of_author(session: Session, user_id: int) -> list[int]:
    """The threads in which something of this person can be read or they are named, in the order of their locks."""
    named = union(
        select(Comment.thread_id).where(Comment.author_id == user_id, Comment.shown),
        select(ThreadGuest.thread_id).where(ThreadGuest.user_id == user_id),
    )
    return sorted(session.scalars(named))


def unblanked_comments(session: Session, user_id: int, limit: int) -> list[int]:
    """Comments of this person that still hold words, in the order in which they are locked."""
    return list(
        session.scalars(
            select(Comment.id)
            .where(Comment.author_id == user_id, or_(Comment.status != "deleted", Comment.body_source != ""))
            .order_by(Comment.thread_id, Comment.id)
            .limit(limit)
        )
    )


def comments_of_author(
    session: Session, user_id: int, before_id: int | None, limit: int
) -> list[Row[Any]]:
    """The author's own comments, newest first, with their articles, what the author of a removed one was told, and what
    became of their objection to the last decision.
    """
    told = (
        select(func.max(StatementOfReasons.id))
        .where(StatementOfReasons.comment_id == Comment.id, StatementOfReasons.withdrawn_at.is_(None))
        .correlate(Comment)
        .scalar_subquery()
    )
    decided = aliased(StatementOfReasons)
    objection = (
        select(Appeal.outcome)
        .select_from(decided)
        .outerjoin(Appeal, Appeal.action_id == decided.action_id)
        .where(decided.comment_id == Comment.id)
        .order_by(decided.id.desc())
        .limit(1)
        .correlate(Comment)
        .scalar_subquery()
    )
    statement = (
        select(
            Comment.id, Comment.status, Comment.shown, Comment.body_html, Comment.created_at, Comment.edited_at,
            Comment.nameless, objection.label("objection"),
            Comment.respect_count, Comment.reply_count, Comment.parent_id, Article.slug, Article.headline,
            Article.section_id, Article.state.label("article_state"), StatementOfReasons.text.label("told"),
            StatementOfReasons.automated, StatementOfReasons.created_at.label("told_at"),
            Rule.title.label("rule_title"),
        )
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .outerjoin(StatementOfReasons, and_(Comment.status == "rejected", StatementOfReasons.id == told))
        .outerjoin(Rule, Rule.id == StatementOfReasons.rule_id)
        .where(Comment.author_id == user_id)
        .order_by(Comment.id.desc())
        .limit(limit)
    )  # fmt: skip
    if before_id is not None:
        statement = statement.where(Comment.id < before_id)
    return list(session.execute(statement))
