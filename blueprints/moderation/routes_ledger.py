"""The publisher's ledger: everything staff did, and taking back what one person did since a moment."""

from typing import cast

from flask import redirect, request

from blueprints.moderation import ledger_pages, reversing
from blueprints.moderation.forms_ledger import ReverseForm
from blueprints.moderation.ledger_pages import PLACE
from blueprints.moderation.queries_ledger import Kind
from blueprints.moderation.routes import Answer, moderation
from blueprints.threads.ordering import MAX_ID
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.ids import row_id
from core.step_up import step_up
from core.viewer import current_viewer

KINDS = ("", "decisions", "settings")
REVERSAL = f"{PLACE}/reversals/<int(max={MAX_ID}):reversal_id>"


@moderation.get(PLACE)
@staff("is_publisher")
def whole_ledger() -> str:
    """Decisions and changes of settings, by whom, with what stood before and after."""
    kind = request.args.get("kind", "")
    return ledger_pages.ledger_page(
        request.args.get("who", type=row_id) or None, cast(Kind, kind if kind in KINDS else ""),
        request.args.get("before", type=row_id),
    )  # fmt: skip


@moderation.get(f"{PLACE}/reversals")
@staff("is_publisher")
def reverse_form() -> str:
    """Whose acts since when; once chosen, how many of which sort that would be."""
    return ledger_pages.reverse_page(ReverseForm(request.args))


@moderation.post(f"{PLACE}/reversals")
@staff("is_publisher")
@step_up("To take back everything somebody did")
def reverse() -> Answer:
    """Begin to take it back, if it is still as many as the dry run said."""
    form = ReverseForm(request.form)
    try:
        asked = form.asked()
        if asked is None:
            raise DomainError("Please choose whose acts you want to take back.")
        with transaction() as session:
            reversal_id = reversing.reverse(
                session, actor_id=asked[0], since=asked[1], asked_by=current_viewer().id or 0,
                count=request.form.get("count", 0, type=row_id),
            )  # fmt: skip
    except DomainError as refused:
        return ledger_pages.reverse_page(form, refused.sentence), refused.status
    return redirect(f"{PLACE}/reversals/{reversal_id}", 303)


@moderation.get(REVERSAL)
@staff("is_publisher")
def reversal(reversal_id: int) -> str:
    """How far it is, and what it left."""
    return ledger_pages.reversal_page(reversal_id)


@moderation.post(f"{REVERSAL}/undo")
@staff("is_publisher")
@step_up("To undo a reversal")
def undo_reversal(reversal_id: int) -> Answer:
    """Take the reversal itself back."""
    try:
        with transaction() as session:
            new_id = reversing.undo_reversal(session, reversal_id=reversal_id, asked_by=current_viewer().id or 0)
    except DomainError as refused:
        return ledger_pages.reversal_page(reversal_id, refused.sentence), refused.status
    return redirect(f"{PLACE}/reversals/{new_id}", 303)
