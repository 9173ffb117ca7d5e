"""The status of a comment: every way from one to another."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from blueprints.threads import mentions
from blueprints.threads.counters import apply_status
from blueprints.threads.locking import lock_comment
from blueprints.threads.search.index import forget_comment
from core import clock
from core.errors import Conflict
from core.records import dataclass
from models.thread import COMMENT_STATUSES, Comment, Revision


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a change of status did, for whoever records or announces it."""

    comment_id: int
    thread_id: int
    author_id: int
    from_status: str
    to_status: str
    revision: int


def change_status(
    session: Session,
    comment_id: int,
    to_status: str,
    *,
    expected_revision: int | None = None,
    expected_status: str | None = None,
) -> StatusChange:
    """Put a comment into a status: the one function through which that ever happens, in any direction.

    Counters, tombstones and versions follow in the same transaction. Raises Conflict when the text or the status is
    no longer the expected one, NotFound, and ValueError for a status that does not exist.
    """
    if to_status not in COMMENT_STATUSES:
        raise ValueError(f"no such status: {to_status}")
    thread, comment = lock_comment(session, comment_id)
    if expected_revision is not None and comment.revision != expected_revision:
        raise Conflict("The text was changed meanwhile. Please read it again before deciding.")
    if expected_status is not None and comment.status != expected_status:
        raise Conflict("Somebody decided on this comment meanwhile.")
    from_status = comment.status
    if from_status != to_status:
        apply_status(session, thread, comment, to_status, clock.now())
    return StatusChange(comment.id, thread.id, comment.author_id, from_status, to_status, comment.revision)


def blank_comment(session: Session, comment_id: int) -> None:
    """Delete a comment and remove its words for good, former texts too, because its author left with them."""
    change_status(session, comment_id, "deleted")
    mentions.forget(session, comment_id)
    gone = {"body_source": "", "body_html": ""}
    session.execute(
        update(Comment)
        .where(Comment.id == comment_id)
        .values(**gone, body_hash="")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Revision)
        .where(Revision.comment_id == comment_id)
        .values(**gone)
        .execution_options(synchronize_session=False)
    )
    forget_comment(session, comment_id)
