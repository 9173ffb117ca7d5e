"""The publisher's pages about nudging, what was learned, and programs elsewhere that are asked."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.publisher import lookup_programs as lookup
from blueprints.publisher import screening_programs as programs
from blueprints.publisher.checking import Refused
from blueprints.publisher.routes import NUMBER
from blueprints.publisher.routes_screening import NOTHING_CHANGED, screening
from blueprints.publisher.screening import SEVERITY_WORDS
from blueprints.threads.outside import CANNOT_SIGN, secret_of
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.limits import at_most, limiter
from core.viewer import current_viewer


@screening.get("/nudge")
@staff("is_publisher")
def nudge() -> ResponseReturnValue:
    """What asking authors once did, beside those who are never asked."""
    return _nudge_page()


@screening.post("/nudge")
@staff("is_publisher")
def save_nudge() -> ResponseReturnValue:
    """Set how many are never asked."""
    try:
        with transaction() as session:
            changed = programs.set_hold_out(session, request.form.to_dict(), current_viewer().id or 0)
    except DomainError as refused:
        return _nudge_page(refused=refused, typed=request.form.get("number-hold_out_percent", "")), refused.status
    flash(" ".join(changed) or NOTHING_CHANGED, "success" if changed else "info")
    return redirect(url_for("screening.nudge"), 303)


@screening.get("/classifier")
@staff("is_publisher")
def classifier() -> ResponseReturnValue:
    """What was learned from decisions here, how good it is, and whether it is used."""
    return _classifier_page()


@screening.post(f"/classifier/<{NUMBER}:model_id>")
@staff("is_publisher")
def use_classifier(model_id: int) -> ResponseReturnValue:
    """Use a version from a threshold on, or none at all."""
    try:
        with transaction() as session:
            said = programs.use_model(session, model_id, request.form.to_dict())
    except DomainError as refused:
        return _classifier_page(refused=refused), refused.status
    flash(said, "success")
    return redirect(url_for("screening.classifier"), 303)


@screening.get("/services")
@staff("is_publisher")
def services() -> ResponseReturnValue:
    """Programs elsewhere, and how they answer."""
    return _services_page()


@screening.post("/services")
@staff("is_publisher")
def add_service() -> ResponseReturnValue:
    """Add one."""
    typed = request.form.to_dict()
    try:
        with transaction() as session:
            service_id = programs.add_service(session, typed)
    except DomainError as refused:
        return _services_page(typed=typed, refused=refused), refused.status
    flash("The service is added. See below how to check its signature, and send it a text to test.", "success")
    return redirect(url_for("screening.service", service_id=service_id), 303)


@screening.get(f"/services/<{NUMBER}:service_id>")
@staff("is_publisher")
def service(service_id: int) -> ResponseReturnValue:
    """One of them, with its secret."""
    return _service_page(service_id)


@screening.post(f"/services/<{NUMBER}:service_id>")
@staff("is_publisher")
def save_service(service_id: int) -> ResponseReturnValue:
    """Change it."""
    typed = request.form.to_dict()
    try:
        with transaction() as session:
            programs.change_service(session, service_id, typed)
    except DomainError as refused:
        return _service_page(service_id, typed=typed, refused=refused), refused.status
    flash("Saved. It counts from the next comment on.", "success")
    return redirect(url_for("screening.service", service_id=service_id), 303)


@screening.post(f"/services/<{NUMBER}:service_id>/secret")
@staff("is_publisher")
def renew_secret(service_id: int) -> ResponseReturnValue:
    """Sign with a new secret from now on."""
    with transaction() as session:
        programs.renew_secret(session, service_id)
    flash("There is a new secret. The service has to know it before it answers again.", "success")
    return redirect(url_for("screening.service", service_id=service_id), 303)


@screening.post(f"/services/<{NUMBER}:service_id>/test")
@staff("is_publisher")
@limiter.limit(at_most(20, "minute"))
def try_service(service_id: int) -> ResponseReturnValue:
    """Send it a text and show what it answers. Nothing is stored."""
    text = request.form.get("text", "")
    return _service_page(service_id, answered=lookup.asked_once(service_id, text), text=text)


def _nudge_page(**shown: Any) -> str:
    page = lookup.nudge_page()
    return render_template("publisher/screening/nudge.html", **page, **{"refused": None, "typed": None, **shown})


def _classifier_page(**shown: Any) -> str:
    return render_template(
        "publisher/screening/classifier.html", models=lookup.models(), words=SEVERITY_WORDS,
        **{"refused": None, **shown},
    )  # fmt: skip


def _services_page(**shown: Any) -> str:
    refused = shown.get("refused")
    problems = refused.problems if isinstance(refused, Refused) else {}
    return render_template(
        "publisher/screening/services.html", rows=lookup.services(), words=SEVERITY_WORDS, problems=problems,
        **{"refused": None, "typed": programs.NEW_SERVICE, **shown},
    )  # fmt: skip


def _service_page(service_id: int, **shown: Any) -> str:
    row = lookup.service(service_id)
    refused = shown.get("refused")
    problems = refused.problems if isinstance(refused, Refused) else {}
    return render_template(
        "publisher/screening/service.html", row=row, secret=secret_of(row), cannot_sign=CANNOT_SIGN,
        words=SEVERITY_WORDS, problems=problems,
        **{"refused": None, "answered": None, "text": "", "typed": programs.typed_of(row), **shown},
    )  # fmt: skip
