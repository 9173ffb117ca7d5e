"""What every decision of the staff is made of: its record, its note, what those it concerns are told.

Called inside the caller's transaction; nothing here commits.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from blueprints.moderation import queries, queries_objections, statements
from core import text
from core.errors import DomainError
from core.records import dataclass
from jobs.queue import enqueue
from models.moderation import StatementOfReasons

NOTE_LENGTH = 1_000
# A slip of the hand, undone at once, never reaches the author.
TELL_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it was written down."""

    action_id: int
    action: str
    comment_id: int | None
    user_id: int | None
    from_state: str
    to_state: str


def keep_statement(
    session: Session, action_id: int, user_id: int, comment_id: int | None, rule_id: int | None, told: str,
    now: datetime, **parts: Any,
) -> None:  # fmt: skip
    """Keep what a person is told; `parts` are what it is made of, see StatementOfReasons."""
    session.add(
        StatementOfReasons(action_id=action_id, user_id=user_id, comment_id=comment_id, rule_id=rule_id, text=told,
                           created_at=now, **parts)
    )  # fmt: skip
    session.flush()
    tell_soon(action_id, now)


def tell_soon(action_id: int, now: datetime) -> None:
    """Have those concerned told of a decision, once a slip of the hand could have been undone."""
    enqueue("moderation.tell", key=f"moderation.tell:{action_id}", run_at=now + TELL_AFTER, action_id=action_id)


def close_appeal(session: Session, action_id: int, actor_id: int, now: datetime) -> None:
    appeal = queries_objections.appeal_about(session, action_id)
    if appeal is not None and appeal.outcome == "open":
        appeal.outcome, appeal.answer = "reversed", "The decision was taken back."
        appeal.decided_by, appeal.decided_at = actor_id, now


def rule_words(session: Session, rule_id: int | None) -> statements.RuleWords:
    row = queries.rule(session, rule_id) if rule_id is not None else None
    if row is None:
        raise DomainError("Please choose the rule that was broken.")
    return statements.RuleWords(row.id, row.title, row.text)


def checked_note(note: str) -> str:
    """What was typed, tidied. Raises DomainError for what is too long."""
    note = text.normalise(note).strip()
    if len(note) > NOTE_LENGTH:
        raise DomainError(f"This can have up to {NOTE_LENGTH:,} characters; it has {len(note):,}.")
    return note
