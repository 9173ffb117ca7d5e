"""Archives of the whole site that a publisher has asked for."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id, UserId


class SiteExport(Base):
    """One archive: asked for, made by a job, kept as a file under DATA_DIR for a while. The name cannot be guessed.

    `working_until` is how long the job that makes it is taken to be alive, so that no second one makes it meanwhile.
    """

    __tablename__ = "site_export"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'making', 'ready')", name="state"),
        CheckConstraint("rows_done >= 0 AND rows_in_all >= 0 AND size >= 0", name="counts"),
    )

    id: Mapped[Id]
    asked_by: Mapped[UserId]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    file_name: Mapped[str] = mapped_column(String(80), unique=True)
    rows_done: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_in_all: Mapped[int] = mapped_column(BigInteger, default=0)
    size: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    working_until: Mapped[datetime | None]
