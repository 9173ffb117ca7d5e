"""The thread first, then the comment: the locks that everything which happens to a comment takes."""

from sqlalchemy.orm import Session

from blueprints.threads import queries_facts
from core.errors import Conflict, NotFound
from models.thread import Comment, Thread

MOVED_MEANWHILE = "This comment was moved to another discussion just now. Please look at it there."


def lock_thread(session: Session, thread_id: int) -> Thread:
    """The thread's row, locked and fresh."""
    thread = queries_facts.locked_thread(session, thread_id)
    if thread is None:
        raise NotFound()
    return thread


def lock_comment(session: Session, comment_id: int) -> tuple[Thread, Comment]:
    """A comment's thread and then the comment itself, both locked and fresh. Raises NotFound, and Conflict where the
    comment was moved to another thread while this waited."""
    session.flush()
    thread = queries_facts.locked_thread_of(session, comment_id)
    comment = queries_facts.locked_comment(session, comment_id) if thread else None
    if thread is None or comment is None:
        raise NotFound()
    if comment.thread_id != thread.id:
        raise Conflict(MOVED_MEANWHILE)
    return thread, comment
