"""How a reader reads: the order of discussions, single keys, and how far they have come."""

from flask import Response, flash, redirect, render_template, request

from blueprints.threads import lookup, reading, visits
from blueprints.threads.ordering import SORT_LABELS
from blueprints.threads.routes import Answer, threads
from core import clock
from core.db import transaction
from core.errors import DomainError
from core.guards import signed_in
from core.ids import row_id
from core.rendering import is_fetch
from core.viewer import current_viewer

WHICH_NUMBER = "Please say up to which number the discussion was read."


@threads.post("/articles/<slug>/sort")
@signed_in
def choose_sort(slug: str) -> Answer:
    """Show the discussion in another order, and keep the choice with the account."""
    facts = lookup.article_thread(slug)
    with transaction() as session:
        reading.keep_sort(session, current_viewer(), request.form.get("sort", ""))
    return redirect(f"{facts.article_url}#comments", 303)


@threads.post("/articles/<slug>/visit")
@signed_in
def visit(slug: str) -> Answer:
    """Note that the reader has seen the discussion up to a `number`; up to one that is `read`, nothing is new any more.
    """
    facts, viewer = lookup.seen_thread(slug), current_viewer()
    read = "read" in request.form
    number = request.form.get("read" if read else "number", type=row_id)
    if number is None or viewer.id is None:
        raise DomainError(WHICH_NUMBER, 400)
    with transaction() as session:
        visits.note_visit(session, viewer.id, facts.thread_id, min(number, facts.version), clock.now(), read=read)
    return Response(status=204) if is_fetch() else redirect(f"{facts.article_url}#comments", 303)


@threads.get("/account/reading")
@signed_in
def reading_settings() -> Answer:
    """The order of discussions and the keys."""
    return render_template("threads/reading.html", sorts=SORT_LABELS)


@threads.post("/account/reading")
@signed_in
def save_reading() -> Answer:
    """Set them; a script sets the keys alone."""
    with transaction() as session:
        if "keys" in request.form:
            reading.use_keys(session, current_viewer(), on=request.form["keys"] == "on")
        if "sort" in request.form:
            reading.keep_sort(session, current_viewer(), request.form["sort"], may_be_none=True)
    if is_fetch():
        return Response(status=204)
    flash("Saved. Discussions are shown to you like this from now on.", "success")
    return redirect("/account/reading", 303)
