"""Mails as they were asked for."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class Mail(Base):
    """A mail to be sent by a job; `dedupe_key` makes asking twice send once."""

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_recipient", "recipient", "id"), Index("ix_mail_sent_at", "sent_at"))

    id: Mapped[Id]
    recipient: Mapped[str] = mapped_column(String(254))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    unsubscribe_path: Mapped[str | None] = mapped_column(String(300))  # ends mails of this kind by one POST
    dedupe_key: Mapped[str | None] = mapped_column(String(160), unique=True)
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[datetime | None]
