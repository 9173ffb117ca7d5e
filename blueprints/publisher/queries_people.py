"""People who have not left: the list, one of them, and what they may do here."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Row, exists, func, or_, select

from blueprints.publisher.queries_given import is_live
from core.db import db
from core.names import name_key
from core.records import dataclass
from models.membership import Entitlement, Plan
from models.thread import Comment
from models.user import ModeratedSection, RoleGrant, User

PEOPLE_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person in the list: what they may do here and what they have."""

    id: int
    display_name: str
    email: str
    confirmed: bool
    created_at: datetime
    roles: tuple[str, ...]
    plans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeoplePage:
    people: tuple[PersonLine, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account, as the publisher sees them."""

    id: int
    display_name: str
    email: str
    confirmed: bool
    created_at: datetime
    roles: frozenset[str]
    section_ids: frozenset[int]
    comments: int


def people_page(at: datetime, *, wanted: str = "", which: str = "", after: str = "") -> PeoplePage:
    """People who have not left, by name: three queries.

    `wanted` is part of a name or an address, `which` is "staff", "members" or empty, `after` the last page's mark.
    """
    session = db.session()
    statement = select(
        User.id, User.display_name, User.email, User.confirmed_at, User.created_at, User.name_key
    ).where(User.deleted_at.is_(None))
    if wanted.strip():
        statement = statement.where(is_called(wanted.strip()))
    if which == "staff":
        statement = statement.where(exists().where(RoleGrant.user_id == User.id))
    elif which == "members":
        statement = statement.where(exists().where(Entitlement.user_id == User.id, is_live(at)))
    if after:
        statement = statement.where(User.name_key > after)
    rows = session.execute(statement.order_by(User.name_key).limit(PEOPLE_PER_PAGE + 1)).all()
    shown = rows[:PEOPLE_PER_PAGE]
    ids = [row.id for row in shown]
    roles = _by_person(session.execute(
        select(RoleGrant.user_id, RoleGrant.name).where(RoleGrant.user_id.in_(ids)).order_by(RoleGrant.name)
    ))  # fmt: skip
    plans = _by_person(session.execute(
        select(Entitlement.user_id, Plan.name).join(Plan, Plan.id == Entitlement.plan_id)
        .where(Entitlement.user_id.in_(ids), is_live(at)).order_by(Plan.rank)
    ))  # fmt: skip
    return PeoplePage(
        tuple(
            PersonLine(row.id, row.display_name, row.email, row.confirmed_at is not None, row.created_at,
                       roles.get(row.id, ()), plans.get(row.id, ()))
            for row in shown
        ),
        shown[-1].name_key if len(rows) > PEOPLE_PER_PAGE else None,
    )  # fmt: skip


def person(person_id: int) -> Person | None:
    """Somebody who has not left, with roles, limits and how many of their comments can be read: two queries."""
    session = db.session()
    comments = (
        select(func.count()).select_from(Comment)
        .where(Comment.author_id == User.id, Comment.status == "published").scalar_subquery()
    )  # fmt: skip
    row = session.execute(
        select(User.id, User.display_name, User.email, User.confirmed_at, User.created_at, comments.label("comments"))
        .where(User.id == person_id, User.deleted_at.is_(None))
    ).first()  # fmt: skip
    if row is None:
        return None
    roles, sections = rights_of(person_id)
    return Person(
        row.id, row.display_name, row.email, row.confirmed_at is not None, row.created_at, roles, sections, row.comments
    )


def rights_of(person_id: int) -> tuple[frozenset[str], frozenset[int]]:
    """A person's roles, and the sections that they as a moderator are limited to: one query."""
    rows = db.session().execute(
        select(RoleGrant.name, ModeratedSection.section_id)
        .outerjoin(ModeratedSection, ModeratedSection.user_id == RoleGrant.user_id)
        .where(RoleGrant.user_id == person_id)
    ).all()  # fmt: skip
    return frozenset(row.name for row in rows), frozenset(row.section_id for row in rows if row.section_id)


def lock_publishers() -> frozenset[int]:
    """Who the publishers are now; their grants are held to the end, so that no two changes cross."""
    return frozenset(db.session().scalars(
        select(RoleGrant.user_id).where(RoleGrant.name == "publisher").order_by(RoleGrant.user_id).with_for_update()
    ))  # fmt: skip


def take_roles(person_id: int, names: Iterable[str]) -> None:
    """Take roles from a person, row by row, so that each is recorded."""
    session = db.session()
    for row in session.scalars(
        select(RoleGrant).where(RoleGrant.user_id == person_id, RoleGrant.name.in_(list(names)))
    ):
        session.delete(row)
    session.flush()


def set_section_limits(person_id: int, section_ids: Iterable[int]) -> None:
    """Limit a moderator to these sections; none means all."""
    session = db.session()
    wanted = set(section_ids)
    standing = {
        row.section_id: row
        for row in session.scalars(select(ModeratedSection).where(ModeratedSection.user_id == person_id))
    }
    for section_id in standing.keys() - wanted:
        session.delete(standing[section_id])
    session.add_all(
        ModeratedSection(user_id=person_id, section_id=each) for each in sorted(wanted - standing.keys())
    )
    session.flush()


def is_called(wanted: str) -> ColumnElement[bool]:
    by_mail = User.email.contains(wanted.casefold(), autoescape=True)
    key = name_key(wanted)
    return or_(by_mail, User.name_key.contains(key, autoescape=True)) if key else by_mail


def _by_person(rows: Iterable[Row[int, str]]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for person_id, word in rows:
        if word not in found.get(person_id, ()):
            found[person_id] = (*found.get(person_id, ()), word)
    return found
