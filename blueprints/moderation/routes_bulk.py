"""Decisions about many comments: tried first, then made, and taken back as a whole."""

from flask import redirect, request
from werkzeug.wrappers import Response

from blueprints.moderation import bulk, bulk_pages, desk
from blueprints.moderation.caps import BULK, capped
from blueprints.moderation.queues import HOME, QUEUES, REPORTED, address, filters_from
from blueprints.moderation.routes import COMMENT, Answer, moderation
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.ids import row_id
from core.step_up import step_up
from core.viewer import current_viewer

RUN = f"{HOME}/bulk/<int(max={MAX_ID}):run_id>"


@moderation.get(f"{HOME}/bulk")
@staff("is_moderator")
def runs() -> str:
    """What was decided about many comments lately."""
    return bulk_pages.runs_page()


@moderation.post(f"{HOME}/bulk")
@staff("is_moderator")
def try_bulk() -> Answer:
    """Find out what a decision about the ticked comments, or all in this view, would be about. Nothing is decided."""
    form, queue = request.form, request.form.get("queue", REPORTED)
    filters = filters_from(form)
    try:
        with transaction() as session:
            ids = bulk.chosen_ids(
                session, form.getlist("id", type=row_id), queue=queue, actor_id=_own_id(),
                filters=filters if "all" in form else None,
            )  # fmt: skip
            run_id = bulk.try_out(
                session, verb=form.get("verb", ""), rule_id=form.get("rule_id", type=row_id), ids=ids,
                note=form.get("note", ""), about=bulk_pages.about(queue, filters, "all" in form), actor_id=_own_id(),
            )  # fmt: skip
    except DomainError as refused:
        desk.say(refused.sentence)
        return redirect(address(queue, filters) if queue in QUEUES else HOME, 303)
    return redirect(f"{HOME}/bulk/{run_id}", 303)


@moderation.post(f"{COMMENT}/alike")
@staff("is_moderator")
def try_alike(comment_id: int) -> Answer:
    """The same for every undecided comment with the words of this one."""
    try:
        with transaction() as session:
            run_id = bulk.try_alike(session, comment_id=comment_id, actor_id=_own_id())
    except DomainError as refused:
        return desk.case_page(comment_id, refused=refused.sentence), refused.status
    return redirect(f"{HOME}/bulk/{run_id}", 303)


@moderation.get(RUN)
@staff("is_moderator")
def run(run_id: int) -> str:
    """What a run is about, and how far it has come."""
    return bulk_pages.run_page(run_id)


@moderation.post(f"{RUN}/do")
@staff("is_moderator")
@step_up("To decide about many comments at once")
def begin(run_id: int) -> Response:
    """Make the decision."""
    with capped(BULK, _own_id(), bulk_pages.size(run_id)) as session:
        bulk.begin(session, run_id=run_id, actor_id=_own_id())
    return redirect(f"{HOME}/bulk/{run_id}", 303)


@moderation.post(f"{RUN}/undo")
@staff("is_moderator")
def take_back(run_id: int) -> Response:
    """Take the whole of it back."""
    with transaction() as session:
        bulk.take_back(session, run_id=run_id, actor_id=_own_id())
    return redirect(f"{HOME}/bulk/{run_id}", 303)


def _own_id() -> int:
    viewer_id = current_viewer().id
    assert viewer_id is not None
    return viewer_id
