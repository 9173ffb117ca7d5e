"""What stands in each queue, in its order, and how much of it there is."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from blueprints.moderation.queries import (
    PAGE,
    WAITING,
    Sections,
    objections_open_to,
    open_objections,
    sections_of,
    within,
)
from blueprints.moderation.queries_cases import CASES
from blueprints.moderation.queries_claims import claim_within
from blueprints.moderation.queries_illegal import IS_OPEN
from blueprints.moderation.queues import HELD, NEWCOMERS, NONE, QUEUES, REPORTED, UNREVIEWED, Filters
from core import clock
from core.prepared import Prepared
from core.records import dataclass
from core.viewer import Viewer
from models.article import Article
from models.desk import Claim, CommentLanguage, Pass, ThreadBacklog
from models.fairness import IllegalNotice
from models.moderation import Appeal, ModerationAction
from models.thread import IS_NEWCOMERS, REPORT_REASONS, Comment, Finding, Report, Thread
from models.user import ModeratedSection, User

# Nobody reads further back than that through what nobody complained about; it keeps the question cheap.
UNREVIEWED_REACH = 50_000
SEVERE_REPORTS = 3  # so many people do not complain about a trifle
HARSH = ("abusive", "offensive", "illegal")

Place = tuple[float, int]  # what a queue is ordered by, and the id


def in_queue(queue: str) -> ColumnElement[bool]:
    """Whether a comment stands in a queue. The triggers that count say the same in SQL."""
    unseen = Comment.reviewed_revision < Comment.revision
    if queue == REPORTED:
        return and_(Comment.report_count > 0, Comment.status == "published")
    if queue == HELD:
        return Comment.status.in_(WAITING)
    if queue == NEWCOMERS:
        new = select(Comment.id).where(IS_NEWCOMERS)
        return and_(Comment.id.in_(new), Comment.status.in_(("published", *WAITING)))
    if queue == UNREVIEWED:
        return and_(Comment.status == "published", unseen)
    raise ValueError(f"no such queue: {queue}")


def is_severe() -> ColumnElement[bool]:
    """Whether a comment may be hard to read: said to be illegal, reported by several as abusive or
    offensive, or to be rejected by a check."""
    complaint = exists().where(
        Report.comment_id == Comment.id, Report.resolved_at.is_(None), Report.reason == "illegal"
    )
    found = exists().where(
        Finding.comment_id == Comment.id, Finding.revision == Comment.revision, Finding.severity == "reject"
    )
    several = (
        select(func.count())
        .where(Report.comment_id == Comment.id, Report.resolved_at.is_(None), Report.reason.in_(HARSH))
        .correlate(Comment)
        .scalar_subquery()
    )
    return or_(and_(Comment.report_count >= SEVERE_REPORTS, several >= SEVERE_REPORTS), complaint, found)


def _narrowed(statement: Select[*tuple[Any, ...]], filters: Filters) -> Select[*tuple[Any, ...]]:
    """The statement, which knows Comment, User and Article, with these filters."""
    if filters.section:
        statement = statement.where(Article.section_id == filters.section)
    if filters.article:
        statement = statement.where(Article.headline.icontains(filters.article, autoescape=True))
    if filters.reason in REPORT_REASONS:
        statement = statement.where(
            exists().where(
                Report.comment_id == Comment.id, Report.resolved_at.is_(None), Report.reason == filters.reason
            )
        )
    elif filters.reason:
        statement = statement.where(
            exists().where(
                Finding.comment_id == Comment.id, Finding.revision == Comment.revision,
                Finding.check == filters.reason,
            )
        )  # fmt: skip
    if filters.language:
        statement = statement.where(
            exists().where(CommentLanguage.comment_id == Comment.id, CommentLanguage.language == filters.language)
        )
    if filters.author:
        statement = statement.where(User.display_name.icontains(filters.author, autoescape=True))
    if filters.hours:
        statement = statement.where(Comment.created_at < clock.now() - timedelta(hours=filters.hours))
    if filters.q:
        statement = statement.where(Comment.body_source.icontains(filters.q, autoescape=True))
    return statement


def _ordered(
    statement: Select[*tuple[Any, ...]], queue: str, sections: Sections, filters: Filters, after: Place | None
) -> Select[*tuple[Any, ...]]:
    statement = _narrowed(statement.where(in_queue(queue), within(sections)), filters)
    if queue == UNREVIEWED:
        reach = select(func.coalesce(func.max(Comment.id), 0) - UNREVIEWED_REACH).scalar_subquery()
        statement = statement.where(Comment.id > reach).order_by(Comment.id.desc())
        return statement.where(Comment.id < after[1]) if after else statement
    if queue != REPORTED:
        statement = statement.order_by(Comment.id)
        return statement.where(Comment.id > after[1]) if after else statement
    statement = statement.order_by(Comment.report_weight.desc(), Comment.id)
    if after:
        less, same = Comment.report_weight < after[0], Comment.report_weight == after[0]
        statement = statement.where(or_(less, and_(same, Comment.id > after[1])))
    return statement


def queue_page(
    session: Session, queue: str, sections: Sections, filters: Filters = NONE, after: Place | None = None
) -> list[Row[Any]]:
    """A queue's cases in its order. One more than a page."""
    return list(session.execute(_ordered(CASES, queue, sections, filters, after).limit(PAGE + 1)))


