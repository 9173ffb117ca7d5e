"""Giving a membership: the form, Stripe's page, the giver's page of it, and the link that takes it."""

from flask import current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from blueprints.membership import (
    cards,
    gifts,
    gifts_checkout,
    gifts_jobs,
    queries_catalogue,
    queries_entitlements,
    queries_gifts,
    sync,
)
from blueprints.membership.agreements import Origin
from blueprints.membership.forms_gifts import AddressForm, GiftForm
from blueprints.membership.gateway import GatewayError, gateway
from blueprints.membership.gifts_checkout import GIFT_TERMS
from blueprints.membership.routes import DOWN, TOO_OFTEN, base_url, membership, user_id
from blueprints.notifications.service import absolute_url
from core import clock
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import public, signed_in
from core.limits import at_most, limiter
from core.network import network_of
from core.viewer import current_viewer, forget_viewer

MAX_ID = 2**31 - 1
GIFT = f"/account/gifts/<int(max={MAX_ID}):gift_id>"
LINK = "/gifts/<token>"


@membership.get("/account/gifts")
@signed_in
def gifts_of_mine() -> Response:
    """What the reader gave, and what they were given."""
    given, rules = queries_gifts.gifts_given(gateway().mode, user_id()), queries_entitlements.ends_of_access()
    return _page("membership/gifts.html", given=given, got=queries_gifts.gifts_got(user_id()),
                 stands=lambda gift: gifts.stands(gift, rules))  # fmt: skip


@membership.get("/account/gifts/new")
@signed_in
def new_gift() -> Response:
    """The form of a gift, with every term above its button."""
    form = GiftForm(formdata=None, from_name=current_viewer().display_name, send_on=clock.now().date())
    return _gift_form(form)


@membership.post("/account/gifts/new")
@signed_in
@cards.limits_on_paying(lambda: _gift_form(GiftForm(), TOO_OFTEN, 429))
def give() -> Response:
    """Lead on to Stripe's page for the gift."""
    form = GiftForm()
    form.offer(queries_catalogue.plans_on_offer())
    wish = form.wish()
    if wish is None:
        return _gift_form(form, status=422)
    try:
        return redirect(gifts_checkout.start_gift(current_viewer(), wish, base_url(), _origin()), 303)
    except gifts_checkout.AlreadyPaid as paid:
        return _paid_meanwhile(paid.gift_id)
    except DomainError as refusal:
        return _gift_form(form, refusal.sentence, refusal.status)
    except GatewayError as error:
        current_app.logger.warning("no checkout for a gift: %s", error)
        return _gift_form(form, DOWN, 503)


@membership.get("/account/gifts/complete")
@signed_in
@limiter.limit(at_most(600, "hour"))
def gift_complete() -> Response:
    """Back from Stripe: to the gift's page, paid or not."""
    try:
        gift = gifts_checkout.finish_gift(current_viewer(), request.args.get("session_id", ""))
    except (GatewayError, sync.Busy) as error:
        current_app.logger.warning("a gift's payment is not confirmed yet: %s", error)
        flash("Stripe has not told us of your payment yet. You will not be charged twice.", "info")
        return redirect(url_for("membership.gifts_of_mine"), 303)
    if gift.paid_at is not None:
        flash("Thank you. Your gift is paid.", "success")
    return redirect(url_for("membership.gift", gift_id=gift.id), 303)


@membership.get(GIFT)
@signed_in
def gift(gift_id: int) -> Response:
    """One gift as its giver sees it."""
    return _gift_page(gift_id)


@membership.post(f"{GIFT}/pay")
@signed_in
@cards.limits_on_paying(lambda: _gift_form(GiftForm(formdata=None), TOO_OFTEN, 429))
def pay_gift(gift_id: int) -> Response:
    """Back to Stripe's page of a gift that is not paid yet."""
    try:
        return redirect(gifts_checkout.go_on_paying(current_viewer(), gift_id), 303)
    except gifts_checkout.AlreadyPaid:
        return _paid_meanwhile(gift_id)
    except DomainError as refusal:
        flash(refusal.sentence, "error")
        return redirect(url_for("membership.gifts_of_mine"), 303)
    except (GatewayError, sync.Busy):
        return _gift_page(gift_id, DOWN, 503)


