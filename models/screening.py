"""What the screening goes by: settings and lists with all their versions, outside services, what a program learned."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

LIST_KINDS = ("words", "domains", "trusted", "mails")
SEVERITY_NAMES = ("note", "nudge", "report", "hold", "reject")
_SEVERITY = "severity IN ('note', 'nudge', 'report', 'hold', 'reject')"


class ScreeningState(Base):
    """One row: a number that rises with every change of what the screening goes by, so that processes notice."""

    __tablename__ = "screening_state"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    version: Mapped[int] = mapped_column(default=0)


class ScreeningSetup(Base):
    """One version of the severities and numbers; append-only, the newest is in force.

    `settings` holds only what differs from the program's own defaults: see `threads.screening.setup`.
    """

    __tablename__ = "screening_setup"

    id: Mapped[Id]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    changed: Mapped[str] = mapped_column(Text, default="")  # in sentences
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[CreatedAt]


class ScreeningList(Base):
    """A list that people keep: words, domains that are watched or trusted, e-mail addresses.

    `version` is the number of the one in force.
    """

    __tablename__ = "screening_list"
    __table_args__ = (
        CheckConstraint("kind IN ('words', 'domains', 'trusted', 'mails')", name="kind"),
        CheckConstraint(_SEVERITY, name="severity"),
        CheckConstraint("severity != 'reject' OR rule_id IS NOT NULL", name="reject_names_rule"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(80), unique=True)
    severity: Mapped[str] = mapped_column(String(10))
    folds_accents: Mapped[bool] = mapped_column(default=True)
    sees_through: Mapped[bool] = mapped_column(default=True)  # digits and look-alikes in the place of letters
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))  # which rule of the conversation it stands for
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    entries: Mapped[str] = mapped_column(Text, default="")  # one a line


class ScreeningListVersion(Base):
    """A list as it stood from a moment on. Append-only."""

    __tablename__ = "screening_list_version"
    __table_args__ = (UniqueConstraint("list_id", "number"),)

    id: Mapped[Id]
    list_id: Mapped[int] = mapped_column(ForeignKey("screening_list.id"))
    number: Mapped[int]
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)  # everything but the entries
    entries: Mapped[str] = mapped_column(Text)
    changed: Mapped[str] = mapped_column(Text, default="")
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    created_at: Mapped[CreatedAt]


class ScreeningService(Base):
    """A program elsewhere that is asked about comments after they were posted."""

    __tablename__ = "screening_service"
    __table_args__ = (
        CheckConstraint("severity IN ('note', 'report', 'hold')", name="severity"),
        CheckConstraint("time_limit_ms BETWEEN 100 AND 30000", name="time_limit"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(Text)  # sealed: see `threads.outside`
    severity: Mapped[str] = mapped_column(String(10))  # the most its answers can do
    time_limit_ms: Mapped[int] = mapped_column(default=2_000)
    active: Mapped[bool] = mapped_column(default=True)
    answered: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    failed_in_a_row: Mapped[int] = mapped_column(default=0)
    last_answer_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]
    last_failure: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[CreatedAt]


class ScreeningModel(Base):
    """One version of what was learned from this publisher's own decisions; one at most is in use."""

    __tablename__ = "screening_model"
    __table_args__ = (
        CheckConstraint(_SEVERITY + " AND severity != 'reject'", name="severity"),
        Index("uq_screening_model_active", "active", unique=True, sqlite_where=text("active"),
              postgresql_where=text("active")),
    )

    id: Mapped[Id]
    weights: Mapped[bytes] = mapped_column(LargeBinary)  # see `threads.screening.classifier`
    format: Mapped[int] = mapped_column(default=1)
    learned_from: Mapped[dict[str, Any]] = mapped_column(JSON)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    threshold: Mapped[int] = mapped_column(default=80)  # percent
    severity: Mapped[str] = mapped_column(String(10), default="report")
    active: Mapped[bool] = mapped_column(server_default=false(), default=False)
    created_at: Mapped[CreatedAt]


class Nudge(Base):
    """An author was asked once to look at their words again, or would have been but is in the hold-out group.

    `ended` says how it went: '' not yet, 'rephrased' or 'as-is'. One that stays '' for long was withdrawn.
    """

    __tablename__ = "nudge"
    __table_args__ = (
        CheckConstraint("ended IN ('', 'rephrased', 'as-is')", name="ended"),
        Index("ix_nudge_place", "user_id", "thread_id", "id"),
        Index("ix_nudge_time", "created_at"),
        Index("ix_nudge_comment", "comment_id"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))  # what was posted in the end
    asked: Mapped[bool]  # False: in the hold-out group, so nothing was said
    rules: Mapped[str] = mapped_column(String(300))  # which asked for it, by commas
    words_hash: Mapped[str] = mapped_column(String(64))
    ended: Mapped[str] = mapped_column(String(10), default="")
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]


class CommentShape(Base):
    """The words of a recent comment as a few numbers, of which near-repeats share at least one.

    Only helps to find candidates and is forgotten after some days, so it needs no foreign key.
    """

    __tablename__ = "comment_shape"
    __table_args__ = {"sqlite_with_rowid": False}

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    comment_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class SpamLink(Base):
    """Where a link led that stood in a comment rejected as spam; found again in others."""

    __tablename__ = "spam_link"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    place: Mapped[str] = mapped_column(String(300))
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), index=True)
    created_at: Mapped[CreatedAt]
