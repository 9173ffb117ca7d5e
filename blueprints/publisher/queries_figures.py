"""The figures of the overview, each counted from our own tables: six queries, whatever the size of the paper."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, func, literal_column, or_, select

from blueprints.publisher.queries_given import is_live
from core.db import db
from core.records import dataclass
from models.article import Article
from models.job import LIVE_STREAMS, Heartbeat, Job
from models.membership import Entitlement, Membership, Payment, Plan, StripeEvent
from models.moderation import Appeal
from models.thread import Comment, Respect, Thread

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
STORIES_SHOWN = 8
SILENCE = timedelta(minutes=2)  # a worker gives a sign of life every few seconds

SOURCES = ("stripe", "seat", "complimentary", "gift", "staff")

# Written out rather than bound, so that SQLite may use an index over just these.
_PUBLISHED = Comment.status == literal_column("'published'")


@dataclass(frozen=True, slots=True)
class PlanMembers:
    """How many people have a plan now, by where they have it from; `people` counts each once."""

    plan_name: str
    people: int
    by_source: dict[str, int]


@dataclass(frozen=True, slots=True)
class Takings:
    """Payments of one currency: what came in, what of it went back, in minor units."""

    currency: str
    payments: int
    amount_cents: int
    refunded_cents: int

    @property
    def net_cents(self) -> int:
        return self.amount_cents - self.refunded_cents


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said in a period and can be read now."""

    comments: int
    commenters: int
    by_members: int
    respects: int

    @property
    def members_percent(self) -> int | None:
        """The share of comments by people who were members when they wrote; None without comments."""
        return round(100 * self.by_members / self.comments) if self.comments else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the moderators have before them."""

    held: int
    reported: int
    appeals: int


@dataclass(frozen=True, slots=True)
class Story:
    slug: str
    headline: str
    comments: int
    commenters: int


@dataclass(frozen=True, slots=True)
class Machine:
    """How the site itself is doing."""

    jobs_due: int
    jobs_later: int
    jobs_failed: int
    events_failed: int
    seen_at: datetime | None

    def is_silent(self, at: datetime) -> bool:
        """Whether no worker has given a sign of life for SILENCE."""
        return self.seen_at is None or at - self.seen_at > SILENCE


@dataclass(frozen=True, slots=True)
class Figures:
    members: int
    plans: tuple[PlanMembers, ...]
    joined: int
    ended: int
    takings: tuple[Takings, ...]
    week: Talk
    month: Talk
    waiting: Waiting
    stories: tuple[Story, ...]
    machine: Machine


def figures(mode: str, at: datetime) -> Figures:
    """Everything on the overview as of a moment; payments and events are those of one Stripe mode."""
    since_week, since_month = at - WEEK, at - MONTH
    row = db.session().execute(select(
        _count(func.count(Entitlement.user_id.distinct()), is_live(at)).label("members"),
        _count(func.count(Membership.id), Membership.started_at >= since_month).label("joined"),
        _count(func.count(Membership.id), Membership.ended_at >= since_month).label("ended"),
        _count(func.count(Respect.user_id), Respect.created_at >= since_week).label("week_respects"),
        _count(func.count(Respect.user_id), Respect.created_at >= since_month).label("month_respects"),
        _count(
            func.count(Comment.id), Comment.status.in_((literal_column("'pending'"), literal_column("'withheld'")))
        ).label("held"),
        _count(func.count(Comment.id), and_(Comment.report_count > literal_column("0"), _PUBLISHED)).label("reported"),
        _count(func.count(Appeal.id), Appeal.outcome == "open").label("appeals"),
    )).one()  # fmt: skip
    week, month = _talk(since_week, since_month, row.week_respects, row.month_respects)
    return Figures(
        row.members, _plans(at), row.joined, row.ended, _takings(mode, since_month), week, month,
        Waiting(row.held, row.reported, row.appeals), _stories(since_week), machine(mode, at),
    )  # fmt: skip


def machine(mode: str, at: datetime) -> Machine:
    """Jobs that wait or were given up, Stripe's messages that failed, and the newest sign of a worker's life."""
    unfinished = and_(Job.finished_at.is_(None), Job.failed_at.is_(None))
    row = db.session().execute(select(
        _count(func.count(Job.id), and_(unfinished, Job.run_at <= at)),
        _count(func.count(Job.id), and_(unfinished, Job.run_at > at)),
        _count(func.count(Job.id), and_(Job.failed_at.is_not(None), Job.finished_at.is_(None))),
        _count(func.count(StripeEvent.id), and_(StripeEvent.mode == mode, StripeEvent.state == "failed")),
        select(func.max(Heartbeat.seen_at)).where(Heartbeat.name != LIVE_STREAMS).scalar_subquery(),
    )).one()  # fmt: skip
    return Machine(*row)


def _count(what: ColumnElement[int], where: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(what).where(where).scalar_subquery()


def _plans(at: datetime) -> tuple[PlanMembers, ...]:
    held = select(Entitlement.plan_id, Entitlement.user_id, Entitlement.source).where(is_live(at)).subquery()
    each = [
        func.count(case((held.c.source == source, held.c.user_id)).distinct()).label(source) for source in SOURCES
    ]
    rows = db.session().execute(
        select(Plan.name, func.count(held.c.user_id.distinct()), *each)
        .outerjoin(held, held.c.plan_id == Plan.id)
        .group_by(Plan.id, Plan.name, Plan.rank, Plan.active)
        .having(or_(Plan.active, func.count(held.c.user_id) > 0))
        .order_by(Plan.rank, Plan.id)
    )  # fmt: skip
    return tuple(PlanMembers(row[0], row[1], dict(zip(SOURCES, row[2:], strict=True))) for row in rows)


def _talk(since_week: datetime, since_month: datetime, week_respects: int, month_respects: int) -> tuple[Talk, Talk]:
    was_member = select(Entitlement.id).where(
        Entitlement.user_id == Comment.author_id, Entitlement.starts_at <= Comment.published_at,
        or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > Comment.published_at),
    ).exists()  # fmt: skip
    in_week = Comment.published_at >= since_week
    row = db.session().execute(
        select(
            func.count(case((in_week, 1))),
            func.count(case((in_week, Comment.author_id)).distinct()),
            func.count(case((and_(in_week, was_member), 1))),
            func.count(),
            func.count(Comment.author_id.distinct()),
            func.count(case((was_member, 1))),
        ).where(_PUBLISHED, Comment.published_at >= since_month)
    ).one()  # fmt: skip
    return Talk(*row[:3], week_respects), Talk(*row[3:], month_respects)


def _takings(mode: str, since: datetime) -> tuple[Takings, ...]:
    total = func.sum(Payment.amount_cents)
    rows = db.session().execute(
        select(Payment.currency, func.count(), total, func.sum(Payment.refunded_cents))
        .where(Payment.mode == mode, Payment.paid_at >= since)
        .group_by(Payment.currency).order_by(total.desc(), Payment.currency)
    )  # fmt: skip
    return tuple(Takings(row[0], row[1], int(row[2]), int(row[3])) for row in rows)


def _stories(since: datetime) -> tuple[Story, ...]:
    comments = func.count(Comment.id)
    rows = db.session().execute(
        select(Article.slug, Article.headline, comments, func.count(Comment.author_id.distinct()))
        .select_from(Comment)
        .join(Thread, Thread.id == Comment.thread_id).join(Article, Article.id == Thread.article_id)
        .where(_PUBLISHED, Comment.published_at >= since, Article.state == "published")
        .group_by(Article.id, Article.slug, Article.headline)
        .order_by(comments.desc(), Article.id.desc()).limit(STORIES_SHOWN)
    )  # fmt: skip
    return tuple(Story(*row) for row in rows)
