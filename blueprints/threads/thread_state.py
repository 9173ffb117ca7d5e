"""A discussion as a whole: open, closed or hidden, and shown anew."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from blueprints.threads import live, queries_authors
from blueprints.threads.locking import lock_thread
from core import clock
from core.errors import Conflict
from jobs.queue import enqueue
from models.thread import Thread

THREAD_STATES = ("open", "closed", "hidden")


def set_thread_state(
    session: Session, thread_id: int, state: str, *, reason: str = "", expected_state: str | None = None
) -> str:
    """Open, close or hide a discussion, with the sentence readers find under it. Returns the state it was in.

    Raises Conflict when it is no longer in the expected state, and ValueError for a state that does not exist.
    """
    if state not in THREAD_STATES:
        raise ValueError(f"no such state: {state}")
    thread = lock_thread(session, thread_id)
    if expected_state is not None and thread.state != expected_state:
        raise Conflict("Somebody changed the state of this discussion meanwhile.")
    before, thread.state, thread.closed_reason = thread.state, state, reason
    thread.closed_at = None if state != "closed" else (thread.closed_at or clock.now())
    thread.version += 1
    session.flush()
    live.record(session, thread, "thread")
    if "hidden" in (before, state):
        shown_or_hidden(thread.article_id)
    return before


def shown_or_hidden(article_id: int) -> None:
    """Have everybody told that the discussion under an article can no longer be seen, or can be seen again."""
    enqueue("threads.shown-or-hidden", key=f"shown-or-hidden:{article_id}", article_id=article_id)


def renew_threads_of(session: Session, user_id: int) -> None:
    """Let pages show a person's new name or badge: every thread with something of theirs gets a new version."""
    session.flush()
    ids = queries_authors.threads_of_author(session, user_id)
    if not ids:
        return
    session.execute(select(Thread.id).where(Thread.id.in_(ids)).order_by(Thread.id).with_for_update())
    session.execute(
        update(Thread)
        .where(Thread.id.in_(ids))
        .values(version=Thread.version + 1)
        .execution_options(synchronize_session=False)
    )
