"""Stories and the places they stand in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base
from models.base import AudienceRule, CreatedAt, Id, Slug


class Section(Base):
    """A place in the paper. An audience or a sort left empty is the site's."""

    __tablename__ = "section"
    __table_args__ = (
        CheckConstraint("preset_members_first_hours > 0", name="preset_members_first_hours"),
        CheckConstraint("preset_closes_after_days > 0", name="preset_closes_after_days"),
        CheckConstraint("default_sort IN ('best', 'newest', 'oldest', 'discussed')", name="default_sort"),
    )

    id: Mapped[Id]
    slug: Mapped[Slug] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(String(300), default="")
    position: Mapped[int] = mapped_column(default=0)
    read_audience: Mapped[AudienceRule | None]
    comment_audience: Mapped[AudienceRule | None]
    respect_audience: Mapped[AudienceRule | None]
    # How the discussions of new articles here begin.
    preset_premoderated: Mapped[bool] = mapped_column(default=False)
    preset_pace_seconds: Mapped[int | None]
    preset_members_first_hours: Mapped[int | None]
    preset_closes_after_days: Mapped[int | None]
    default_sort: Mapped[str | None] = mapped_column(String(10))


class Picture(Base):
    """A re-encoded picture; the file is named by its content, so it never changes under an address."""

    __tablename__ = "picture"

    id: Mapped[Id]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    mime: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class Article(Base):
    """A story. An audience left empty is the section's. `version` rises with every visible change."""

    __tablename__ = "article"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'published', 'unpublished')", name="state"),
        CheckConstraint("state != 'published' OR published_at IS NOT NULL", name="published_has_date"),
        Index("ix_article_front", "state", "published_at"),
        Index("ix_article_section", "section_id", "state", "published_at"),
    )

    id: Mapped[Id]
    slug: Mapped[Slug] = mapped_column(unique=True)
    section_id: Mapped[int] = mapped_column(ForeignKey("section.id"))
    state: Mapped[str] = mapped_column(String(12), default="draft")
    headline: Mapped[str] = mapped_column(String(300))
    standfirst: Mapped[str] = mapped_column(String(600), default="")
    byline: Mapped[str] = mapped_column(String(160), default="")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    body_source: Mapped[str] = mapped_column(Text, default="")
    body_html: Mapped[str] = mapped_column(Text, default="")
    preview_html: Mapped[str] = mapped_column(Text, default="")  # what those outside the audience may see
    renderer_version: Mapped[int] = mapped_column(default=0)
    reading_minutes: Mapped[int] = mapped_column(default=1)
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("picture.id"))
    picture_alt: Mapped[str] = mapped_column(String(300), default="")
    picture_caption: Mapped[str] = mapped_column(String(300), default="")
    picture_credit: Mapped[str] = mapped_column(String(160), default="")
    read_audience: Mapped[AudienceRule | None]
    comment_audience: Mapped[AudienceRule | None]
    respect_audience: Mapped[AudienceRule | None]
    opens_to_all_at: Mapped[datetime | None]
    is_lead: Mapped[bool] = mapped_column(default=False)
    published_at: Mapped[datetime | None]
    edited_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    version: Mapped[int] = mapped_column(default=1)
    quote_count: Mapped[int] = mapped_column(default=0)  # comments quoted in the text; most articles quote none

    section: Mapped[Section] = relationship(lazy="raise_on_sql", viewonly=True)
    picture: Mapped[Picture | None] = relationship(lazy="raise_on_sql", viewonly=True)


class ArticleQuote(Base):
    """A comment that an article quotes. The text says where; this says whose changes the page follows."""

    __tablename__ = "article_quote"

    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), primary_key=True)
    comment_id: Mapped[int] = mapped_column(ForeignKey("comment.id"), primary_key=True)
