"""A membership for a group: choosing how many seats, who sits on them, and changing their number."""

from datetime import datetime

from flask import current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from blueprints.accounts.policy import normal_email
from blueprints.membership import checkout, manage, queries_catalogue, seats, seats_change, switching
from blueprints.membership.gateway import GatewayError
from blueprints.membership.routes import ACCESS_STANDS, DOWN, membership, own_page, user_id
from blueprints.membership.routes_changes import origin
from blueprints.notifications.service import absolute_url
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import public, signed_in
from core.limits import at_most, limiter
from core.rendering import moment
from core.viewer import current_viewer, forget_viewer

MAX_ID = 2**31 - 1
OWN = "/account/membership/seats"
SEAT = "/seats/<token>"


@membership.get("/join/group")
@public
def group() -> Response:
    """Choose a price and a number of seats; with both, the total and every term above the button."""
    plans = queries_catalogue.plans_on_offer()
    price = queries_catalogue.price_on_offer(request.args.get("price", ""))
    wanted, problem, purchase = request.args.get("seats", 5, type=int), "", None
    if price is not None:
        try:
            if wanted < 2:
                raise DomainError(f"A group has 2 to {checkout.MOST_SEATS} seats.")
            purchase = checkout.purchase_of(price, "", current_viewer().id, wanted)
        except DomainError as refusal:
            problem = refusal.sentence
    return _page("membership/group.html", 422 if problem else 200, plans=plans, price=price, seats=wanted,
                 problem=problem, purchase=purchase, most=checkout.MOST_SEATS)  # fmt: skip


@membership.get(OWN, endpoint="seats")
@signed_in
def own_group() -> Response:
    """The seats of the reader's group, who sits on them, and what can be done."""
    return _group_page()


@membership.post(f"{OWN}/invite")
@signed_in
@limiter.limit(at_most(60, "hour"))
def invite() -> Response:
    """Keep a seat for an address, and write to it."""
    try:
        address = normal_email(request.form.get("email", ""))
    except ValueError as error:
        return _group_page(str(error), 422)
    try:
        with transaction():
            seats.invite(user_id(), address)
    except DomainError as refusal:
        return _group_page(refusal.sentence, refusal.status)
    flash(f"A seat is kept for {address}. They have mail.", "success")
    return redirect(url_for("membership.seats"), 303)


@membership.post(f"{OWN}/<int(max={MAX_ID}):seat_id>/remove")
@signed_in
@limiter.limit(at_most(120, "hour"))
def remove_seat(seat_id: int) -> Response:
    """Free a seat; what it gave ends at once."""
    with transaction():
        sat = seats.remove(user_id(), seat_id)
    flash(
        "The seat is free again. The group has a new link; the one before, which they may have, opens nothing any more."
        if sat else "The seat is free again.", "success",
    )  # fmt: skip
    return redirect(url_for("membership.seats"), 303)


@membership.post(f"{OWN}/link")
@signed_in
@limiter.limit(at_most(30, "hour"))
def change_seat_link() -> Response:
    """Make the group's link a new one."""
    with transaction():
        seats.change_link(user_id())
    flash("The group has a new link. The one before opens nothing any more.", "success")
    return redirect(url_for("membership.seats"), 303)


@membership.get(f"{OWN}/change")
@signed_in
@limiter.limit(at_most(120, "hour"))
def ask_to_change_seats() -> Response:
    """Another number of seats, with the exact amount before it is made."""
    return _change_page(request.args.get("seats", 0, type=int))


@membership.post(f"{OWN}/change")
@signed_in
@limiter.limit(at_most(30, "hour"))
def change_seats() -> Response:
    """Make the change that was shown."""
    wanted = request.form.get("seats", 0, type=int)
    try:
        made = seats_change.change(user_id(), wanted, _shown(), origin())
    except DomainError as refusal:
        return _change_page(wanted, refusal.sentence, refusal.status)
    except GatewayError:
        return _group_page(DOWN + ACCESS_STANDS, 503)
    waits = "The change waits for the end of the period."
    flash(waits if made.starts_at else f"You have {made.seats} seats.", "success")
    return redirect(url_for("membership.seats"), 303)


@membership.post(f"/account/membership/seat/<int(max={MAX_ID}):seat_id>/leave")
@signed_in
def leave_seat(seat_id: int) -> Response:
    """Give up one's own seat."""
    with transaction():
        seats.leave(user_id(), seat_id)
    forget_viewer()
    flash("You have given up your seat.", "success")
    return redirect(url_for("membership.own"), 303)


@membership.get(SEAT)
@public
@limiter.limit(at_most(120, "hour"))
def ask_to_take_seat(token: str) -> Response:
    """Which group offers a seat, and the button that takes it: looking takes nothing."""
    return _take_page(token)


@membership.post(SEAT)
@signed_in
@limiter.limit(at_most(30, "hour"))
def take_seat(token: str) -> Response:
    """Sit down."""
    try:
        with transaction():
            taken = seats.take(current_viewer(), token)
    except NotFound:
        raise
    except DomainError as refusal:
        return _take_page(token, refusal.sentence, refusal.status)
    forget_viewer()
    flash(f"Welcome to the group of {taken.owner}. {taken.plan_name} is yours.", "success")
    return redirect(url_for("membership.own"), 303)


def _group_page(problem: str | None = None, status: int = 200) -> Response:
    page, found = manage.own_page(user_id()), seats.group_of(user_id())
    if found is None or page.state is None:
        return own_page(problem, status) if problem else redirect(url_for("membership.group"), 303)
    return _page("membership/seats.html", status, group=found, state=page.state, problem=problem,
                 link=absolute_url(found.link), email=request.form.get("email", "") if problem else "",
                 most=checkout.MOST_SEATS, why_fixed=switching.why_fixed(page.state))  # fmt: skip


def _change_page(wanted: int, problem: str | None = None, status: int = 200) -> Response:
    try:
        offer = seats_change.offer(user_id(), wanted)
    except DomainError as refusal:
        return _group_page(problem or refusal.sentence, refusal.status)
    except GatewayError as error:
        current_app.logger.warning("no preview of seats: %s", error)
        return _group_page(DOWN + ACCESS_STANDS, 503)
    return _page("membership/seats_change.html", status, offer=offer, problem=problem)


def _take_page(token: str, problem: str | None = None, status: int = 200) -> Response:
    viewer = current_viewer()
    offer = seats.offer_named(token, viewer.id)
    pays = manage.viewer_billing_state(viewer.id) if viewer.id else None
    answer = _page("membership/seat_take.html", status, offer=offer, problem=problem, here=request.path, pays=pays)
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _shown() -> tuple[int, datetime] | None:
    try:
        return int(request.form["amount"]), moment(request.form["at"])
    except (KeyError, ValueError):
        return None


def _page(template: str, status: int = 200, **values: object) -> Response:
    return Response(render_template(template, **values), status, mimetype="text/html")
