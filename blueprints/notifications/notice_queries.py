"""Notices in the database. What is told to many is written with prepared statements."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, func, literal, or_, select, text, tuple_, update
from sqlalchemy.orm import Session

from core.db import UTCDateTime
from core.prepared import Prepared
from models.notice import Follow, Mute, Notice, NoticeCause, NoticePreference, NoticeSetting
from models.user import User

CHUNK = 500

_now = bindparam("now", type_=UTCDateTime())

# Held to the end, so that a mute or a choice about mails made at the same moment is seen, or sees this.
_HOLD = Prepared(select(User.id).where(User.id == bindparam("the_user")).with_for_update(read=True))
_ADD_CAUSE = Prepared(text(
    "INSERT INTO notice_cause (user_id, kind, cause, scope, actor_id, title, many, excerpt, url, many_url,"
    " reply_url, mail, created_at) "
    "SELECT u.id, CAST(:kind AS VARCHAR(12)), :cause, :scope, CAST(:shown_actor_id AS INTEGER), :title, :many,"
    " :excerpt, :url, :many_url, :reply_url, COALESCE((SELECT how FROM notice_preference p"
    " WHERE p.user_id = u.id AND p.kind = CAST(:kind AS VARCHAR(12))), :mail), :now "
    'FROM "user" u WHERE u.id = :user_id AND u.deleted_at IS NULL AND NOT EXISTS '
    "(SELECT 1 FROM mute m WHERE m.user_id = u.id AND m.muted_id = CAST(:actor_id AS INTEGER)) "
    "ON CONFLICT (user_id, cause) DO NOTHING RETURNING id"
).bindparams(_now))  # fmt: skip
_RAISE = Prepared(text(
    "INSERT INTO notice (user_id, kind, subject_key, count, created_at, moved_at) "
    "VALUES (:user_id, :kind, :subject_key, 1, :now, :now) "
    "ON CONFLICT (user_id, kind, subject_key) WHERE read_at IS NULL "
    "DO UPDATE SET count = notice.count + 1, moved_at = excluded.moved_at RETURNING id"
).bindparams(_now))  # fmt: skip
_SET_NOTICE = Prepared(
    update(NoticeCause).where(NoticeCause.id == bindparam("cause_id")).values(notice_id=bindparam("the_notice"))
)


def hold_person(session: Session, user_id: int) -> None:
    """Let nobody change what this person has chosen until the transaction ends."""
    _HOLD.all(session, the_user=user_id)


def add_cause(session: Session, *, actor_id: int | None, nameless: bool, **values: Any) -> int | None:
    """Write a cause with these values of its columns; None where the person has it, has left, or muted the actor.

    `mail` holds unless they chose for the kind. With `nameless` the actor is not kept.
    """
    shown = None if nameless else actor_id
    found = _ADD_CAUSE.scalar(session, actor_id=actor_id, shown_actor_id=shown, **values)
    return int(found) if found is not None else None


def raise_notice(session: Session, *, user_id: int, kind: str, subject_key: str, now: datetime) -> int:
    """The unread notice about this subject, with one cause more than before."""
    return int(_RAISE.scalar(session, user_id=user_id, kind=kind, subject_key=subject_key, now=now))


def set_notice(session: Session, *, cause_id: int, notice_id: int) -> None:
    """Say which notice a cause belongs to."""
    _SET_NOTICE.write(session, cause_id=cause_id, the_notice=notice_id)


def withdraw_cause(session: Session, cause: str, now: datetime) -> None:
    """Let a cause stand no longer, for everybody who was told."""
    changed = session.scalars(
        update(NoticeCause)
        .where(NoticeCause.cause == cause, NoticeCause.withdrawn_at.is_(None))
        .values(withdrawn_at=now, excerpt="")
        .returning(NoticeCause.notice_id)
        .execution_options(synchronize_session=False)
    ).all()
    _recount(session, changed, -1)


def restate_cause(session: Session, cause: str, excerpt: str, *, nameless: bool, scope: str) -> None:
    """Let a cause stand again, with this excerpt and in this place, for everybody who was told."""
    stands = update(NoticeCause).where(NoticeCause.cause == cause).execution_options(synchronize_session=False)
    changed = session.scalars(
        stands.where(NoticeCause.withdrawn_at.is_not(None)).values(withdrawn_at=None).returning(NoticeCause.notice_id)
    ).all()
    session.execute(stands.where(NoticeCause.excerpt != excerpt).values(excerpt=excerpt))
    if nameless:
        session.execute(stands.values(actor_id=None))
    if scope:
        session.execute(stands.where(NoticeCause.scope != scope).values(scope=scope))
    _recount(session, changed, 1)


def hold_choices(session: Session, user_id: int) -> None:
    """Hold a person's row alone until the transaction ends."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())


def remove_causes_by(session: Session, user_id: int, actor_id: int) -> None:
    """Delete every cause by an actor that one person was told of."""
    removed = session.execute(
        delete(NoticeCause)
        .where(NoticeCause.user_id == user_id, NoticeCause.actor_id == actor_id)
        .returning(NoticeCause.notice_id, NoticeCause.withdrawn_at)
        .execution_options(synchronize_session=False)
    ).all()
    _recount(session, (row.notice_id for row in removed if row.withdrawn_at is None), -1)


