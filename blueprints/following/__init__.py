"""Who wants to hear of what: following, muting, and telling people when a comment concerns them."""

from flask import Flask

from blueprints.following import events, jobs, telling  # noqa: F401
from blueprints.following.routes import following
from blueprints.notifications import quoting


def install(app: Flask) -> None:
    """Register this domain's routes, jobs and signals."""
    app.register_blueprint(following)
    events.connect()
    if telling.closed_to not in quoting.closed_to:
        quoting.closed_to.append(telling.closed_to)
