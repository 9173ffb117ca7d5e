"""The whole site as one archive, asked for on a page."""

from flask import flash, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue

from blueprints.publisher import exports, queries_exports
from blueprints.publisher.routes import NUMBER, publisher
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.step_up import step_up
from core.viewer import current_viewer

PURPOSE = "To take the whole site along"


@publisher.get("/publisher/export")
@staff("is_publisher")
def site_exports() -> ResponseReturnValue:
    """Archives that were asked for, and how far they are."""
    asked = [(one, exports.standing(one.row)) for one in queries_exports.all_asked()]
    return render_template("publisher/exports.html", asked=asked, days=exports.KEPT.days)


@publisher.post("/publisher/export")
@staff("is_publisher")
@step_up(PURPOSE)
def ask_for_export() -> ResponseReturnValue:
    """Have an archive made."""
    try:
        with transaction():
            exports.ask(current_viewer().id or 0)
        flash("The archive is being made.", "success")
    except DomainError as error:
        flash(error.sentence, "info")
    return redirect(url_for("publisher.site_exports"), 303)


@publisher.get(f"/publisher/export/<{NUMBER}:export_id>")
@staff("is_publisher")
@step_up(PURPOSE)
def take_export(export_id: int) -> ResponseReturnValue:
    """The archive itself."""
    path, row = exports.ready_file(export_id)
    answer = send_file(
        path, mimetype="application/zip", as_attachment=True, download_name=f"site-{row.created_at:%Y-%m-%d}.zip",
        conditional=True, etag=False, last_modified=row.created_at,
    )  # fmt: skip
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@publisher.post(f"/publisher/export/<{NUMBER}:export_id>/remove")
@staff("is_publisher")
def remove_export(export_id: int) -> ResponseReturnValue:
    """Remove an archive before its time."""
    with transaction():
        exports.remove(export_id)
    flash("The archive is gone.", "success")
    return redirect(url_for("publisher.site_exports"), 303)
