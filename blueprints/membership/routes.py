"""Joining, and the reader's own membership."""

from urllib.parse import urlencode

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response

from blueprints.membership import (
    cards,
    checkout,
    manage,
    queries,
    queries_catalogue,
    queries_entitlements,
    queries_payments,
    queries_subscriptions,
    sync,
)
from blueprints.membership.agreements import Origin
from blueprints.membership.countries import COUNTRIES, country_or_none
from blueprints.membership.gateway import GatewayError, gateway
from blueprints.membership.hooks import words_kept
from blueprints.membership.notices import declare_country
from blueprints.membership.promotions import Promotion, promotion_for
from blueprints.membership.queries_notices import country_of
from blueprints.membership.queries_rises import rises_ahead
from core import clock
from core.config import Settings
from core.db import transaction
from core.errors import DomainError
from core.guards import public, signed_in
from core.limits import at_most, limiter
from core.network import network_of
from core.viewer import current_viewer, forget_viewer

DOWN = "The payment service does not answer at the moment, so nothing was changed. Please try again in a few minutes."
ACCESS_STANDS = " What your membership gives you is not affected."
TOO_OFTEN = "Paying was begun very often just now. Please wait a while: nothing was charged, and your words are kept."
PATIENT_LOOKS = 15  # after these the confirming page looks less often, and says so
QUICK_SECONDS, SLOW_SECONDS = 2, 15

membership = Blueprint("membership", __name__)


@membership.get("/join")
@public
def join() -> Response:
    """The plans, with every term beside its button; a member sees their plan instead."""
    if seats := _wanted("seats"):
        return redirect(url_for("membership.group", price=_wanted("price"), seats=seats), 303)
    return _join_page()


@membership.get("/join/checkout")
@public
def checkout_again() -> Response:
    """A reload or the back button comes here by GET: nothing is bought by looking."""
    if seats := _wanted("seats"):
        return redirect(url_for("membership.group", price=_wanted("price"), seats=seats), 303)
    where = url_for("membership.join", article=_wanted("article"), code=_wanted("code"), country=_wanted("country"))
    return redirect(where, 303)


@membership.post("/join/checkout")
@public
@cards.limits_on_paying(lambda: _join_page(TOO_OFTEN, 429))
def checkout_session() -> Response:
    """Lead on to Stripe's page for the chosen price; a guest signs up first and then lands there by the same POST."""
    viewer, price = current_viewer(), _wanted("price") or ""
    if not viewer.is_signed_in:
        named = {name: value for name in ("article", "code", "seats", "country") if (value := _wanted(name))}
        chosen = {"price": price} | named
        return redirect("/sign-up?" + urlencode({"next": "/join/checkout?" + urlencode(chosen)}), 303)
    try:
        _note_country()
        code, seats = _wanted("code") or "", request.values.get("seats", 1, type=int)
        back = _return_path() if seats == 1 else url_for("membership.seats")
        return redirect(checkout.start_checkout(viewer, price, back, base_url(), _origin(), code, seats), 303)
    except checkout.AlreadyPaid as paid:
        return redirect(url_for("membership.complete", session_id=paid.session_id), 303)
    except DomainError as refusal:
        return _join_page(refusal.sentence, refusal.status, refusal.code)
    except GatewayError as error:
        current_app.logger.warning("checkout failed: %s", error)
        return _join_page(DOWN, 503)


@membership.get("/join/complete")
@signed_in
@limiter.limit(at_most(600, "hour"))
def complete() -> Response:
    """Back from Stripe: go on to the article once the payment is ours, or wait for it in peace."""
    looks = min(request.args.get("looks", 0, type=int), PATIENT_LOOKS + 1)
    try:
        done = checkout.finish_checkout(current_viewer(), request.args.get("session_id", ""))
    except (GatewayError, sync.Busy) as error:
        current_app.logger.warning("payment not confirmed yet: %s", error)
        done = checkout.Completion("waiting", "/")
    if done.state == "ready":
        forget_viewer()
        if _slug_in(done):
            flash("You are a member now. Payments and receipts are under Membership.", "success")
        return redirect(_welcome(done.return_path), 303)
    if done.state != "waiting":
        flash("The payment was not finished, and nothing was charged. Your choice is still open.", "info")
        return redirect(url_for("membership.join", article=_slug_in(done)), 303)
    return _confirming(done, looks)


@membership.get("/account/membership")
@signed_in
def own() -> Response:
    """The plan, its state in plain words, the next payment, what was paid, and how to leave."""
    return own_page()


@membership.route("/account/membership/cancel", methods=["GET", "POST"])
@signed_in
@limiter.limit(at_most(30, "hour"), methods=["POST"])
def cancel() -> Response:
    """Ask once; the second press cancels."""
    if request.method == "GET" or request.form.get("sure") != "yes":
        return own_page(template="membership/cancel.html")
    try:
        ends_at = manage.cancel(user_id(), _origin(request.path))
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503, template="membership/cancel.html")
    forget_viewer()
    flash(manage.cancelled_sentence(ends_at), "success")
    return redirect(url_for("membership.own"), 303)


