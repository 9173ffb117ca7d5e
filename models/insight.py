"""What was counted and worked out for the publisher, because a page could not wait for it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class Insight(Base):
    """The newest result of one calculation, by its name and the Stripe mode it is about ("" where it is about none)."""

    __tablename__ = "insight"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    mode: Mapped[str] = mapped_column(String(10), primary_key=True)
    computed_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


GATE_STAGES = ("seen", "pressed", "signed_up", "paid", "posted")


class GateCount(Base):
    """How often a step on the way from an article's gate to a first comment was taken on a day (UTC).

    Numbers alone: nobody can be found in them, so they are kept.
    """

    __tablename__ = "gate_count"
    __table_args__ = (
        CheckConstraint(f"stage IN {GATE_STAGES}", name="stage"),
        CheckConstraint("number > 0", name="number"),
        Index("ix_gate_count_day", "day"),
        {"sqlite_with_rowid": False},
    )

    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    stage: Mapped[str] = mapped_column(String(9), primary_key=True)
    number: Mapped[int]
