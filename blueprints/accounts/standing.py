"""Whether somebody still stands as they did when their request began, which may have waited for its turn to write.

What is asked inside the transaction, after the wait, decides. Where a question is put there anyway, `STANDS` goes into
it; elsewhere `still` asks by itself.
"""

from typing import Any

from sqlalchemy import Integer, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from blueprints.accounts import queries
from blueprints.accounts.session import with_proved_roles
from core import clock
from core.db import UTCDateTime
from core.errors import DomainError
from core.prepared import Prepared
from core.viewer import ROLES, Viewer
from models.browser_session import BrowserSession
from models.moderation import Sanction
from models.user import RoleGrant, User

_BITS: dict[str, int] = {role: 1 << place for place, role in enumerate(ROLES)}
_id = bindparam("viewer_id", type_=Integer())
_browser = bindparam("viewer_browser", type_=Integer())


class SignedOut(DomainError):
    """The session ended while its request waited, alone or with the account."""

    def __init__(self) -> None:
        super().__init__("You were signed out meanwhile, so nothing was done.", 403, "signed_out")


# Signed in, with the same roles, and with no restriction that the viewer does not know of.
STANDS = and_(
    select(User.id).where(User.id == _id, User.active, User.deleted_at.is_(None)).exists(),
    or_(
        _browser == 0,
        select(BrowserSession.id)
        .where(BrowserSession.id == _browser, BrowserSession.user_id == _id,
               BrowserSession.expires_at > bindparam("moment", type_=UTCDateTime()))
        .exists(),
    ),
    select(func.coalesce(func.sum(case(_BITS, value=RoleGrant.name, else_=0)), 0))
    .where(RoleGrant.user_id == _id)
    .scalar_subquery() == bindparam("viewer_roles", type_=Integer()),
    select(func.coalesce(func.max(Sanction.id), 0))
    .where(Sanction.user_id == _id, *queries.RESTRICTS)
    .scalar_subquery() <= bindparam("viewer_sanction", type_=Integer()),
).label("stands")  # fmt: skip
_STILL = Prepared(select(STANDS))


def known(viewer: Viewer) -> dict[str, Any]:
    """The parameters of `STANDS`: what was known of them when the request began."""
    return {
        "viewer_id": viewer.id or 0,
        "viewer_browser": viewer.session_id or 0,
        "viewer_roles": sum(_BITS.get(role, 0) for role in viewer.roles | viewer.waiting_roles),
        "viewer_sanction": max((span.id for span in viewer.sanctions), default=0),
        "moment": clock.now(),
    }


def again(viewer: Viewer) -> Viewer:
    """The same person in the same browser as they are now: for whoever does not stand as before. Raises SignedOut."""
    if viewer.session_id is None:
        now = queries.viewer_with_id(viewer.id or 0)
    else:
        now = with_proved_roles(queries.viewer_in_browser(viewer.session_id))
    if now.id is None or now.id != viewer.id:
        raise SignedOut
    return now


def still(session: Session, viewer: Viewer) -> Viewer:
    """The viewer, as known where nothing changed, else as they are now. A guest stays one. Raises SignedOut."""
    if not viewer.is_signed_in or _STILL.scalar(session, **known(viewer)):
        return viewer
    return again(viewer)
