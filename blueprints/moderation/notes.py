"""What moderators keep and leave to each other: views, handover notes, tips to the newsroom, their own ways of working.

Called inside the caller's transaction; nothing here commits.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from blueprints.moderation import policy, queries, queries_claims, queries_notes
from blueprints.moderation.keys import stored_keys
from blueprints.moderation.queues import QUEUES, Filters
from blueprints.threads import queries_facts
from core import clock, text
from core.errors import Conflict, DomainError, Forbidden, NotFound
from models.desk import HandoverNote, SavedView, Tip

NAME_LENGTH = 60
NOTE_LENGTH = 2_000
TIP_LENGTH = 500
MOST_VIEWS = 30
MOST_SEVERE = 500
TIP_KINDS = ("story", "pick")


def save_view(
    session: Session, *, owner_id: int, name: str, queue: str, filters: Filters, is_shared: bool
) -> SavedView:
    """Keep a queue with filters under a name; one with that name is replaced."""
    name = " ".join(text.normalise(name).split())
    if text.is_blank(name) or len(name) > NAME_LENGTH:
        raise DomainError(f"Please give the view a name of up to {NAME_LENGTH} characters.")
    if queue not in QUEUES:
        raise DomainError("There is no such queue.")
    view = queries_notes.view_named(session, owner_id, name)
    if view is None:
        if queries_notes.views_of(session, owner_id) >= MOST_VIEWS:
            raise DomainError(f"You keep {MOST_VIEWS} views already. Remove one first.")
        view = SavedView(owner_id=owner_id, name=name)
        session.add(view)
    view.queue, view.filters, view.is_shared = queue, filters.query, is_shared
    session.flush()
    return view


def remove_view(session: Session, *, view_id: int, owner_id: int) -> None:
    """Forget a view. Raises NotFound for somebody else's."""
    view = session.get(SavedView, view_id)
    if view is None or view.owner_id != owner_id:
        raise NotFound
    session.delete(view)


def leave_note(session: Session, *, author_id: int, body: str) -> int:
    """Leave a note to the next shift. Returns its id."""
    body = text.normalise(body).strip()
    if text.is_blank(body) or len(body) > NOTE_LENGTH:
        raise DomainError(f"Please write a note of up to {NOTE_LENGTH:,} characters.")
    _moderates(session, author_id)
    note = HandoverNote(author_id=author_id, body=body, created_at=clock.now())
    session.add(note)
    session.flush()
    return note.id


def finish_note(session: Session, *, note_id: int, actor_id: int) -> None:
    """A note is done with; it stays as a record. Raises Conflict where it was done already."""
    note = queries_notes.note_locked(session, note_id)
    _moderates(session, actor_id)
    if note is None:
        raise NotFound
    if note.done_at is not None:
        raise Conflict("A colleague has done with this note already.")
    note.done_by, note.done_at = actor_id, clock.now()


def _moderates(session: Session, user_id: int) -> None:
    """Raise Forbidden for somebody who was a moderator when their request began, and is none now."""
    if not queries.staff_member(session, user_id).is_moderator:
        raise Forbidden("Moderators leave notes to each other.")


def suggest(session: Session, *, comment_id: int, kind: str, note: str, actor_id: int) -> int:
    """Show a published comment to the newsroom: to follow up, or to pick. Returns the tip's id."""
    note = " ".join(text.normalise(note).split())
    if kind not in TIP_KINDS:
        raise DomainError("Please choose what the newsroom could do with it.")
    if len(note) > TIP_LENGTH:
        raise DomainError(f"The note can have up to {TIP_LENGTH} characters.")
    facts = queries_facts.facts_of_comment(session, comment_id)
    comment = queries_facts.comment_facts(session, comment_id)
    actor = queries.staff_member(session, actor_id)
    if facts is None or comment is None or policy.may_moderate(actor, facts.section_id):
        raise NotFound
    if kind == "pick" and comment.status != "published":
        raise Conflict("Readers do not see this comment, so it cannot be a Pick.")
    tip = queries_claims.insert_for(session)(Tip).values(
        comment_id=comment_id, kind=kind, note=note, suggested_by=actor_id, suggested_at=clock.now()
    )  # fmt: skip
    added = session.scalar(tip.on_conflict_do_nothing().returning(Tip.id))
    if added is None:
        raise Conflict("The newsroom has been shown this comment already.")
    return int(added)


def answer_tip(session: Session, *, tip_id: int, actor_id: int) -> None:
    """The newsroom has seen to a tip. Raises Conflict where somebody has already."""
    tip = queries_notes.tip_locked(session, tip_id)
    if not queries.staff_member(session, actor_id).is_author:
        raise Forbidden("Tips are for the newsroom.")
    if tip is None:
        raise NotFound
    if tip.closed_at is not None:
        raise Conflict("A colleague has seen to this already.")
    tip.closed_by, tip.closed_at = actor_id, clock.now()


def prefer(
    session: Session, *, user_id: int, keys: Mapping[str, str], covers_severe: bool, severe_per_hour: str,
    alarm_mails: bool | None = None,
) -> None:  # fmt: skip
    """How this moderator works from now on; `alarm_mails` None leaves that as it is.

    Raises DomainError for keys that contradict each other.
    """
    if not (severe_per_hour.isdecimal() and len(severe_per_hour) < 10 and int(severe_per_hour) <= MOST_SEVERE):
        raise DomainError(f"Please give a number from 0 to {MOST_SEVERE}.")
    kept = stored_keys(keys)
    row = queries_claims.preference_locked(session, user_id)
    row.keys, row.covers_severe, row.severe_per_hour = kept, covers_severe, int(severe_per_hour)
    if alarm_mails is not None:
        row.alarm_mails = alarm_mails