@membership.post(f"{GIFT}/revoke")
@signed_in
@limiter.limit(at_most(30, "hour"))
def revoke_gift(gift_id: int) -> Response:
    """Take a gift back that nobody has taken; the refund is started."""
    try:
        with transaction():
            gifts.revoke(gateway().mode, user_id(), gift_id)
    except NotFound:
        raise
    except DomainError as refusal:
        return _gift_page(gift_id, refusal.sentence, refusal.status)
    flash("The gift is taken back, and its link opens nothing any more. Your money is on its way.", "success")
    return redirect(url_for("membership.gift", gift_id=gift_id), 303)


@membership.post(f"{GIFT}/address")
@signed_in
@limiter.limit(at_most(10, "day"))
def send_gift(gift_id: int) -> Response:
    """Send a gift to another address, or once more to the same."""
    form = AddressForm()
    address = form.address()
    if address is None:
        return _gift_page(gift_id, status=422, form=form)
    try:
        with transaction():
            gifts.send_elsewhere(gateway().mode, user_id(), gift_id, address)
    except NotFound:
        raise
    except DomainError as refusal:
        return _gift_page(gift_id, refusal.sentence, refusal.status)
    flash(f"The gift goes to {address}. A link that was sent before opens nothing any more.", "success")
    return redirect(url_for("membership.gift", gift_id=gift_id), 303)


@membership.post(f"{GIFT}/receipt")
@signed_in
@limiter.limit(at_most(60, "hour"))
def gift_receipt(gift_id: int) -> Response:
    """To the receipt on Stripe's page."""
    try:
        return redirect(gifts_checkout.receipt_page(gateway().mode, user_id(), gift_id), 303)
    except GatewayError:
        return _gift_page(gift_id, DOWN, 503)


@membership.get(LINK)
@public
@limiter.limit(at_most(120, "hour"))
def ask_to_redeem(token: str) -> Response:
    """What is given, by whom, and the button that takes it: looking takes nothing."""
    return _redeem_page(token)


@membership.post(LINK)
@signed_in
@limiter.limit(at_most(30, "hour"))
def redeem(token: str) -> Response:
    """Take a gift."""
    try:
        with transaction():
            taken = gifts.redeem(current_viewer(), token, _origin())
    except NotFound:
        raise
    except DomainError as refusal:
        return _redeem_page(token, refusal.sentence, refusal.status)
    try:
        gifts_jobs.stop_renewal(taken.id)
    except GatewayError as error:  # its job tries again
        current_app.logger.warning("a renewal is not stopped yet: %s", error)
    forget_viewer()
    flash(f"{taken.plan_name} is yours. Enjoy it.", "success")
    return redirect(url_for("membership.own"), 303)


def _origin() -> Origin:
    page = "/gifts" if request.path.startswith("/gifts/") else request.path  # the link is nobody's business
    return Origin(page, network_of(request.remote_addr))


def _gift_form(form: GiftForm, problem: str | None = None, status: int = 200) -> Response:
    form.offer(queries_catalogue.plans_on_offer())
    return _page("membership/gift_new.html", status, form=form, problem=problem, terms=GIFT_TERMS,
                 confirmed=current_viewer().confirmed)  # fmt: skip


def _gift_page(
    gift_id: int, problem: str | None = None, status: int = 200, form: AddressForm | None = None
) -> Response:
    found = queries_gifts.gift_of(gateway().mode, user_id(), gift_id)
    if found is None:
        raise NotFound("There is no such gift of yours.")
    link = absolute_url(gifts.path_of(found.id, found.link_number))
    return _page("membership/gift.html", status, gift=found, stands=gifts.stands(found), link=link, problem=problem,
                 form=form or AddressForm(formdata=None, to_email=found.to_email), today=clock.now())  # fmt: skip


def _redeem_page(token: str, problem: str | None = None, status: int = 200) -> Response:
    found, viewer = gifts.gift_named(token), current_viewer()
    refusal = gifts.problem_of(found, viewer.id)
    begins = gifts.beginning(viewer.id, found) if viewer.id is not None and not refusal else None
    answer = _page("membership/gift_take.html", status, gift=found, refusal=refusal, begins=begins, problem=problem,
                   here=request.path)  # fmt: skip
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _paid_meanwhile(gift_id: int) -> Response:
    try:
        gifts_checkout.refresh_gifts(current_viewer())
    except (GatewayError, sync.Busy) as error:
        current_app.logger.warning("a gift's payment is not fetched yet: %s", error)
    flash("This gift is paid already.", "info")
    return redirect(url_for("membership.gift", gift_id=gift_id), 303)


def _page(template: str, status: int = 200, **values: object) -> Response:
    return Response(render_template(template, **values), status, mimetype="text/html")
