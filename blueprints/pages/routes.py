"""Pages that stand by themselves: the rules, about, privacy, and health for machines."""

from functools import lru_cache

from flask import Blueprint, Response, g, jsonify, render_template, request
from markupsafe import Markup

from blueprints.moderation.open_pages import what_is_open
from blueprints.pages.health import OK, backlog, live, readiness
from blueprints.pages.measured import is_near, now_measured
from blueprints.site.queries import site
from core import metrics
from core.errors import NotFound
from core.guards import machine, public
from core.markup import render_article
from core.viewer import current_viewer

pages = Blueprint("pages", __name__)


@pages.get("/rules")
@public
def rules() -> str:
    """The rules of the discussion, and who enforces them."""
    _for_everybody()
    return render_template(
        "pages/rules.html", rules=site().rules, enforced_by=site().rules_enforced_by, **what_is_open()
    )


@pages.get("/about")
@public
def about() -> str:
    """What this paper is."""
    _for_everybody()
    return render_template("pages/text.html", heading=f"About {site().name}", body=_rendered(site().about))


@pages.get("/privacy")
@public
def privacy() -> str:
    """What is kept about readers, and for how long."""
    _for_everybody()
    return render_template("pages/text.html", heading="Privacy", body=_rendered(site().privacy))


@pages.get("/livez")
@machine
def livez() -> Response:
    """This process answers."""
    return Response("ok\n", mimetype="text/plain")


@pages.get("/readyz")
@machine
def readyz() -> Response:
    """Whether requests can be served: the database, its shape, and a worker that is alive. 503 when not.

    How much work waits, and whether live streams go on, stands beside it and changes nothing: no web process would
    serve better for being left out.
    """
    checks = readiness()
    ready = all(state == OK for state in checks.values())
    told = {"live": live(), "jobs": backlog()} if checks["migrations"] == OK else {"live": "unknown", "jobs": "unknown"}
    answer = jsonify(status=OK if ready else "not ready", checks=checks, **told)
    answer.status_code = 200 if ready else 503
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.get("/metrics")
@machine
def measured() -> Response:
    """Metrics for Prometheus; only for whoever asks from this machine or network, and not through a proxy."""
    if not is_near(request.environ):
        raise NotFound
    return Response(metrics.written(now_measured()), content_type=metrics.CONTENT_TYPE)


def _for_everybody() -> None:
    g.cacheable = not current_viewer().is_signed_in


@lru_cache(maxsize=8)
def _rendered(source: str) -> Markup:
    return Markup(render_article(source))  # noqa: S704 - cleaned by the renderer
