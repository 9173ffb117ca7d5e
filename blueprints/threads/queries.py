"""Finding threads, comments and what belongs to them. No query grows with the length of a thread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from markupsafe import Markup
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
    tuple_,
    union,
    update,
)
from sqlalchemy.orm import Session, aliased

from blueprints.membership.entitlements import plans_of
from blueprints.site.queries import site
from blueprints.threads import modes
from blueprints.threads.facts import ARTICLE_COLUMNS, THREAD_COLUMNS, CommentFacts, ThreadFacts, facts_from
from blueprints.threads.names import is_named, shown_name
from blueprints.threads.ordering import PickCursor
from blueprints.threads.queries_screening import STATE_VERSION
from blueprints.threads.screening import Found
from blueprints.threads.screening.passages import to_stored
from blueprints.threads.waiting import USUAL_SECONDS
from core.db import UTCDateTime, dialect_name
from core.prepared import Prepared, PreparedInsert
from core.viewer import Viewer
from models.article import Article
from models.conversation import QuizPass, ThreadGuest
from models.membership import Entitlement, Plan, Price
from models.moderation import StatementOfReasons
from models.notice import Follow, Mute
from models.site import Rule, Site
from models.thread import Comment, Finding, Pick, Respect, Revision, Thread
from models.user import User

PATH_END = "~"  # behind every base-36 digit
OWN_WAITING_SHOWN = 20
VISIT_GAP = timedelta(minutes=30)  # after the last request the next one begins a new visit
NOTED_EVERY = timedelta(minutes=5)  # a visit that goes on is noted so often at most
VISIT_OVER = VISIT_GAP + NOTED_EVERY  # after it was noted, because requests may have come since
NEW_COUNTED = 100  # comments that are new; more are "more than 100"

_parent = aliased(Comment)
_parent_author = aliased(User)

_rule_title = case(
    (
        Comment.status == "rejected",
        select(Rule.title)
        .join(StatementOfReasons, StatementOfReasons.rule_id == Rule.id)
        .where(StatementOfReasons.comment_id == Comment.id, StatementOfReasons.withdrawn_at.is_(None))
        .order_by(StatementOfReasons.id.desc())
        .limit(1)
        .correlate(Comment)
        .scalar_subquery(),
    )
)

_guest_line = case(
    (
        Comment.author_badge == "guest",
        select(ThreadGuest.line)
        .where(ThreadGuest.thread_id == Comment.thread_id, ThreadGuest.user_id == Comment.author_id)
        .correlate(Comment)
        .scalar_subquery(),
    )
)

SHOWN_COLUMNS = (
    Comment.id,
    Comment.parent_id,
    Comment.root_id,
    Comment.depth,
    Comment.path,
    Comment.author_id,
    Comment.author_badge,
    Comment.status,
    Comment.shown,
    Comment.body_html,
    Comment.row_version,
    Comment.respect_count,
    Comment.reply_count,
    Comment.branch_count,
    Comment.score,
    Comment.created_at,
    Comment.published_number,
    Comment.edited_at,
    Comment.picked_at,
    Comment.is_answer,
    Comment.answered_at,
    _guest_line.label("guest_line"),
    shown_name().label("name"),
    is_named().label("is_named"),
    User.page_is_open,
    case((_parent.status == "deleted", ""), else_=shown_name(_parent, _parent_author)).label("parent_name"),
    _rule_title.label("rule_title"),
)


def with_people(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(User, User.id == Comment.author_id)
        .outerjoin(_parent, _parent.id == Comment.parent_id)
        .outerjoin(_parent_author, _parent_author.id == _parent.author_id)
    )


_FACTS = select(
    *THREAD_COLUMNS, *ARTICLE_COLUMNS, select(func.max(Site.version)).scalar_subquery().label("site_version")
).join(Article, Article.id == Thread.article_id)
_FACTS_BY_SLUG = Prepared(_FACTS.where(Article.slug == bindparam("slug")))
_FACTS_BY_ARTICLE = Prepared(_FACTS.where(Article.id == bindparam("article_id")))
_FACTS_BY_THREAD = Prepared(_FACTS.where(Thread.id == bindparam("thread_id")))
_FACTS_BY_COMMENT = Prepared(_FACTS.where(
    Thread.id == select(Comment.thread_id).where(Comment.id == bindparam("comment_id")).scalar_subquery()
))  # fmt: skip


_LOCK_THREAD = Prepared(select(Thread.id).where(Thread.id == bindparam("thread_id")).with_for_update())
_LOCK_THREAD_OF = Prepared(
    select(Thread.id)
    .where(Thread.id == select(Comment.thread_id).where(Comment.id == bindparam("comment_id")).scalar_subquery())
    .with_for_update()
)
_LOCKED = select(Thread).with_for_update().execution_options(populate_existing=True)
_LOCKED_THREAD = _LOCKED.where(Thread.id == bindparam("thread_id"))
_LOCKED_THREAD_OF = _LOCKED.where(
    Thread.id == select(Comment.thread_id).where(Comment.id == bindparam("comment_id")).scalar_subquery()
)
_LOCKED_COMMENT = (
    select(Comment)
    .where(Comment.id == bindparam("comment_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def locked_thread(session: Session, thread_id: int) -> Thread | None:
    """A thread's row, locked and fresh."""
    return session.scalar(_LOCKED_THREAD, {"thread_id": thread_id})


