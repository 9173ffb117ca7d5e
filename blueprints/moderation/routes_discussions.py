"""One discussion on a page of its own: how it goes, and who changed that."""

from flask import redirect, render_template, request

from blueprints.moderation import desk, discussions
from blueprints.moderation.caps import DECISIONS, capped
from blueprints.moderation.desk import HOME
from blueprints.moderation.forms import DiscussionForm
from blueprints.moderation.routes import Answer, moderation
from blueprints.moderation.stress_pages import surge_values
from blueprints.threads.ordering import MAX_ID
from blueprints.threads.settings import pace_words
from core.errors import DomainError, Forbidden, NotFound
from core.guards import staff
from core.viewer import current_viewer

THREAD = f"{HOME}/threads/<int(max={MAX_ID}):thread_id>"


@moderation.get(THREAD)
@staff("is_moderator")
def discussion(thread_id: int) -> str:
    """How a discussion goes now, as a form."""
    found, form = discussions.discussion(current_viewer(), thread_id), DiscussionForm()
    form.show(found.standing, found.closes_at)
    return _page(found, form)


@moderation.post(THREAD)
@staff("is_moderator")
def manage(thread_id: int) -> Answer:
    """Change how it goes. What a colleague changed meanwhile is shown beside what was typed, not overwritten."""
    viewer, form = current_viewer(), DiscussionForm(request.form)
    found = discussions.discussion(viewer, thread_id)
    assert viewer.id is not None
    try:
        with capped(DECISIONS, viewer.id) as session:
            action_id = discussions.manage_thread(
                session, thread_id=thread_id, actor_id=viewer.id, wanted=form.rules(), mark=form.mark.data or ""
            )
    except (NotFound, Forbidden):
        raise
    except DomainError as refused:
        form.mark.data = found.standing.mark  # saving again, after a look, is a decision
        return _page(found, form, refused.sentence), refused.status
    desk.remember(action_id)
    return redirect(f"{HOME}/threads/{thread_id}", 303)


def _page(found: discussions.Discussion, form: DiscussionForm, refused: str = "") -> str:
    form.offer()
    return render_template(
        "moderation/discussion.html", found=found, form=form, refused=refused, rows=desk.record_of(found.thread_id),
        pace=pace_words(found.standing.pace_seconds), **desk.desk_context(""),
        **surge_values(found.thread_id),
    )  # fmt: skip
