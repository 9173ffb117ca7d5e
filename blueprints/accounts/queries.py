"""Finding people."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, join, or_, select

from blueprints.accounts.queries_factors import has_factor
from blueprints.notifications.notices import bell_number
from core import clock
from core.db import UTCDateTime, db
from core.prepared import Prepared
from core.records import dataclass
from core.viewer import GUEST, EntitlementSpan, SanctionSpan, Viewer, grants
from models.browser_session import BrowserSession
from models.membership import Entitlement, Plan
from models.moderation import Sanction
from models.notice import Notice
from models.user import ModeratedSection, RoleGrant, User

# Built once: composing a statement of this size costs more than running it, and every page of a member runs it.
_moment = bindparam("moment", type_=UTCDateTime())

# What restricts somebody at that moment or later; a warning does until they say that they have read it.
RESTRICTS = (
    Sanction.lifted_at.is_(None),
    or_(Sanction.ends_at.is_(None), Sanction.ends_at > _moment),
    or_(Sanction.kind != "warning", Sanction.acknowledged_at.is_(None)),
)


def viewers_of(proof: Any, *columns: Any) -> Select[Any]:
    """Who has the proof with that `key_hash` (a browser's session, a program's key), with all that decides on rights.

    Rows for `viewer_from`. Parameters: `key_hash`, `moment`; without a proof, `user_id` in the place of `key_hash`.
    """
    is_theirs = proof.key_hash == bindparam("key_hash") if proof else User.id == bindparam("user_id")
    return (
        select(
            User.id, User.display_name, User.email, User.confirmed_at, User.thread_sort, User.reading_keys,
            select(func.count())
            .where(Notice.user_id == User.id, Notice.read_at.is_(None), Notice.count > 0)
            .correlate(User)
            .scalar_subquery()
            .label("unread"),
            RoleGrant.name.label("role"), ModeratedSection.section_id,
            Plan.key.label("plan_key"), Entitlement.starts_at.label("from_at"),
            Entitlement.ends_at.label("until_at"), Entitlement.source, Plan.grants_reading, Plan.grants_commenting,
            Plan.grants_respect, Plan.ad_free,
            Sanction.kind, Sanction.starts_at.label("since_at"), Sanction.ends_at.label("to_at"), Sanction.reason,
            Sanction.id.label("sanction_id"), *columns,
        )
        .select_from(join(proof, User, User.id == proof.user_id) if proof else User)
        .outerjoin(RoleGrant, RoleGrant.user_id == User.id)
        .outerjoin(ModeratedSection, ModeratedSection.user_id == User.id)
        .outerjoin(
            Entitlement,
            and_(Entitlement.user_id == User.id, or_(Entitlement.ends_at.is_(None), Entitlement.ends_at > _moment)),
        )
        .outerjoin(Plan, Plan.id == Entitlement.plan_id)
        .outerjoin(Sanction, and_(Sanction.user_id == User.id, *RESTRICTS))
        .where(is_theirs, User.active, User.deleted_at.is_(None))
    )  # fmt: skip


_VIEWER = Prepared(
    viewers_of(
        BrowserSession, BrowserSession.id.label("session_id"), BrowserSession.proved_at, BrowserSession.seen_at,
        BrowserSession.second_factor_at, BrowserSession.must_rotate,
    ).where(BrowserSession.expires_at > _moment)
)  # fmt: skip


_WITH_ID = Prepared(viewers_of(None))


@dataclass(frozen=True, slots=True)
class Use:
    """What a signed-in browser's row asks of this request."""

    seen_at: datetime
    must_rotate: bool


def viewer_by_session(key_hash: str) -> tuple[Viewer, Use | None]:
    """The viewer of a session, with what is or will be in force of roles, entitlements and sanctions: one query.

    An unknown or ended session, a deleted or deactivated person is a guest, and has no use.
    """
    moment = clock.now()
    rows = _VIEWER.all(None, moment=moment, key_hash=key_hash)
    if not rows:
        return GUEST, None
    first = rows[0]
    viewer = replace(
        viewer_from(rows, moment), session_id=first.session_id, proved_at=first.proved_at,
        second_factor=first.second_factor_at is not None,
    )  # fmt: skip
    return viewer, Use(first.seen_at, first.must_rotate)


def viewer_in_browser(session_id: int) -> Viewer:
    """The viewer of a session that is known already, whatever key it has by now; a guest where it ended."""
    key_hash = db.session().scalar(select(BrowserSession.key_hash).where(BrowserSession.id == session_id))
    return viewer_by_session(key_hash)[0] if key_hash else GUEST


def viewer_with_id(user_id: int) -> Viewer:
    """A person as rules see them who is written to, with all their roles; a guest where nobody can be reached."""
    moment = clock.now()
    rows = _WITH_ID.all(None, moment=moment, user_id=user_id)
    return viewer_from(rows, moment) if rows else GUEST


