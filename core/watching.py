"""Each request has a name that its log lines carry, and is counted and timed. What is slow is logged."""

import re
import secrets
from time import perf_counter

import structlog
from flask import Flask, Response, g, request

from core.metrics import REQUESTS

REQUEST_ID = "X-Request-Id"
SLOW_SECONDS = 1.0
_SANE = re.compile(r"[A-Za-z0-9_-]{8,64}")

log = structlog.get_logger("web")


def install(app: Flask) -> None:
    """Watch requests: first of all that is done before one, and last after it."""
    trusts_proxy = app.config["SETTINGS"].trusted_proxies > 0

    @app.before_request
    def begin() -> None:
        given = request.headers.get(REQUEST_ID, "") if trusts_proxy else ""
        g.request_id = given if _SANE.fullmatch(given) else secrets.token_hex(8)
        g.began = perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(answer: Response) -> Response:
        if "began" not in g:
            return answer
        took = perf_counter() - g.began
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(route, request.method if request.url_rule else "any", str(answer.status_code)).observe(took)
        if took > SLOW_SECONDS:
            log.warning("slow request", route=route, method=request.method, seconds=round(took, 3))
        # What is kept for everybody carries nobody's.
        if not g.get("cacheable") and "immutable" not in answer.headers.get("Cache-Control", ""):
            answer.headers[REQUEST_ID] = g.request_id
        return answer

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")


def current_request_id() -> str | None:
    """The name of the request or job that is being dealt with."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return str(found) if found else None
