"""The reader's own data: a copy of it, and its end."""

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import copying, hooks, leaving, passwords, queries, queries_personal, service
from blueprints.accounts.forms import DeleteForm
from blueprints.accounts.proving import WRONG_PASSWORD
from blueprints.accounts.routes import accounts
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import signed_in
from core.limits import at_most, limiter
from core.rendering import date
from core.step_up import step_up
from core.viewer import current_viewer

PASSWORD_CHECKS = at_most(20, "hour")
COPIES = at_most(5, "day")
PURPOSE = "To have a copy of your data"


@accounts.get("/account/data")
@signed_in
def data() -> ResponseReturnValue:
    """Copies that were asked for, and how far they are."""
    return render_template("accounts/data.html", copies=copying.copies_of(_me()), days=copying.COPY_KEPT.days)


@accounts.post("/account/data")
@signed_in
@limiter.limit(COPIES)
@step_up(PURPOSE)
def ask_for_copy() -> ResponseReturnValue:
    """Have a copy made."""
    try:
        with transaction():
            copying.ask(_me())
        flash("Your copy is being made.", "success")
    except DomainError as error:
        flash(error.sentence, "info")
    return redirect(url_for("accounts.data"), 303)


@accounts.get("/account/data/<int(max=2147483647):copy_id>")
@signed_in
@step_up(PURPOSE)
def take_copy(copy_id: int) -> ResponseReturnValue:
    """The archive itself: only its owner's, and not for long."""
    row = queries_personal.copy(copy_id, user_id=_me())
    archive = queries_personal.archive(copy_id) if row is not None and copying.standing(row) == "ready" else None
    if archive is None:
        raise NotFound("This copy is not there any more. You can have another one made.")
    as_file = {"Content-Disposition": f'attachment; filename="my-data-{copy_id}.zip"'}
    return Response(archive, mimetype="application/zip", headers=as_file)


@accounts.get("/account/delete")
@signed_in
def leave() -> ResponseReturnValue:
    """Explain what happens when an account ends, or when it will."""
    return _leave_page(DeleteForm())


@accounts.post("/account/delete")
@signed_in
@limiter.limit(PASSWORD_CHECKS)
def delete_account() -> ResponseReturnValue:
    """Have the account end in a week."""
    form = DeleteForm()
    if form.validate() and not passwords.is_password(form.typed("password"), queries.password_of(_me())):
        form.refuse("password", WRONG_PASSWORD)
    if form.errors:
        return _leave_page(form), 422
    try:
        with transaction():
            row = leaving.ask(_me(), keep_words=form.words.data == "keep")
    except DomainError as error:
        form.refuse("words", error.sentence)
        return _leave_page(form), 422
    flash(f"Your account ends on {date(row.due_at)}. Until then you can change your mind.", "success")
    return redirect(url_for("accounts.leave"), 303)


@accounts.post("/account/delete/take-back")
@signed_in
def keep_account() -> ResponseReturnValue:
    """Keep it after all."""
    try:
        with transaction():
            leaving.take_back(_me())
    except NotFound as error:
        flash(error.sentence, "info")
        return redirect(url_for("accounts.overview"), 303)
    stopped = hooks.what_stopped(_me())
    flash(f"Your account stays. {stopped.sentence}" if stopped else "Your account stays.", "success")
    return redirect(stopped.url if stopped else url_for("accounts.overview"), 303)


def _me() -> int:
    return service.known(current_viewer().id)


def _leave_page(form: DeleteForm) -> str:
    return render_template(
        "accounts/delete.html", form=form, has_password=queries.password_of(_me()) is not None,
        erasure=queries_personal.erasure_of(_me()), days=leaving.TIME_TO_CHANGE_ONES_MIND.days,
    )  # fmt: skip
