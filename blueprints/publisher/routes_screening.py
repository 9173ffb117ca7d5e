"""The publisher's pages about the screening: rules, lists, a text to test, and what was changed."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.publisher import lookup_screening as lookup
from blueprints.publisher import screening as service
from blueprints.publisher.checking import Refused
from blueprints.publisher.routes import NUMBER
from blueprints.publisher.testing_texts import AUTHORS
from blueprints.threads.screening.rules import GROUPS
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.ids import row_id
from core.limits import at_most, limiter
from core.viewer import current_viewer
from models.screening import LIST_KINDS

screening = Blueprint("screening", __name__, url_prefix="/publisher/screening")

BIGGEST_FILE = 1_000_000  # bytes
NOTHING_CHANGED = "Nothing is different from what stands."


@screening.get("")
@staff("is_publisher")
def rules() -> ResponseReturnValue:
    """What each of the program's own checks does, everywhere or in one section."""
    return _rules_page(_section())


@screening.post("")
@staff("is_publisher")
@limiter.limit(at_most(60, "minute"))
def save_rules() -> ResponseReturnValue:
    """Set severities and numbers, or try them on the last days first."""
    section_id, typed = _section(), request.form.to_dict()
    try:
        if "try" in typed:
            return _rules_page(section_id, typed, trial=lookup.trial_of_settings(typed, section_id))
        with transaction() as session:
            wanted = service.typed_settings(session, typed, section_id)
            changed = service.change_settings(session, wanted, seen=_seen(), actor_id=_actor())
    except DomainError as refused:
        return _rules_page(section_id, typed, refused=refused), refused.status
    flash(" ".join(changed) or NOTHING_CHANGED, "success" if changed else "info")
    return redirect(url_for("screening.rules", section=section_id or None), 303)


@screening.get("/lists")
@staff("is_publisher")
def lists() -> ResponseReturnValue:
    """Every list."""
    return render_template("publisher/screening/lists.html", rows=lookup.lists(), words=service, kinds=LIST_KINDS)


@screening.get("/lists/new/<any(words, domains, trusted, mails):kind>")
@staff("is_publisher")
def new_list(kind: str) -> ResponseReturnValue:
    """An empty list of this kind."""
    return _list_page(0, kind, {"severity": "hold", "folds_accents": "1", "sees_through": "1", "active": "1"})


@screening.post("/lists/new/<any(words, domains, trusted, mails):kind>")
@staff("is_publisher")
def add_list(kind: str) -> ResponseReturnValue:
    """Make it, or try it first."""
    return _save_list(0, kind)


@screening.get(f"/lists/<{NUMBER}:list_id>")
@staff("is_publisher")
def edit_list(list_id: int) -> ResponseReturnValue:
    """A list with its versions."""
    row = lookup.list_row(list_id)
    return _list_page(list_id, row.kind, lookup.values_of(row))


@screening.post(f"/lists/<{NUMBER}:list_id>")
@staff("is_publisher")
@limiter.limit(at_most(60, "minute"))
def save_list(list_id: int) -> ResponseReturnValue:
    """Change it, or try the change first."""
    return _save_list(list_id, lookup.list_row(list_id).kind)


@screening.post(f"/lists/<{NUMBER}:list_id>/put-back")
@staff("is_publisher")
def put_back(list_id: int) -> ResponseReturnValue:
    """Put a list back as it stood in the version `number`."""
    with transaction() as session:
        number = request.form.get("number", 0, type=row_id)
        changed = service.put_back(session, list_id, number, seen=_seen(), actor_id=_actor())
    flash(f"Put back as in version {number}. {changed}" if changed else NOTHING_CHANGED, "success")
    return redirect(url_for("screening.edit_list", list_id=list_id), 303)


