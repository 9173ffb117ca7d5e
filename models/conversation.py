"""What an editor adds to a discussion: guests who answer questions, and a quiz before the first comment."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class ThreadGuest(Base):
    """Somebody who was invited to answer under one article; `line` says in a few words who they are."""

    __tablename__ = "thread_guest"
    __table_args__ = (Index("ix_thread_guest_user", "user_id"),)

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    line: Mapped[str] = mapped_column(String(80))
    added_at: Mapped[CreatedAt]


class QuizQuestion(Base):
    """One question about an article. An empty choice is none; `right_choice` is the number of the right one, from 1."""

    __tablename__ = "quiz_question"
    __table_args__ = (
        UniqueConstraint("thread_id", "position"),
        CheckConstraint("right_choice BETWEEN 1 AND 4", name="right_choice"),
    )

    id: Mapped[Id]
    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"))
    position: Mapped[int]
    text: Mapped[str] = mapped_column(String(300))
    choice_1: Mapped[str] = mapped_column(String(160))
    choice_2: Mapped[str] = mapped_column(String(160))
    choice_3: Mapped[str] = mapped_column(String(160), default="")
    choice_4: Mapped[str] = mapped_column(String(160), default="")
    right_choice: Mapped[int]
    where_said: Mapped[str] = mapped_column(String(200), default="")  # where the article says it


class QuizPass(Base):
    """That a reader has answered an article's quiz; once is enough, whatever becomes of the quiz."""

    __tablename__ = "quiz_pass"

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    passed_at: Mapped[datetime]
