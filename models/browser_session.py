"""Browsers in which people are signed in."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class BrowserSession(Base):
    """One signed-in browser. It ends with its row; the cookie holds the key, the row only the key's digest."""

    __tablename__ = "browser_session"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[CreatedAt]
    seen_at: Mapped[datetime]  # to within a few minutes
    expires_at: Mapped[datetime] = mapped_column(index=True)
    proved_at: Mapped[datetime]  # when somebody last showed here that the account is theirs
    second_factor_at: Mapped[datetime | None]  # when that took more than a password
    device: Mapped[str] = mapped_column(String(60), default="")  # "Firefox on Linux": told apart by their owner only
    network: Mapped[str] = mapped_column(String(45), default="")  # of the last use, without the machine
    must_rotate: Mapped[bool] = mapped_column(default=False)  # powers changed: the next request gets a new key
