"""Moving a branch of comments to the discussion where it belongs."""

from flask import redirect, request

from blueprints.moderation import desk, moving, moving_page
from blueprints.moderation.caps import BULK, capped
from blueprints.moderation.routes import COMMENT, Answer, moderation
from core.errors import DomainError
from core.guards import staff
from core.ids import row_id
from core.step_up import step_up
from core.viewer import current_viewer


@moderation.get(f"{COMMENT}/move")
@staff("is_moderator")
def move_form(comment_id: int) -> str:
    """How large the branch of a comment is, and where it could go. Nothing is moved."""
    return moving_page.page(comment_id, request.args.get("to", ""))


@moderation.post(f"{COMMENT}/move")
@staff("is_moderator")
@step_up("To move a whole branch")
def move(comment_id: int) -> Answer:
    """Move it."""
    form = request.form
    to_address, reason = form.get("to", ""), form.get("reason", "")
    try:
        with capped(BULK, current_viewer().id or 0, moving_page.size(comment_id)) as session:
            done = moving.move_branch(
                session, comment_id=comment_id, from_thread_id=form.get("thread_id", 0, type=row_id),
                to_address=to_address, reason=reason, actor_id=current_viewer().id or 0,
            )  # fmt: skip
    except DomainError as refused:
        if refused.status in {403, 404}:
            raise
        return moving_page.page(comment_id, to_address, reason, refused.sentence), refused.status
    desk.remember(done.action_id)
    return redirect(f"{desk.HOME}/comments/{comment_id}", 303)