def place_of(row: Row[Any]) -> str:
    """Where a page goes on behind this case."""
    return f"{row.report_weight}-{row.id}"


def candidates(
    session: Session, viewer: Viewer, queue: str, filters: Filters, now: datetime, limit: int
) -> list[Row[Any]]:
    """What this moderator could take: neither their own, nor passed on by them, nor taken by anybody."""
    statement = (
        select(Comment.id, is_severe().label("severe"))
        .join(User, User.id == Comment.author_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .where(
            Comment.author_id != viewer.id,
            ~exists().where(Claim.comment_id == Comment.id, Claim.expires_at > now),
            ~exists().where(Pass.comment_id == Comment.id, Pass.moderator_id == viewer.id),
        )
    )
    return list(session.execute(_ordered(statement, queue, sections_of(viewer), filters, None).limit(limit)))


def ids_in(
    session: Session, viewer: Viewer, queue: str, filters: Filters, limit: int
) -> list[int]:
    """What a queue with these filters holds for this moderator, in its order; their own comments are left out."""
    statement = (
        select(Comment.id)
        .join(User, User.id == Comment.author_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .where(Comment.author_id != viewer.id)
    )
    return list(session.scalars(_ordered(statement, queue, sections_of(viewer), filters, None).limit(limit)))


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and since when the longest."""

    reported: int
    held: int
    newcomers: int
    unreviewed: int
    objections: int
    mine: int  # what this moderator holds
    last_action_id: int  # the newest decision of all
    oldest_report_at: datetime | None
    oldest_held_at: datetime | None
    oldest_objection_at: datetime | None


def backlog(session: Session, viewer: Viewer) -> Backlog:
    """What waits for this moderator; their own decisions are not theirs to look at again.

    The numbers of the queues are the kept ones: `recount_backlog` says whether they are true.
    """
    sections = sections_of(viewer)
    counts = select(*(func.coalesce(func.sum(getattr(ThreadBacklog, name)), 0).label(name) for name in QUEUES))
    if sections is not None:
        counts = counts.join(Thread, Thread.id == ThreadBacklog.thread_id)
        counts = counts.join(Article, Article.id == Thread.article_id).where(within(sections))
    numbers = counts.subquery()
    placed = select(Comment.id).join(Thread, Thread.id == Comment.thread_id).join(
        Article, Article.id == Thread.article_id
    )  # fmt: skip
    complaints = placed.where(in_queue(REPORTED), within(sections))
    waiting = placed.where(in_queue(HELD), within(sections))
    objections = open_objections(viewer)

    def ask(what: ColumnElement[Any], statement: Select[Any]) -> Any:
        return statement.with_only_columns(what).order_by(None).limit(None).scalar_subquery()

    row = session.execute(
        select(
            numbers.c.reported, numbers.c.held, numbers.c.newcomers, numbers.c.unreviewed,
            ask(func.count(), objections),
            select(func.count())
            .where(Claim.moderator_id == viewer.id, Claim.expires_at > clock.now(), claim_within(sections))
            .scalar_subquery(),
            select(func.coalesce(func.max(ModerationAction.id), 0)).scalar_subquery(),
            ask(
                func.min(Report.created_at),
                complaints.join(Report, and_(Report.comment_id == Comment.id, Report.resolved_at.is_(None))),
            ),
            ask(func.min(Comment.created_at), waiting),
            ask(func.min(Appeal.created_at), objections),
        )
    ).one()  # fmt: skip
    return Backlog(*tuple(row))


WAITS_COUNTED = 100  # of each kind: whoever sees "99+" has enough to do


def _waits(*, limited: bool) -> Prepared:
    """How much waits for an answer, all kinds together; `limited`: in the sections of that moderator.

    Written with constants, so that each kind is counted in the index that holds nothing else.
    """
    held = Comment.status.in_([literal_column(f"'{status}'") for status in WAITING])
    kinds: list[Select[Any]] = [select(Comment.id).where(in_queue(REPORTED)), select(Comment.id).where(held)]
    notices = select(IllegalNotice.id).where(IS_OPEN)
    if limited:
        notices = notices.join(Comment, Comment.id == IllegalNotice.comment_id)
        kinds = [
            kind.join(Thread, Thread.id == Comment.thread_id).join(Article, Article.id == Thread.article_id)
            for kind in (*kinds, notices)
        ]
    else:
        kinds.append(notices)
    kinds.append(objections_open_to(bindparam("user_id")))
    if limited:
        theirs = exists().where(
            ModeratedSection.user_id == bindparam("user_id"), ModeratedSection.section_id == Article.section_id
        )
        kinds = [kind.where(theirs.correlate(Article)) for kind in kinds]
    some = (select(kind.limit(literal_column(str(WAITS_COUNTED))).subquery().c.id) for kind in kinds)
    return Prepared(select(func.count()).select_from(union_all(*some).subquery()))


_WAITS, _WAITS_IN_SECTIONS = _waits(limited=False), _waits(limited=True)


def waits(session: Session, viewer: Viewer) -> int:
    """How much waits for this moderator's answer: reports, what is held, objections, notices of illegal content.

    One indexed statement that any page of theirs can afford: it counts on to `WAITS_COUNTED` of each.
    """
    statement = _WAITS if sections_of(viewer) is None else _WAITS_IN_SECTIONS
    return int(statement.scalar(session, user_id=viewer.id))


@dataclass(frozen=True, slots=True)
class Miscount:
    """A kept number that says something else than a recount."""

    thread_id: int
    queue: str
    stored: int
    counted: int


def recount_backlog(session: Session, *, repair: bool = False) -> list[Miscount]:
    """Count every queue of every thread anew and report what differs; with `repair`, write what was counted."""
    rows = select(ThreadBacklog).execution_options(populate_existing=True)
    # Once these rows are locked, whatever changes a comment has either been counted or waits.
    stored = {row.thread_id: row for row in session.scalars(rows.with_for_update() if repair else rows)}
    counted = {
        row.thread_id: row
        for row in session.execute(
            select(
                Comment.thread_id,
                *(func.sum(case((in_queue(name), 1), else_=0)).label(name) for name in QUEUES),
            ).group_by(Comment.thread_id)
        )
    }
    wrong = []
    for thread_id in sorted(counted.keys() | stored.keys()):
        kept, true = stored.get(thread_id), counted.get(thread_id)
        for name in QUEUES:
            have, should = getattr(kept, name, 0), int(getattr(true, name, 0))
            if have == should:
                continue
            wrong.append(Miscount(thread_id, name, have, should))
            if repair:
                if kept is None:
                    kept = ThreadBacklog(thread_id=thread_id, **dict.fromkeys(QUEUES, 0))
                    session.add(kept)
                setattr(kept, name, should)
    if repair:
        session.flush()
    return wrong
