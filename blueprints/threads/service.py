"""What people do in threads. Every function runs inside the caller's transaction and never commits.

Locks are taken in one order: the thread, then the comment, then people. The thread's lock makes its counters exact.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from blueprints.threads import (
    live,
    mentions,
    modes,
    nudging,
    policy,
    queries_authors,
    queries_facts,
    queries_written,
    quiz,
    screened,
    weighing,
)
from blueprints.threads.counters import apply_status, count_new, count_respect
from blueprints.threads.drafts import NEWEST, DraftOwner, end_draft
from blueprints.threads.facts import ThreadFacts, comment_facts
from blueprints.threads.ordering import path_of, score, segment
from blueprints.threads.pace import BURST, REGULARS, keep_pace
from blueprints.threads.policy import refuse
from blueprints.threads.screening import FIRST_COMMENTS
from blueprints.threads.search.index import forget_comment
from blueprints.threads.waiting import usual_seconds, waiting_reason
from blueprints.threads.writing import written
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from core.markup import RENDERER_VERSION
from core.viewer import Viewer
from jobs.queue import enqueue
from models.thread import COMMENT_STATUSES, REPORT_REASONS, Comment, Report, Revision, Thread

NOTE_LENGTH = 500
REPEAT_WITHIN = timedelta(hours=24)

SCREENING_KEY = "screening"
MOVED_MEANWHILE = "This comment was moved to another discussion just now. Please look at it there."
THREAD_STATES = ("open", "closed", "hidden")


class Repeated(DomainError):
    """The same words by the same person in the same thread; `comment_id` is the first."""

    def __init__(self, comment_id: int) -> None:
        super().__init__("You have already said exactly this here.", 422, "repeated")
        self.comment_id = comment_id


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a change of status did, for whoever records or announces it."""

    comment_id: int
    thread_id: int
    author_id: int
    from_status: str
    to_status: str
    revision: int


@dataclass(frozen=True, slots=True)
class Posted:
    """A comment as it was taken in; `reason` says why it is not published, if it is not.

    With a `nudge` nothing was taken in: its author is asked once whether to leave the words as they are.
    """

    comment_id: int
    status: str
    reason: str = ""
    nudge: nudging.Asked | None = None


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


def resolve_reports(session: Session, comment_id: int, now: datetime, *, up_to_id: int | None = None) -> int:
    """Close the open reports of a comment, as a decision on it does. Returns how many there were.

    With `up_to_id`, later ones stay open: whoever decided had not seen them.
    """
    seen = (Report.id <= up_to_id,) if up_to_id is not None else ()
    return _mark_reports(session, comment_id, now, Report.resolved_at.is_(None), *seen)


def reopen_reports(session: Session, comment_id: int, resolved_at: datetime) -> int:
    """Open the reports again that a decision closed at that moment, because it is undone. Returns how many."""
    return _mark_reports(
        session, comment_id, None, Report.resolved_at == resolved_at, Report.withdrawn_at.is_(None)
    )


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


