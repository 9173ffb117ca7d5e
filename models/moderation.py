"""Decisions about comments and people, and what was said to those they concern."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id

SANCTION_KINDS = ("warning", "slow-down", "pre-moderation", "suspension", "ban")


class ModerationAction(Base):
    """One decision or change by staff: append-only (the database refuses change and removal) and chained by hash.

    `hash` covers this row and `previous_hash`; `flask moderation verify-ledger` walks the chain. `actor_id` empty means
    that the program decided. A change of a setting has a `subject`, and `before` and `after` as JSON. Rows that were
    made by one act together name its row as their `batch_id`.
    """

    __tablename__ = "moderation_action"
    __table_args__ = (
        Index("ix_moderation_action_comment", "comment_id", "id"),
        Index("ix_moderation_action_user", "user_id", "id"),
        Index("ix_moderation_action_undoes", "undoes_id"),
        Index("ix_moderation_action_actor", "actor_id", "id"),
        Index("ix_moderation_action_batch", "batch_id"),
        Index("ix_moderation_action_created", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    thread_id: Mapped[int | None] = mapped_column(ForeignKey("thread.id"))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # whom it concerns
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    action: Mapped[str] = mapped_column(String(40))
    from_state: Mapped[str] = mapped_column(String(40), default="")
    to_state: Mapped[str] = mapped_column(String(40), default="")
    revision: Mapped[int | None]
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))
    reason: Mapped[str] = mapped_column(Text, default="")  # for colleagues
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("moderation_action.id"))
    batch_id: Mapped[int | None]
    subject: Mapped[str] = mapped_column(String(80), default="", server_default="")
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    salt: Mapped[str] = mapped_column(String(32), default="", server_default="")
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class LedgerHead(Base):
    """The end of the chain: one row, locked by every append, so that the chain cannot fork."""

    __tablename__ = "ledger_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    action_id: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")


class LedgerSeal(Base):
    """The end of the ledger at a moment, published: whoever kept it sees later whether anything before was changed."""

    __tablename__ = "ledger_seal"

    id: Mapped[Id]
    action_id: Mapped[int] = mapped_column(ForeignKey("moderation_action.id"), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[CreatedAt]


class StatementOfReasons(Base):
    """What the author was told about a decision: the words, and what they are made of (DSA art. 17).

    What is restricted and until when; how it came to light (`own`, `reports`, `notice`, `program`), whether a program
    decided; whether the rules or the law are the ground.
    """

    __tablename__ = "statement_of_reasons"
    __table_args__ = (
        CheckConstraint("source IN ('own', 'reports', 'notice', 'program')", name="source"),
        CheckConstraint("ground IN ('rules', 'law')", name="ground"),
        Index("ix_statement_of_reasons_created_at", "created_at"),
    )

    id: Mapped[Id]
    action_id: Mapped[int] = mapped_column(ForeignKey("moderation_action.id"), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"), index=True)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))
    automated: Mapped[bool] = mapped_column(default=False)
    restriction: Mapped[str] = mapped_column(String(16), default="", server_default="")
    ends_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(8), default="own", server_default="own")
    ground: Mapped[str] = mapped_column(String(5), default="rules", server_default="rules")
    legal_ground: Mapped[str] = mapped_column(String(300), default="", server_default="")
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("illegal_notice.id"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    withdrawn_at: Mapped[datetime | None]  # the decision was undone


class Sanction(Base):
    """A restriction of a person, with a reason, and an end except for a ban."""

    __tablename__ = "sanction"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('warning', 'slow-down', 'pre-moderation', 'suspension', 'ban')", name="kind"
        ),
        CheckConstraint("kind != 'suspension' OR ends_at IS NOT NULL", name="suspension_ends"),
        Index("ix_sanction_user", "user_id", "lifted_at", "ends_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(16))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))
    reason: Mapped[str] = mapped_column(Text)  # what the person reads
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]  # when the person said that they have read a warning
    action_id: Mapped[int] = mapped_column(ForeignKey("moderation_action.id"))
    created_at: Mapped[CreatedAt]


class Appeal(Base):
    """An author's objection to a decision; decided by somebody else. One open per decision."""

    __tablename__ = "appeal"
    __table_args__ = (
        CheckConstraint("outcome IN ('open', 'upheld', 'reversed')", name="outcome"),
        Index("uq_appeal_action", "action_id", unique=True),
        Index("ix_appeal_open", "id", sqlite_where=text("outcome = 'open'"),
              postgresql_where=text("outcome = 'open'")),
    )

    id: Mapped[Id]
    action_id: Mapped[int] = mapped_column(ForeignKey("moderation_action.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    comment_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    outcome: Mapped[str] = mapped_column(String(10), default="open")
    answer: Mapped[str] = mapped_column(Text, default="")
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    decided_at: Mapped[datetime | None]
