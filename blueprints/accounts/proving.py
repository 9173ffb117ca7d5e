"""Showing once more that the account is one's own: the page that asks, and the check (core/step_up.py)."""

import structlog
from flask import Response, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.accounts import factors, passkeys, passwords, queries, queries_factors
from blueprints.accounts.factors import WRONG_CODE, WRONG_PASSKEY
from blueprints.accounts.forms import ProofForm
from blueprints.accounts.onward import with_next
from blueprints.accounts.service import known
from blueprints.accounts.session import renew_session
from core.db import transaction
from core.guards import referring_path
from core.limits import at_most, limiter
from core.records import dataclass
from core.rendering import is_fetch
from core.step_up import PROOF_LASTS
from core.viewer import current_viewer

PROOFS = at_most(20, "hour")
PROOF_FIELDS = ("proof_password", "proof_code", "proof_passkey", "proof_press")
log = structlog.get_logger("accounts")
WRONG_PASSWORD = "This is not your password."  # noqa: S105 -- a sentence
ASKED_OF_A_SCRIPT = "Please show once more that it is you."


@dataclass(frozen=True, slots=True)
class Means:
    """By what a person can prove themselves."""

    password: bool
    press: bool  # the demonstration's people, who have no secrets
    code: bool = False
    passkey: str | None = None  # what a passkey is asked to sign, as JSON


def ask_for_proof(purpose: str) -> ResponseReturnValue | None:
    """What `step_up` does without a fresh proof: None when this very request brought one, else what is answered."""
    if request.method in {"GET", "HEAD"}:
        return redirect(with_next("accounts.prove", request.full_path.rstrip("?")), 303)
    if is_fetch():
        page = with_next("accounts.prove", referring_path() or "/")
        return Response(ASKED_OF_A_SCRIPT, 403, {"X-Step-Up": page}, mimetype="text/plain")
    form = ProofForm()
    if not any(name in request.form for name in PROOF_FIELDS):
        return proof_page(ProofForm(formdata=None), purpose, carried=True), 403
    return None if take_proof(form) else (proof_page(form, purpose, carried=True), 422)


@limiter.limit(PROOFS)
def take_proof(form: ProofForm) -> bool:
    """Check what the form brings. If it holds, this browser has a fresh proof and another key; else it says why."""
    user_id = known(current_viewer().id)
    has_factor = queries_factors.factors_of(user_id).any
    if is_pressed := bool(form.proof_press.data) and _is_of_the_demo(user_id):
        has_factor = False
    elif not has_factor and not passwords.is_password(form.typed("proof_password"), queries.password_of(user_id)):
        form.refuse("proof_password", WRONG_PASSWORD)
        log.info("proof refused", user_id=user_id, second_factor=False)
        return False
    with transaction():
        if has_factor and not _is_factor(user_id, form):
            form.refuse("proof_code", WRONG_PASSKEY if form.typed("proof_passkey") else WRONG_CODE)
            log.info("proof refused", user_id=user_id, second_factor=True)
            return False
        renew_session(second_factor=has_factor and not is_pressed)
    log.info("proof given", user_id=user_id, second_factor=has_factor)
    return True


def means_now() -> Means:
    """By what the viewer can prove themselves: by a second factor where there is one, else by the password."""
    user_id = known(current_viewer().id)
    found, party = queries_factors.factors_of(user_id), passkeys.relying_party(request.host_url)
    keys = [each.credential_id for each in found.passkeys]
    return Means(
        password=not found.any and queries.password_of(user_id) is not None, press=_is_of_the_demo(user_id),
        code=found.any,
        passkey=passkeys.asked_to_sign(party, "prove", user_id=user_id, known=keys) if party and keys else None,
    )  # fmt: skip


def _is_of_the_demo(user_id: int) -> bool:
    return not current_app.config["PRODUCTION"] and queries.is_demo(user_id)


def _is_factor(user_id: int, form: ProofForm) -> bool:
    if not form.typed("proof_passkey"):
        return factors.use_code(user_id, form.typed("proof_code"))
    party = passkeys.relying_party(request.host_url)
    try:
        answer = passkeys.read(form.typed("proof_passkey"), "prove", user_id)
    except passkeys.Refused:
        return False
    return party is not None and factors.use_passkey(party, answer, user_id=user_id, verified=False) is not None


def proof_page(form: ProofForm, purpose: str, *, carried: bool) -> str:
    """The page that asks. `carried` keeps what the form that led here had typed in it, and sends it on."""
    fields = request.form.items(multi=True) if carried else ()
    return render_template(
        "accounts/prove.html", form=form, purpose=purpose, means=means_now(),
        minutes=int(PROOF_LASTS.total_seconds() // 60), action=request.full_path.rstrip("?") if carried else None,
        kept=[pair for pair in fields if pair[0] not in {*PROOF_FIELDS, "csrf_token"}],
    )  # fmt: skip
