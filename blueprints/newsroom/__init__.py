"""Writing and publishing."""

from flask import Flask

from blueprints.newsroom import routes_figures  # noqa: F401
from blueprints.newsroom.routes import newsroom


def install(app: Flask) -> None:
    """Register this domain's routes."""
    app.register_blueprint(newsroom)
