"""Signing up, in and out, and the links in our mails. A link is looked at by GET and used by POST only."""

from collections.abc import Sequence

import structlog
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from blueprints.accounts import known_browsers, passkeys, passwords, policy, queries, queries_factors, service, tokens
from blueprints.accounts.forms import AddressForm, ResetForm, SignInForm, SignUpForm
from blueprints.accounts.onward import go_on, go_on_by_get, next_path, with_next
from blueprints.accounts.passkeys import relying_party
from blueprints.accounts.service import FieldProblem, Link
from blueprints.accounts.session import begin_half, end_session, forget_in_browser, start_session
from core.db import transaction
from core.errors import Forbidden, NotFound
from core.guards import public
from core.ids import row_id
from core.limits import account_named, at_most, limiter, person_or_address
from core.network import network_of
from core.rendering import http_error
from core.viewer import current_viewer

log = structlog.get_logger("accounts")
accounts = Blueprint("accounts", __name__)
accounts.add_app_template_global(with_next)

SIGN_UPS = at_most(20, "hour")
SIGN_INS = at_most(60, "hour")
FAILED_SIGN_INS = at_most(10, "15 minute")  # of an account, or of a browser that is known to it
MAILS_ASKED_FOR = at_most(20, "hour")
MAILS_TO_ONE_ADDRESS = at_most(5, "hour")

FAILED_WINDOW_SECONDS = 15 * 60
TOO_MANY = (
    "There were too many tries. Please wait a quarter of an hour, have a link sent to you, or sign in with a passkey, "
    "or on a browser on which you have signed in before."
)
WRONG = "This address and this password do not belong together."
GONE = {"unknown": 404, "expired": 410, "used": 410}


def _account_named() -> str:
    """Whom a limit on passwords counts: the account, however its address is spelt."""
    try:
        return account_named(policy.normal_email(request.form.get("email", "")))
    except ValueError:
        return account_named(request.form.get("email", ""))


def _known_browser() -> str | None:
    try:
        return known_browsers.count_of(policy.normal_email(request.form.get("email", "")))
    except ValueError:
        return None


def _browser_or_account() -> str:
    """Whom a limit on wrong passwords counts: guessing elsewhere must not lock out who signed in here before."""
    return _known_browser() or _account_named()


def _browser_or_address() -> str:
    """Whom a limit on signing in counts: many may share an address."""
    return _known_browser() or person_or_address()


@accounts.errorhandler(429)
def too_many(error: HTTPException) -> ResponseReturnValue:
    """Say at the sign-in page itself that it is too much, and which ways in are left."""
    if request.endpoint != "accounts.start_with_password":
        return http_error(error)
    form = SignInForm()
    form.refuse("password", TOO_MANY)
    answer = make_response(sign_in_page(form), 429)
    answer.headers["Retry-After"] = str(FAILED_WINDOW_SECONDS)
    return answer


