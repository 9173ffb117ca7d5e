"""The desk's pages about people."""

from flask import render_template

from blueprints.moderation import policy, queries, queries_likeness, queries_people, undoing
from blueprints.moderation.cases import records
from blueprints.moderation.desk import HOME, desk_context
from blueprints.moderation.forms import SanctionForm
from core import clock
from core.db import db
from core.errors import NotFound
from core.viewer import current_viewer


def people_page(words: str) -> str:
    """People with these words in their name; without words, who is restricted now."""
    session = db.session()
    return render_template(
        "moderation/people.html", words=words, found=queries_people.people_named(session, words) if words else [],
        restricted=[] if words else queries_people.people_restricted(session, clock.now()),
        **desk_context("people"),
    )  # fmt: skip


def person_page(user_id: int, form: SanctionForm, refused: str = "", *, before: int | None = None) -> str:
    """A person's record, what restricts them, and every decision about them, or those before one. Raises NotFound."""
    session = db.session()
    found = queries_people.person(session, user_id)
    if found is None:
        raise NotFound
    sections = queries.sections_of(current_viewer())
    rows = queries.decisions_about(session, sections, user_id, before)
    shown, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    here = f"{HOME}/people/{user_id}"
    record = records(session, [user_id], sections, clock.now())[user_id]
    if form.kind.data is None and record.suggestion:
        form.kind.data = record.suggestion.kind
    return render_template(
        "moderation/person.html", person=found, record=record, form=form,
        refused=refused, may_not=policy.may_sanction(current_viewer(), user_id, found.roles), rows=shown,
        pairs=queries_likeness.pairs_of(session, user_id), flagger=queries_people.flagger(session, user_id),
        next_url=f"{here}?before={shown[-1].id}" if more else None, here=here, undoable=undoing.UNDOABLE,
        **desk_context("people"),
    )  # fmt: skip
