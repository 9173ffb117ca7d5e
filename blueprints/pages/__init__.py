"""Pages that stand by themselves."""

from flask import Flask

from blueprints.pages.routes import pages


def install(app: Flask) -> None:
    """Register this domain's routes."""
    app.register_blueprint(pages)