def viewer_from(rows: Sequence[Any], moment: datetime) -> Viewer:
    """The viewer of rows of `viewers_of`, asked at that moment."""
    first = rows[0]
    return Viewer(
        id=first.id,
        display_name=first.display_name,
        email=first.email,
        confirmed=first.confirmed_at is not None,
        roles=frozenset(row.role for row in rows if row.role),
        section_ids=frozenset(row.section_id for row in rows if row.section_id),
        entitlements=tuple(
            {
                EntitlementSpan(
                    row.plan_key, row.from_at, row.until_at, row.source,
                    grants(row.grants_reading, row.grants_commenting, row.grants_respect), row.ad_free,
                )
                for row in rows if row.plan_key
            }
        ),
        sanctions=tuple(
            {SanctionSpan(row.kind, row.since_at, row.to_at, row.reason, row.sanction_id) for row in rows if row.kind}
        ),
        thread_sort=first.thread_sort,
        reading_keys=first.reading_keys,
        unread=bell_number(first.unread),
        loaded_at=moment,
    )


@dataclass(frozen=True, slots=True)
class Credentials:
    """What signing in is decided on; `password` is the hash."""

    id: int
    password: str | None
    confirmed: bool
    second_factor: bool


@dataclass(frozen=True, slots=True)
class DemoPerson:
    id: int
    display_name: str
    line: str


def user_by_id(user_id: int, *, lock: bool = False) -> User | None:
    """A person who has not left. With `lock`, inside a transaction, the row as it is now, held to the end."""
    return _user(User.id == user_id, lock)


def user_by_email(email: str, *, lock: bool = False) -> User | None:
    """The person with this address (in its stored form) who has not left."""
    return _user(User.email == email, lock)


def credentials(email: str) -> Credentials | None:
    """What is needed to check a password, for an address in its stored form."""
    row = db.session().execute(
        select(User.id, User.password, User.confirmed_at, has_factor().label("second_factor"))
        .where(User.email == email, User.active, User.deleted_at.is_(None))
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    return Credentials(row.id, row.password, row.confirmed_at is not None, bool(row.second_factor))


def password_of(user_id: int) -> str | None:
    """A person's password as it is kept, or None for somebody without one."""
    return db.session().scalar(select(User.password).where(User.id == user_id))


def joined_at(user_id: int) -> datetime | None:
    """When the account was made."""
    return db.session().scalar(select(User.created_at).where(User.id == user_id))


def page_is_open(user_id: int) -> bool:
    """Whether others may see the list of what this person said here."""
    return bool(db.session().scalar(select(User.page_is_open).where(User.id == user_id)))


def name_is_taken(key: str, skeleton: str, *, but_of: int | None = None) -> bool:
    """Whether somebody else has this name, or one that looks like it."""
    statement = select(User.id).where(or_(User.name_key == key, User.name_skeleton == skeleton))
    if but_of is not None:
        statement = statement.where(User.id != but_of)
    return db.session().scalar(statement.limit(1)) is not None


def is_barred(user_id: int) -> bool:
    """Whether a person is suspended or banned at the moment."""
    now = clock.now()
    barred = select(Sanction.id).where(
        Sanction.user_id == user_id,
        Sanction.kind.in_(("suspension", "ban")),
        Sanction.lifted_at.is_(None),
        Sanction.starts_at <= now,
        or_(Sanction.ends_at.is_(None), Sanction.ends_at > now),
    )
    return db.session().scalar(barred.limit(1)) is not None


def has_role(user_id: int) -> bool:
    """Whether a person works for the paper."""
    return db.session().scalar(select(RoleGrant.id).where(RoleGrant.user_id == user_id).limit(1)) is not None


def is_only_publisher(user_id: int) -> bool:
    """Whether this person is a publisher and nobody else is."""
    ids = list(db.session().scalars(
        select(RoleGrant.user_id).where(RoleGrant.name == "publisher").order_by(RoleGrant.user_id).with_for_update()
    ))  # fmt: skip
    return ids == [user_id]


def is_demo(user_id: int) -> bool:
    """Whether this is one of the demonstration's people."""
    return bool(db.session().scalar(select(User.is_demo).where(User.id == user_id)))


def demo_people() -> Sequence[DemoPerson]:
    """The people of the demonstration who are worth being, in order."""
    rows = db.session().execute(
        select(User.id, User.display_name, User.demo_line)
        .where(User.is_demo, User.active, User.demo_line.is_not(None))
        .order_by(User.id)
    )  # fmt: skip
    return [DemoPerson(row.id, row.display_name, row.demo_line or "") for row in rows]


def unconfirmed_before(moment: datetime) -> Sequence[int]:
    """Those who signed up before `moment` and never confirmed the address."""
    return db.session().scalars(
        select(User.id)
        .where(User.confirmed_at.is_(None), User.deleted_at.is_(None), User.created_at < moment)
        .order_by(User.id)
    ).all()  # fmt: skip


def remove_roles(user_id: int) -> None:
    """Take every role from a person."""
    session = db.session()
    for model in (RoleGrant, ModeratedSection):
        for row in session.scalars(select(model).where(model.user_id == user_id)):
            session.delete(row)
    session.flush()


def _user(condition: ColumnElement[bool], lock: bool) -> User | None:
    session = db.session()
    statement = select(User).where(condition, User.deleted_at.is_(None))
    if lock:
        session.flush()  # what is read anew must not lose what was changed and not yet written
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)
