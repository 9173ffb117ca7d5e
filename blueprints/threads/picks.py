"""Picks: comments that the newsroom holds up. Called inside the caller's transaction; nothing here commits.

A Pick is a row that says who chose the comment, when and why. `comment.picked_at` and `thread.picked_count` follow it
in the same transaction, so that no page has to look for Picks. A comment that is taken away leaves the list and the
count, and comes back to both with its Pick if it is put back.
"""

from typing import Any

from sqlalchemy import Row, exists, select, update
from sqlalchemy.orm import Session, aliased

from blueprints.accounts.standing import still
from blueprints.notifications import notices
from blueprints.site.queries import site
from blueprints.threads import live, policy, queries_facts
from blueprints.threads.facts import ThreadFacts, comment_facts
from blueprints.threads.locking import lock_comment
from blueprints.threads.names import shown_name
from blueprints.threads.policy import refuse
from core import clock, recording, text
from core.errors import Conflict, DomainError
from core.markup import plain_text
from core.records import dataclass
from core.viewer import Viewer
from jobs.queue import enqueue
from models.thread import Comment, Pick, Thread
from models.user import User

NOTE_LENGTH = 280  # characters as people count them


def pick_comment(session: Session, viewer: Viewer, comment_id: int, note: str = "") -> int:
    """Hold a comment up, with a line for readers on why. Its author is thanked by a job. Returns the Pick's id.

    Raises DomainError with a sentence; a comment that is picked already is a Conflict.
    """
    note = _one_line(note)
    thread, comment, facts = _locked(session, comment_id)
    refuse(policy.may_pick(still(session, viewer), facts, comment_facts(comment)))
    if comment.picked_at is not None:
        raise Conflict("This comment is a Pick already.")
    assert viewer.id is not None
    now = clock.now()
    pick = Pick(
        comment_id=comment.id, author_id=comment.author_id, note=note, picked_by=viewer.id, picked_at=now
    )  # fmt: skip
    session.add(pick)
    comment.picked_at = now
    thread.picked_count += 1
    _renew(session, thread, comment)
    enqueue("threads.picked", key=f"picked:{pick.id}", pick_id=pick.id)
    return pick.id


def change_note(session: Session, viewer: Viewer, comment_id: int, note: str) -> None:
    """Say in other words why a comment is a Pick. Its author is not thanked again. Raises DomainError."""
    note = _one_line(note)
    thread, comment, facts = _locked(session, comment_id)
    refuse(policy.may_choose_picks(still(session, viewer), facts))
    pick = session.scalar(select(Pick).where(Pick.comment_id == comment_id, Pick.ended_at.is_(None)))
    if pick is None:
        raise Conflict("This comment is not a Pick any more.")
    if pick.note != note:
        pick.note = note
        session.flush()
        _renew(session, thread, comment)


def _one_line(note: str) -> str:
    line = text.normalise(note).replace("\n", " ").strip()
    if text.count_characters(line) > NOTE_LENGTH:
        raise DomainError(f"The line on why can have up to {NOTE_LENGTH} characters.")
    return line


def end_pick(session: Session, viewer: Viewer, comment_id: int) -> None:
    """Take a Pick back; the record of it stays. Raises DomainError; one that is no Pick is a Conflict."""
    thread, comment, facts = _locked(session, comment_id)
    refuse(policy.may_choose_picks(still(session, viewer), facts))
    if comment.picked_at is None:
        raise Conflict("This comment is not a Pick any more.")
    pick_id = session.scalar(
        update(Pick)
        .where(Pick.comment_id == comment_id, Pick.ended_at.is_(None))
        .values(ended_at=clock.now(), ended_by=viewer.id)
        .returning(Pick.id)
        .execution_options(synchronize_session=False)
    )
    recording.note(
        session, "pick", pick_id, before={"comment_id": comment_id, "ended_at": None},
        after={"comment_id": comment_id, "ended_at": recording.plain(clock.now())},
    )  # fmt: skip
    comment.picked_at = None
    if comment.status == "published":
        thread.picked_count -= 1
    _renew(session, thread, comment)
    notices.withdraw(session, _cause(pick_id))


def thank_for_pick(session: Session, pick_id: int) -> None:
    """Tell the author of a picked comment, once; nobody if the Pick or the comment is gone meanwhile."""
    row: Any = session.execute(
        select(Pick.comment_id, Pick.author_id, Pick.note, Comment.body_html, Comment.thread_id)
        .join(Comment, Comment.id == Pick.comment_id)
        .where(Pick.id == pick_id, Pick.ended_at.is_(None), Comment.status == "published")
    ).one_or_none()
    if row is None:
        return
    facts = queries_facts.facts_of_thread(session, row.thread_id)
    why = f" “{row.note}”" if row.note else ""
    notices.notify(
        session, row.author_id, "pick", subject_key=f"thread:{row.thread_id}", cause=_cause(pick_id),
        title=f"{site().name} picked your comment on “{facts.headline}”. Thank you for it.{why}",
        many=f"{site().name} picked {{count}} of your comments on “{facts.headline}”. Thank you for them.",
        url=f"/comments/{row.comment_id}", excerpt=plain_text(row.body_html),
    )  # fmt: skip


def live_pick(session: Session, comment_id: int) -> Row[Any] | None:
    """The Pick of a comment with who chose it, if it is one."""
    chooser = aliased(User)
    found: Any = session.execute(
        select(Pick.id, Pick.note, Pick.picked_at, chooser.display_name.label("chooser"))
        .join(chooser, chooser.id == Pick.picked_by)
        .where(Pick.comment_id == comment_id, Pick.ended_at.is_(None))
    ).one_or_none()
    return found  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose comment is to be picked. A first Pick does most for what its author writes next, so it is hinted at."""

    name: str
    is_first: bool


def chosen(session: Session, comment_id: int) -> Chosen:
    """The author of a comment, and whether anything they said was ever picked."""
    before = exists().where(Pick.author_id == Comment.author_id)
    row = session.execute(
        select(shown_name().label("name"), before.label("before"))
        .join(User, User.id == Comment.author_id)
        .where(Comment.id == comment_id)
    ).one()
    return Chosen(row.name, not row.before)


def _cause(pick_id: int | None) -> str:
    """What a notice of this Pick is known by."""
    return f"pick:{pick_id}"


def _locked(session: Session, comment_id: int) -> tuple[Thread, Comment, ThreadFacts]:
    thread, comment = lock_comment(session, comment_id)
    return thread, comment, queries_facts.facts_of_thread(session, thread.id)


def _renew(session: Session, thread: Thread, comment: Comment) -> None:
    """Let pages show what changed, open ones too."""
    comment.row_version += 1
    if comment.shown:
        thread.version += 1
    session.flush()
    if comment.shown:
        live.record(session, thread, "edited", comment)
