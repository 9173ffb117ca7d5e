"""What waits to be mailed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, bindparam, case, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from core.db import UTCDateTime
from core.prepared import Prepared
from models.notice import Notice, NoticeCause, NoticeSetting
from models.user import User

_actor = aliased(User)


def _unsent(how: str) -> tuple[Any, ...]:
    """What can still be sent: it stands, and its reader has not seen it meanwhile."""
    return (
        NoticeCause.mail == how, NoticeCause.withdrawn_at.is_(None), Notice.id == NoticeCause.notice_id,
        Notice.read_at.is_(None),
    )  # fmt: skip


_reachable = (User.active, User.deleted_at.is_(None), User.confirmed_at.is_not(None))


# Asked every minute, so a process with nothing else to do stays small.
_MAIL_DUE = Prepared(
    select(NoticeCause.user_id)
    .join(User, User.id == NoticeCause.user_id)
    .where(*_unsent("now"), NoticeCause.created_at <= bindparam("before", type_=UTCDateTime()), *_reachable)
    .group_by(NoticeCause.user_id)
    .order_by(NoticeCause.user_id)
    .limit(bindparam("at_most", type_=Integer())),
    soon=True,
)


def people_with_mail_due(session: Session, before: datetime, limit: int) -> Sequence[int]:
    """Those for whom something has waited since `before` to be mailed at once."""
    return [row[0] for row in _MAIL_DUE.all(session, before=before, at_most=limit)]


def people_with_daily_mail(session: Session, default_hour: int) -> Sequence[Row[Any]]:
    """Those for whom something waits for the daily mail: since when, their hour, and when they had the last one."""
    statement: Any = (
        select(
            NoticeCause.user_id, func.min(NoticeCause.created_at).label("since"),
            func.coalesce(NoticeSetting.digest_hour, default_hour).label("hour"), NoticeSetting.digest_at,
        )
        .join(User, User.id == NoticeCause.user_id)
        .outerjoin(NoticeSetting, NoticeSetting.user_id == NoticeCause.user_id)
        .where(*_unsent("daily"), *_reachable)
        .group_by(NoticeCause.user_id, NoticeSetting.digest_hour, NoticeSetting.digest_at)
        .order_by(NoticeCause.user_id)
    )  # fmt: skip
    return list(session.execute(statement))


def waiting(session: Session, user_id: int, how: str) -> Sequence[Row[Any]]:
    """What waits to be mailed to a person, notice by notice: its newest cause, and how many wait with it."""
    counted = (
        select(NoticeCause.notice_id, func.max(NoticeCause.id).label("newest"), func.count().label("causes"))
        .where(NoticeCause.user_id == user_id, *_unsent(how))
        .group_by(NoticeCause.notice_id)
        .subquery()
    )
    statement: Any = (
        select(
            NoticeCause.id, NoticeCause.kind, counted.c.causes, NoticeCause.title, NoticeCause.many,
            NoticeCause.excerpt, NoticeCause.url, NoticeCause.many_url, NoticeCause.reply_url, NoticeCause.scope,
            NoticeCause.cause, case((_actor.deleted_at.is_(None), _actor.display_name)).label("actor"),
        )
        .join(counted, counted.c.newest == NoticeCause.id)
        .outerjoin(_actor, _actor.id == NoticeCause.actor_id)
        .order_by(NoticeCause.id)
    )  # fmt: skip
    return list(session.execute(statement))


def settle(session: Session, user_id: int, how: str) -> None:
    """Mark as sent what waited for a person, also what they have seen meanwhile: it waits no longer."""
    session.execute(
        update(NoticeCause)
        .where(NoticeCause.user_id == user_id, NoticeCause.mail == how, NoticeCause.withdrawn_at.is_(None))
        .values(mail="sent")
        .execution_options(synchronize_session=False)
    )


def reader(session: Session, user_id: int) -> Row[Any] | None:
    """Where mail to a person goes; None for those who cannot be mailed."""
    statement: Any = select(User.email, User.display_name).where(User.id == user_id, *_reachable)
    found: Row[Any] | None = session.execute(statement).one_or_none()
    return found


def newest_replies(session: Session, user_id: int, limit: int) -> Sequence[Row[Any]]:
    """The newest replies and mentions a person was told of that still stand."""
    statement: Any = (
        select(
            NoticeCause.id, NoticeCause.title, NoticeCause.excerpt, NoticeCause.url, NoticeCause.created_at,
            NoticeCause.scope,
            case((_actor.deleted_at.is_(None), _actor.display_name)).label("actor"),
        )
        .outerjoin(_actor, _actor.id == NoticeCause.actor_id)
        .where(
            NoticeCause.user_id == user_id, NoticeCause.withdrawn_at.is_(None),
            or_(NoticeCause.kind == "reply", NoticeCause.kind == "mention"),
        )
        .order_by(NoticeCause.id.desc())
        .limit(limit)
    )  # fmt: skip
    return list(session.execute(statement))


def last_waiting(session: Session, user_id: int, how: str) -> int:
    """The newest cause that waits to be mailed to a person in that way, or 0."""
    return session.scalar(
        select(func.max(NoticeCause.id)).where(NoticeCause.user_id == user_id, NoticeCause.mail == how)
    ) or 0
