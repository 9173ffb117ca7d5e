"""Work to be done later, written in the transaction that asks for it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from models.base import CreatedAt, Id


class Job(Base):
    """A job runs at least once. `key` keeps a second one of the same meaning out while the first waits."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_due", "run_at", "id", sqlite_where=text("finished_at IS NULL AND failed_at IS NULL"),
              postgresql_where=text("finished_at IS NULL AND failed_at IS NULL")),
        Index("uq_job_waiting", "key", unique=True,
              sqlite_where=text("key IS NOT NULL AND attempts = 0 AND finished_at IS NULL"),
              postgresql_where=text("key IS NOT NULL AND attempts = 0 AND finished_at IS NULL")),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    key: Mapped[str | None] = mapped_column(String(160))
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    leased_by: Mapped[str | None] = mapped_column(String(80))
    finished_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]  # given up after the last attempt
    error: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(64))  # the request that asked for it, for the logs
    created_at: Mapped[CreatedAt]


class Schedule(Base):
    """When a repeating job was last asked for, so that several workers ask for it once."""

    __tablename__ = "schedule"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    last_run_at: Mapped[datetime]


LIVE_STREAMS = "live streams"


class Heartbeat(Base):
    """A sign of life: of a worker, under its name, or of the live streams, all processes of them under one."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    seen_at: Mapped[datetime]
