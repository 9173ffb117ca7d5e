"""The viewer's keys for programs."""

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import api_keys, queries_keys, service
from blueprints.accounts.forms import KeyForm
from blueprints.accounts.routes import accounts
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import signed_in
from core.limits import at_most, limiter
from core.step_up import step_up
from core.viewer import current_viewer

NEW_KEYS = at_most(30, "hour")  # each sends a mail


@accounts.get("/account/keys")
@signed_in
def keys() -> ResponseReturnValue:
    """The keys there are."""
    return _keys_page(KeyForm(formdata=None))


@accounts.post("/account/keys")
@signed_in
@limiter.limit(NEW_KEYS)
@step_up("To make a key")
def make_key() -> ResponseReturnValue:
    """Make one, and show it in this answer alone."""
    form = KeyForm()
    try:
        with transaction():
            key = api_keys.make_key(current_viewer(), form.typed("key_name"))
    except DomainError as error:
        form.refuse("key_name", error.sentence)
        return _keys_page(form), 422
    return render_template(
        "accounts/key_made.html", key=key, name=form.typed("key_name").strip(),
        site_url=current_app.config["SETTINGS"].base_url,
    )  # fmt: skip


@accounts.post("/account/keys/<int(max=2147483647):key_id>/revoke")
@signed_in
@step_up("To revoke a key")
def revoke_key(key_id: int) -> ResponseReturnValue:
    """End one."""
    try:
        with transaction():
            api_keys.revoke_key(_me(), key_id)
        flash("The key is revoked. Programs that use it read nothing more.", "success")
    except NotFound as error:
        flash(error.sentence, "info")
    return redirect(url_for("accounts.keys"), 303)


def _me() -> int:
    return service.known(current_viewer().id)


def _keys_page(form: KeyForm) -> str:
    rows = queries_keys.of_person(_me())
    return render_template("accounts/keys.html", rows=rows, form=form, most=api_keys.MOST_KEYS)