def locked_thread_of(session: Session, comment_id: int) -> Thread | None:
    """The row of the thread a comment stands in, locked and fresh."""
    return session.scalar(_LOCKED_THREAD_OF, {"comment_id": comment_id})


def locked_comment(session: Session, comment_id: int) -> Comment | None:
    """A comment's row, locked and fresh."""
    return session.scalar(_LOCKED_COMMENT, {"comment_id": comment_id})


_ANSWERED = Prepared(
    select(Comment.id, Comment.thread_id, Comment.parent_id, Comment.root_id, Comment.depth, Comment.path,
           Comment.author_id, Comment.status, Comment.shown, Comment.revision, Comment.created_at,
           Comment.is_question, Comment.answered_at, Comment.nameless)
    .where(Comment.id == bindparam("comment_id"))
)  # fmt: skip
_COMMENT_FACTS = Prepared(
    select(Comment.id, Comment.thread_id, Comment.parent_id, Comment.author_id, Comment.status, Comment.shown,
           Comment.revision, Comment.created_at, Comment.nameless).where(Comment.id == bindparam("comment_id"))
)  # fmt: skip


def _facts(session: Session, statement: Prepared, **named: int | str) -> ThreadFacts | None:
    row = statement.first(session, **named)
    return facts_from(row, site(row.site_version)) if row else None


def facts_of_thread(session: Session, thread_id: int) -> ThreadFacts:
    """The facts of a thread that exists."""
    facts = _facts(session, _FACTS_BY_THREAD, thread_id=thread_id)
    if facts is None:
        raise LookupError(f"no thread {thread_id}")
    return facts


def locked_facts(session: Session, thread_id: int) -> ThreadFacts | None:
    """The facts of a thread whose row is now locked.

    On SQLite whoever writes has the whole file. PostgreSQL is asked twice, because what a statement reads beside the
    row it had to wait for is from before the wait.
    """
    if dialect_name() != "sqlite":
        _LOCK_THREAD.scalar(session, thread_id=thread_id)
    return _facts(session, _FACTS_BY_THREAD, thread_id=thread_id)


