"""Objections to decisions: taken in from the author, answered by somebody else. Inside the caller's transaction."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_objections, queries_people
from blueprints.moderation.decision import Decision, checked_note, tell_soon
from blueprints.moderation.words import already
from blueprints.threads import queries_facts
from blueprints.threads.locking import lock_comment
from blueprints.threads.policy import refuse
from blueprints.threads.status import change_status
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from core.viewer import Viewer
from models.moderation import Appeal
from models.thread import Comment

OBJECTION_LENGTH = 3_000
# So many may wait for an answer at a time, and be sent in thirty days: who objects to everything waits for answers
# first (DSA art. 23 (2) lets complaints of who misuses them be put off).
MOST_OPEN = 10
MOST_IN_A_MONTH = 30
MONTH = timedelta(days=30)


def file_appeal(session: Session, viewer: Viewer, comment_id: int, body: str) -> int:
    """Take in an author's objection to the rejection of their comment. Returns its id.

    Raises NotFound for anybody but the author, Conflict for a second one, DomainError for an empty or too long text.
    """
    _, comment = lock_comment(session, comment_id)
    if viewer.id != comment.author_id:
        raise NotFound()
    queries_people.person_locked(session, comment.author_id)
    standing = queries_objections.standing_rejection(session, comment_id) if comment.status == "rejected" else None
    return _file(session, viewer, standing, body, comment_id)


def file_sanction_appeal(session: Session, viewer: Viewer, sanction_id: int, body: str) -> int:
    """Take in a person's objection to a sanction. The same rules as for a comment."""
    if viewer.id is None or queries_people.sanction_owner(session, sanction_id) != viewer.id:
        raise NotFound()
    queries_people.person_locked(session, viewer.id)
    row = queries_people.sanction_locked(session, sanction_id=sanction_id)
    found = queries_objections.standing_sanction(session, sanction_id) if row and row.lifted_at is None else None
    return _file(session, viewer, found[1] if found else None, body, None)


def decide_appeal(session: Session, *, appeal_id: int, actor_id: int, reverse: bool, answer: str) -> Decision:
    """Answer an objection: uphold the decision, or reverse it, which puts everything back as it was.

    Raises Forbidden for whoever made the decision, and Conflict when a colleague answered meanwhile.
    """
    answer = checked_note(answer)
    if text.is_blank(answer):
        raise DomainError("Please give the reason for your answer; the author reads it.")
    now = clock.now()
    found = queries_objections.objection(session, appeal_id)
    if found is None:
        raise NotFound()
    thread, comment = lock_comment(session, found.comment_id) if found.comment_id is not None else (None, None)
    queries_people.person_locked(session, found.user_id)
    appeal = queries_objections.appeal_locked(session, appeal_id)
    assert appeal is not None
    actor = queries.staff_member(session, actor_id)
    # It may have been moved since it was found.
    section_id = queries_facts.facts_of_thread(session, thread.id).section_id if thread else found.section_id
    refuse(policy.may_moderate(actor, section_id))
    refuse(policy.may_decide_appeal(actor, found.first_decider_id, found.user_id))
    if appeal.outcome != "open":
        decider = queries.staff_member(session, appeal.decided_by) if appeal.decided_by else None
        done = "reverse" if appeal.outcome == "reversed" else "uphold"
        raise Conflict(
            already(done, decider.display_name if decider else None, appeal.decided_by == actor_id,
                    appeal.decided_at or now, now)
        )  # fmt: skip
    before = comment.status if comment else found.action
    after = before
    if reverse and comment is not None and comment.status == "rejected":
        after = "published"
    action = "reverse" if reverse else "uphold"
    action_id = ledger.append(
        session, action=action, at=now, actor_id=actor_id, user_id=found.user_id, comment_id=found.comment_id,
        thread_id=thread.id if thread else found.thread_id, from_state=before, to_state=after,
        revision=found.revision, reason=answer, undoes_id=found.action_id if reverse else None,
    )  # fmt: skip
    appeal.outcome, appeal.answer = ("reversed" if reverse else "upheld"), answer
    appeal.decided_by, appeal.decided_at = actor_id, now
    if reverse:
        _take_back(session, comment, found, now)
    session.flush()
    tell_soon(action_id, now)
    return Decision(action_id, action, found.comment_id, found.user_id, before, after)


def _file(
    session: Session, viewer: Viewer, standing: queries_objections.Standing | None, body: str, comment_id: int | None
) -> int:
    assert viewer.id is not None
    now = clock.now()
    body = text.normalise(body).strip()
    if standing is not None and standing.appeal_id is not None:
        raise Conflict("You have objected to this decision already. Somebody else on the team answers it.")
    refuse(policy.may_appeal(standing.told_at if standing else None, now))
    assert standing is not None
    if text.is_blank(body):
        raise DomainError("Please say why you think the decision is wrong.")
    if len(body) > OBJECTION_LENGTH:
        raise DomainError(f"An objection can have up to {OBJECTION_LENGTH:,} characters; this one has {len(body):,}.")
    waiting, lately = queries_objections.objections_by(session, viewer.id, now - MONTH)
    refuse(policy.may_object_again(waiting, lately, most_open=MOST_OPEN, most_lately=MOST_IN_A_MONTH))
    row = Appeal(action_id=standing.action_id, user_id=viewer.id, comment_id=comment_id, body=body, created_at=now)
    session.add(row)
    session.flush()
    return row.id


def _take_back(session: Session, comment: Comment | None, found: Row[Any], now: datetime) -> None:
    """Undo what a successful objection was about: the comment returns, or the sanction ends."""
    if comment is not None:
        if comment.status == "rejected":
            change_status(session, comment.id, "published")
        for statement in queries_objections.standing_statements(session, comment.id):
            statement.withdrawn_at = now
        return
    row = queries_people.sanction_locked(session, action_id=found.action_id)
    if row is not None and row.lifted_at is None:
        row.lifted_at = now
    if told := queries_objections.statement_of(session, found.action_id):
        told.withdrawn_at = now
