"""The publisher's overview, and what all the publisher's pages share."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from blueprints.membership.gateway import gateway
from blueprints.publisher import beginning, queries_figures
from blueprints.site.queries import site
from core import clock
from core.guards import staff

publisher = Blueprint("publisher", __name__)

NUMBER = "int(max=2147483647)"  # what the databases' keys hold; anything larger names nothing


@publisher.get("/publisher")
@staff("is_publisher")
def overview() -> ResponseReturnValue:
    """How the paper and the site are doing."""
    mode = gateway().mode
    return render_template(
        "publisher/overview.html", figures=queries_figures.figures(mode, clock.now()), mode=mode,
        steps=() if site().first_steps_away else beginning.steps(site(), mode),
    )