def locked_for_respect(session: Session, comment_id: int, user_id: int) -> tuple[ThreadFacts, Any] | None:
    """The facts of a comment's thread and of the comment, both locked, and whether the reader respects it (`has`).

    A comment that was moved meanwhile names another thread than the facts.
    """
    if dialect_name() != "sqlite":
        locked = _LOCK_THREAD_OF.scalar(session, comment_id=comment_id)
        facts = _facts(session, _FACTS_BY_THREAD, thread_id=locked) if locked else None
    else:
        facts = _facts(session, _FACTS_BY_COMMENT, comment_id=comment_id)
    row = _LOCK_FOR_RESPECT.first(session, the_comment=comment_id, the_user=user_id)
    return (facts, row) if facts and row else None


def facts_of_article(session: Session, slug: str) -> ThreadFacts | None:
    """The facts of the thread under the article with this slug."""
    return _facts(session, _FACTS_BY_SLUG, slug=slug)


def facts_of_article_id(session: Session, article_id: int) -> ThreadFacts | None:
    """The facts of the thread under the article with this id."""
    return _facts(session, _FACTS_BY_ARTICLE, article_id=article_id)


def facts_of_comment(session: Session, comment_id: int) -> ThreadFacts | None:
    """The facts of the thread a comment stands in."""
    return _facts(session, _FACTS_BY_COMMENT, comment_id=comment_id)


def comment_facts(session: Session, comment_id: int) -> CommentFacts | None:
    """What rules ask of one comment."""
    row = _COMMENT_FACTS.first(session, comment_id=comment_id)
    return CommentFacts(*row) if row else None


def answered_comment(session: Session, comment_id: int) -> Any:
    """The columns of a comment that a reply to it is made from, or None."""
    return _ANSWERED.first(session, comment_id=comment_id)


@cache
def _picks_statement(*, behind: bool) -> Any:
    statement: Any = (
        with_people(select(*SHOWN_COLUMNS, Pick.note))
        .outerjoin(Pick, and_(Pick.comment_id == Comment.id, Pick.ended_at.is_(None)))
        .where(
            Comment.thread_id == bindparam("thread_id"), Comment.picked_at.is_not(None), Comment.status == "published"
        )
        .order_by(Comment.picked_at.desc(), Comment.id.desc())
        .limit(bindparam("at_most", type_=Integer()))
    )
    if behind:
        last = tuple_(bindparam("after_at", type_=UTCDateTime()), bindparam("after_id", type_=Integer()))
        statement = statement.where(tuple_(Comment.picked_at, Comment.id) < last)
    return statement


def page_of_picks(session: Session, thread_id: int, after: PickCursor | None, limit: int) -> list[Row[Any]]:
    """So many Picks of a thread behind the cursor, the newest first, each with why it was picked: one index walk."""
    values: dict[str, Any] = {"thread_id": thread_id, "at_most": limit}
    if after:
        values |= {"after_at": after.picked_at, "after_id": after.id}
    return list(session.connection().execute(_picks_statement(behind=after is not None), values))


_BY_ID = (
    with_people(select(*SHOWN_COLUMNS)).where(Comment.id.in_(bindparam("ids", expanding=True))).order_by(Comment.id)
)


def comments_by_id(session: Session, ids: Sequence[int]) -> list[Row[Any]]:
    """These comments, whatever their state, in the order of their ids."""
    return list(session.connection().execute(_BY_ID, {"ids": list(ids)}))


_ONE = Prepared(with_people(select(*SHOWN_COLUMNS)).where(Comment.id == bindparam("the_comment")))


def comment_by_id(comment_id: int) -> Row[Any]:
    """This comment, whatever its state, as a page shows it; for one that was just written."""
    row: Row[Any] = _ONE.all(None, the_comment=comment_id)[0]
    return row


_IN_THREAD = _BY_ID.where(Comment.thread_id == bindparam("thread_id"))


def comments_in_thread(session: Session, thread_id: int, ids: Sequence[int]) -> list[Row[Any]]:
    """Those of these comments that stand in this thread, whatever their state, in the order of their ids."""
    return list(session.connection().execute(_IN_THREAD, {"ids": list(ids), "thread_id": thread_id})) if ids else []


