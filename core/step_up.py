"""Step-up: asking once more who somebody is, in front of what is large or cannot be undone.

A session that is minutes old may by now be in other hands. `step_up` lets a route run only where somebody showed a
short while ago that the account is theirs (at sign-in, or since). Else it answers with a page that asks for it and
carries the form on: when that page is sent, the proof is checked and the route runs, so nothing is typed twice. A
script gets 403 and the header `X-Step-Up` with the address of the page to ask at.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import current_app
from flask.typing import ResponseReturnValue

from core import clock
from core.guards import sign_in_first
from core.viewer import Viewer, current_viewer

P = ParamSpec("P")
R = TypeVar("R")
Prover = Callable[[str], ResponseReturnValue | None]
Whom = Callable[[Viewer], bool]

STEP_UP_MARK = "__step_up__"
PROOF_LASTS = timedelta(minutes=15)
_EXTENSION = "rejoinder_prover"


def step_up(
    purpose: str, *, within: timedelta = PROOF_LASTS, only_of: Whom | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the view run only with a proof not older than `within`. Stands under the guard, right above the view:

        @moderation.post("/moderation/bulk")
        @staff("is_moderator")
        @step_up("To decide on many comments at once")

    `purpose` begins the sentence "…, please show once more that it is you." A file that is sent along is not carried
    on: put such a form behind a page that has the mark itself. `only_of` says of whom a proof is asked, where that is
    not everybody: the view asks the others in its own way.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def proved(*args: P.args, **kwargs: P.kwargs) -> R:
            viewer = current_viewer()
            if not viewer.is_signed_in:
                return cast(R, sign_in_first())
            if not is_proved(viewer, within) and (only_of is None or only_of(viewer)):
                asked = cast(Prover, current_app.extensions[_EXTENSION])(purpose)
                if asked is not None:
                    return cast(R, asked)
            return view(*args, **kwargs)

        setattr(proved, STEP_UP_MARK, "all" if only_of is None else "some")
        return proved

    return decorate


def is_proved(viewer: Viewer, within: timedelta = PROOF_LASTS) -> bool:
    """Whether this browser proved that short a while ago who uses it."""
    return viewer.proved_at is not None and clock.now() - viewer.proved_at < within


def register_prover(app: object, prover: Prover) -> None:
    """Say how a proof is asked for; called once, by the accounts domain. It returns None when one was just given."""
    app.extensions[_EXTENSION] = prover  # type: ignore[attr-defined]
