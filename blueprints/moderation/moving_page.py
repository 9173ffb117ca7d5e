"""The page on which a branch is moved."""

from flask import render_template

from blueprints.moderation import moving
from blueprints.moderation.decision import NOTE_LENGTH
from blueprints.moderation.desk import desk_context, find_case, tab_of
from blueprints.threads.moving import MOST_AT_ONCE
from core.db import db
from core.viewer import current_viewer


def page(comment_id: int, to_address: str = "", reason: str = "", refused: str = "") -> str:
    """How large the branch is and where it could go, with what was typed. Raises NotFound."""
    return render_template(
        "moderation/move.html", branch=moving.branch(db.session(), current_viewer(), comment_id),
        to_address=to_address, reason=reason, refused=refused, longest=NOTE_LENGTH, most=MOST_AT_ONCE,
        **desk_context(tab_of(find_case(comment_id))),
    )  # fmt: skip


def size(comment_id: int) -> int:
    """How many comments the branch of a comment has. Raises NotFound outside of the moderator's sections."""
    return moving.branch(db.session(), current_viewer(), comment_id).comments
