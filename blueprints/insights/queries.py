"""What jobs worked out, kept until the next time."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.db import db
from models.insight import Insight


def kept(name: str, mode: str = "") -> tuple[datetime, dict[str, Any]] | None:
    """The newest result, and when it was worked out."""
    row = db.session().execute(
        select(Insight.computed_at, Insight.data).where(Insight.name == name, Insight.mode == mode)
    ).one_or_none()  # fmt: skip
    return (row.computed_at, row.data) if row else None


def keep(name: str, at: datetime, data: dict[str, Any], mode: str = "") -> None:
    """Put a result in the place of the one before."""
    session = db.session()
    row = session.get(Insight, (name, mode), with_for_update=True)
    if row is None:
        session.add(Insight(name=name, mode=mode, computed_at=at, data=data))
    else:
        row.computed_at, row.data = at, data
    session.flush()
