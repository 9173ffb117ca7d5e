"""What the publisher sees and sets: figures, the site, sections, rules, people, plans, the state of the machine."""

from flask import Flask

from blueprints.publisher import (  # noqa: F401
    exports,
    jobs,
    routes_beginning,
    routes_billing,
    routes_csv,
    routes_exports,
    routes_insights,
    routes_people,
    routes_rises,
    routes_safety,
    routes_selling,
    routes_settings,
    routes_system,
)
from blueprints.publisher.routes import publisher
from blueprints.publisher.routes_screening import screening
from blueprints.publisher.routes_screening_programs import classifier  # noqa: F401


def install(app: Flask) -> None:
    """Register this domain's routes, jobs and signals."""
    app.register_blueprint(publisher)
    app.register_blueprint(screening)
