"""The second step of signing in, and signing in with a passkey alone."""

import structlog
from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts import factors, passkeys, queries_factors, service
from blueprints.accounts.factors import WRONG_CODE, WRONG_PASSKEY
from blueprints.accounts.forms import CodeForm, PasskeyForm, SignInForm
from blueprints.accounts.onward import go_on, next_path, with_next
from blueprints.accounts.passkeys import Refused, relying_party
from blueprints.accounts.routes import SIGN_INS, accounts, sign_in_page
from blueprints.accounts.session import HALF_KEY, start_session
from core.db import transaction
from core.guards import public
from core.limits import at_most, limiter
from core.network import network_of

log = structlog.get_logger("accounts")
CODES_TRIED = at_most(10, "15 minute")
CODES_TRIED_IN_A_DAY = at_most(60, "day")


def _half() -> str:
    """Whom a limit on codes counts: the account whose password was right."""
    return f"second:{service.opened_link('second', session.get(HALF_KEY, '')).user_id}"


@accounts.get("/sign-in/second")
@public
def second_step() -> ResponseReturnValue:
    """Ask for the second factor of whoever gave the right password."""
    return _second_page(CodeForm(formdata=None))


@accounts.post("/sign-in/second")
@public
@limiter.limit(SIGN_INS)
@limiter.limit(CODES_TRIED, key_func=_half, deduct_when=lambda response: response.status_code == 422)
@limiter.limit(CODES_TRIED_IN_A_DAY, key_func=_half, deduct_when=lambda response: response.status_code == 422)
def take_second_step() -> ResponseReturnValue:
    """Take the second factor: a code, or a passkey's signature."""
    form = CodeForm()
    with transaction():
        link = service.opened_link("second", session.get(HALF_KEY, ""), lock=True)
        good = link.state == "good" and _is_good(link.user_id, form)
        if good:
            start_session(link.user_id, second_factor=True)
    if good:
        return go_on(next_path())
    log.info("second factor refused", user_id=link.user_id or None, network=network_of(request.remote_addr))
    form.refuse("code", WRONG_PASSKEY if form.typed("passkey") else WRONG_CODE)
    return _second_page(form)


@accounts.post("/sign-in/passkey")
@public
@limiter.limit(SIGN_INS)
def start_with_passkey() -> ResponseReturnValue:
    """Sign in with a passkey and nothing else: the device has looked who holds it."""
    form, party, user_id = PasskeyForm(), relying_party(request.host_url), None
    try:
        answer = passkeys.read(form.typed("passkey"), "sign-in")
        with transaction():
            user_id = party and factors.use_passkey(party, answer, user_id=None, verified=True)
            if user_id:
                start_session(user_id, second_factor=True)
    except (Refused, LookupError):
        user_id = None
    if user_id:
        return go_on(next_path())
    refused = SignInForm(formdata=None, next=next_path())
    refused.refuse("email", WRONG_PASSKEY)
    return sign_in_page(refused), 422


def _is_good(user_id: int, form: CodeForm) -> bool:
    party = relying_party(request.host_url)
    if not form.typed("passkey"):
        return factors.use_code(user_id, form.plain)
    try:
        answer = passkeys.read(form.typed("passkey"), "second", user_id)
    except Refused:
        return False
    return party is not None and factors.use_passkey(party, answer, user_id=user_id, verified=False) is not None


def _second_page(form: CodeForm) -> ResponseReturnValue:
    link = service.opened_link("second", session.get(HALF_KEY, ""))
    if link.state != "good":
        session.pop(HALF_KEY, None)
        return redirect(with_next("accounts.sign_in", next_path()), 303)
    found, party = queries_factors.factors_of(link.user_id), relying_party(request.host_url)
    known = [each.credential_id for each in found.passkeys]
    options = passkeys.asked_to_sign(party, "second", user_id=link.user_id, known=known) if party and known else None
    page = render_template(
        "accounts/second.html", form=form, options=options, factors=found, next=next_path(),
        action=url_for("accounts.take_second_step"),
    )  # fmt: skip
    return page, 422 if form.errors else 200
