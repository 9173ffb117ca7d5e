"""Notices and mail: asked for in a transaction; a job sends the mail, or the demo shows it on a page instead."""

from flask import Flask

from blueprints.notifications import jobs, routes_choices, routes_notices  # noqa: F401
from blueprints.notifications.routes import notifications


def install(app: Flask) -> None:
    """Register this domain's routes, jobs and signals."""
    app.register_blueprint(notifications)
