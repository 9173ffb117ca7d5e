"""The list behind the bell, as its page shows it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from markupsafe import Markup
from sqlalchemy import Row

from blueprints.notifications import notice_queries as queries
from blueprints.notifications import wording
from blueprints.notifications.quoting import closed_places
from core import clock
from core.db import db
from core.ids import row_id
from core.records import dataclass
from core.rendering import date, moment

PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One notice."""

    id: int
    unread: bool
    words: Markup
    excerpt: str
    moved_at: datetime
    reply_url: str
    actor_id: int | None
    actor: str


@dataclass(frozen=True, slots=True)
class NoticePage:
    """A page of notices by day. `until` is what marks all of them, and older ones, as read."""

    days: Sequence[tuple[str, Sequence[Line]]]
    until: str
    next_url: str | None
    first_url: str | None


def page(user_id: int, after: str) -> NoticePage:
    """The notices behind the cursor, which comes from the address and may be anything."""
    cursor = _read(after)
    rows = queries.page_of_notices(db.session(), user_id, cursor, PER_PAGE + 1)
    shown = rows[:PER_PAGE]
    closed = closed_places(db.session(), user_id, shown)
    days = [
        (day, [_line(row, quotes=row.scope not in closed) for row in those])
        for day, those in groupby(shown, key=lambda row: _day(row.moved_at))
    ]
    more = len(rows) > PER_PAGE
    return NoticePage(
        days, shown[0].moved_at.isoformat() if shown else "",
        f"/account/notices?after={_written(shown[-1])}" if more else None,
        "/account/notices" if cursor else None,
    )  # fmt: skip


def moment_in(text: str) -> datetime:
    """The moment that a form of the page carries; now, where it is damaged."""
    try:
        found = moment(text)
        return found if found.tzinfo else clock.now()
    except ValueError:
        return clock.now()


def _line(row: Row[Any], *, quotes: bool) -> Line:
    template = wording.template_of(row.title, row.many, row.causes)
    return Line(
        id=row.id, unread=row.read_at is None, words=wording.marked(template, row.causes, row.actor),
        excerpt=row.excerpt if quotes else "", moved_at=row.moved_at,
        reply_url=row.reply_url if row.causes == 1 else "",
        actor_id=row.actor_id if row.actor and row.causes == 1 else None, actor=row.actor or "",
    )  # fmt: skip


def _day(at: datetime) -> str:
    today = clock.now().date()
    if at.date() == today:
        return "Today"
    return "Yesterday" if at.date() == today - timedelta(days=1) else date(at)


def _written(row: Row[Any]) -> str:
    return f"{row.moved_at.strftime('%Y%m%dT%H%M%S.%f')}-{row.id}"


def _read(cursor: str) -> tuple[datetime, int] | None:
    at, _, number = cursor.partition("-")
    try:
        return datetime.strptime(f"{at}+0000", "%Y%m%dT%H%M%S.%f%z"), row_id(number)
    except (ValueError, OverflowError):
        return None
