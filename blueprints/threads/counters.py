"""Every counter and the one way each of them moves.

`apply_status` is called with the thread's row locked, in the transaction of the change it counts.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from blueprints.threads.facts import ThreadFacts
from blueprints.threads.live import LiveKind, note, record
from blueprints.threads.ordering import score
from core.db import Base
from core.prepared import Prepared
from core.records import dataclass
from jobs.queue import enqueue
from models.thread import Comment, Pick, Report, Respect, Thread

BATCH = 2_000


def apply_status(
    session: Session, thread: Thread, comment: Comment, to_status: str, now: datetime
) -> None:
    """Put a comment into a status and everything that follows from it: counts, tombstones, versions, the live event.

    Both rows must be locked and up to date; a new comment's `status` is `pending` until this is called.
    """
    was, will = comment.status == "published", to_status == "published"
    comment.status = to_status
    if will and comment.published_at is None:
        comment.published_at, comment.published_number = now, thread.version + 1  # the version that shows it
    if will and not was:
        thread.last_comment_at = now
    step = will - was
    if step > 0:
        enqueue("threads.published", key=f"published:{comment.id}", comment_id=comment.id)
    elif step < 0:
        enqueue("threads.changed", key=f"changed:{comment.id}", comment_id=comment.id)
    if step:
        thread.published_count += step
        if comment.is_question:
            thread.question_count += step
            thread.answered_count += step if comment.answered_at else 0
        if comment.picked_at is not None:
            thread.picked_count += step
        if comment.parent_id is None:
            thread.root_count += step
        else:
            session.execute(
                update(Comment)
                .where(Comment.id == comment.parent_id)
                .values(reply_count=Comment.reply_count + step)
                .execution_options(synchronize_session=False)
            )
            session.execute(
                update(Comment)
                .where(Comment.id == comment.root_id)
                .values(branch_count=Comment.branch_count + step)
                .execution_options(synchronize_session=False)
            )
    was_shown = comment.shown
    comment.shown = will or _has_shown_reply(session, comment.id)
    comment.row_version += 1
    if comment.shown or was_shown:
        thread.version += 1
    session.flush()
    if comment.shown != was_shown:
        _carry_up(session, comment.parent_id)
    if step and comment.is_answer:
        _note_answer(session, thread, comment)
    if comment.shown or was_shown:
        record(session, thread, _kind(was, will), comment)


_COUNT = Prepared(
    update(Thread)
    .where(Thread.id == bindparam("thread_id"))
    .values(
        published_count=Thread.published_count + 1,
        root_count=Thread.root_count + bindparam("roots", type_=Integer()),
        question_count=Thread.question_count + bindparam("questions", type_=Integer()),
        answered_count=Thread.answered_count + bindparam("answered", type_=Integer()),
        version=Thread.version + 1,
        last_comment_at=bindparam("now"),
    )
)
_above = bindparam("the_parent", type_=Integer()), bindparam("the_root", type_=Integer())
_COUNT_ABOVE = Prepared(
    update(Comment)
    .where(or_(Comment.id == _above[0], Comment.id == _above[1]))
    .values(reply_count=Comment.reply_count + case((Comment.id == _above[0], 1), else_=0),
            branch_count=Comment.branch_count + case((Comment.id == _above[1], 1), else_=0))
)  # fmt: skip


_ANSWER = Prepared(
    update(Comment)
    .where(Comment.id == bindparam("question_id"))
    .values(answered_at=bindparam("now"), row_version=Comment.row_version + 1)
)


def count_new(
    session: Session, thread: ThreadFacts, comment_id: int, parent: Any, now: datetime, *, is_question: bool,
    is_answer: bool,
) -> None:  # fmt: skip
    """What follows from a comment that was stored as published a moment ago: as `apply_status`, without rows in hand.

    `thread` is as it was before, its row locked. `parent` is the published comment that is answered, if any: nothing
    above it changes its state.
    """
    root_id = parent.root_id if parent else comment_id
    is_first_answer = is_answer and parent.answered_at is None
    _COUNT.write(
        session, thread_id=thread.thread_id, roots=0 if parent else 1, questions=int(is_question),
        answered=int(is_first_answer), now=now,
    )  # fmt: skip
    # Its moment was taken before the lock, so another answer that waited less may bear a later one.
    if is_answer and (parent.answered_at is None or now < parent.answered_at):
        _ANSWER.write(session, question_id=parent.id, now=now)
    if parent:
        _COUNT_ABOVE.write(session, the_parent=parent.id, the_root=root_id)
    note(
        session, thread.thread_id, thread.version + 1, "comment", count=thread.published_count + 1,
        comment_id=comment_id, parent_id=parent.id if parent else None, root_id=root_id, respects=0, now=now,
    )  # fmt: skip
    enqueue("threads.published", key=f"published:{comment_id}", comment_id=comment_id)


_SCORE = Prepared(
    update(Comment)
    .where(Comment.id == bindparam("comment_id"))
    .values(respect_count=bindparam("respects"), score=bindparam("new_score"), row_version=Comment.row_version + 1)
)
_RENEW = Prepared(update(Thread).where(Thread.id == bindparam("thread_id")).values(version=Thread.version + 1))


def count_respect(session: Session, thread: ThreadFacts, comment: Any, step: int, now: datetime) -> int:
    """Count a respect that was given (step 1) or taken back (-1), and what follows. Returns how many there are now.

    `thread` and the published `comment` are as they were before, both locked.
    """
    respects = int(comment.respect_count) + step
    _SCORE.write(
        session, comment_id=comment.id, respects=respects, new_score=score(respects, comment.report_count)
    )  # fmt: skip
    _RENEW.write(session, thread_id=thread.thread_id)
    note(
        session, thread.thread_id, thread.version + 1, "respect", count=thread.published_count, comment_id=comment.id,
        parent_id=comment.parent_id, root_id=comment.root_id, respects=respects, now=now,
    )  # fmt: skip
    return respects


def _kind(was: bool, will: bool) -> LiveKind:
    """What pages that are open are told; a tombstone that gets other words is gone once more."""
    if not will:
        return "gone"
    return "edited" if was else "comment"


def _note_answer(session: Session, thread: Thread, answer: Comment) -> None:
    """Let a question know when it was first answered, as an answer to it comes or goes."""
    question = session.get(Comment, answer.parent_id, populate_existing=True)
    assert question is not None
    first = session.scalar(
        select(func.min(Comment.published_at)).where(
            Comment.parent_id == question.id, Comment.is_answer, Comment.status == "published"
        )
    )
    if question.status == "published":
        thread.answered_count += (first is not None) - (question.answered_at is not None)
    question.answered_at = first
    question.row_version += 1
    session.flush()


def _has_shown_reply(session: Session, comment_id: int) -> bool:
    return bool(session.scalar(select(exists().where(Comment.parent_id == comment_id, Comment.shown))))


def _carry_up(session: Session, parent_id: int | None) -> None:
    """Let tombstones appear above a reply that became readable, and vanish above one that no longer is."""
    while parent_id is not None:
        parent = session.get(Comment, parent_id, populate_existing=True)
        assert parent is not None
        shown = parent.status == "published" or _has_shown_reply(session, parent.id)
        if shown == parent.shown:
            return
        parent.shown = shown
        parent.row_version += 1
        session.flush()
        parent_id = parent.parent_id


@dataclass(frozen=True, slots=True)
class Drift:
    """A counter that says something else than a recount."""

    what: str
    row_id: int
    column: str
    stored: object
    counted: object


def recount(session: Session, thread_id: int, *, repair: bool = False, lock: bool = True) -> list[Drift]:
    """Count everything in a thread anew and report what differs; with `repair`, write what was counted.

    With `lock` nothing moves meanwhile; without it a difference may be a change under way. Raises LookupError for an
    unknown thread.
    """
    wanted = select(Thread).where(Thread.id == thread_id).execution_options(populate_existing=True)
    thread = session.scalar(wanted.with_for_update() if lock else wanted)
    if thread is None:
        raise LookupError(f"no thread {thread_id}")
    drifts: list[Drift] = []
    repairs: list[dict[str, object]] = []
    counted = _count(session, thread_id)
    for name, value in counted.thread.items():
        if getattr(thread, name) != value:
            drifts.append(Drift("thread", thread_id, name, getattr(thread, name), value))
            if repair:
                setattr(thread, name, value)
    for comment_id, (stored, expected) in counted.wrong.items():
        drifts += [
            Drift("comment", comment_id, name, stored[name], value)
            for name, value in expected.items() if stored[name] != value
        ]  # fmt: skip
        repairs.append({"repaired_id": comment_id} | {f"new_{name}": expected[name] for name in _COUNTERS})
    if repairs and repair:
        session.connection().execute(_REPAIR, repairs)
    if drifts and repair:
        thread.version += 1
        session.flush()
        record(session, thread, "thread")
    return drifts


@dataclass
class _Counted:
    thread: dict[str, int]
    wrong: dict[int, tuple[dict[str, object], dict[str, object]]]  # stored and counted, where they differ


_COUNTERS = (
    "reply_count", "branch_count", "respect_count", "report_count", "score", "shown", "answered_at", "picked_at",
)  # fmt: skip


_table = Base.metadata.tables["comment"]
_REPAIR = (
    update(_table)
    .where(_table.c.id == bindparam("repaired_id"))
    .values({name: bindparam(f"new_{name}") for name in _COUNTERS} | {"row_version": _table.c.row_version + 1})
)


def _count(session: Session, thread_id: int) -> _Counted:
    """Stored and counted values of a thread, from the rows alone. Replies have higher ids than what they answer."""
    rows = session.execute(
        select(
            Comment.id, Comment.parent_id, Comment.root_id, Comment.status, Comment.published_at, Comment.is_question,
            Comment.is_answer, *(getattr(Comment, name) for name in _COUNTERS),
        )
        .where(Comment.thread_id == thread_id)
        .order_by(Comment.id.desc())
        .execution_options(yield_per=BATCH)
    )  # fmt: skip
    respects = _grouped(session, Respect.comment_id, thread_id)
    reports = _grouped(session, Report.comment_id, thread_id, Report.resolved_at.is_(None))
    picks = _picked(session, thread_id)
    replies: dict[int, int] = {}
    branches: dict[int, int] = {}
    shown_above: set[int] = set()
    answered: dict[int, datetime] = {}
    names = ("published_count", "root_count", "question_count", "answered_count", "picked_count")
    result = _Counted(dict.fromkeys(names, 0), {})
    for row in rows:
        published = row.status == "published"
        shown = published or row.id in shown_above
        if row.parent_id is not None:
            replies[row.parent_id] = replies.get(row.parent_id, 0) + published
            branches[row.root_id] = branches.get(row.root_id, 0) + published
            if shown:
                shown_above.add(row.parent_id)
            if published and row.is_answer:
                answered[row.parent_id] = min(row.published_at, answered.get(row.parent_id, row.published_at))
        elif published:
            result.thread["root_count"] += 1
            result.thread["question_count"] += row.is_question
            result.thread["answered_count"] += row.is_question and row.id in answered
        result.thread["published_count"] += published
        result.thread["picked_count"] += published and row.id in picks
        given, complaints = respects.get(row.id, 0), reports.get(row.id, 0)
        stored = {name: getattr(row, name) for name in _COUNTERS}
        expected = {
            "reply_count": replies.get(row.id, 0),
            "branch_count": branches.get(row.id, 0),
            "respect_count": given,
            "report_count": complaints,
            "score": score(given, complaints),
            "shown": shown,
            "answered_at": answered.get(row.id),
            "picked_at": picks.get(row.id),
        }
        if stored != expected:  # the others are not kept, so that a large thread needs little memory
            result.wrong[row.id] = stored, expected
    return result


def _picked(session: Session, thread_id: int) -> dict[int, datetime]:
    """The comments of a thread that are picked, and since when."""
    rows = session.execute(
        select(Pick.comment_id, Pick.picked_at)
        .join(Comment, Comment.id == Pick.comment_id)
        .where(Comment.thread_id == thread_id, Pick.ended_at.is_(None))
    )
    return {row.comment_id: row.picked_at for row in rows}


def _grouped(session: Session, column: Any, thread_id: int, *conditions: Any) -> dict[int, int]:
    rows = session.execute(
        select(column, func.count())
        .join(Comment, Comment.id == column)
        .where(Comment.thread_id == thread_id, *conditions)
        .group_by(column)
    )
    return {row[0]: row[1] for row in rows}