_newest = (
    select(func.max(NoticeCause.id))
    .where(NoticeCause.notice_id == Notice.id, NoticeCause.withdrawn_at.is_(None))
    .correlate(Notice)
    .scalar_subquery()
)
_LINES: Any = (
    select(
        Notice.id, Notice.kind, Notice.count.label("causes"), Notice.moved_at, Notice.read_at, NoticeCause.title,
        NoticeCause.many, NoticeCause.excerpt, NoticeCause.url, NoticeCause.many_url, NoticeCause.reply_url,
        NoticeCause.actor_id, NoticeCause.scope,
        case((User.deleted_at.is_(None), User.display_name)).label("actor"),
    )
    .join(NoticeCause, NoticeCause.id == _newest)
    .outerjoin(User, User.id == NoticeCause.actor_id)
    .where(Notice.count > 0)
)


def page_of_notices(
    session: Session, user_id: int, after: tuple[datetime, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """So many of a person's notices behind the cursor, the last moved first, each with its newest standing cause."""
    statement = _LINES.where(Notice.user_id == user_id)
    if after:
        statement = statement.where(tuple_(Notice.moved_at, Notice.id) < tuple_(*_cursor(after)))
    return list(session.execute(statement.order_by(Notice.moved_at.desc(), Notice.id.desc()).limit(limit)))


def _cursor(after: tuple[datetime, int]) -> tuple[Any, Any]:
    return literal(after[0], UTCDateTime()), literal(after[1])


def notice_target(session: Session, user_id: int, notice_id: int) -> Row[Any] | None:
    """Where a person's own notice leads; with a count of 0 and no places where nothing stands any more."""
    statement: Any = (
        select(Notice.count.label("causes"), NoticeCause.url, NoticeCause.many_url)
        .outerjoin(NoticeCause, NoticeCause.id == _newest)
        .where(Notice.id == notice_id, Notice.user_id == user_id)
    )
    found: Row[Any] | None = session.execute(statement).one_or_none()
    return found


def mark_read(
    session: Session, user_id: int, now: datetime, *, notice_id: int | None = None, until: datetime | None = None
) -> None:
    """Mark one unread notice of a person as read, or all that last moved up to a moment."""
    which = Notice.id == notice_id if notice_id is not None else Notice.moved_at <= until
    session.execute(
        update(Notice)
        .where(Notice.user_id == user_id, Notice.read_at.is_(None), which)
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )


def mark_seen(session: Session, user_id: int, path: str, now: datetime) -> None:
    """Mark those unread notices of a person as read that lead to this path."""
    place = case((and_(Notice.count > 1, NoticeCause.many_url != ""), NoticeCause.many_url), else_=NoticeCause.url)
    leads_here = or_(place == path, place.startswith(f"{path}#", autoescape=True))
    at_place = select(NoticeCause.id).where(NoticeCause.id == _newest, leads_here).exists()
    session.execute(
        update(Notice)
        .where(Notice.user_id == user_id, Notice.read_at.is_(None), Notice.count > 0, at_place)
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )


def count_unread(session: Session, user_id: int) -> int:
    """How many notices of a person stand and are unread."""
    unread = (Notice.user_id == user_id, Notice.read_at.is_(None), Notice.count > 0)
    return session.scalar(select(func.count()).select_from(Notice).where(*unread)) or 0


def forget_before(session: Session, moment: datetime) -> None:
    """Delete notices that last moved before `moment`, with their causes."""
    old = select(Notice.id).where(Notice.moved_at < moment)
    for statement in (
        delete(NoticeCause).where(NoticeCause.notice_id.in_(old)), delete(Notice).where(Notice.moved_at < moment)
    ):  # fmt: skip
        session.execute(statement.execution_options(synchronize_session=False))


def remove_all_of(session: Session, user_id: int) -> None:
    """Delete everything about a person who leaves: their notices and choices, and what others chose about them."""
    for statement in (
        delete(NoticeCause).where(NoticeCause.user_id == user_id),
        delete(Notice).where(Notice.user_id == user_id),
        delete(NoticePreference).where(NoticePreference.user_id == user_id),
        delete(NoticeSetting).where(NoticeSetting.user_id == user_id),
        delete(Follow).where(
            or_(Follow.user_id == user_id, and_(Follow.kind == "person", Follow.target_id == user_id))
        ),
        delete(Mute).where(or_(Mute.user_id == user_id, Mute.muted_id == user_id)),
    ):
        session.execute(statement.execution_options(synchronize_session=False))


def _recount(session: Session, notice_ids: Iterable[int | None], step: int) -> None:
    """Move the counts of notices by what their causes changed; locked in the order in which people are told."""
    steps = Counter(notice_id for notice_id in notice_ids if notice_id is not None)
    for times in sorted(set(steps.values())):
        ids = sorted(notice_id for notice_id, count in steps.items() if count == times)
        for at in range(0, len(ids), CHUNK):
            chosen = Notice.id.in_(ids[at : at + CHUNK])
            session.execute(select(Notice.id).where(chosen).order_by(Notice.user_id, Notice.id).with_for_update())
            session.execute(
                update(Notice)
                .where(chosen)
                .values(count=Notice.count + step * times)
                .execution_options(synchronize_session=False)
            )
