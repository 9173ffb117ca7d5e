"""People as CSV: out, and in after a trial."""

from flask import Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue

from blueprints.publisher import people_csv
from blueprints.publisher.people_csv import Trial
from blueprints.publisher.routes import publisher
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.step_up import step_up

OUT, IN = "To take the list of people away", "To take people in"


@publisher.get("/publisher/people/export")
@staff("is_publisher")
@step_up(OUT)
def export_people() -> ResponseReturnValue:
    """Everybody as CSV."""
    headers = {"Content-Disposition": 'attachment; filename="people.csv"', "Cache-Control": "private, no-store"}
    return Response(stream_with_context(people_csv.export()), mimetype="text/csv", headers=headers)


@publisher.get("/publisher/people/import")
@staff("is_publisher")
@step_up(IN)
def import_people() -> ResponseReturnValue:
    """Ask for a file."""
    return _page()


@publisher.post("/publisher/people/import")
@staff("is_publisher")
@step_up(IN)
def try_import() -> ResponseReturnValue:
    """Say what the file would do; do it when it was said before and pressed again."""
    sent = request.files.get("file")
    text = request.form.get("rows", "") or (sent.read().decode("utf-8", "replace") if sent else "")
    try:
        trial = people_csv.tried(text)
    except DomainError as error:
        return _page(text=text, refusal=error.sentence), 422
    if "sure" not in request.form:
        return _page(text=text, trial=trial)
    done = Trial(errors=list(trial.errors), left=trial.left)
    for start in range(0, len(trial.rows), people_csv.ROWS_AT_ONCE):
        with transaction():
            people_csv.take(trial.rows[start : start + people_csv.ROWS_AT_ONCE], done, write="write" in request.form)
    return _page(trial=done, is_done=True)


def _page(*, text: str = "", trial: Trial | None = None, refusal: str = "", is_done: bool = False) -> str:
    return render_template(
        "publisher/people_csv.html", text=text, trial=trial, refusal=refusal, is_done=is_done,
        columns=people_csv.TAKEN, most=people_csv.MOST_ROWS,
    )  # fmt: skip
