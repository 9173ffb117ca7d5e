"""Moving a branch, a root with everything below it, to the discussion of another article.

Called inside the caller's transaction; nothing here commits. The comments keep their ids, so every address of theirs
leads to the new place. Both discussions' counters move with the rows, under both locks.
"""

from typing import Any

from sqlalchemy.orm import Session

from blueprints.threads import queries_moving, weighing
from blueprints.threads.live import LiveKind
from core import clock
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from jobs.queue import enqueue
from models.thread import Comment, Thread

MOST_AT_ONCE = 500  # comments of one branch; both discussions wait for as long as it takes


@dataclass(frozen=True, slots=True)
class Moved:
    """A branch that was moved: how many comments, whatever their state."""

    author_id: int
    from_thread_id: int
    to_thread_id: int
    comments: int


def lock_both(session: Session, root_id: int, *, from_thread_id: int, to_thread_id: int) -> Comment:
    """Lock both discussions and look at the root again. Raises Conflict where it no longer stands in the first.

    Raises NotFound for what does not exist, and DomainError for a reply: a branch is moved as a whole.
    """
    session.flush()
    found = queries_moving.threads_locked(session, (from_thread_id, to_thread_id))
    root = session.get(Comment, root_id, populate_existing=True)
    if root is None or len(found) < len({from_thread_id, to_thread_id}):
        raise NotFound
    if root.parent_id is not None:
        raise DomainError("A reply is moved with the comment its branch begins with.")
    if root.thread_id != from_thread_id:
        raise Conflict("This branch was moved meanwhile. Please look at where it stands now.")
    return root


def move_branch(
    session: Session, root: Comment, *, to_thread_id: int, article_author_id: int | None
) -> Moved:
    """Let a branch stand in another discussion, with what `lock_both` locked.

    `article_author_id` is who wrote the article there. Search and notices follow by a job.
    """
    now, root_id, author_id = clock.now(), root.id, root.author_id
    both = queries_moving.threads_locked(session, (root.thread_id, to_thread_id))
    here, there = both[root.thread_id], both[to_thread_id]
    reach = queries_moving.reach_of(session, root_id)
    if reach.comments > MOST_AT_ONCE:
        raise DomainError(f"This branch has {reach.comments:,} comments; up to {MOST_AT_ONCE} are moved at once.")
    counts = queries_moving.branch_counts(session, root_id)
    for thread, step in ((here, -1), (there, 1)):
        thread.published_count += step * counts.published
        thread.root_count += step * counts.roots
        thread.question_count += step * counts.questions
        thread.answered_count += step * counts.answered
        thread.picked_count += step * counts.picked
    if counts.published:
        there.last_comment_at = now
    session.flush()
    queries_moving.move_rows(session, root_id, to_thread_id, article_author_id, there.version + 1)
    queries_moving.move_drafts(session, root_id, here.article_id, there.article_id)
    rows = queries_moving.readable_rows(session, root_id)
    _tell(session, here, [("gone", row) for row in rows])
    _tell(session, there, [("comment", row) for row in rows if row.status == "published"])
    for thread in (here, there):
        thread.version += 1  # a branch that nobody could read changes what moderators see
        weighing.brake(session, thread, now)
    session.flush()
    enqueue("threads.moved", key=f"moved:{root_id}:{there.version}", root_id=root_id)
    return Moved(author_id, here.id, there.id, int(reach.comments))


def _tell(session: Session, thread: Thread, changes: list[tuple[LiveKind, Any]]) -> None:
    """One event for each comment, because pages that are open know comments, not branches."""
    now, events = clock.now(), []
    for kind, row in changes:
        thread.version += 1
        events.append({
            "thread_id": thread.id, "number": thread.version, "kind": kind, "comment_id": row.id,
            "parent_id": row.parent_id, "root_id": row.root_id, "count": thread.published_count,
            "respects": row.respect_count, "created_at": now,
        })  # fmt: skip
    session.flush()
    queries_moving.add_events(session, events)