_now = bindparam("now", type_=UTCDateTime())
_IN_FORCE_WITH_BADGE = (
    Entitlement.starts_at <= _now, or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > _now), Plan.badge != ""
)
_PLAN_BADGES = (
    select(Entitlement.user_id, Plan.badge, Plan.rank)
    .join(Plan, Plan.id == Entitlement.plan_id)
    .where(Entitlement.user_id.in_(bindparam("user_ids", expanding=True)), *_IN_FORCE_WITH_BADGE)
    .order_by(Plan.rank)
)


def plan_badges(session: Session, user_ids: Iterable[int], now: datetime) -> dict[int, tuple[str, int]]:
    """The badge and rank of each person's highest plan in force; people without a plan are left out."""
    wanted = sorted(set(user_ids))
    if not wanted:
        return {}
    rows = session.connection().execute(_PLAN_BADGES, {"user_ids": wanted, "now": now})
    return {row.user_id: (row.badge, row.rank) for row in rows}


_PLAN_BADGE = Prepared(
    select(Plan.badge, Plan.rank)
    .join(Entitlement, Plan.id == Entitlement.plan_id)
    .where(Entitlement.user_id == bindparam("user_id"), *_IN_FORCE_WITH_BADGE)
    .order_by(Plan.rank.desc())
)


def plan_badge(user_id: int, now: datetime) -> tuple[str, int] | None:
    """The badge and rank of one person's highest plan in force, if any."""
    rows = _PLAN_BADGE.all(None, user_id=user_id, now=now)
    return (rows[0].badge, rows[0].rank) if rows else None


_of_one = (Respect.comment_id == bindparam("the_comment"), Respect.user_id == bindparam("the_user"))
_LOCK_FOR_RESPECT = Prepared(
    select(Comment.id, Comment.thread_id, Comment.parent_id, Comment.root_id, Comment.author_id, Comment.status,
           Comment.shown, Comment.revision, Comment.created_at, Comment.nameless, Comment.respect_count,
           Comment.report_count,
           select(Respect.user_id).where(*_of_one).exists().label("has"))
    .where(Comment.id == bindparam("the_comment")).with_for_update(of=Comment)
)  # fmt: skip
_TAKE_RESPECT = Prepared(delete(Respect).where(*_of_one))
_GIVE_RESPECT = Prepared(insert(Respect).values(
    comment_id=bindparam("the_comment"), user_id=bindparam("the_user"), created_at=bindparam("now")
).inline())  # fmt: skip
_ADD_COMMENT = PreparedInsert(Comment, also=("id",))
_ADD_REVISION = PreparedInsert(Revision)
_ADD_FINDING = PreparedInsert(Finding, also=("checked",))
_NEXT_ID = {
    "sqlite": Prepared(select(func.coalesce(func.max(Comment.id), 0) + 1)),  # the lock on the file keeps others out
    "postgresql": Prepared(text("SELECT nextval('comment_id_seq')")),
}


def give_respect(session: Session, comment_id: int, user_id: int, now: datetime) -> None:
    """Store a reader's respect, which was not there before."""
    _GIVE_RESPECT.write(session, the_comment=comment_id, the_user=user_id, now=now)


def take_respect(session: Session, comment_id: int, user_id: int) -> None:
    """Remove a reader's respect."""
    _TAKE_RESPECT.write(session, the_comment=comment_id, the_user=user_id)


_TELL_ONCE = Prepared(
    update(Comment)
    .where(Comment.id == bindparam("the_comment"), Comment.status == "published", Comment.told_at.is_(None))
    .values(told_at=bindparam("now"))
)


def tell_once(session: Session, comment_id: int, now: datetime) -> bool:
    """Note that people are told of a published comment; False when they have been, or when it is not published."""
    return bool(_TELL_ONCE.write(session, the_comment=comment_id, now=now))


