"""Changing a membership, withdrawing from it, and what was agreed to."""

from datetime import datetime

from flask import current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from blueprints.membership import agreements, manage, switching
from blueprints.membership.agreements import Origin
from blueprints.membership.gateway import GatewayError, gateway
from blueprints.membership.law import LAWS
from blueprints.membership.queries_agreements import agreements_of
from blueprints.membership.queries_notices import notices_of_member
from blueprints.membership.routes import ACCESS_STANDS, DOWN, membership, own_page, user_id
from core import clock
from core.db import transaction
from core.errors import DomainError
from core.guards import public, signed_in
from core.limits import at_most, limiter
from core.network import network_of
from core.rendering import date, date_and_time, moment
from core.viewer import forget_viewer

CONTRACT = "/withdraw/<token>"


@membership.get("/account/membership/switch")
@signed_in
def choose_switch() -> Response:
    """The plans and intervals that a member may change to."""
    page = manage.own_page(user_id())
    offers = switching.options(page.state) if page.state else []
    if not offers:
        return own_page()
    return _page("membership/switch.html", page=page, options=offers)


@membership.get("/account/membership/switch/<price>")
@signed_in
@limiter.limit(at_most(120, "hour"))
def ask_to_switch(price: str) -> Response:
    """One switch, with the exact amount before it is made."""
    return _switch_page(price)


@membership.post("/account/membership/switch/<price>")
@signed_in
@limiter.limit(at_most(30, "hour"))
def switch(price: str) -> Response:
    """Make the switch that was shown."""
    try:
        made = switching.switch(user_id(), price, _shown(), origin())
    except DomainError as refusal:
        return _switch_page(price, refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)
    forget_viewer()
    when = f" from {date(made.starts_at)}" if made.starts_at else ""
    flash(f"You have {made.price.plan_name}{when}.", "success")
    return redirect(url_for("membership.own"), 303)


@membership.post("/account/membership/keep")
@signed_in
@limiter.limit(at_most(30, "hour"))
def keep() -> Response:
    """Drop a change that waits for the end of the period."""
    try:
        switching.keep(user_id())
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)
    flash("Your plan stays as it is.", "success")
    return redirect(url_for("membership.own"), 303)


@membership.post("/account/membership/invoices/<invoice>")
@signed_in
@limiter.limit(at_most(120, "hour"))
def invoice(invoice: str) -> Response:
    """To the invoice and its receipt on Stripe's page. By POST, because each press asks Stripe."""
    try:
        return redirect(manage.invoice_page(user_id(), invoice), 303)
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)


@membership.get("/account/membership/agreements")
@signed_in
def agreed() -> Response:
    """What the reader was shown and agreed to, when and from where; and what the paper told them in time."""
    mode = gateway().mode
    return _page(
        "membership/agreements.html", agreements=agreements_of(user_id()), told=notices_of_member(mode, user_id()),
        laws=LAWS,
    )  # fmt: skip


@membership.get("/account/membership/withdraw")
@signed_in
def own_withdrawal() -> Response:
    """From the account to the page that the mail leads to."""
    state = manage.viewer_billing_state(user_id())
    if state is None:
        return own_page("There is no contract of yours to withdraw from.", 404)
    return redirect(agreements.withdraw_path(gateway().mode, state.subscription, user_id()), 303)


@membership.get(CONTRACT)
@public
@limiter.limit(at_most(120, "hour"))
def ask_to_withdraw(token: str) -> Response:
    """The second step of withdrawing, without signing in: what is withdrawn from, and the button that does it."""
    return _withdrawal_page(token)


@membership.post(CONTRACT)
@public
@limiter.limit(at_most(30, "hour"))
def withdraw(token: str) -> Response:
    """Take the withdrawal: the receipt leaves at once, the money by a job."""
    with transaction():
        agreements.withdraw_from(agreements.contract_named(token), origin())
    return redirect(url_for("membership.ask_to_withdraw", token=token), 303)


def origin() -> Origin:
    """Where this request's button was pressed."""
    page = "/withdraw" if request.path.startswith("/withdraw/") else request.path  # the token is nobody's business
    return Origin(page, network_of(request.remote_addr))


def _switch_page(price: str, problem: str | None = None, status: int = 200) -> Response:
    try:
        offer = switching.offer(user_id(), price)
    except DomainError as refusal:
        return own_page(problem or refusal.sentence, refusal.status)
    except GatewayError as error:
        current_app.logger.warning("no preview of a switch: %s", error)
        return own_page(DOWN + ACCESS_STANDS, 503)
    return _page("membership/switch_confirm.html", status, offer=offer, problem=problem)


def _shown() -> tuple[int, datetime] | None:
    """The amount and its second, as the page had them; None where they are missing or damaged."""
    try:
        return int(request.form["amount"]), moment(request.form["at"])
    except (KeyError, ValueError):
        return None


def _withdrawal_page(token: str) -> Response:
    contract, now = agreements.contract_named(token), clock.now()
    answer = _page(
        "membership/withdraw.html", contract=contract, open=contract.is_open(now),
        withdrawn_at=date_and_time(contract.withdrawal.confirmed_at) if contract.withdrawal else "",
        refund=agreements.refund_sentence(contract.withdrawal) if contract.withdrawal else "",
    )  # fmt: skip
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _page(template: str, status: int = 200, **values: object) -> Response:
    return Response(render_template(template, **values), status, mimetype="text/html")
