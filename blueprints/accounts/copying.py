"""A copy of everything about a person: JSON for programs and a page for people, in one archive."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from flask import current_app

from blueprints.accounts import queries_personal
from blueprints.accounts.personal import ELSEWHERE, HOLDINGS
from blueprints.accounts.personal_words import TITLES, label, value
from blueprints.site.queries import site
from core import clock
from core.config import Settings
from core.db import db
from core.errors import Conflict
from jobs.queue import enqueue
from models.personal import DataCopy

COPY_KEPT = timedelta(days=7)
LONGEST_MAKING = timedelta(hours=6)
Standing = Literal["busy", "ready", "gone", "failed"]
CELL_CHARACTERS = 20_000  # shown on the page, so every comment whole; the JSON has all
STYLES = ("tokens.css", "pages/copy.css")


def ask(user_id: int) -> None:
    """Have a copy made. Raises Conflict while one is being made."""
    if any(stands == "busy" for _, stands in copies_of(user_id)):
        raise Conflict("A copy is being made already.")
    row = DataCopy(user_id=user_id, expires_at=clock.now() + COPY_KEPT)
    db.session().add(row)
    db.session().flush()
    enqueue("accounts.make-copy", key=_key(row), copy_id=row.id)


def copies_of(user_id: int) -> list[tuple[DataCopy, Standing]]:
    """A person's copies, the newest first, and how it is with each now."""
    copies = queries_personal.copies_of(user_id)
    given_up = queries_personal.given_up([_key(copy) for copy in copies if copy.state != "ready"])
    # a key may be an older copy's too: SQLite gives the numbers of removed rows again
    return [(copy, standing(copy, given_up.get(_key(copy), copy.created_at) > copy.created_at)) for copy in copies]


def standing(copy: DataCopy, is_given_up: bool = False) -> Standing:
    """How it is with a copy now. One whose job was given up, or that is not made after so long, will not be."""
    if copy.state == "ready":
        return "ready" if copy.expires_at > clock.now() else "gone"
    return "failed" if is_given_up or clock.now() - copy.created_at >= LONGEST_MAKING else "busy"


def _key(copy: DataCopy) -> str:
    return f"make-copy:{copy.id}"


def given_tables() -> tuple[str, ...]:
    """The tables that go into a copy."""
    return tuple(name for name, holding in HOLDINGS.items() if not holding.withheld)


def archive_of(user_id: int, note: Callable[[int, int], None]) -> bytes:
    """The archive as a ZIP. `note` is told how many of how many parts are done."""
    names, made = given_tables(), io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = []
        for number, name in enumerate(names, start=1):
            rows = list(queries_personal.rows_about(user_id, name))
            whole = [plain(row) for row in rows]
            archive.writestr(f"data/{name}.json", json.dumps(whole, ensure_ascii=False, indent=1))
            parts.append((name, rows))
            note(number, len(names))
        template = current_app.jinja_env.get_template("accounts/copy.html")  # without what pages of a request get
        settings: Settings = current_app.config["SETTINGS"]
        page = template.render(
            parts=parts, made_at=clock.now(), shown=CELL_CHARACTERS, site_url=settings.base_url,
            withheld={name: holding.withheld for name, holding in HOLDINGS.items() if holding.withheld} | ELSEWHERE,
            paper=site().name, titles=TITLES, label=label,
            words=_with_names([row for _, rows in parts for row in rows]),
        )  # fmt: skip
        archive.writestr("index.html", page)
        for style in STYLES:
            path = Path(current_app.static_folder or "") / "css" / style
            archive.writestr(f"styles/{path.name}", path.read_text())
    return made.getvalue()


def _with_names(rows: Sequence[dict[str, Any]]) -> Callable[[str, Any], str]:
    """How a column's value is said: the number of a story, discussion or plan with the name that people know."""
    names = {
        column: queries_personal.names_of(column, {row[column] for row in rows if row.get(column) is not None})
        for column in queries_personal.NAMED
    }

    def words(column: str, stored: Any) -> str:
        name = names.get(column, {}).get(stored)
        return f"{name} ({stored})" if name else value(stored)

    return words


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row in values that JSON has."""
    return dict(_plain_pairs(row))


def _plain_pairs(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, stored in row.items():
        if isinstance(stored, datetime):
            yield name, stored.isoformat()
        elif isinstance(stored, bytes):
            yield name, stored.hex()
        else:
            yield name, stored