def next_comment_id(session: Session) -> int:
    """The id of the comment that the open transaction is about to add."""
    return int(_NEXT_ID[dialect_name()].scalar(session))


def add_comment(session: Session, **values: Any) -> None:
    """Store a new comment, its values by the names of the columns; those with a plain default may be left out."""
    _ADD_COMMENT.write(session, **values)


def add_revision(session: Session, comment_id: int, number: int, words: str, html: str, now: datetime) -> None:
    """Store a comment's text as the revision that now stands."""
    _ADD_REVISION.write(
        session, comment_id=comment_id, number=number, body_source=words, body_html=html, created_at=now
    )  # fmt: skip


def add_finding(
    session: Session, comment_id: int, revision: int, found: Found, now: datetime, setup_id: int | None = None
) -> None:
    """Store what a check found in a revision, under which version of the settings."""
    _ADD_FINDING.write(
        session, comment_id=comment_id, revision=revision, check=found.check, severity=found.severity,
        reason=found.reason, rule_version=found.version, rule=found.rule, passages=to_stored(found.passages),
        setup_id=setup_id, checked=found.checked, created_at=now,
    )  # fmt: skip


_CLOSE_REVISION = Prepared(
    update(Revision)
    .where(Revision.comment_id == bindparam("the_comment"), Revision.number == bindparam("the_number"))
    .values(was_published=true())
)


def close_revision(session: Session, comment: Comment) -> None:
    """Note that the standing text could be read by everybody, before another takes its place."""
    _CLOSE_REVISION.write(session, the_comment=comment.id, the_number=comment.revision)


@dataclass(frozen=True, slots=True)
class Mine:
    """What a reader has to do with a page of a thread."""

    respected: tuple[int, ...] = ()
    has_waiting: bool = False
    has_drafts: bool = False
    muted: tuple[int, ...] = ()  # people on the page
    follows_thread: bool = False
    follows_branch: bool = False
    draft_generation: int = 0  # of the place for a new root, see `blueprints.threads.drafts`
    seen_number: int | None = None  # what was published behind this version of the thread is new; None: never here
    visit_is_noted: bool = False  # just now, see `blueprints.threads.visits`
    new: tuple[int, ...] = ()  # the first comments by others that are new, by when they came
    has_more_new: bool = False


_BASE = "CASE WHEN visited_at < :begun THEN reached_number ELSE seen_number END"
_OF_VISIT = "FROM thread_visit WHERE user_id = :user_id AND thread_id = :thread_id"


def mine_statement(ids: Sequence[int], authors: Iterable[int]) -> Prepared:
    """The statement that `mine_on_page` runs for a page with these comments by these people.

    Written out, with the ids in it, because a page is asked for by every member: made once and kept with the page, it
    costs a fifth of what the same question costs when it is put together each time.
    """
    listed = ", ".join(str(int(comment_id)) for comment_id in ids) or "0"
    people = ", ".join(str(int(user_id)) for user_id in sorted(authors)) or "0"
    return Prepared(text(
        "SELECT 0 AS kind, comment_id AS id FROM respect "  # noqa: S608 - whole numbers only
        f"WHERE user_id = :user_id AND comment_id IN ({listed}) "
        "UNION ALL SELECT 1, id FROM comment WHERE author_id = :user_id "
        "AND status IN ('pending', 'withheld', 'rejected') AND thread_id = :thread_id AND NOT shown "
        "UNION ALL SELECT CASE body WHEN '' THEN 6 ELSE 2 END, CASE parent_key WHEN 0 THEN generation ELSE 0 END "
        "FROM draft WHERE user_id = :user_id AND article_id = :article_id "
        f"UNION ALL SELECT 3, muted_id FROM mute WHERE user_id = :user_id AND muted_id IN ({people}) "
        "UNION ALL SELECT CASE kind WHEN 'thread' THEN 4 ELSE 5 END, target_id FROM follow WHERE user_id = :user_id "
        "AND (kind = 'thread' AND target_id = :thread_id OR kind = 'branch' AND target_id = :root_id) "
        f"UNION ALL SELECT CASE WHEN visited_at > :due THEN 8 ELSE 7 END, {_BASE} {_OF_VISIT} "
        # The number is a scalar: so every planner enters the index at it, without knowing how much follows.
        "UNION ALL SELECT 9, id FROM (SELECT id FROM comment WHERE thread_id = :thread_id AND status = 'published' "
        f"AND published_number > (SELECT {_BASE} {_OF_VISIT}) AND author_id <> :user_id "
        "AND author_id NOT IN (SELECT muted_id FROM mute WHERE user_id = :user_id) "
        f"ORDER BY published_number LIMIT {NEW_COUNTED + 1}) AS arrived"
    ).bindparams(bindparam("begun", type_=UTCDateTime()), bindparam("due", type_=UTCDateTime())))  # fmt: skip


