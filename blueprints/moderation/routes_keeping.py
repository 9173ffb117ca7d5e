"""What readers may see of moderation, how long things are kept, holds, and purges by two people."""

from flask import flash, redirect, request

from blueprints.moderation import keeping, keeping_pages
from blueprints.moderation.desk import HOME, find_case
from blueprints.moderation.forms_fair import FairForm, HoldForm, PurgeForm
from blueprints.moderation.routes import COMMENT, Answer, moderation
from blueprints.threads.forms import whole
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.ids import row_id
from core.step_up import step_up
from core.viewer import current_viewer

PLACE = "/publisher/fair-process"
PURGES = f"{HOME}/purges"


@moderation.get(PLACE)
@staff("is_publisher")
def fair_process() -> str:
    """Openness, clocks and holds."""
    hold = HoldForm(request.args) if {"user_id", "comment_id"} & set(request.args) else None
    return keeping_pages.fair_page(hold=hold)


@moderation.post(PLACE)
@staff("is_publisher")
def save_fair_process() -> Answer:
    """Set them."""
    form = FairForm(request.form)
    try:
        with transaction() as session:
            keeping.change_settings(session, form.wanted(), form.seen.data or "")
    except DomainError as error:
        form.refuse(error)
        return keeping_pages.fair_page(form), error.status
    flash("Saved. It holds from now on.", "success")
    return redirect(PLACE, 303)


@moderation.post(f"{PLACE}/holds")
@staff("is_publisher")
def place_hold() -> Answer:
    """Keep a person's or a comment's record from the clocks."""
    form = HoldForm(request.form)
    try:
        with transaction() as session:
            keeping.place_hold(
                session, user_id=whole(form.user_id.data), comment_id=whole(form.comment_id.data),
                reason=form.reason.data or "", ends_at=form.until(), actor_id=current_viewer().id or 0,
            )  # fmt: skip
    except DomainError as refused:
        sentence = "There is nobody and nothing of this number." if refused.status == 404 else refused.sentence
        return keeping_pages.fair_page(hold=form, refused=sentence), 422
    flash("Held: no clock removes anything of it.", "success")
    return redirect(f"{PLACE}#holds", 303)


@moderation.post(f"{PLACE}/holds/<int(max={MAX_ID}):hold_id>/release")
@staff("is_publisher")
def release_hold(hold_id: int) -> Answer:
    """Let the clocks run again."""
    with transaction() as session:
        keeping.release_hold(session, hold_id=hold_id, actor_id=current_viewer().id or 0)
    flash("Released. The clocks run again.", "success")
    return redirect(f"{PLACE}#holds", 303)


@moderation.get(f"{COMMENT}/purge")
@staff("is_moderator")
def purge_form(comment_id: int) -> str:
    """The form to ask that a comment's words go for good."""
    return keeping_pages.purge_page(comment_id, PurgeForm())


@moderation.post(f"{COMMENT}/purge")
@staff("is_moderator")
def ask_for_purge(comment_id: int) -> Answer:
    """Ask for it; a second person decides."""
    form = PurgeForm(request.form)
    find_case(comment_id)
    try:
        with transaction() as session:
            keeping.ask_for_purge(
                session, comment_id=comment_id, reason=form.reason.data or "", actor_id=current_viewer().id or 0
            )
    except DomainError as refused:
        return keeping_pages.purge_page(comment_id, form, refused.sentence), refused.status
    flash("Asked for. An editor or the publisher has to agree.", "success")
    return redirect(f"{HOME}/comments/{comment_id}", 303)


@moderation.get(PURGES)
@staff("is_editor")
def purges() -> str:
    """What waits for a second person."""
    return keeping_pages.purges_page()


@moderation.post(PURGES)
@staff("is_editor")
@step_up("To remove words for good")
def decide_purge() -> Answer:
    """Agree, which removes the words for good, or refuse."""
    try:
        with transaction() as session:
            keeping.decide_purge(
                session, purge_id=request.form.get("purge_id", 0, type=row_id), actor_id=current_viewer().id or 0,
                approve=request.form.get("answer") == "approve",
            )  # fmt: skip
    except DomainError as refused:
        return keeping_pages.purges_page(refused.sentence), refused.status
    return redirect(PURGES, 303)
