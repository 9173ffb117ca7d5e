"""Whether talk pays: what Subscriptions bring in, the way from the gate to a first comment, and who stays."""

from flask import Flask

from blueprints.insights import events, jobs, sights, tables  # noqa: F401
from core.config import Settings


def install(app: Flask) -> None:
    """Register this domain's jobs and signals, count sights in front of Flask, and give templates words for figures."""
    settings: Settings = app.config["SETTINGS"]
    app.jinja_env.filters["shown"] = tables.shown
    sights.install(app, settings.trusted_proxies)
    events.install()
