"""A table as a file for a spreadsheet."""

from collections.abc import Sequence

from flask import Response

from blueprints.insights.tables import Table, as_csv
from core.errors import NotFound


def download(key: str, tables: Sequence[Table]) -> Response:
    """The table of that key as a CSV file, which no cache keeps. Raises NotFound."""
    found = next((table for table in tables if table.key == key), None)
    if found is None:
        raise NotFound("There is no such table.")
    answer = Response(as_csv([found]), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{found.key}.csv"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
