"""What the list of people for a spreadsheet reads."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from core.db import db
from core.records import dataclass
from models.membership import Entitlement, Plan
from models.user import RoleGrant, User

PEOPLE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One person; `ends_at` is the latest end of what they have now, None for none or without end."""

    id: int
    email: str
    display_name: str
    created_at: datetime
    confirmed: bool
    roles: tuple[str, ...]
    plans: tuple[str, ...]
    ends_at: datetime | None


def people_after(after: int, moment: datetime) -> Sequence[Line]:
    """The next people by their number: three questions for all of them."""
    session = db.session()
    people = session.execute(
        select(User.id, User.email, User.display_name, User.created_at, User.confirmed_at)
        .where(User.id > after, User.deleted_at.is_(None))
        .order_by(User.id).limit(PEOPLE_AT_ONCE)
    ).all()  # fmt: skip
    if not people:
        return []
    within = people[0].id, people[-1].id
    roles: dict[int, list[str]] = {}
    for role in session.execute(
        select(RoleGrant.user_id, RoleGrant.name).where(RoleGrant.user_id.between(*within)).order_by(RoleGrant.name)
    ):
        roles.setdefault(role.user_id, []).append(role.name)
    held: dict[int, list[tuple[str, datetime | None]]] = {}
    for row in session.execute(
        select(Entitlement.user_id, Plan.key, Entitlement.ends_at)
        .join(Plan, Plan.id == Entitlement.plan_id)
        .where(
            Entitlement.user_id.between(*within), Entitlement.starts_at <= moment,
            or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > moment),
        )
        .order_by(Plan.rank)
    ):  # fmt: skip
        held.setdefault(row.user_id, []).append((row.key, row.ends_at))
    return [
        Line(
            person.id, person.email, person.display_name, person.created_at, person.confirmed_at is not None,
            tuple(roles.get(person.id, ())), tuple(dict.fromkeys(key for key, _ in held.get(person.id, ()))),
            _latest([end for _, end in held.get(person.id, ())]),
        )
        for person in people
    ]  # fmt: skip


def _latest(ends: Sequence[datetime | None]) -> datetime | None:
    return None if not ends or None in ends else max(end for end in ends if end is not None)