def mine_on_page(
    session: Session | None, statement: Prepared, *, user_id: int, now: datetime, thread_id: int = 0,
    article_id: int = 0, root_id: int = 0,
) -> Mine:  # fmt: skip
    """What is the reader's own on a page: what they respect, mute and follow, what is new to them in the thread, and
    whether there is more to ask for."""
    rows = statement.all(
        session, user_id=user_id, thread_id=thread_id, article_id=article_id, root_id=root_id,
        begun=now - VISIT_OVER, due=now - NOTED_EVERY,
    )  # fmt: skip
    kinds = {row[0] for row in rows}
    new = [row[1] for row in rows if row[0] == 9]
    return Mine(
        tuple(row[1] for row in rows if row[0] == 0), 1 in kinds, 2 in kinds,
        tuple(row[1] for row in rows if row[0] == 3), 4 in kinds, 5 in kinds,
        max((row[1] for row in rows if row[0] in {2, 6}), default=0),
        next((row[1] for row in rows if row[0] in {7, 8}), None), 8 in kinds, tuple(new[:NEW_COUNTED]),
        len(new) > NEW_COUNTED,
    )  # fmt: skip


def stance(session: Session, user_id: int, other_id: int) -> tuple[bool, bool]:
    """Whether one has muted the other, and whether they follow them."""
    row = session.execute(select(
        exists().where(Mute.user_id == user_id, Mute.muted_id == other_id),
        exists().where(Follow.user_id == user_id, Follow.kind == "person", Follow.target_id == other_id),
    )).one()  # fmt: skip
    return bool(row[0]), bool(row[1])


_hold_reason = (
    select(Finding.reason)
    .where(
        Finding.comment_id == Comment.id,
        Finding.revision == Comment.revision,
        Finding.severity.in_(("hold", "reject")),
    )
    .order_by(Finding.id)
    .limit(1)
    .correlate(Comment)
    .scalar_subquery()
)


def own_waiting(session: Session, user_id: int, facts: ThreadFacts) -> list[Row[Any]]:
    """The author's newest comments in a thread that nobody else can read, with the screening's reason if it has one,
    and how long a decision usually takes."""
    statement = (
        with_people(select(*SHOWN_COLUMNS, _hold_reason.label("hold_reason"), USUAL_SECONDS.label("usual_seconds")))
        .where(
            Comment.author_id == user_id,
            Comment.status.in_(("pending", "withheld", "rejected")),
            Comment.thread_id == facts.thread_id,
            Comment.shown.is_(False),
        )
        .order_by(Comment.id.desc())
        .limit(OWN_WAITING_SHOWN)
    )
    return list(session.execute(statement, {"section": facts.section_id}))


_HOLD_REASONS = (
    select(Finding.comment_id, Finding.reason)
    .join(Comment, and_(Comment.id == Finding.comment_id, Comment.revision == Finding.revision))
    .where(
        Finding.comment_id.in_(bindparam("comment_ids", expanding=True)), Finding.severity.in_(("hold", "reject"))
    )
    .order_by(Finding.id.desc())
)