def post_comment(
    session: Session, viewer: Viewer, facts: ThreadFacts, body: str, *, parent_id: int | None = None,
    draft: int = NEWEST, nudge: int = 0,
) -> Posted:  # fmt: skip
    """Take in a comment or reply.

    `facts` says which thread; its state is looked at again under the lock. `draft` is the generation of the draft that
    these words were (see `blueprints.threads.drafts`): it ends with them. `nudge` is the one that this answers, if any.
    Raises DomainError with a sentence for whatever stands in the way; then nothing is stored.
    """
    now = clock.now()
    said = written(session, viewer, facts, body)  # before the lock, which others wait for
    words, html, words_hash = said.words, said.html, text.body_hash(said.words)
    look = screened.look_at(viewer, facts.section_id, words, html)
    current = queries_facts.locked_facts(session, facts.thread_id)
    if current is None:
        raise NotFound()
    refuse(policy.may_comment(viewer, current, now, replying=parent_id is not None))
    assert viewer.id is not None
    parent = _parent(session, viewer, current.thread_id, parent_id)
    record = _record(session, viewer.id, current.thread_id, words_hash, now, look)
    here = queries_authors.here(session, current, viewer)
    if modes.needs_quiz(viewer, current) and not here.knows_story:
        raise quiz.QuizFirst
    keep_pace(viewer, current, record, here.last_at, now)
    if record.same_here:
        raise Repeated(record.same_here)
    seen = screened.finish(session, viewer, look, record)
    nudged = nudging.consider(session, viewer.id, current.thread_id, parent_id, seen, words_hash, nudge, now)
    if nudged.ask:
        return Posted(0, "nudged", nudge=nudged.ask)
    status = _status(viewer, current, seen, now, published=record.published)
    comment_id = queries_written.next_comment_id(session)
    depth = parent.depth + 1 if parent else 0
    is_question = parent is None and current.takes_questions and not modes.is_at_home(viewer, current)
    is_answer = parent is not None and parent.is_question and modes.answers_here(viewer, current)
    published = status == "published"
    queries_written.add_comment(
        session,
        id=comment_id,
        thread_id=current.thread_id,
        parent_id=parent_id,
        root_id=parent.root_id if parent else comment_id,
        depth=depth,
        path=path_of(comment_id, parent.path, depth, first=is_answer) if parent else segment(comment_id),
        author_id=viewer.id,
        author_badge=_badge(viewer, current),
        is_question=is_question,
        is_answer=is_answer,
        status=status,
        shown=published,
        body_source=words,
        body_html=html,
        body_hash=words_hash,
        renderer_version=RENDERER_VERSION,
        created_at=now,
        published_at=now if published else None,
        published_number=current.version + 1 if published else 0,  # the version that shows it
    )
    queries_written.add_revision(session, comment_id, 1, words, html, now)
    if published:
        count_new(session, current, comment_id, parent, now, is_question=is_question, is_answer=is_answer)
    _store_findings(session, comment_id, 1, seen, status, now)
    nudging.end(session, nudged, comment_id, words_hash, now)
    if said.people:
        mentions.store(session, comment_id, html, said.people)
    end_draft(session, DraftOwner(user_id=viewer.id), current.article_id, parent_id, known=draft, words=words)
    return Posted(comment_id, status, _why(session, current, status, seen))


def edit_comment(session: Session, viewer: Viewer, comment_id: int, body: str) -> Posted:
    """Change a comment's text within the edit window. The former texts are kept; the new one is screened."""
    now = clock.now()
    thread, comment = lock_comment(session, comment_id)
    facts = queries_facts.facts_of_thread(session, thread.id)
    refuse(policy.may_edit(viewer, facts, comment_facts(comment), now))
    said = written(session, viewer, facts, body)
    words, html = said.words, said.html
    if words == comment.body_source:
        return Posted(comment.id, comment.status)
    words_hash = text.body_hash(words)
    look = screened.look_at(viewer, facts.section_id, words, html)
    record = _record(session, comment.author_id, thread.id, words_hash, now, look)
    seen = screened.finish(session, viewer, look, record, comment_id=comment.id)
    if comment.status == "published":
        queries_written.close_revision(session, comment)
    if "@" in comment.body_source or said.people:
        mentions.forget(session, comment_id)
        mentions.store(session, comment_id, html, said.people)
    comment.body_source, comment.body_html, comment.body_hash = words, html, words_hash
    comment.renderer_version = RENDERER_VERSION
    comment.revision += 1
    comment.edited_at = now
    queries_written.add_revision(session, comment.id, comment.revision, words, html, now)
    # Only a person lets a text out that waits; a published one that now asks for a look waits again.
    status = _status(viewer, facts, seen, now) if comment.status == "published" else comment.status
    _store_findings(session, comment.id, comment.revision, seen, status, now)
    if comment.status == status == "published":
        enqueue("threads.changed", key=f"changed:{comment.id}", comment_id=comment.id)
    apply_status(session, thread, comment, status, now)
    return Posted(comment.id, status, _why(session, facts, status, seen))


