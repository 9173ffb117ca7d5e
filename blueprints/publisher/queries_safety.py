"""What the page about the staff's second factors reads."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from core.db import db
from core.records import dataclass
from models.browser_session import BrowserSession
from models.second_factor import AuthenticatorApp, Passkey
from models.site import Site
from models.user import RoleGrant, User


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody on the staff, and what they sign in with."""

    id: int
    display_name: str
    roles: tuple[str, ...]
    has_app: bool
    passkeys: int
    browsers: int
    seen_at: datetime | None


def staff_and_factors() -> Sequence[Colleague]:
    """The staff in the order of their names: three questions, however many they are."""
    session = db.session()
    roles: dict[int, list[str]] = {}
    for row in session.execute(select(RoleGrant.user_id, RoleGrant.name).order_by(RoleGrant.name)):
        roles.setdefault(row.user_id, []).append(row.name)
    people = session.execute(
        select(
            User.id, User.display_name,
            select(func.count()).where(
                AuthenticatorApp.user_id == User.id, AuthenticatorApp.confirmed_at.is_not(None)
            ).correlate(User).scalar_subquery().label("apps"),
            select(func.count()).where(Passkey.user_id == User.id).correlate(User).scalar_subquery().label("keys"),
        )
        .where(User.id.in_(select(RoleGrant.user_id)), User.deleted_at.is_(None))
        .order_by(User.name_key)
    ).all()  # fmt: skip
    used = {
        row.user_id: row for row in session.execute(
            select(
                BrowserSession.user_id, func.count().label("browsers"),
                func.max(BrowserSession.seen_at).label("seen_at"),
            )
            .where(BrowserSession.user_id.in_(select(RoleGrant.user_id)))
            .group_by(BrowserSession.user_id)
        )
    }  # fmt: skip
    return [
        Colleague(
            row.id, row.display_name, tuple(roles.get(row.id, ())), bool(row.apps), row.keys,
            used[row.id].browsers if row.id in used else 0, used[row.id].seen_at if row.id in used else None,
        )
        for row in people
    ]  # fmt: skip


def lock_site() -> Site:
    """The site's one row, held to the end."""
    return db.session().scalars(
        select(Site).with_for_update().execution_options(populate_existing=True)
    ).one()  # fmt: skip