def hold_reasons(session: Session, comment_ids: Sequence[int]) -> dict[int, str]:
    """What the screening said to those held by it, from their standing revision; one sentence each."""
    if not comment_ids:
        return {}
    rows = session.connection().execute(_HOLD_REASONS, {"comment_ids": list(comment_ids)})
    return {row.comment_id: row.reason for row in rows}


@dataclass(frozen=True, slots=True)
class Offer:
    """The cheapest way in, for the line under the composer."""

    plan_name: str
    amount_cents: int
    currency: str
    interval: str


def cheapest_offer(session: Session, audience: str) -> Offer | None:
    """The lowest active price that opens this audience."""
    statement = (
        select(Plan.name, Price.amount_cents, Price.currency, Price.interval)
        .join(Price, Price.plan_id == Plan.id)
        .where(Plan.active, Price.active)
        .order_by(case((Price.interval == "month", 0), else_=1), Price.amount_cents, Plan.rank)
        .limit(1)
    )
    if keys := plans_of(audience):
        statement = statement.where(Plan.key.in_(sorted(keys)))
    row = session.execute(statement).one_or_none()
    return Offer(*row) if row else None


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
))  # fmt: skip


def author_record(
    session: Session, user_id: int, thread_id: int, body_hash: str, *, since: datetime, nth: int, enough: int,
    lately: datetime, just_now: datetime,
) -> AuthorRecord:  # fmt: skip
    """The record of an author who sends these words to this thread, in one statement."""
    return AuthorRecord(*_AUTHOR_RECORD.first(
        session, user_id=user_id, thread_id=thread_id, body_hash=body_hash, since=since, nth=nth - 1,
        enough=enough, lately=lately, just_now=just_now,
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


def body_of(session: Session, comment_id: int) -> str:
    """The source of the standing text."""
    return session.scalar(select(Comment.body_source).where(Comment.id == comment_id)) or ""


def html_of(session: Session, comment_id: int) -> Markup:
    """The standing text as HTML."""
    return Markup(session.scalar(select(Comment.body_html).where(Comment.id == comment_id)) or "")  # noqa: S704


def name_of_answered(session: Session, article_id: int, comment_id: int) -> str:
    """The display name of who wrote a comment under this article; empty for one that nobody may answer here."""
    statement = select(shown_name()).select_from(Comment).join(User, User.id == Comment.author_id)
    return session.scalar(statement.where(Comment.id == comment_id, answerable(article_id))) or ""


def answerable(article_id: int) -> ColumnElement[bool]:
    """Whether a comment is one under this article that can be answered."""
    here = select(Thread.id).where(Thread.article_id == article_id, Thread.state != "hidden")
    return and_(Comment.thread_id.in_(here), Comment.status == "published")


def thread_ids(session: Session) -> list[int]:
    """Every thread there is."""
    return list(session.scalars(select(Thread.id).order_by(Thread.id)))


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


def revisions_of(session: Session, comment_id: int) -> list[Revision]:
    """Every text a comment had, the first one first."""
    return list(
        session.scalars(select(Revision).where(Revision.comment_id == comment_id).order_by(Revision.number))
    )


def comments_of_author(
    session: Session, user_id: int, before_id: int | None, limit: int
) -> list[Row[Any]]:
    """The author's own comments, newest first, with their articles, and for removed ones what the author was told."""
    told = (
        select(func.max(StatementOfReasons.id))
        .where(StatementOfReasons.comment_id == Comment.id, StatementOfReasons.withdrawn_at.is_(None))
        .correlate(Comment)
        .scalar_subquery()
    )
    statement = (
        select(
            Comment.id, Comment.status, Comment.shown, Comment.body_html, Comment.created_at, Comment.edited_at,
            Comment.nameless,
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