@membership.post("/account/membership/resume")
@signed_in
@limiter.limit(at_most(30, "hour"))
def resume() -> Response:
    """Take a cancellation back."""
    try:
        terms = manage.resume(user_id(), _origin(request.path))
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)
    flash(" ".join(("You stay a member.", *terms)), "success")
    return redirect(url_for("membership.own"), 303)


@membership.post("/account/membership/card")
@signed_in
@limiter.limit(at_most(30, "hour"))
def card() -> Response:
    """To a fresh page at Stripe, for the card and the invoices."""
    try:
        return redirect(manage.portal(user_id(), base_url() + url_for("membership.back")), 303)
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)


@membership.get("/account/membership/back")
@signed_in
@limiter.limit(at_most(120, "hour"))
def back() -> Response:
    """Back from Stripe's page: what was changed there shows at once, or a little later when Stripe is slow."""
    manage.refresh(user_id())
    return redirect(url_for("membership.own"), 303)


@membership.errorhandler(CSRFError)
def lost_form(_error: CSRFError) -> Response:
    """A price pressed on a page that was open too long: the plans again, with nothing lost."""
    flash("This page was open for a long time, so please press once more.", "info")
    if request.endpoint == "membership.checkout_session":
        return redirect(url_for("membership.join", article=_wanted("article")), 303)
    return redirect(url_for("membership.own"), 303)


def _join_page(problem: str | None = None, status: int = 200, problem_code: str = "") -> Response:
    viewer = current_viewer()
    if not viewer.is_signed_in:
        g.cacheable = True
    now = clock.now()
    words = words_kept()
    state = queries_subscriptions.billing_state(gateway().mode, viewer.id, now) if viewer.id else None
    plans = queries_catalogue.plans_on_offer()
    promotion, code_problem = None, ""
    if code := _wanted("code"):
        promotion, code_problem = promotion_for(code, viewer.id)
    page = render_template(
        "membership/join.html", plans=plans, purchases=_purchases(plans, promotion, viewer.id), promotion=promotion,
        code=_wanted("code") or "", code_problem=code_problem,
        state=state, held=queries_entitlements.plans_held(viewer.id, now) if viewer.id else [], words=words,
        problem=problem,
        unconfirmed=viewer.is_signed_in and not viewer.confirmed, problem_code=problem_code, article=_article(),
        chosen=_wanted("price"), countries=COUNTRIES, country=_country(),
    )  # fmt: skip
    answer = Response(page, status, mimetype="text/html")
    if words or viewer.is_signed_in:
        answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _purchases(
    plans: list[queries_catalogue.PlanView], promotion: Promotion | None, user_id: int | None
) -> dict[str, checkout.Purchase]:
    """What each price would be for this reader, with the code where it fits."""
    first = user_id is None or not queries_payments.has_ever_paid(user_id)
    ahead = rises_ahead(gateway().mode)
    return {
        price.key: checkout.Purchase(
            price, price.trial_days if first else None,
            promotion if promotion and promotion.lowered(price) is not None else None, rise=ahead.get(price.key),
        )
        for plan in plans for price in plan.prices
    }  # fmt: skip


def own_page(problem: str | None = None, status: int = 200, template: str = "membership/own.html") -> Response:
    """The reader's membership as it is now, with what went wrong."""
    page = manage.own_page(user_id())
    if template == "membership/cancel.html" and not page.can_cancel:
        template = "membership/own.html"
    text = render_template(template, page=page, problem=problem, countries=COUNTRIES)
    return Response(text, status, mimetype="text/html")


def _confirming(done: checkout.Completion, looks: int) -> Response:
    patient = looks > PATIENT_LOOKS or done.slow
    following = url_for("membership.complete", session_id=request.args.get("session_id", ""), looks=looks + 1)
    answer = Response(
        render_template("membership/confirming.html", patient=patient, slow=done.slow, following=following),
        mimetype="text/html",
    )
    answer.headers["Refresh"] = f"{SLOW_SECONDS if patient else QUICK_SECONDS}; url={following}"
    return answer


def _wanted(name: str) -> str | None:
    """A word from the form or the address; nothing longer than a slug."""
    value: str = request.values.get(name, "")
    return value if 0 < len(value) <= 120 else None


def _country() -> str | None:
    """Where the visitor says they live: in this request, or before."""
    named = country_or_none(_wanted("country"))
    viewer = current_viewer()
    return named or (country_of(viewer.id) if viewer.id else None)


def _note_country() -> None:
    """Keep where somebody who joins says they live; saying nothing here takes nothing back."""
    if code := country_or_none(_wanted("country")):
        with transaction():
            declare_country(user_id(), code)


def _article() -> queries.ArticleRef | None:
    slug = _wanted("article")
    return queries.article_ref(slug) if slug else None


def _return_path() -> str:
    article = _article()
    return f"/articles/{article.slug}" if article else "/account/membership"


def _slug_in(done: checkout.Completion) -> str | None:
    return done.return_path.removeprefix("/articles/") if done.return_path.startswith("/articles/") else None


def _welcome(return_path: str) -> str:
    return f"{return_path}?welcome=1" + ("#composer" if return_path.startswith("/articles/") else "")


def _origin(page: str = "/join") -> Origin:
    return Origin(page, network_of(request.remote_addr))


def base_url() -> str:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.base_url


def user_id() -> int:
    """The signed-in reader."""
    return current_viewer().id or 0