@accounts.after_request
def keep_out_of_stores(response: Response) -> Response:
    """These pages hold tokens and addresses: no cache keeps them, no search engine lists them."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@accounts.get("/sign-up")
@public
def sign_up() -> ResponseReturnValue:
    """The form for a new account."""
    if current_viewer().is_signed_in:
        return go_on_by_get(next_path())
    return render_template("accounts/sign_up.html", form=SignUpForm(next=next_path()), next=next_path())


@accounts.post("/sign-up")
@public
@limiter.limit(SIGN_UPS)
def make_account() -> ResponseReturnValue:
    """Make an account and send to the mailbox; the answer is the same for an address that has one already."""
    form = SignUpForm()
    if form.validate():
        hashed = passwords.hash_password(form.typed("password"))
        try:
            with transaction():
                service.sign_up(
                    display_name=form.typed("display_name"), email=form.typed("email"), password_hash=hashed,
                    next_path=next_path(),
                )  # fmt: skip
            return _look_in_your_mail(form.typed("email"))
        except FieldProblem as problem:
            form.refuse(problem.field, problem.sentence)
    elif not form["display_name"].errors:
        email = "" if form["email"].errors else form.typed("email")
        taken = service.name_problem(form.typed("display_name"), email)
        if taken is not None:
            form.refuse("display_name", taken)
    return render_template("accounts/sign_up.html", form=form, next=next_path()), 422


@accounts.get("/sign-up/sent")
@public
def mail_sent() -> ResponseReturnValue:
    """A mail is on its way, if there is anybody to write to."""
    again = session.get("mail_again") or url_for("accounts.resend_confirmation")
    return render_template("accounts/mail_sent.html", email=session.get("mail_to", ""), again=again)


@accounts.get("/sign-in")
@public
def sign_in() -> ResponseReturnValue:
    """The form for signing in; in the demonstration also its people, one press each, even from one to another."""
    if current_viewer().is_signed_in and (next_path() != "/" or not _people_of_the_demo()):
        return go_on_by_get(next_path())
    return sign_in_page(SignInForm(next=next_path()))


@accounts.post("/sign-in")
@public
@limiter.limit(SIGN_INS, key_func=_browser_or_address)
@limiter.limit(FAILED_SIGN_INS, key_func=_browser_or_account, deduct_when=lambda response: response.status_code == 422)
def start_with_password() -> ResponseReturnValue:
    """Sign in with address and password."""
    form = SignInForm()
    if not form.validate():
        return sign_in_page(form), 422
    person = _person_at(form.typed("email"))
    if not passwords.is_password(form.typed("password"), person.password if person else None) or person is None:
        log.info("sign-in refused", user_id=person.id if person else None, network=network_of(request.remote_addr))
        form.refuse("password", WRONG)
        return sign_in_page(form), 422
    if not person.confirmed:
        with transaction():
            service.ask_for_confirmation(email=form.typed("email"), next_path=next_path())
        flash("Your address is not confirmed yet. We have sent you the link again.", "info")
        return _look_in_your_mail(form.typed("email"))
    newer = passwords.renewed(form.typed("password"), person.password or "")
    with transaction():
        if newer:
            service.renew_hash(person.id, old_hash=person.password or "", new_hash=newer)
        return _signed_in(person.id, next_path(), more=person.second_factor)


@accounts.post("/demo/sign-in")
@public
def start_as_demo_person() -> ResponseReturnValue:
    """Become one of the demonstration's people."""
    if current_app.config["PRODUCTION"]:
        raise NotFound
    user_id = request.form.get("user_id", type=row_id) or 0
    if not queries.is_demo(user_id):
        raise Forbidden("Only the people of the demonstration can be signed in without a password.")
    with transaction():
        start_session(user_id)
    return go_on(next_path())


@accounts.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """Sign this browser out."""
    with transaction():
        end_session()
    flash("You are signed out.", "info")
    return forget_in_browser(redirect("/", 303))


@accounts.get("/confirm/<token>")
@public
def look_at_confirmation(token: str) -> ResponseReturnValue:
    """Show what the link would do. Mail scanners open links, so this changes nothing."""
    return _confirmation_page(service.opened_link("confirm", token), token)


@accounts.post("/confirm/<token>")
@public
def confirm(token: str) -> ResponseReturnValue:
    """Use the link: the address is confirmed, this browser signed in, and the reader goes on to what they wanted."""
    with transaction():
        link = service.opened_link("confirm", token, lock=True)
        if link.state == "good":
            service.confirm(link.user_id)
            start_session(link.user_id)
    if link.state == "good" or _is_theirs(link):
        return go_on(link.next)
    return _confirmation_page(link, token)


@accounts.get("/resend-confirmation")
@public
def resend_confirmation() -> ResponseReturnValue:
    """Ask for the confirmation once more."""
    return render_template("accounts/resend.html", form=AddressForm(next=next_path()), next=next_path())


@accounts.post("/resend-confirmation")
@public
@limiter.limit(MAILS_ASKED_FOR)
@limiter.limit(MAILS_TO_ONE_ADDRESS, key_func=_account_named)
def send_confirmation_again() -> ResponseReturnValue:
    """Send the link again, to an address or to whom an expired link was sent."""
    form, target = AddressForm(), next_path()
    link = service.opened_link("confirm", request.form["token"]) if "token" in request.form else None
    if link is not None and link.state == "expired":
        form.email.data, target = link.email, link.next
    if not form.validate():
        return render_template("accounts/resend.html", form=form, next=target), 422
    with transaction():
        service.ask_for_confirmation(email=form.typed("email"), next_path=target)
    return _look_in_your_mail(form.typed("email"))


