"""What every answer to a program has in common: who asks, what may be asked with, JSON, and who may keep it.

Who asks is told by a key, or else by a session's cookie, as on pages. A key that is no good is refused: its program
would else take what a visitor gets for the whole. Parameters are few and named: one that is unknown, or given
twice, is refused, so that a slip of the pen never quietly means something else.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, g, request

from blueprints.accounts.api_keys import reading_with
from blueprints.articles.visitor_cache import CACHE_CONTROL, NGINX_KEEPS, is_somebody
from core.errors import DomainError
from core.limits import address_block, leave_uncounted_for_others
from core.problems import as_json, problem
from core.rendering import PERSONAL
from core.viewer import GUEST, current_viewer

VARY = "Authorization, Cookie, Accept-Encoding"
LONGEST_PARAMETER = 1000
WHO = "rejoinder.program"  # in the request's environment: the key that counts, or 0 for one that is no good

View = Callable[..., dict[str, Any]]


def look_at_key() -> None:
    """Find out who asks by a key, in front of every view."""
    if "Authorization" not in request.headers:
        return
    kind, _, sent = request.headers["Authorization"].partition(" ")
    reading = reading_with(sent.strip()) if kind.lower() == "bearer" else None
    request.environ[WHO] = reading.key_id if reading else 0
    g.viewer = reading.viewer if reading else GUEST


def whoever_asks() -> str:
    """Whom a limit counts: the key, the person, else the network, also for a key that is no good."""
    if key_id := request.environ.get(WHO):
        return f"key:{key_id}"
    viewer = current_viewer()
    return f"user:{viewer.id}" if viewer.is_signed_in else address_block()


def answers(*takes: str) -> Callable[[View], Callable[..., Response]]:
    """Make the view's value the answer, for a request that has no parameters but these, each at most once.

    An answer to nobody in particular may be kept by everybody who asks whether it still holds, like pages.
    """

    def decorate(view: View) -> Callable[..., Response]:
        @wraps(view)
        def answered(*args: Any, **kwargs: Any) -> Response:
            if request.environ.get(WHO) == 0:
                return _no_such_key()
            _check_parameters(takes)
            answer = as_json(view(*args, **kwargs))
            return _kept_by_everybody(answer) if _is_nobody() else _kept_by_nobody(answer)

        return answered

    return decorate


def _no_such_key() -> Response:
    answer = _kept_by_nobody(problem(401, "This key is unknown, or was revoked. Keys are made at /account/keys."))
    answer.headers["WWW-Authenticate"] = 'Bearer realm="api", error="invalid_token"'
    return answer


def _is_nobody() -> bool:
    """Whether the request says nothing of who asks."""
    return "Authorization" not in request.headers and not is_somebody(request.headers.get("Cookie", ""))


def _kept_by_nobody(answer: Response) -> Response:
    answer.headers["Cache-Control"] = PERSONAL
    answer.headers["Vary"] = VARY
    return answer


def _kept_by_everybody(answer: Response) -> Response:
    leave_uncounted_for_others()
    answer.headers["X-Accel-Expires"] = NGINX_KEEPS
    answer.headers["Cache-Control"] = CACHE_CONTROL
    answer.headers["Vary"] = VARY
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _check_parameters(takes: tuple[str, ...]) -> None:
    for name, values in request.args.lists():
        if name not in takes:
            known = f"It knows {', '.join(takes)}." if takes else "It knows none."
            raise DomainError(f"This address does not know that parameter. {known}", 422, "unknown_parameter")
        if len(values) > 1:
            raise DomainError(f"The parameter {name} is given more than once.", 422, "repeated_parameter")
        if len(values[0]) > LONGEST_PARAMETER:
            raise DomainError(f"The parameter {name} is too long.", 422, "bad_parameter")