def delete_comment(session: Session, viewer: Viewer, comment_id: int) -> StatusChange:
    """Take one's own comment back. Replies to it stay readable under a tombstone."""
    _, comment = lock_comment(session, comment_id)
    refuse(policy.may_delete(viewer, comment_facts(comment)))
    return change_status(session, comment_id, "deleted")


@dataclass(frozen=True, slots=True)
class RespectGiven:
    """How a comment stands after somebody gave respect or took it back."""

    pressed: bool
    count: int


def toggle_respect(
    session: Session, viewer: Viewer, comment_id: int, *, wanted: bool | None = None
) -> RespectGiven:
    """Give respect or take it back; `wanted` says which, so that a repeated request changes nothing more."""
    now = clock.now()
    locked = queries_facts.locked_for_respect(session, comment_id, viewer.id or 0)
    if locked is None:
        raise NotFound()
    facts, comment = locked
    if facts.thread_id != comment.thread_id:
        raise Conflict(MOVED_MEANWHILE)
    refuse(policy.may_respect(viewer, facts, comment_facts(comment), now))
    assert viewer.id is not None
    has = bool(comment.has)
    will = not has if wanted is None else wanted
    if will == has:
        return RespectGiven(will, comment.respect_count)
    if will:
        queries_written.give_respect(session, comment_id, viewer.id, now)
    else:
        queries_written.take_respect(session, comment_id, viewer.id)
    return RespectGiven(will, count_respect(session, facts, comment, 1 if will else -1, now))


def report_comment(
    session: Session, viewer: Viewer, comment_id: int, *, reporter_key: str, reason: str, note: str = "",
    network: str = "", secret: str = "",
) -> bool:  # fmt: skip
    """Tell the moderators of a comment. Returns False when this person had reported it before: once counts.

    `network` is where it came from, without the machine; reports from there weigh as one (`threads.weighing`).
    """
    if reason not in REPORT_REASONS:
        raise DomainError("Please choose what is wrong with this comment.")
    note = text.normalise(note).strip()
    if text.count_characters(note) > NOTE_LENGTH or len(note) > NOTE_LENGTH:
        raise DomainError(f"The note can be up to {NOTE_LENGTH} characters long.")
    thread, comment = lock_comment(session, comment_id)
    facts = queries_facts.facts_of_thread(session, thread.id)
    refuse(policy.may_report(viewer, facts, comment_facts(comment), clock.now()))
    weight = weighing.weight_of(session, viewer.id)
    cluster = weighing.cluster_of(session, viewer, comment_id, network, secret, clock.now())
    return _add_report(session, thread, comment, viewer.id, reporter_key, reason, note, weight, cluster)


