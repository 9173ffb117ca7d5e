"""The pages of decisions about many comments."""

from typing import Any

from flask import render_template

from blueprints.moderation import queries_bulk, service
from blueprints.moderation.desk import desk_context
from blueprints.moderation.policy import may_take_back_run
from blueprints.moderation.queries import sections_of
from blueprints.moderation.queues import DECIDED, QUEUES, Filters
from core.db import db
from core.errors import DomainError, NotFound
from core.viewer import current_viewer

SHOWN = 20
RUNS_SHOWN = 30


def run_page(run_id: int) -> str:
    """The count before anything is decided, what the authors will read, and afterwards what became of it."""
    session, viewer = db.session(), current_viewer()
    run = queries_bulk.run(session, run_id)
    if run is None or (run.state == "tried" and run.actor_id != viewer.id):
        raise NotFound
    items = queries_bulk.items(session, sections_of(viewer), run_id, SHOWN)
    if not items:
        raise NotFound
    elsewhere = may_take_back_run(viewer, queries_bulk.sections_of_run(session, run_id)) is not None
    return render_template(
        "moderation/bulk.html", run=run, shown=items, elsewhere=elsewhere, reach=queries_bulk.reach(session, run_id),
        outcomes=queries_bulk.outcomes(session, run_id), words=_words(run, items), **desk_context(DECIDED),
    )  # fmt: skip


def runs_page() -> str:
    """What was decided about many comments lately, as far as it is in one's sections."""
    rows = queries_bulk.runs_lately(db.session(), sections_of(current_viewer()), RUNS_SHOWN)
    return render_template("moderation/runs.html", rows=rows, **desk_context(DECIDED))


def about(queue: str, filters: Filters, is_all: bool) -> str:
    """How the comments were chosen, in words."""
    where = f"{QUEUES.get(queue, queue)}{', narrowed to ' + filters.query if filters.query else ''}"
    return f"Everything in {where}" if is_all else f"Chosen by hand in {where}"


def _words(run: Any, items: list[Any]) -> str:
    """The statement that the first of the authors would read."""
    if run.verb != "reject" or run.state != "tried" or not items:
        return ""
    try:
        return service.statement_preview(db.session(), items[0].comment_id, run.rule_id, run.note)
    except DomainError:
        return ""


def size(run_id: int) -> int:
    """How many comments a run is about."""
    return int(queries_bulk.reach(db.session(), run_id).comments)
