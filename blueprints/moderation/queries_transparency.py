"""Counting what was decided in a period, from the ledger and from what its entries name."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal_column, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from blueprints.moderation.queries import PAGE
from models.article import Article, Section
from models.fairness import IllegalNotice
from models.moderation import Appeal, ModerationAction, StatementOfReasons
from models.site import Rule
from models.thread import Comment, Report, Thread

SHOWN_IN_LOG = (
    "reject", "withhold", "restore", "publish", "uphold", "reverse", "warning", "slow-down", "pre-moderation",
    "suspension", "ban", "lift", "thread", "move", "notice", "notice-again", "purge",
)  # fmt: skip


def _within(column: InstrumentedAttribute[Any], start: datetime, end: datetime) -> ColumnElement[bool]:
    return (column >= start) & (column < end)


def published_comments(session: Session, start: datetime, end: datetime) -> int:
    """Comments that were published in the period and still are, or were removed since."""
    return session.scalar(select(func.count()).where(_within(Comment.published_at, start, end))) or 0


def decisions(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """The ledger's entries about comments, people and discussions, by sort and by who decided."""
    automated = ModerationAction.actor_id.is_(None).label("automated")
    return list(
        session.execute(
            select(ModerationAction.action, automated, func.count().label("number"))
            .where(_within(ModerationAction.created_at, start, end), ModerationAction.subject == "")
            .group_by(ModerationAction.action, automated)
            .order_by(ModerationAction.action, automated)
        )
    )


def statements(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """Statements of reasons by restriction, ground, how it came to light, and whether a program decided."""
    told = StatementOfReasons
    ground = func.coalesce(Rule.title, told.legal_ground)
    return list(
        session.execute(
            select(told.restriction, told.ground, ground.label("title"), told.source, told.automated,
                   func.count().label("number"))
            .outerjoin(Rule, Rule.id == told.rule_id)
            .where(_within(told.created_at, start, end))
            .group_by(told.restriction, told.ground, ground, told.source, told.automated)
        )
    )  # fmt: skip


def reversed_statements(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """Of the statements of the period, how many were taken back since, by whether a program had decided."""
    told = StatementOfReasons
    return list(
        session.execute(
            select(told.automated, func.count().label("number"))
            .where(_within(told.created_at, start, end), told.withdrawn_at.is_not(None))
            .group_by(told.automated)
        )
    )


def notices(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """Notices of illegal content that arrived in the period: category, outcomes, and the moments of both."""
    row = IllegalNotice
    return list(
        session.execute(
            select(row.category, row.outcome, row.second_outcome, row.created_at, row.decided_at)
            .where(_within(row.created_at, start, end))
        )
    )  # fmt: skip


def appeals(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """Objections that arrived in the period: outcome, both moments, whether a program had decided."""
    return list(
        session.execute(
            select(Appeal.outcome, Appeal.created_at, Appeal.decided_at, ModerationAction.action,
                   ModerationAction.actor_id.is_(None).label("automated"))
            .join(ModerationAction, ModerationAction.id == Appeal.action_id)
            .where(_within(Appeal.created_at, start, end))
        )
    )  # fmt: skip


def reports(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """Readers' reports by reason, and how many of them have been answered."""
    return list(
        session.execute(
            select(Report.reason, func.count().label("number"), func.count(Report.resolved_at).label("answered"))
            .where(_within(Report.created_at, start, end))
            .group_by(Report.reason)
            .order_by(Report.reason)
        )
    )


def report_spans(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """When each answered report of the period was made and answered."""
    return list(
        session.execute(
            select(Report.created_at, Report.resolved_at.label("decided_at"))
            .where(_within(Report.created_at, start, end), Report.resolved_at.is_not(None))
        )
    )  # fmt: skip


def held_and_decided(session: Session, start: datetime, end: datetime) -> list[Row[Any]]:
    """What people decided about comments that a program had set aside: published, or not."""
    return list(
        session.execute(
            select(ModerationAction.action, func.count().label("number"))
            .where(
                _within(ModerationAction.created_at, start, end), ModerationAction.from_state == "withheld",
                ModerationAction.action.in_(("publish", "reject")), ModerationAction.actor_id.is_not(None),
            )
            .group_by(ModerationAction.action)
        )
    )  # fmt: skip


def undone(session: Session, start: datetime, end: datetime) -> int:
    """Decisions of the period that the staff took back without an objection."""
    later = aliased(ModerationAction)
    return (
        session.scalar(
            select(func.count())
            .select_from(ModerationAction)
            .join(later, later.undoes_id == ModerationAction.id)
            .where(
                _within(ModerationAction.created_at, start, end), ModerationAction.subject == "",
                later.action != "reverse",
            )
        )
        or 0
    )  # fmt: skip


def public_log(session: Session, before: int | None) -> list[Row[Any]]:
    """Decisions without anything that names a person or shows words, the newest first. One more than a page."""
    ground = func.coalesce(Rule.title, StatementOfReasons.legal_ground, literal_column("''"))
    statement = (
        select(
            ModerationAction.id, ModerationAction.action, ModerationAction.from_state, ModerationAction.to_state,
            ModerationAction.created_at, ModerationAction.actor_id.is_(None).label("automated"),
            Section.name.label("section"), ground.label("ground"), StatementOfReasons.source,
        )
        .outerjoin(StatementOfReasons, StatementOfReasons.action_id == ModerationAction.id)
        .outerjoin(Rule, Rule.id == func.coalesce(ModerationAction.rule_id, StatementOfReasons.rule_id))
        .outerjoin(Thread, Thread.id == ModerationAction.thread_id)
        .outerjoin(Article, Article.id == Thread.article_id)
        .outerjoin(Section, Section.id == Article.section_id)
        .where(
            ModerationAction.action.in_(SHOWN_IN_LOG),
            or_(ModerationAction.action != "publish", ModerationAction.from_state != "pending"),
        )
        .order_by(ModerationAction.id.desc())
        .limit(PAGE + 1)
    )  # fmt: skip
    return list(session.execute(statement.where(ModerationAction.id < before) if before else statement))
