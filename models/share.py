"""Articles given away by members."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class ShareLink(Base):
    """A link by which anybody may read one article for a while. One live per giver and article.

    `reads` counts openings by others; `sign_ups` the accounts that began on the page it opens.
    """

    __tablename__ = "share_link"
    __table_args__ = (
        CheckConstraint("reads >= 0 AND sign_ups >= 0", name="counts"),
        Index("ix_share_link_user", "user_id", "created_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    article_id: Mapped[int] = mapped_column(ForeignKey("article.id"), index=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    reads: Mapped[int] = mapped_column(default=0)
    sign_ups: Mapped[int] = mapped_column(default=0)
