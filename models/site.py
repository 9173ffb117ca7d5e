"""The one row of what the publisher sets for the whole site."""

from sqlalchemy import CheckConstraint, String, Text, false, true
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import AudienceRule


class Site(Base):
    """Name, language, default audiences. `version` rises with every change and is part of each page's cache key."""

    __tablename__ = "site"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint("staff_second_factor IN ('required', 'offered')", name="staff_second_factor"),
        CheckConstraint("longest_pause IN ('0', '1', '2', '3')", name="longest_pause"),
        CheckConstraint("colour IN ('red', 'blue', 'green', 'purple', 'grey')", name="colour"),
        CheckConstraint("default_sort IN ('best', 'newest', 'oldest', 'discussed')", name="default_sort"),
        CheckConstraint("comments_shown_to IN ('everyone', 'article_readers')", name="comments_shown_to"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(80))
    tagline: Mapped[str] = mapped_column(String(160), default="")
    language: Mapped[str] = mapped_column(String(12), default="en")
    direction: Mapped[str] = mapped_column(String(3), default="ltr")
    about: Mapped[str] = mapped_column(Text, default="")
    privacy: Mapped[str] = mapped_column(Text, default="")
    rules_enforced_by: Mapped[str] = mapped_column(String(300), default="")
    read_audience: Mapped[AudienceRule] = mapped_column(default="everyone")
    comment_audience: Mapped[AudienceRule] = mapped_column(default="members")
    respect_audience: Mapped[AudienceRule] = mapped_column(default="registered")
    # Those of a gated article: everyone, or only who may read the article.
    comments_shown_to: Mapped[str] = mapped_column(String(15), default="everyone", server_default="everyone")
    longest_pause: Mapped[str] = mapped_column(String(1), default="0", server_default="0")  # months; 0: no pausing
    default_sort: Mapped[str] = mapped_column(String(10), default="best", server_default="best")  # of discussions
    staff_second_factor: Mapped[str | None] = mapped_column(String(8))  # required, offered; None: by the mode
    refund_ends_access: Mapped[bool] = mapped_column(default=True, server_default=true())  # of the whole last payment
    dispute_ends_access: Mapped[bool] = mapped_column(default=True, server_default=true())  # open, or lost
    colour: Mapped[str | None] = mapped_column(String(8))  # of links and buttons; None: not chosen, which looks red
    first_steps_away: Mapped[bool] = mapped_column(default=False, server_default=false())  # no longer on the overview
    version: Mapped[int] = mapped_column(default=1)


class Rule(Base):
    """One rule of the conversation, which a rejection names."""

    __tablename__ = "rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    # What its author is told where a moderator adds nothing; {story} and {rule} are filled in.
    note_template: Mapped[str] = mapped_column(String(1000), default="", server_default="")
