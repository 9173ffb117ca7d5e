"""How well the paper's own people are kept apart from those who would be them."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.accounts.factors import is_required_of_staff
from blueprints.accounts.service import end_all_sessions
from blueprints.moderation import caps
from blueprints.publisher import queries_safety, safety
from blueprints.publisher.forms import SecondFactorForm
from blueprints.publisher.routes import NUMBER, publisher
from blueprints.site.queries import site
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.step_up import step_up
from core.viewer import current_viewer

CHANGE = "To change how the paper's people sign in"


@publisher.get("/publisher/safety")
@staff("is_publisher")
def safety_of_staff() -> ResponseReturnValue:
    """Who of the staff has a second factor, and whether all must."""
    form = SecondFactorForm(formdata=None, staff_second_factor=site().staff_second_factor or "")
    return _page(form)


@publisher.post("/publisher/safety/caps")
@staff("is_publisher")
@step_up(CHANGE)
def save_caps() -> ResponseReturnValue:
    """Set how much one of the staff does in a while."""
    try:
        with transaction() as session:
            caps.set_caps(session, request.form, current_viewer().id or 0)
    except DomainError as refused:
        form = SecondFactorForm(formdata=None, staff_second_factor=site().staff_second_factor or "")
        return _page(form, request.form, refused.sentence), refused.status
    flash("Saved. It counts from now on.", "success")
    return redirect(url_for("publisher.safety_of_staff"), 303)


@publisher.post("/publisher/safety")
@staff("is_publisher")
@step_up(CHANGE)
def save_safety() -> ResponseReturnValue:
    """Say whether the staff need a second factor."""
    form = SecondFactorForm()
    with transaction():
        safety.ask_staff(form.staff_second_factor.data or "")
    flash("Saved. It counts from everybody's next click.", "success")
    return redirect(url_for("publisher.safety_of_staff"), 303)


@publisher.post(f"/publisher/people/<{NUMBER}:person_id>/sessions/end")
@staff("is_publisher")
@step_up(CHANGE)
def end_sessions(person_id: int) -> ResponseReturnValue:
    """Sign somebody out on every browser: an account that may be in other hands, or a colleague who has left."""
    with transaction():
        end_all_sessions(person_id)
    flash("They are signed out everywhere.", "success")
    return redirect(url_for("publisher.person", person_id=person_id), 303)


@publisher.post(f"/publisher/people/<{NUMBER}:person_id>/second-factor/reset")
@staff("is_publisher")
@step_up(CHANGE)
def reset_second_factor(person_id: int) -> ResponseReturnValue:
    """Let somebody in again who lost app, passkeys and codes."""
    with transaction():
        safety.reset_factors(person_id)
    flash("Their second factor is removed, they are signed out everywhere, and a mail tells them so.", "success")
    return redirect(url_for("publisher.safety_of_staff"), 303)


def _page(form: SecondFactorForm, typed: Mapping[str, str] | None = None, refused: str = "") -> str:
    return render_template(
        "publisher/safety.html", form=form, people=queries_safety.staff_and_factors(),
        is_required=is_required_of_staff(), caps=safety.caps_shown(typed), refused=refused,
    )  # fmt: skip
