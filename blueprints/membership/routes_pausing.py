"""Pausing a membership, and going on before the pause is over."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from blueprints.membership import pausing
from blueprints.membership.gateway import GatewayError
from blueprints.membership.routes import ACCESS_STANDS, DOWN, membership, own_page, user_id
from blueprints.membership.routes_changes import origin
from core.errors import DomainError
from core.guards import signed_in
from core.limits import at_most, limiter
from core.rendering import date
from core.viewer import forget_viewer

GO_ON = "/account/membership/go-on"


@membership.post("/account/membership/pause")
@signed_in
@limiter.limit(at_most(30, "hour"))
def pause() -> Response:
    """Take what is offered beside "Cancel now"."""
    try:
        made = pausing.pause(user_id(), request.form.get("months", 0, type=int), origin())
    except DomainError as refusal:
        return own_page(refusal.sentence, refusal.status, template="membership/cancel.html")
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503, template="membership/cancel.html")
    forget_viewer()
    flash(f"Your membership pauses from {date(made.starts_at)} until {date(made.ends_at)}.", "success")
    return redirect(url_for("membership.own"), 303)


@membership.get(GO_ON)
@signed_in
@limiter.limit(at_most(120, "hour"))
def ask_to_go_on() -> Response:
    """What going on now would cost."""
    return _page()


@membership.post(GO_ON)
@signed_in
@limiter.limit(at_most(30, "hour"))
def go_on() -> Response:
    """End the pause now."""
    try:
        pausing.go_on(user_id(), request.form.get("amount", type=int), origin())
    except DomainError as refusal:
        return _page(refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)
    forget_viewer()
    flash("Your membership goes on.", "success")
    return redirect(url_for("membership.own"), 303)


def _page(problem: str | None = None, status: int = 200) -> Response:
    try:
        offer = pausing.going_on(user_id())
    except DomainError as refusal:
        return own_page(problem or refusal.sentence, refusal.status)
    except GatewayError:
        return own_page(DOWN + ACCESS_STANDS, 503)
    page = render_template("membership/go_on.html", offer=offer, problem=problem)
    return Response(page, status, mimetype="text/html")
