"""Reading: the front page, sections, the article page, feeds, and the pages kept for visitors."""

from flask import Flask

from blueprints.articles import events, routes_sharing, visitor_cache  # noqa: F401
from blueprints.articles.routes import articles


def install(app: Flask) -> None:
    """Register this domain's routes, and the cache of visitors' pages in front of them."""
    app.register_blueprint(articles)
    events.install()
    visitor_cache.install(app)
