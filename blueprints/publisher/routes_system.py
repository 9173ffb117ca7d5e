"""What the machine does by itself, and what it could not do, for a person to look at and try again."""

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.membership.gateway import gateway
from blueprints.publisher import queries_failures, queries_figures, queries_system, service
from blueprints.publisher.routes import NUMBER, publisher
from core import backup, clock
from core.db import transaction
from core.guards import staff

BACKUPS_SHOWN = 5


@publisher.get("/publisher/system")
@staff("is_publisher")
def system() -> ResponseReturnValue:
    """Backups, mails, repeating work, failed jobs, and how many messages from Stripe failed."""
    now, mode, settings = clock.now(), gateway().mode, current_app.config["SETTINGS"]
    return render_template(
        "publisher/system.html", machine=queries_figures.machine(mode, now), mode=mode,
        mails=queries_system.mails(), schedules=queries_system.schedules(now),
        jobs=queries_failures.failed_jobs(), events=len(queries_failures.failed_events(mode)),
        most=queries_failures.FAILURES_SHOWN,
        backups=backup.listed(settings.backup_dir)[:BACKUPS_SHOWN] if settings.backup_dir else None,
    )  # fmt: skip


@publisher.post(f"/publisher/system/jobs/<{NUMBER}:job_id>/retry")
@staff("is_publisher")
def retry_job(job_id: int) -> ResponseReturnValue:
    """Run a failed job again."""
    with transaction():
        service.retry_job(job_id)
    flash("The job runs again in a moment.", "success")
    return redirect(url_for("publisher.system"), 303)
