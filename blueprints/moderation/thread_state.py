"""Opening, closing and hiding a discussion. Called inside the caller's transaction; nothing here commits."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries
from blueprints.moderation.decision import Decision, checked_note
from blueprints.threads import modes, queries_facts
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.locking import lock_thread
from blueprints.threads.policy import refuse
from blueprints.threads.thread_state import set_thread_state
from core import clock, text
from core.errors import Conflict, DomainError

CLOSED_REASON_LENGTH = 300


def moderate_thread(
    session: Session, *, thread_id: int, state: str, reason: str, actor_id: int, expected_state: str | None = None
) -> Decision:
    """Open, close or hide a discussion; the reason is what readers find in its place."""
    now = clock.now()
    reason = checked_note(reason)
    if state not in {"open", "closed", "hidden"}:
        raise DomainError("Please choose whether the discussion is open, closed or hidden.")
    if state == "closed" and text.is_blank(reason):
        raise DomainError("Please say why in a sentence, which readers find in its place.")
    if len(reason) > CLOSED_REASON_LENGTH:
        raise DomainError(f"The reason can have up to {CLOSED_REASON_LENGTH} characters.")
    lock_thread(session, thread_id)
    facts = queries_facts.facts_of_thread(session, thread_id)
    refuse(policy.may_moderate(queries.staff_member(session, actor_id), facts.section_id))
    if facts.state == state:
        if modes.state_at(facts, now) != state:
            raise Conflict("This discussion closed by itself. On its own page it gets a later moment, or none.")
        raise Conflict(f"This discussion is {state} already.")
    return _set_state(session, facts, state, reason, actor_id, now, expected_state=expected_state)


def undo_thread_decision(session: Session, row: Row[Any], actor_id: int) -> Decision:
    lock_thread(session, row.thread_id)
    facts = queries_facts.facts_of_thread(session, row.thread_id)
    refuse(policy.may_moderate(queries.staff_member(session, actor_id), facts.section_id))
    if facts.state != row.to_state:
        raise Conflict("The state of this discussion was changed again meanwhile.")
    return _set_state(
        session, facts, row.from_state, facts.closed_reason, actor_id, clock.now(), undoes_id=row.id
    )


def _set_state(
    session: Session, facts: ThreadFacts, state: str, reason: str, actor_id: int, now: datetime, *,
    expected_state: str | None = None, undoes_id: int | None = None,
) -> Decision:  # fmt: skip
    shown = reason if state != "open" else facts.closed_reason  # kept, for whoever closes it again
    before = set_thread_state(session, facts.thread_id, state, reason=shown, expected_state=expected_state)
    action_id = ledger.append(
        session, action="thread", at=now, actor_id=actor_id, thread_id=facts.thread_id, from_state=before,
        to_state=state, reason=reason, undoes_id=undoes_id,
    )  # fmt: skip
    return Decision(action_id, "thread", None, None, before, state)
