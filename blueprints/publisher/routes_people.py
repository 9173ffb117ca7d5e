"""People as the publisher sees them: finding them, their roles, what they are given."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.membership.gateway import gateway
from blueprints.membership.queries_payments import payments_of
from blueprints.publisher import queries_given, queries_people, queries_plans, service
from blueprints.publisher.forms import GiftForm, RolesForm
from blueprints.publisher.routes import NUMBER, publisher
from blueprints.site.queries import site
from core import clock
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import staff
from core.step_up import step_up
from core.text import remove_controls
from core.viewer import current_viewer

LONGEST_SEARCH = 100
VIEWS = ("", "staff", "members")


@publisher.get("/publisher/people")
@staff("is_publisher")
def people() -> ResponseReturnValue:
    """Everybody, or those of a name or address, a page at a time."""
    wanted = remove_controls(request.args.get("q", "")[:LONGEST_SEARCH]).strip()
    which = request.args.get("show", "") if request.args.get("show", "") in VIEWS else ""
    after = remove_controls(request.args.get("after", ""))
    result = queries_people.people_page(clock.now(), wanted=wanted, which=which, after=after)
    return render_template("publisher/people.html", result=result, wanted=wanted, which=which, after=after)


@publisher.get(f"/publisher/people/<{NUMBER}:person_id>")
@staff("is_publisher")
def person(person_id: int) -> ResponseReturnValue:
    """One person: roles, memberships, payments."""
    return _person_page(person_id)


@publisher.post(f"/publisher/people/<{NUMBER}:person_id>/roles")
@staff("is_publisher")
@step_up("To change what somebody may do here")
def save_roles(person_id: int) -> ResponseReturnValue:
    """Give and take roles."""
    form = RolesForm()
    actor_id = current_viewer().id or 0
    try:
        if form.section_ids.process_errors:
            raise DomainError(service.NO_SECTION)
        with transaction():
            service.set_roles(
                actor_id, person_id, roles=frozenset(form.roles.data or ()),
                section_ids=frozenset(form.section_ids.data or ()), seen=form.seen.data,
            )  # fmt: skip
    except NotFound:
        raise
    except DomainError as error:
        return _person_page(person_id, roles=form, error=error), 422
    flash("The roles are saved. They count from the person's next click.", "success")
    return redirect(url_for("publisher.person", person_id=person_id), 303)


@publisher.post(f"/publisher/people/<{NUMBER}:person_id>/membership")
@staff("is_publisher")
def give_membership(person_id: int) -> ResponseReturnValue:
    """Give a plan without payment."""
    form = GiftForm()
    if not form.last_day_is_readable():
        return _person_page(person_id, gift=form), 422
    try:
        with transaction():
            service.give_membership(person_id, form.plan.data or "", form.last_day.data)
    except NotFound:
        raise
    except DomainError as error:
        return _person_page(person_id, gift=form, error=error), 422
    flash("The membership is given.", "success")
    return redirect(url_for("publisher.person", person_id=person_id, _anchor="membership"), 303)


@publisher.post(f"/publisher/people/<{NUMBER}:person_id>/membership/<{NUMBER}:entitlement_id>/withdraw")
@staff("is_publisher")
def withdraw_membership(person_id: int, entitlement_id: int) -> ResponseReturnValue:
    """End what was given."""
    with transaction():
        service.withdraw_membership(person_id, entitlement_id)
    flash("The complimentary membership has ended.", "success")
    return redirect(url_for("publisher.person", person_id=person_id, _anchor="membership"), 303)


def _person_page(
    person_id: int, *, roles: RolesForm | None = None, gift: GiftForm | None = None, error: DomainError | None = None
) -> str:
    found = queries_people.person(person_id)
    if found is None:
        raise NotFound("There is nobody here.")
    roles_form = roles or RolesForm(
        formdata=None, roles=sorted(found.roles), section_ids=sorted(found.section_ids),
        seen=service.seen_rights(found.roles, found.section_ids),
    )  # fmt: skip
    roles_form.offer_sections([(section.id, section.name) for section in site().sections])
    gift_form = gift or GiftForm(formdata=None)
    gift_form.offer_plans(queries_plans.plans_given())
    if error is not None:
        (gift_form if gift else roles_form).refuse(error)
    return render_template(
        "publisher/person.html", person=found, roles=roles_form, gift=gift_form,
        entitlements=queries_given.entitlements_of(person_id), payments=payments_of(gateway().mode, person_id),
    )  # fmt: skip
