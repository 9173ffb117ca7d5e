"""Keys by which programs read as a person."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class ApiKey(Base):
    """One key of a person's programs. It ends with its row, which holds the key's digest only."""

    __tablename__ = "api_key"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(60))  # by which its owner knows it again
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None]  # to within a few minutes
