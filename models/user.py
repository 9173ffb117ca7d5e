"""People and what they may do for the paper."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class User(Base):
    """A person with an account. A deleted one keeps its row, emptied, so that replies still make sense."""

    __tablename__ = "user"
    __table_args__ = (
        CheckConstraint("thread_sort IN ('best', 'newest', 'oldest', 'discussed')", name="thread_sort"),
    )

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)  # stored folded; one person, one address
    display_name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(255), unique=True)
    name_skeleton: Mapped[str] = mapped_column(String(255), unique=True)  # look-alikes share one
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    deleted_at: Mapped[datetime | None]
    is_demo: Mapped[bool] = mapped_column(default=False)
    demo_line: Mapped[str | None] = mapped_column(String(200))
    page_is_open: Mapped[bool] = mapped_column(default=False)  # others may see the list of what the person said
    thread_sort: Mapped[str | None] = mapped_column(String(10))  # the order of discussions they chose
    reading_keys: Mapped[bool] = mapped_column(default=True, server_default=true())  # single keys in discussions
    country: Mapped[str | None] = mapped_column(String(5))  # where they say they live, US-CA for California


class RoleGrant(Base):
    """A role given to a person: author, moderator, lead, editor or publisher. Nobody needs a grant to read."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("user_id", "name", name="uq_role_grant_user_role"),
        CheckConstraint("name IN ('author', 'moderator', 'lead', 'editor', 'publisher')", name="name"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(20))
    granted_at: Mapped[CreatedAt]


class ModeratedSection(Base):
    """A limit on a moderator: with any rows, only these sections are theirs."""

    __tablename__ = "moderated_section"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id", ondelete="CASCADE"), primary_key=True)
