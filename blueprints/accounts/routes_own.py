"""The reader's own account: overview, settings, leaving."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import hooks, passwords, queries, queries_factors, queries_personal, service
from blueprints.accounts.forms import EmailForm, NameForm, PageForm, PasswordForm
from blueprints.accounts.routes import GONE, accounts
from blueprints.accounts.service import FieldProblem
from blueprints.accounts.session import end_session, forget_in_browser, start_again
from core.db import transaction
from core.guards import public, signed_in
from core.limits import at_most, limiter
from core.step_up import is_proved, step_up
from core.viewer import Viewer, current_viewer

NAME_CHANGES = at_most(10, "day")
PAGE_CHANGES = at_most(20, "hour")  # each makes the pages of all one's threads anew
PASSWORD_CHECKS = at_most(20, "hour")
WRONG_PASSWORD = "This is not your password."  # noqa: S105 -- a sentence


def has_second_factor(viewer: Viewer) -> bool:
    """Whether the password alone is less than this person signs in with."""
    return queries_factors.factors_of(service.known(viewer.id)).any


@accounts.get("/account")
@signed_in
def overview() -> ResponseReturnValue:
    """Who the reader is here, and where everything else is."""
    viewer = current_viewer()
    return render_template(
        "accounts/overview.html", joined_at=queries.joined_at(_me()), restrictions=hooks.restrictions_of(viewer),
        membership_line=hooks.membership_line(viewer), erasure=queries_personal.erasure_of(_me()),
    )  # fmt: skip


@accounts.get("/account/settings")
@signed_in
def settings() -> ResponseReturnValue:
    """Name, address, password, sessions."""
    return _settings_page()


@accounts.post("/account/settings/name")
@signed_in
@limiter.limit(NAME_CHANGES)
def change_name() -> ResponseReturnValue:
    """Take another display name."""
    form = NameForm()
    try:
        with transaction():
            service.change_name(_me(), form.typed("display_name"))
    except FieldProblem as problem:
        form.refuse(problem.field, problem.sentence)
        return _settings_page(name=form), 422
    flash("Your name is changed.", "success")
    return redirect(url_for("accounts.settings"), 303)


@accounts.post("/account/settings/page")
@signed_in
@limiter.limit(PAGE_CHANGES)
def open_page() -> ResponseReturnValue:
    """Let others see the list of one's comments, or no longer."""
    to_others = bool(PageForm().page_is_open.data)
    with transaction():
        service.open_page(_me(), to_others=to_others)
    flash("Others can see your page now." if to_others else "Only you and the moderators see your page now.", "success")
    return redirect(url_for("accounts.settings"), 303)


@accounts.post("/account/settings/email")
@signed_in
@limiter.limit(PASSWORD_CHECKS)
@step_up("To change your e-mail address", only_of=has_second_factor)
def change_email() -> ResponseReturnValue:
    """Ask the new address for its consent."""
    form = EmailForm()
    if form.validate() and not passwords.is_password(form.typed("email_password"), queries.password_of(_me())):
        form.refuse("email_password", WRONG_PASSWORD)
    if form.errors:
        return _settings_page(email=form), 422
    try:
        with transaction():
            service.ask_for_new_email(_me(), form.typed("new_email"))
    except FieldProblem as problem:
        form.refuse("new_email", problem.sentence)
        return _settings_page(email=form), 422
    new = form.typed("new_email").strip()
    flash(f"We have sent a link to {new}. Your address changes when you use it.", "info")
    return redirect(url_for("accounts.settings"), 303)


@accounts.post("/account/settings/password")
@signed_in
@limiter.limit(PASSWORD_CHECKS)
@step_up("To change your password", only_of=has_second_factor)
def change_password() -> ResponseReturnValue:
    """Set another password. All other browsers are signed out, this one is not."""
    viewer = current_viewer()
    form = PasswordForm(viewer.display_name, viewer.email)
    old = queries.password_of(_me())
    if form.validate() and not passwords.is_password(form.typed("current_password"), old):
        form.refuse("current_password", WRONG_PASSWORD)
    if form.errors:
        return _settings_page(password=form), 422
    hashed = passwords.hash_password(form.typed("new_password"))
    with transaction():
        service.change_password(_me(), old_hash=old or "", new_hash=hashed)
        start_again(_me())
    flash("Your password is changed. All other browsers are signed out.", "success")
    return redirect(url_for("accounts.settings"), 303)


@accounts.post("/account/settings/sessions")
@signed_in
def sign_out_everywhere() -> ResponseReturnValue:
    """End every session, this one too."""
    with transaction():
        service.end_all_sessions(_me())
        end_session()
    flash("You are signed out everywhere.", "success")
    return forget_in_browser(redirect(url_for("accounts.sign_in"), 303))


@accounts.get("/account/email/<token>")
@public
def look_at_new_email(token: str) -> ResponseReturnValue:
    """Show what the link would do; it changes nothing yet."""
    link = service.opened_link("email", token)
    return render_template("accounts/new_email.html", link=link, token=token), GONE.get(link.state, 200)


@accounts.post("/account/email/<token>")
@public
def take_new_email(token: str) -> ResponseReturnValue:
    """Use the link: the account has the new address."""
    with transaction():
        link = service.opened_link("email", token, lock=True)
        if link.state == "good":
            service.take_new_email(link.user_id, link.email)
    if link.state != "good":
        return render_template("accounts/new_email.html", link=link, token=token), GONE[link.state]
    flash(f"Your address is {link.email} now.", "success")
    return redirect(url_for("accounts.settings"), 303)


def _me() -> int:
    user_id = current_viewer().id
    assert user_id is not None  # every route here that asks is for signed-in people
    return user_id


def _settings_page(
    *, name: NameForm | None = None, email: EmailForm | None = None, password: PasswordForm | None = None
) -> str:
    viewer: Viewer = current_viewer()
    return render_template(
        "accounts/settings.html",
        name=name or NameForm(formdata=None, display_name=viewer.display_name),
        page=PageForm(formdata=None, page_is_open=queries.page_is_open(_me())),
        own_page=f"/readers/{viewer.id}",
        email=email or EmailForm(formdata=None),
        password=password or PasswordForm(viewer.display_name, viewer.email, formdata=None),
        has_password=queries.password_of(_me()) is not None,
        asks_for_factor=not is_proved(viewer) and has_second_factor(viewer),
        parts=[part(viewer) for part in hooks.settings_parts],
    )

