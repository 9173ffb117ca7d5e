"""What people post, edit, delete and respect in threads.

Every function runs inside the caller's transaction and never commits. Who asks is who they are once nothing is waited
for any more: a ban that was written meanwhile holds. Locks are taken in one order: the thread, then
the comment, then people. The thread's lock makes its counters exact.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from blueprints.accounts import standing
from blueprints.threads import (
    mentions,
    modes,
    nudging,
    policy,
    queries_authors,
    queries_facts,
    queries_written,
    quiz,
    screened,
)
from blueprints.threads.counters import apply_status, count_new, count_respect
from blueprints.threads.drafts import NEWEST, DraftOwner, end_draft
from blueprints.threads.facts import ThreadFacts, comment_facts
from blueprints.threads.locking import MOVED_MEANWHILE, lock_comment
from blueprints.threads.ordering import path_of, segment
from blueprints.threads.pace import BURST, REGULARS, keep_pace
from blueprints.threads.policy import refuse
from blueprints.threads.reports import report_by_program
from blueprints.threads.screening import FIRST_COMMENTS
from blueprints.threads.status import StatusChange, change_status
from blueprints.threads.waiting import usual_seconds, waiting_reason
from blueprints.threads.writing import written
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from core.markup import RENDERER_VERSION
from core.records import dataclass
from core.viewer import Viewer
from jobs.queue import enqueue

REPEAT_WITHIN = timedelta(hours=24)


class Repeated(DomainError):
    """The same words by the same person in the same thread; `comment_id` is the first."""

    def __init__(self, comment_id: int) -> None:
        super().__init__("You have already said exactly this here.", 422, "repeated")
        self.comment_id = comment_id


@dataclass(frozen=True, slots=True)
class Posted:
    """A comment as it was taken in; `reason` says why it is not published, if it is not.

    With a `nudge` nothing was taken in: its author is asked once whether to leave the words as they are.
    """

    comment_id: int
    status: str
    reason: str = ""
    nudge: nudging.Asked | None = None


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
    record = _record(session, viewer, current.thread_id, words_hash, now, look)
    if not record.stands:
        return post_comment(session, standing.again(viewer), facts, body, parent_id=parent_id, draft=draft, nudge=nudge)
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
    record = _record(session, viewer, thread.id, words_hash, now, look)
    if not record.stands:
        return edit_comment(session, standing.again(viewer), comment_id, body)
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
    refuse(policy.may_delete(standing.still(session, viewer), comment_facts(comment)))
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
    locked = queries_facts.locked_for_respect(session, comment_id, viewer)
    if locked is None:
        raise NotFound()
    facts, comment = locked
    if facts.thread_id != comment.thread_id:
        raise Conflict(MOVED_MEANWHILE)
    if not comment.stands:
        return toggle_respect(session, standing.again(viewer), comment_id, wanted=wanted)
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
    session: Session, viewer: Viewer, thread_id: int, words_hash: str, now: datetime, look: screened.Look
) -> queries_authors.AuthorRecord:
    lately, just_now = screened.since(look, now)
    return queries_authors.author_record(
        session, viewer, thread_id, words_hash, since=now - REPEAT_WITHIN, nth=BURST, enough=REGULARS,
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