@accounts.get("/forgot-password")
@public
def forgot_password() -> ResponseReturnValue:
    """Ask for a link to a new password."""
    return render_template("accounts/forgot.html", form=AddressForm(next=next_path()), next=next_path())


@accounts.post("/forgot-password")
@public
@limiter.limit(MAILS_ASKED_FOR)
@limiter.limit(MAILS_TO_ONE_ADDRESS, key_func=_account_named)
def send_reset() -> ResponseReturnValue:
    """Send the link, if the address has an account; the answer does not say."""
    form = AddressForm()
    if not form.validate():
        return render_template("accounts/forgot.html", form=form, next=next_path()), 422
    with transaction():
        service.ask_for_reset(email=form.typed("email"), next_path=next_path())
    return _look_in_your_mail(form.typed("email"), "accounts.forgot_password")


@accounts.get("/reset-password/<token>")
@public
def look_at_reset(token: str) -> ResponseReturnValue:
    """The form for a new password."""
    link = service.opened_link("reset", token)
    return _reset_page(link, ResetForm(link.display_name, link.email))


@accounts.post("/reset-password/<token>")
@public
@limiter.limit(MAILS_ASKED_FOR)
def reset_password(token: str) -> ResponseReturnValue:
    """Set the new password; every other session ends, this browser is signed in."""
    link = service.opened_link("reset", token)
    form = ResetForm(link.display_name, link.email)
    if link.state != "good" or not form.validate():
        return _reset_page(link, form)
    hashed = passwords.hash_password(form.typed("password"))
    with transaction():
        link = service.opened_link("reset", token, lock=True)
        if link.state == "good":
            service.reset_password(link.user_id, hashed)
            answer = _signed_in(link.user_id, link.next, more=queries_factors.factors_of(link.user_id).any)
            flash("Your new password is set. All other browsers are signed out.", "success")
            return answer
    return _reset_page(link, form)


def _signed_in(user_id: int, target: str, *, more: bool) -> ResponseReturnValue:
    """The password was right: sign in and lead on, or ask for the second factor. Inside a transaction."""
    if more:
        begin_half(user_id)
        return redirect(with_next("accounts.second_step", target), 303)
    start_session(user_id)
    return go_on(target)


def _person_at(email: str) -> queries.Credentials | None:
    try:
        return queries.credentials(policy.normal_email(email))
    except ValueError:
        return None


def _look_in_your_mail(email: str, ask_again_at: str = "accounts.resend_confirmation") -> ResponseReturnValue:
    session["mail_to"] = email.strip()
    session["mail_again"] = with_next(ask_again_at, next_path())
    return redirect(url_for("accounts.mail_sent"), 303)


def _people_of_the_demo() -> Sequence[queries.DemoPerson]:
    return [] if current_app.config["PRODUCTION"] else queries.demo_people()


def sign_in_page(form: SignInForm) -> str:
    """The page for signing in, with whom the demonstration offers, and for a passkey where that is possible."""
    party = relying_party(request.host_url)
    return render_template(
        "accounts/sign_in.html", form=form, people=_people_of_the_demo(), next=next_path(),
        options=party and passkeys.asked_to_sign(party, "sign-in"),
    )  # fmt: skip


def _is_theirs(link: Link) -> bool:
    """Whether the link was used already, by the person who is signed in here."""
    return link.state == "used" and link.confirmed and current_viewer().id == link.user_id


def _confirmation_page(link: Link, token: str) -> ResponseReturnValue:
    if _is_theirs(link):
        return go_on_by_get(link.next)
    days = tokens.LIFETIMES["confirm"].days
    page = render_template("accounts/confirm.html", link=link, token=token, days=days)
    return page, GONE.get(link.state, 200)


def _reset_page(link: Link, form: ResetForm) -> ResponseReturnValue:
    if link.state == "good":
        return render_template("accounts/reset.html", form=form, link=link), 422 if form.errors else 200
    return render_template("accounts/reset_gone.html", link=link, form=AddressForm(formdata=None)), GONE[link.state]
