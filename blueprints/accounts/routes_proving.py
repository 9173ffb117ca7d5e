"""The page that asks once more whose account it is, and the list of browsers that are signed in."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import queries_sessions, service
from blueprints.accounts.forms import ProofForm
from blueprints.accounts.onward import go_on_by_get, next_path
from blueprints.accounts.proving import proof_page, take_proof
from blueprints.accounts.routes import accounts
from core import clock
from core.db import transaction
from core.errors import NotFound
from core.guards import signed_in
from core.step_up import step_up
from core.viewer import current_viewer

PURPOSE = "To go on"


@accounts.get("/account/prove")
@signed_in
def prove() -> ResponseReturnValue:
    """Ask for a fresh proof."""
    return proof_page(ProofForm(formdata=None, next=next_path()), PURPOSE, carried=False)


@accounts.post("/account/prove")
@signed_in
def take() -> ResponseReturnValue:
    """Take it, and go on to where it was asked for."""
    form = ProofForm()
    if not take_proof(form):
        return proof_page(form, PURPOSE, carried=False), 422
    return go_on_by_get(next_path())


@accounts.get("/account/browsers")
@signed_in
def browsers() -> ResponseReturnValue:
    """Where the viewer is signed in."""
    viewer = current_viewer()
    rows = queries_sessions.of_person(viewer.id or 0, clock.now())
    return render_template("accounts/browsers.html", rows=rows, this=viewer.session_id)


@accounts.post("/account/browsers/<int(max=2147483647):session_id>/end")
@signed_in
@step_up("To sign a browser out")
def end_browser(session_id: int) -> ResponseReturnValue:
    """Sign one browser out."""
    viewer = current_viewer()
    try:
        with transaction():
            service.end_one_session(viewer.id or 0, session_id)
        flash("That browser is signed out.", "success")
    except NotFound as error:
        flash(error.sentence, "info")
    return redirect(url_for("accounts.browsers"), 303)
