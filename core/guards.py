"""Who may call a route. Every view carries exactly one of these marks; a house test fails the build otherwise.

A guard answers the coarse question (signed in? which role?). What may be done to a certain row is its policy's
question, asked again by the service.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlencode

import structlog
from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from core.errors import Forbidden
from core.viewer import current_viewer

log = structlog.get_logger("web")
P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]

GUARD_MARK = "__guard__"


def _mark(view: Callable[..., object], name: str) -> None:
    setattr(view, GUARD_MARK, name)


def public(view: View[P, R]) -> View[P, R]:
    """Anybody, signed in or not."""
    _mark(view, "public")
    return view


def machine(view: View[P, R]) -> View[P, R]:
    """Called by programs that prove themselves in another way (a signature), or need no proof (health)."""
    _mark(view, "machine")
    return view


def sign_in_first() -> Response:
    """Lead to the sign-in page and back; a lost POST comes back to the page it was made on."""
    back = request.full_path.rstrip("?") if request.method == "GET" else (referring_path() or "/")
    return redirect(url_for("accounts.sign_in") + "?" + urlencode({"next": back}), 303)


def second_factor_first() -> Response:
    """Lead somebody on the staff to the page where the second factor is set up or shown, and back."""
    back = request.full_path.rstrip("?") if request.method == "GET" else (referring_path() or "/")
    return redirect(url_for("accounts.security") + "?" + urlencode({"next": back}), 303)


def signed_in(view: View[P, R]) -> View[P, R | Response]:
    """A signed-in person, whatever their role."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if not current_viewer().is_signed_in:
            return sign_in_first()
        return view(*args, **kwargs)

    _mark(guarded, "signed_in")
    return guarded


def staff(flag: str) -> Callable[[View[P, R]], View[P, R | Response]]:
    """A person whose viewer carries the flag: is_author, is_moderator, is_lead, is_editor or is_publisher."""

    def decorate(view: View[P, R]) -> View[P, R | Response]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
            viewer = current_viewer()
            if not viewer.is_signed_in:
                return sign_in_first()
            if viewer.waiting_roles and not getattr(viewer, flag):
                return second_factor_first()
            if not getattr(viewer, flag):
                log.info("refused", user_id=viewer.id, endpoint=request.endpoint, asked_for=flag)
                raise Forbidden("This page is for the newsroom's staff.")
            return view(*args, **kwargs)

        _mark(guarded, f"staff:{flag}")
        return guarded

    return decorate


def safe_next(target: str | None, default: str = "/") -> str:
    """A path on this site to continue to, or the default: no scheme, host, backslash or control character."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if "\\" in target or any(ord(character) < 0x20 or ord(character) == 0x7F for character in target):
        return default
    return target


def referring_path() -> str | None:
    """The path of the page of ours that the request comes from, if the browser says so."""
    referrer = request.referrer or ""
    if referrer.startswith(request.host_url):
        return safe_next("/" + referrer[len(request.host_url) :])
    return None
