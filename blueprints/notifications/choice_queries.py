"""What people chose about being told, in the database."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models.notice import NoticeCause, NoticePreference, NoticeSetting


def chosen(session: Session, user_id: int) -> dict[str, str]:
    """The kinds for which somebody chose, and what."""
    rows = session.execute(
        select(NoticePreference.kind, NoticePreference.how).where(NoticePreference.user_id == user_id)
    )
    return {row.kind: row.how for row in rows}


def setting_of(session: Session, user_id: int) -> NoticeSetting | None:
    """What else somebody has set, as the database has it now."""
    return session.scalar(
        select(NoticeSetting).where(NoticeSetting.user_id == user_id).execution_options(populate_existing=True)
    )


def keep_choice(session: Session, user_id: int, kind: str, how: str) -> None:
    """Store a choice; what of that kind waits to be mailed follows it."""
    session.execute(
        _insert(session)(NoticePreference)
        .values(user_id=user_id, kind=kind, how=how)
        .on_conflict_do_update(index_elements=["user_id", "kind"], set_={"how": how})
    )
    session.execute(
        update(NoticeCause)
        .where(
            NoticeCause.user_id == user_id, NoticeCause.kind == kind, NoticeCause.mail.in_(("now", "daily")),
            NoticeCause.mail != how,
        )
        .values(mail=how)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def keep_setting(session: Session, user_id: int, **values: Any) -> None:
    """Store these columns of somebody's settings; the others stay as they are, or begin with their defaults."""
    session.execute(
        _insert(session)(NoticeSetting)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )


def feed_number(session: Session, user_id: int) -> int:
    """The number of somebody's private feed."""
    return session.scalar(select(NoticeSetting.feed_number).where(NoticeSetting.user_id == user_id)) or 0


def _insert(session: Session) -> Any:
    return pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
