"""Finding mails."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.db import db
from core.records import dataclass
from models.notification import Mail

MAILS_PER_PAGE = 30
GOODBYE = "account-deleted"


@dataclass(frozen=True, slots=True)
class MailLine:
    """A mail in the list."""

    id: int
    recipient: str
    subject: str
    created_at: datetime


def mail_by_id(mail_id: int) -> Mail | None:
    """One mail as the database has it now."""
    return db.session().scalar(select(Mail).where(Mail.id == mail_id).execution_options(populate_existing=True))


def mail_asked_for(dedupe_key: str) -> bool:
    """Whether a mail with this key was written before."""
    return db.session().scalar(select(Mail.id).where(Mail.dedupe_key == dedupe_key)) is not None


def add_mail(**values: Any) -> int | None:
    """Write a mail; None where another with its dedupe_key is there, even one written at this very moment."""
    session = db.session()
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = insert(Mail).values(**values).on_conflict_do_nothing(index_elements=["dedupe_key"])
    return session.scalar(statement.returning(Mail.id))


def newest_mails(before: int | None) -> tuple[Sequence[MailLine], int | None]:
    """A page of the inbox, newest first, and where the next page begins. What mails said is forgotten in time."""
    statement = select(Mail.id, Mail.recipient, Mail.subject, Mail.created_at).order_by(Mail.id.desc())
    statement = statement.where(Mail.recipient != "")
    if before is not None:
        statement = statement.where(Mail.id < before)
    rows = db.session().execute(statement.limit(MAILS_PER_PAGE + 1)).all()
    page = [MailLine(*row) for row in rows[:MAILS_PER_PAGE]]
    return page, page[-1].id if len(rows) > MAILS_PER_PAGE else None


def remove_mails_of(user_id: int) -> None:
    """Delete all mails to a person."""
    db.session().execute(delete(Mail).where(Mail.user_id == user_id))


def forget_mails_before(moment: datetime, goodbyes: datetime) -> None:
    """Delete sent mails older than `moment`; of those with a key, which must not be sent again, only what they said.

    A goodbye names somebody whose account has ended: it goes when it is older than `goodbyes`.
    """
    is_old = or_(Mail.created_at < moment, and_(Mail.kind == GOODBYE, Mail.created_at < goodbyes))
    old = (is_old, Mail.sent_at.is_not(None))
    session = db.session()
    session.execute(delete(Mail).where(*old, Mail.dedupe_key.is_(None)))
    session.execute(update(Mail).where(*old, Mail.html != "").values(recipient="", subject="", text="", html=""))
