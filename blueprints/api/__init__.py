"""What programs read: articles, their discussions, and who one is, as JSON. Nothing is written here."""

from flask import Flask

from blueprints.api.routes import api


def install(app: Flask) -> None:
    """Register this domain's routes."""
    app.register_blueprint(api)
