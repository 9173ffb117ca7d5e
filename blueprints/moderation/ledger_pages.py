"""The publisher's pages of the ledger: everything staff did, and taking back what one person did."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from flask import render_template
from sqlalchemy import Row

from blueprints.moderation import ledger, queries, queries_ledger, reversing
from blueprints.moderation.forms_ledger import ReverseForm
from blueprints.moderation.queries_ledger import Kind
from blueprints.moderation.words import DONE
from core.db import db
from core.errors import DomainError, NotFound
from core.recording import WATCHED, Values
from core.records import dataclass

PLACE = "/publisher/ledger"
ONE_ROW = {"caps", "fair-process"}  # the settings there is one of: their sort says it all


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with what it set, by name and field by field: what stood before, what stands after."""

    row: Row[Any]
    name: str
    fields: list[tuple[str, str, str]]


def ledger_page(actor_id: int | None, kind: Kind, before: int | None) -> str:
    """Every entry, or those of one person or sort; the newest first."""
    session = db.session()
    rows = queries_ledger.page(session, actor_id=actor_id, kind=kind, before=before)
    rows, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    names = queries_ledger.names(session, {row.subject for row in rows})
    shown = [Entry(row, _name(row, names), _fields(row)) for row in rows]
    return render_template(
        "fair/ledger.html", entries=shown, actors=queries_ledger.actors(session), actor_id=actor_id, kind=kind,
        DONE=DONE, next_before=shown[-1].row.id if more else None, is_later_page=before is not None,
        end=ledger.end_of(session), newest_id=queries_ledger.newest_id(session),
    )  # fmt: skip


def reverse_page(form: ReverseForm, refused: str = "") -> str:
    """The form, and once it is filled in, what would be taken back."""
    session = db.session()
    form.offer(queries_ledger.actors(session))
    would = None
    try:
        asked = form.asked()
        would = reversing.dry_run(session, *asked) if asked else None
    except DomainError as error:
        refused = refused or error.sentence
    return render_template(
        "fair/reverse.html", form=form, would=would, refused=refused, DONE=DONE,
        reversals=queries_ledger.reversals(session), place=PLACE,
    )  # fmt: skip


def reversal_page(reversal_id: int, refused: str = "") -> str:
    """How far a reversal is, and what it left."""
    session = db.session()
    found = queries_ledger.reversal(session, reversal_id)
    if found is None:
        raise NotFound
    return render_template(
        "fair/reversal.html", found=found, row=found.Reversal, refused=refused, place=PLACE,
        undone_by=queries_ledger.reversal_of_batch(session, found.Reversal.action_id),
        left=found.Reversal.left.splitlines(),
    )  # fmt: skip


def _name(row: Row[Any], names: Mapping[str, str]) -> str:
    """What was set, as people call it: by the entry's own words, or by today's; else by its number."""
    noun, _, key = row.subject.partition(":")
    if row.user_id or noun in ONE_ROW:
        return ""
    known = next((watched.called for watched in WATCHED.values() if watched.noun == noun), "")
    said = (_values(row.before) | _values(row.after)).get(known) or names.get(row.subject)
    return str(said) if said else f"no. {key}" if key.isdecimal() else key.replace("-", " ")


def _values(written: str | None) -> Values:
    return cast(Values, json.loads(written)) if written else {}


def _fields(row: Row[Any]) -> list[tuple[str, str, str]]:
    before, after = _values(row.before), _values(row.after)
    return [(name.replace("_", " "), _said(before.get(name)), _said(after.get(name))) for name in {**before, **after}]


def _said(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(", ".join(str(part) for part in one.values()) for one in value)
    try:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M} UTC" if isinstance(value, str) else str(value)
    except ValueError:
        return str(value)
