"""The way from an article's gate to a first comment, counted by day."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, case, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased

from core.db import db
from core.records import dataclass
from models.article import Article, Section
from models.insight import GATE_STAGES, GateCount
from models.membership import CheckoutAttempt
from models.thread import Comment, Thread

FIRST_COMMENT_WITHIN = timedelta(days=30)  # after paying: what comes later is not the gate's doing any more
DERIVED = ("paid", "posted")
ARTICLE_PATH = "/articles/"


@dataclass(frozen=True, slots=True)
class Steps:
    """How often each step was taken."""

    seen: int = 0
    pressed: int = 0
    signed_up: int = 0
    paid: int = 0
    posted: int = 0


@dataclass(frozen=True, slots=True)
class ArticleSteps:
    slug: str
    headline: str
    section: str
    steps: Steps


def add(numbers: Mapping[tuple[str | int, date, str], int]) -> None:
    """Add to steps; articles by slug or number. What names no article is dropped. Always in the same order of rows."""
    slugs = {article for article, _, _ in numbers if isinstance(article, str)}
    session = db.session()
    known = {
        row.slug: row.id for row in session.execute(select(Article.slug, Article.id).where(Article.slug.in_(slugs)))
    } if slugs else {}  # fmt: skip
    rows: dict[tuple[int, date, str], int] = {}
    for (article, day, stage), number in numbers.items():
        article_id = known.get(article) if isinstance(article, str) else article
        if article_id is not None:
            rows[article_id, day, stage] = rows.get((article_id, day, stage), 0) + number
    build = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    for (article_id, day, stage), number in sorted(rows.items()):
        session.execute(
            build(GateCount).values(article_id=article_id, day=day, stage=stage, number=number)
            .on_conflict_do_update(
                index_elements=["article_id", "day", "stage"], set_={"number": GateCount.number + number}
            )
        )  # fmt: skip


def derived(mode: str, since: date | None) -> dict[tuple[int, date, str], int]:
    """Who paid, and whose first comment after that came on the same article, from that day on; None means all days.

    Both follow from rows that are there anyway, so they may be counted anew as often as anybody likes.
    """
    rows: dict[tuple[int, date, str], int] = {}
    for article_id, at, stage in (*_paid(mode, since), *_posted(mode, since)):
        day = at.astimezone(UTC).date()
        if since is None or day >= since:
            rows[article_id, day, stage] = rows.get((article_id, day, stage), 0) + 1
    return rows


def put(rows: Mapping[tuple[int, date, str], int], since: date | None) -> None:
    """Put these numbers in the place of all derived ones from that day on."""
    session = db.session()
    gone = delete(GateCount).where(GateCount.stage.in_(DERIVED))
    session.execute(gone if since is None else gone.where(GateCount.day >= since))
    if rows:
        session.execute(insert(GateCount), [
            {"article_id": article_id, "day": day, "stage": stage, "number": number}
            for (article_id, day, stage), number in sorted(rows.items())
        ])  # fmt: skip


def _paid(mode: str, since: date | None) -> Iterable[tuple[int, datetime, str]]:
    rows = db.session().execute(
        select(Article.id, CheckoutAttempt.finished_at)
        .join(Article, CheckoutAttempt.return_path == ARTICLE_PATH + Article.slug)
        .where(
            CheckoutAttempt.mode == mode, CheckoutAttempt.state == "complete",
            *([CheckoutAttempt.finished_at >= _begin(since)] if since else []),
        )
    )  # fmt: skip
    return [(row.id, row.finished_at, "paid") for row in rows if row.finished_at is not None]


def _posted(mode: str, since: date | None) -> Iterable[tuple[int, datetime, str]]:
    """First published comments after a payment, where they stand under the article that led to it."""
    first = aliased(Comment)
    first_id = (
        select(func.min(first.id))
        .where(
            first.author_id == CheckoutAttempt.user_id, first.created_at >= CheckoutAttempt.finished_at,
            first.published_at.is_not(None),
        ).scalar_subquery()
    )  # fmt: skip
    back = FIRST_COMMENT_WITHIN + timedelta(days=1)
    rows = db.session().execute(
        select(Article.id, Comment.published_at, Comment.created_at, CheckoutAttempt.finished_at)
        .select_from(CheckoutAttempt)
        .join(Article, CheckoutAttempt.return_path == ARTICLE_PATH + Article.slug)
        .join(Thread, Thread.article_id == Article.id)
        .join(Comment, and_(Comment.id == first_id, Comment.thread_id == Thread.id))
        .where(
            CheckoutAttempt.mode == mode, CheckoutAttempt.state == "complete",
            *([CheckoutAttempt.finished_at >= _begin(since) - back] if since else []),
        )
    )  # fmt: skip
    return [
        (row.id, row.published_at, "posted") for row in rows
        if row.published_at is not None and row.finished_at is not None
        and row.created_at - row.finished_at <= FIRST_COMMENT_WITHIN
    ]  # fmt: skip


def by_article(since: date, section: str | None, limit: int) -> list[ArticleSteps]:
    """The articles whose gate was met most, first those with most payments."""
    sums = _sums()
    statement = (
        select(Article.slug, Article.headline, Section.name, *sums)
        .select_from(GateCount)
        .join(Article, Article.id == GateCount.article_id).join(Section, Section.id == Article.section_id)
        .where(GateCount.day >= since)
        .group_by(Article.id, Article.slug, Article.headline, Section.name)
        .order_by(sums[3].desc(), sums[0].desc(), Article.id.desc()).limit(limit)
    )  # fmt: skip
    if section:
        statement = statement.where(Section.slug == section)
    rows = db.session().execute(statement)
    return [ArticleSteps(row[0], row[1], row[2], Steps(*(int(value or 0) for value in row[3:]))) for row in rows]


def by_section(since: date) -> list[tuple[str, str, Steps]]:
    """Each section with a gate that was met, by slug and name, in the order of the paper."""
    rows = db.session().execute(
        select(Section.slug, Section.name, *_sums())
        .select_from(GateCount)
        .join(Article, Article.id == GateCount.article_id).join(Section, Section.id == Article.section_id)
        .where(GateCount.day >= since)
        .group_by(Section.id, Section.slug, Section.name, Section.position).order_by(Section.position, Section.id)
    )  # fmt: skip
    return [(row[0], row[1], Steps(*(int(value or 0) for value in row[2:]))) for row in rows]


def of_article(article_id: int, since: date) -> Steps:
    """The steps of one article."""
    row = db.session().execute(
        select(*_sums()).where(GateCount.article_id == article_id, GateCount.day >= since)
    ).one()  # fmt: skip
    return Steps(*(int(value or 0) for value in row))


def _sums() -> list[Any]:
    return [
        func.coalesce(func.sum(case((GateCount.stage == stage, GateCount.number), else_=0)), 0).label(stage)
        for stage in GATE_STAGES
    ]


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