def withdraw_report(session: Session, comment_id: int, *, reporter_key: str) -> None:
    """Take one's own report back: it counts and weighs no more. Raises Conflict where it is not open any more."""
    thread, comment = lock_comment(session, comment_id)
    now = clock.now()
    changed = session.execute(
        update(Report)
        .where(Report.comment_id == comment_id, Report.reporter_key == reporter_key, Report.resolved_at.is_(None))
        .values(resolved_at=now, withdrawn_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if not changed:
        raise Conflict("You have no report of this comment that is still open.")
    comment.report_count -= 1
    weighing.weigh(session, comment)
    _rescore(thread, comment)
    weighing.brake(session, thread, now)
    session.flush()


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


def _parent(session: Session, viewer: Viewer, thread_id: int, parent_id: int | None) -> Any:
    if parent_id is None:
        return None
    parent = queries_facts.answered_comment(session, parent_id)
    if parent is None or parent.thread_id != thread_id:
        raise DomainError(
            "The comment you answer is no longer in this discussion: it may have been moved. Your words are still "
            "here.",
            422, "parent_gone",
        )  # fmt: skip
    refuse(policy.may_reply_to(viewer, comment_facts(parent)))
    return parent


def _record(
    session: Session, user_id: int, thread_id: int, words_hash: str, now: datetime, look: screened.Look
) -> queries_authors.AuthorRecord:
    lately, just_now = screened.since(look, now)
    return queries_authors.author_record(
        session, user_id, thread_id, words_hash, since=now - REPEAT_WITHIN, nth=BURST, enough=REGULARS,
        lately=lately, just_now=just_now,
    )  # fmt: skip


def _badge(viewer: Viewer, facts: ThreadFacts) -> str:
    if viewer.id == facts.article_author_id:
        return "author"
    if modes.answers_here(viewer, facts):
        return "guest"
    return "staff" if viewer.is_staff else ""


def _status(
    viewer: Viewer, facts: ThreadFacts, seen: screened.Screened, now: datetime, *, published: int = FIRST_COMMENTS
) -> str:
    status = seen.status
    if facts.protects_author and not viewer.is_staff and status == "published":
        doubtful = any(one.severity in {"nudge", "report"} for one in seen.found)
        status = "withheld" if doubtful else status
    read_first = facts.premoderated and not modes.is_at_home(viewer, facts)
    if policy.sanction(viewer, "pre-moderation", now) is not None and not viewer.is_staff:
        read_first = True
    if published < FIRST_COMMENTS and not viewer.is_staff and modes.holds(facts, now):
        read_first = True
    return "pending" if status == "published" and read_first else status


def _why(session: Session, facts: ThreadFacts, status: str, seen: screened.Screened) -> str:
    return waiting_reason(status, seen.reason, usual_seconds(session, [status], facts.section_id))


def _store_findings(
    session: Session, comment_id: int, revision: int, seen: screened.Screened, status: str, now: datetime
) -> None:
    worth_a_look = screened.store(session, comment_id, revision, seen, status, now)
    if worth_a_look:
        report_by_program(session, *lock_comment(session, comment_id), worth_a_look.reason)


def report_by_program(session: Session, thread: Thread, comment: Comment, why: str) -> None:
    """Ask moderators to look at a published comment, both rows locked; once."""
    _add_report(session, thread, comment, None, SCREENING_KEY, "other", why)


def _add_report(
    session: Session, thread: Thread, comment: Comment, reporter_id: int | None, key: str, reason: str, note: str,
    weight: float = weighing.OF_PROGRAMS, cluster: str = "",
) -> bool:  # fmt: skip
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    added = session.scalar(
        insert(Report)
        .values(comment_id=comment.id, reporter_id=reporter_id, reporter_key=key, reason=reason, note=note,
                created_at=clock.now(), weight=weight, cluster=cluster)
        .on_conflict_do_nothing()
        .returning(Report.id)
    )  # fmt: skip
    if added is None:
        return False
    comment.report_count += 1
    weighing.weigh(session, comment)
    _rescore(thread, comment)
    weighing.brake(session, thread, clock.now())
    session.flush()
    return True


def _mark_reports(
    session: Session, comment_id: int, resolved_at: datetime | None, *which: ColumnElement[bool]
) -> int:
    thread, comment = lock_comment(session, comment_id)
    changed = session.execute(
        update(Report)
        .where(Report.comment_id == comment_id, *which)
        .values(resolved_at=resolved_at)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if changed:
        comment.report_count = session.scalar(
            select(func.count()).where(Report.comment_id == comment_id, Report.resolved_at.is_(None))
        ) or 0
        weighing.weigh(session, comment)
        _rescore(thread, comment)
        weighing.brake(session, thread, clock.now())
        session.flush()
    return int(changed)


def _rescore(thread: Thread, comment: Comment) -> None:
    comment.score = score(comment.respect_count, comment.report_count)
    comment.row_version += 1
    if comment.shown:
        thread.version += 1
