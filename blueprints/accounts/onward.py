"""Where somebody goes on to after signing up or in."""

from urllib.parse import urlencode, urlsplit

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from core.guards import safe_next

CHECKOUT_PATH = "/join/checkout"
PLANS_PATH = "/join"
MAX_NEXT_LENGTH = 1000


def next_path() -> str:
    """The place on this site that the request wants to go on to, else the front page."""
    wanted = request.values.get("next", "")
    return safe_next(wanted, "/") if len(wanted) <= MAX_NEXT_LENGTH else "/"


def go_on(target: str) -> Response:
    """Lead on after a form. To the checkout the same POST goes on, so that no screen comes between."""
    target = safe_next(target, "/")
    return redirect(target, 307 if _is_checkout(target) else 303)


def go_on_by_get(target: str) -> Response:
    """Lead on after a plain visit, which can only look: at the plans instead of the checkout."""
    target = safe_next(target, "/")
    if _is_checkout(target):
        query = urlsplit(target).query
        target = f"{PLANS_PATH}?{query}" if query else PLANS_PATH
    return redirect(target, 303)


def with_next(endpoint: str, target: str) -> str:
    """The address of one of our pages that remembers where to go on to."""
    query = "?" + urlencode({"next": target}) if target != "/" else ""
    return url_for(endpoint) + query


def _is_checkout(target: str) -> bool:
    return urlsplit(target).path.rstrip("/") == CHECKOUT_PATH
