"""How the viewer signs in: app, passkeys, recovery codes. Every change asks for a fresh proof first."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import factors, passkeys, queries, queries_factors, service, totp
from blueprints.accounts.factors import WRONG_PASSKEY
from blueprints.accounts.forms import CodeForm, PasskeyForm
from blueprints.accounts.onward import next_path
from blueprints.accounts.passkeys import Refused, relying_party
from blueprints.accounts.proving import PROOFS
from blueprints.accounts.routes import accounts
from blueprints.accounts.session import end_other_sessions, renew_session
from blueprints.site.queries import site
from core.db import transaction
from core.errors import DomainError
from core.guards import signed_in
from core.limits import limiter
from core.step_up import step_up
from core.viewer import current_viewer

PURPOSE = "To change how you sign in"
CHANGED = "Every other browser of yours was signed out."


@accounts.get("/account/security")
@signed_in
def security() -> ResponseReturnValue:
    """What the viewer signs in with."""
    return _security_page(PasskeyForm(formdata=None))


@accounts.post("/account/security/app")
@signed_in
@step_up(PURPOSE)
def begin_app() -> ResponseReturnValue:
    """Begin to set up an authenticator app."""
    try:
        with transaction():
            factors.begin_app(_me())
    except DomainError as error:
        flash(error.sentence, "error")
        return redirect(url_for("accounts.security"), 303)
    return redirect(url_for("accounts.set_up_app", next=next_path()), 303)


@accounts.get("/account/security/app")
@signed_in
@step_up(PURPOSE)
def set_up_app() -> ResponseReturnValue:
    """Show the secret once more as long as no code has confirmed it."""
    return _app_page(CodeForm(formdata=None))


@accounts.post("/account/security/app/confirm")
@signed_in
@limiter.limit(PROOFS)
@step_up(PURPOSE)
def confirm_app() -> ResponseReturnValue:
    """Take the first code."""
    form = CodeForm()
    try:
        with transaction():
            codes = factors.confirm_app(_me(), form.plain)
            _renewed()
    except DomainError as error:
        form.refuse("code", error.sentence)
        return _app_page(form, 422)
    return _done(codes, "Your authenticator app is set up.")


@accounts.post("/account/security/app/remove")
@signed_in
@step_up(PURPOSE)
def remove_app() -> ResponseReturnValue:
    """Do without the app."""
    return _removed(lambda: factors.remove_app(_me()), "Your authenticator app is removed.")


@accounts.post("/account/security/passkeys")
@signed_in
@step_up(PURPOSE)
def add_passkey() -> ResponseReturnValue:
    """Keep a passkey that the browser has just made."""
    form, party = PasskeyForm(), relying_party(request.host_url)
    try:
        if party is None:
            raise DomainError(WRONG_PASSKEY)
        answer = passkeys.read(form.typed("passkey"), "make", _me())
        with transaction():
            codes = factors.add_passkey(_me(), party, answer, form.typed("name"))
            _renewed()
    except (DomainError, Refused) as error:
        form.refuse("name", error.sentence if isinstance(error, DomainError) else WRONG_PASSKEY)
        return _security_page(form), 422
    return _done(codes, "Your passkey is added.")


@accounts.post("/account/security/passkeys/<int(max=2147483647):passkey_id>/remove")
@signed_in
@step_up(PURPOSE)
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    """Do without a passkey."""
    return _removed(lambda: factors.remove_passkey(_me(), passkey_id), "The passkey is removed.")


@accounts.post("/account/security/codes")
@signed_in
@step_up(PURPOSE)
def renew_codes() -> ResponseReturnValue:
    """Make new recovery codes; those before work no longer."""
    try:
        with transaction():
            codes = factors.new_recovery_codes(_me())
    except DomainError as error:
        flash(error.sentence, "error")
        return redirect(url_for("accounts.security"), 303)
    return _done(codes, "Those from before work no longer.")


def _me() -> int:
    return service.known(current_viewer().id)


def _renewed() -> None:
    """This browser has shown the new factor; all others have not."""
    renew_session(second_factor=True)
    end_other_sessions(_me())


def _removed(remove: object, sentence: str) -> ResponseReturnValue:
    assert callable(remove)
    try:
        with transaction():
            remove()
            renew_session()
            end_other_sessions(_me())
        flash(f"{sentence} {CHANGED}", "success")
    except DomainError as error:
        flash(error.sentence, "info")
    return redirect(url_for("accounts.security"), 303)


def _done(codes: tuple[str, ...], sentence: str) -> ResponseReturnValue:
    """Lead on, or show codes: only in this answer, because nobody can read them again."""
    if codes:
        return render_template("accounts/codes.html", codes=codes, sentence=sentence, next=next_path())
    flash(f"{sentence} {CHANGED}", "success")
    return redirect(next_path() if next_path() != "/" else url_for("accounts.security"), 303)


def _app_page(form: CodeForm, status: int = 200) -> ResponseReturnValue:
    secret = factors.secret_in_setup(_me())
    if secret is None:
        return redirect(url_for("accounts.security"), 303)
    address = totp.address(secret, account=current_viewer().email, issuer=site().name)
    page = render_template(
        "accounts/app.html", form=form, secret=totp.grouped(secret), address=address, next=next_path(),
        picture=totp.picture(address),
    )  # fmt: skip
    return page, status


def _security_page(form: PasskeyForm) -> str:
    viewer, party, found = current_viewer(), relying_party(request.host_url), queries_factors.factors_of(_me())
    known = [each.credential_id for each in found.passkeys]
    options = party and passkeys.asked_to_make(
        party, user_id=_me(), email=viewer.email, name=viewer.display_name, paper=site().name, known=known
    )
    return render_template(
        "accounts/security.html", factors=found, form=form, options=options, next=next_path(),
        has_password=queries.password_of(_me()) is not None, is_staff=bool(viewer.roles or viewer.waiting_roles),
        is_required=factors.is_required_of_staff(), most=factors.MOST_PASSKEYS,
    )  # fmt: skip
