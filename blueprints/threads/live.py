"""What changed in a thread, told to pages that are open.

Every visible change leaves one event, numbered by the thread's version after it: a page that knows its version asks
for what came behind it. The thread's lock orders the numbers. Events carry ids and counts; the words are fetched
through the ordinary routes, which ask who may see them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Integer, bindparam, delete, exists, insert, select, tuple_
from sqlalchemy.orm import Session, aliased

from blueprints.threads import modes
from blueprints.threads.facts import ThreadFacts
from core import clock
from core.prepared import Prepared
from models.live import LiveEvent, ReadingNow
from models.thread import Comment, Thread

LiveKind = Literal["comment", "edited", "gone", "respect", "thread"]

EVENTS_KEPT = timedelta(days=2)
READERS_FRESH = timedelta(seconds=30)  # what a process has not said again by then no longer counts
FORGOTTEN_AT_ONCE = 5_000
TOLD_AT_ONCE = 200
LIVE_FOR = timedelta(days=7)  # after its last comment, open pages follow a thread for so long

_RECORD = Prepared(insert(LiveEvent).inline())
_COLUMNS = (
    LiveEvent.number, LiveEvent.kind, LiveEvent.comment_id, LiveEvent.parent_id, LiveEvent.root_id, LiveEvent.count,
    LiveEvent.respects,
)  # fmt: skip
_AFTER = Prepared(
    select(*_COLUMNS)
    .where(LiveEvent.thread_id == bindparam("thread_id"), LiveEvent.number > bindparam("number"))
    .order_by(LiveEvent.number)
    .limit(bindparam("at_most", type_=Integer()))
)
_OLDEST = Prepared(
    select(LiveEvent.number, LiveEvent.created_at)
    .where(LiveEvent.thread_id == bindparam("thread_id"))
    .order_by(LiveEvent.number)
    .limit(1)
)


def record(session: Session, thread: Thread, kind: LiveKind, comment: Comment | None = None) -> None:
    """Note a visible change, after it has been made and has raised the thread's version.

    The thread's row must be locked. One version has one event: a second one under the same number is an
    IntegrityError. `comment` is what changed; a change of the thread itself has none.
    """
    note(
        session, thread.id, thread.version, kind, count=thread.published_count, now=clock.now(),
        comment_id=comment.id if comment else None,
        parent_id=comment.parent_id if comment else None,
        root_id=comment.root_id if comment else None,
        respects=comment.respect_count if comment else None,
    )  # fmt: skip


def note(
    session: Session, thread_id: int, number: int, kind: LiveKind, *, count: int, comment_id: int | None,
    parent_id: int | None, root_id: int | None, respects: int | None, now: datetime,
) -> None:  # fmt: skip
    """As `record`, for whoever has the values only."""
    _RECORD.write(
        session, thread_id=thread_id, number=number, kind=kind, comment_id=comment_id, parent_id=parent_id,
        root_id=root_id, count=count, respects=respects, created_at=now,
    )  # fmt: skip


def events_after(session: Session, thread_id: int, number: int, limit: int) -> Sequence[Any]:
    """Up to `limit` events with a higher number, in their order.

    Rows with number, kind, comment_id, parent_id, root_id, count and respects.
    """
    return _AFTER.all(session, thread_id=thread_id, number=number, at_most=limit)


def is_known_since(session: Session, thread_id: int, number: int, now: datetime) -> bool:
    """Whether every event behind this number is still kept. The newest forgotten one of a thread stays as a mark."""
    oldest = _OLDEST.first(session, thread_id=thread_id)
    return oldest is None or number >= oldest.number or oldest.created_at >= now - EVENTS_KEPT


def told(event: Any) -> dict[str, int | str | None]:
    """An event as browsers get it."""
    return {
        "n": event.number, "kind": event.kind, "comment": event.comment_id, "parent": event.parent_id,
        "root": event.root_id, "count": event.count, "respects": event.respects,
    }  # fmt: skip


def reload(facts: ThreadFacts) -> dict[str, int | str | None]:
    """What a page is told that is too old to be told everything it missed."""
    return {"n": facts.version, "kind": "reload", "count": facts.published_count}


def is_live(facts: ThreadFacts, now: datetime) -> bool:
    """Whether open pages follow this thread: it is open, and new or somebody spoke not long ago."""
    return modes.state_at(facts, now) == "open" and now < (facts.last_comment_at or facts.article_created_at) + LIVE_FOR


def forget_events(session: Session, now: datetime) -> int:
    """Remove some events older than EVENTS_KEPT, all but each thread's newest of them; returns how many."""
    before, later = now - EVENTS_KEPT, aliased(LiveEvent)
    key = tuple_(LiveEvent.thread_id, LiveEvent.number)
    old = (
        select(LiveEvent.thread_id, LiveEvent.number)
        .where(
            LiveEvent.created_at < before,
            exists().where(
                later.thread_id == LiveEvent.thread_id, later.number > LiveEvent.number, later.created_at < before
            ),
        )
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = session.execute(delete(LiveEvent).where(key.in_(old)).execution_options(synchronize_session=False))
    session.execute(
        delete(ReadingNow).where(ReadingNow.seen_at < before).execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
