"""Writing comments down, and the respect they get."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text, true, update
from sqlalchemy.orm import Session

from blueprints.threads.screening import Found
from blueprints.threads.screening.passages import to_stored
from core.db import dialect_name
from core.prepared import Prepared, PreparedInsert
from models.thread import Comment, Finding, Respect, Revision

_of_one = (Respect.comment_id == bindparam("the_comment"), Respect.user_id == bindparam("the_user"))
_TAKE_RESPECT = Prepared(delete(Respect).where(*_of_one))
_GIVE_RESPECT = Prepared(insert(Respect).values(
    comment_id=bindparam("the_comment"), user_id=bindparam("the_user"), created_at=bindparam("now")
).inline())  # fmt: skip
_ADD_COMMENT = PreparedInsert(Comment, also=("id",))
_ADD_REVISION = PreparedInsert(Revision)
_ADD_FINDING = PreparedInsert(Finding, also=("checked",))
_NEXT_ID = {
    "sqlite": Prepared(select(func.coalesce(func.max(Comment.id), 0) + 1)),  # the lock on the file keeps others out
    "postgresql": Prepared(text("SELECT nextval('comment_id_seq')")),
}


def give_respect(session: Session, comment_id: int, user_id: int, now: datetime) -> None:
    """Store a reader's respect, which was not there before."""
    _GIVE_RESPECT.write(session, the_comment=comment_id, the_user=user_id, now=now)


def take_respect(session: Session, comment_id: int, user_id: int) -> None:
    """Remove a reader's respect."""
    _TAKE_RESPECT.write(session, the_comment=comment_id, the_user=user_id)


_TELL_ONCE = Prepared(
    update(Comment)
    .where(Comment.id == bindparam("the_comment"), Comment.status == "published", Comment.told_at.is_(None))
    .values(told_at=bindparam("now"))
)


def tell_once(session: Session, comment_id: int, now: datetime) -> bool:
    """Note that people are told of a published comment; False when they have been, or when it is not published."""
    return bool(_TELL_ONCE.write(session, the_comment=comment_id, now=now))


def next_comment_id(session: Session) -> int:
    """The id of the comment that the open transaction is about to add."""
    return int(_NEXT_ID[dialect_name()].scalar(session))


def add_comment(session: Session, **values: Any) -> None:
    """Store a new comment, its values by the names of the columns; those with a plain default may be left out."""
    _ADD_COMMENT.write(session, **values)


def add_revision(session: Session, comment_id: int, number: int, words: str, html: str, now: datetime) -> None:
    """Store a comment's text as the revision that now stands."""
    _ADD_REVISION.write(
        session, comment_id=comment_id, number=number, body_source=words, body_html=html, created_at=now
    )  # fmt: skip


def add_finding(
    session: Session, comment_id: int, revision: int, found: Found, now: datetime, setup_id: int | None = None
) -> None:
    """Store what a check found in a revision, under which version of the settings."""
    _ADD_FINDING.write(
        session, comment_id=comment_id, revision=revision, check=found.check, severity=found.severity,
        reason=found.reason, rule_version=found.version, rule=found.rule, passages=to_stored(found.passages),
        setup_id=setup_id, checked=found.checked, created_at=now,
    )  # fmt: skip


_CLOSE_REVISION = Prepared(
    update(Revision)
    .where(Revision.comment_id == bindparam("the_comment"), Revision.number == bindparam("the_number"))
    .values(was_published=true())
)


def close_revision(session: Session, comment: Comment) -> None:
    """Note that the standing text could be read by everybody, before another takes its place."""
    _CLOSE_REVISION.write(session, the_comment=comment.id, the_number=comment.revision)