@screening.get(f"/lists/<{NUMBER}:list_id>/export")
@staff("is_publisher")
def export_list(list_id: int) -> ResponseReturnValue:
    """The entries as a text file, of the version `number` or as they stand."""
    name, entries = lookup.exported(list_id, request.args.get("number", 0, type=row_id))
    answer = Response(entries + "\n", mimetype="text/plain")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@screening.get("/test")
@staff("is_publisher")
def test() -> ResponseReturnValue:
    """A text to test."""
    return _test_page({})


@screening.post("/test")
@staff("is_publisher")
@limiter.limit(at_most(60, "minute"))
def test_text() -> ResponseReturnValue:
    """What each check would say of it. Nothing is stored."""
    typed = request.form.to_dict()
    try:
        return _test_page(typed, tested=lookup.tested(typed))
    except DomainError as refused:
        return _test_page(typed, refused=refused), refused.status


@screening.get("/history")
@staff("is_publisher")
def history() -> ResponseReturnValue:
    """Who changed what about severities and numbers."""
    return render_template("publisher/screening/history.html", rows=lookup.setups())


@screening.post("/history")
@staff("is_publisher")
def put_settings_back() -> ResponseReturnValue:
    """Put severities and numbers back as they stood in the version `number`; 0 is how the program came."""
    with transaction() as session:
        number = request.form.get("number", 0, type=row_id)
        changed = service.put_settings_back(session, number, seen=_seen(), actor_id=_actor())
    flash(" ".join(changed) or NOTHING_CHANGED, "success" if changed else "info")
    return redirect(url_for("screening.history"), 303)


def _save_list(list_id: int, kind: str) -> ResponseReturnValue:
    typed = request.form.to_dict()
    file = request.files.get("file")
    added = (file.read(BIGGEST_FILE) if file else b"").decode("utf-8-sig", "replace")
    try:
        if "try" in typed:
            typed["entries"], trial = lookup.trial_of_list(typed, kind, list_id, added)
            return _list_page(list_id, kind, typed, trial=trial)
        with transaction() as session:
            values = service.typed_list(session, typed, kind, list_id, added)
            if list_id:
                changed = service.change_list(session, list_id, values, seen=_seen(), actor_id=_actor())
            else:
                list_id, changed = service.add_list(session, values, _actor()), "The list is made."
    except DomainError as refused:
        return _list_page(list_id, kind, typed, refused=refused), refused.status
    flash(changed or NOTHING_CHANGED, "success" if changed else "info")
    return redirect(url_for("screening.edit_list", list_id=list_id), 303)


def _rules_page(section_id: int, typed: dict[str, str] | None = None, **shown: Any) -> str:
    page = lookup.rules_page(section_id, typed)
    return render_template(
        "publisher/screening/rules.html", **page, groups=GROUPS, words=service.SEVERITY_WORDS, section_id=section_id,
        **{"trial": None, "refused": None, **shown},
    )  # fmt: skip


def _list_page(list_id: int, kind: str, typed: dict[str, str], **shown: Any) -> str:
    refused = shown.get("refused")
    problems = refused.problems if isinstance(refused, Refused) else {}
    return render_template(
        "publisher/screening/list.html", list_id=list_id, kind=kind, typed=typed, problems=problems,
        words=service.SEVERITY_WORDS, kind_word=service.KIND_WORDS[kind], **lookup.list_page(list_id),
        **{"trial": None, "refused": None, **shown},
    )  # fmt: skip


def _test_page(typed: dict[str, str], **shown: Any) -> str:
    return render_template(
        "publisher/screening/test.html", typed=typed, section_choices=lookup.sections(), authors=AUTHORS,
        words=service.SEVERITY_WORDS, **{"tested": None, "refused": None, **shown},
    )  # fmt: skip


def _section() -> int:
    """The section that the page is about; 0 for all of them."""
    wanted = request.values.get("section", 0, type=row_id)
    return wanted if wanted in lookup.sections() else 0


def _seen() -> int:
    return request.form.get("seen", 0, type=row_id)


def _actor() -> int:
    return current_viewer().id or 0
