"""Taking any decision back. Called inside the caller's transaction; nothing here commits."""

from sqlalchemy.orm import Session

from blueprints.moderation import queries
from blueprints.moderation.decision import Decision
from blueprints.moderation.moving import undo_move
from blueprints.moderation.sanctions import undo_sanction
from blueprints.moderation.service import undo_comment_decision
from blueprints.moderation.thread_state import undo_thread_decision
from core.errors import Conflict, NotFound
from models.moderation import SANCTION_KINDS

UNDOABLE = frozenset(
    {"publish", "reject", "restore", "keep", "hold", "reopen", "lift", "thread", "move", *SANCTION_KINDS}
)


def undo(session: Session, *, action_id: int, actor_id: int, last_action_id: int | None = None) -> Decision:
    """Take a decision back, by another decision that leads to where things stood before it.

    `last_action_id` is the newest decision about the same comment where that is not this one, but one that took a later
    one back. Raises Conflict when something else was decided since, or the decision is not one that is undone this way.
    """
    row = queries.decision(session, action_id)
    if row is None:
        raise NotFound()
    if row.action not in UNDOABLE:
        raise Conflict("This is not taken back with one press. Please make a new decision.")
    if row.action in queries.DECISIONS:
        return undo_comment_decision(session, row, actor_id, last_action_id or row.id)
    if row.action == "thread":
        return undo_thread_decision(session, row, actor_id)
    if row.action == "move":
        return undo_move(session, row, actor_id)
    return undo_sanction(session, row, actor_id)
