"""How fast comments come, surges, and alarms."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from blueprints.moderation.queries import Sections, one, within
from blueprints.moderation.queries_claims import insert_for
from core.db import UTCDateTime
from core.prepared import Prepared
from core.records import dataclass
from models.article import Article
from models.desk import DeskPreference
from models.stress import Alarm, Surge
from models.thread import Comment, Thread
from models.user import ModeratedSection, RoleGrant, User

NEWEST = 5_000  # comments that are looked at, from the last one back
ALARMS_SHOWN = 10


_newest = select(func.coalesce(func.max(Comment.id), 0)).scalar_subquery()
_fresh = Comment.created_at > bindparam("minute_ago", type_=UTCDateTime())
_before = bindparam("before", type_=UTCDateTime())
# Asked twice a minute, so a process with nothing else to do stays small.
_RATES = Prepared(
    select(
        Comment.thread_id,
        func.sum(case((_fresh, 1), else_=0)).label("fresh"),
        func.sum(case((_fresh, 0), else_=1)).label("earlier"),
    )
    .where(Comment.id > _newest - NEWEST, Comment.created_at > _before)
    .group_by(Comment.thread_id),
    soon=True,
)
_CALM = Prepared(
    update(Alarm)
    .where(Alarm.ended_at.is_(None), Alarm.last_at < _before)
    .values(ended_at=bindparam("now", type_=UTCDateTime())),
    soon=True,
)


def rates(session: Session, minute_ago: datetime, before: datetime) -> list[Row[Any]]:
    """How many comments came to each discussion in the last minute and in the hour before it, however they stand."""
    return list(_RATES.all(session, minute_ago=minute_ago, before=before))


def sound(session: Session, place: int, comments: int, usual: float, now: datetime) -> int | None:
    """Let an alarm sound for a place, or note that it is still so. Returns its id if it is new."""
    known = session.scalar(select(Alarm).where(Alarm.place == place, Alarm.ended_at.is_(None)).with_for_update())
    if known is not None:
        known.last_at, known.comments = now, max(known.comments, comments)
        return None
    added: int | None = session.scalar(
        insert_for(session)(Alarm)
        .values(place=place, started_at=now, last_at=now, comments=comments, usual=usual)
        .on_conflict_do_nothing()
        .returning(Alarm.id)
    )
    return added


def alarm(session: Session, alarm_id: int) -> Row[Any] | None:
    """One alarm, with the headline and section of its discussion, and who sees to it."""
    return one(
        session,
        select(Alarm.place, Alarm.comments, Alarm.usual, Alarm.ended_at, Article.headline, Article.section_id,
               User.display_name.label("seen"))
        .outerjoin(Thread, Thread.id == Alarm.place)
        .outerjoin(Article, Article.id == Thread.article_id)
        .outerjoin(User, User.id == Alarm.seen_by)
        .where(Alarm.id == alarm_id),
    )  # fmt: skip


def sounds_somewhere(session: Session) -> bool:
    """Whether an alarm sounds for one discussion."""
    return bool(session.scalar(select(exists().where(Alarm.place != 0, Alarm.ended_at.is_(None)))))


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody who leads moderation."""

    id: int
    email: str
    wants_mail: bool


def whom_to_alarm(session: Session, section_id: int | None) -> list[Called]:
    """Those who lead moderation there: leads get a mail unless they chose otherwise, editors and publishers if they
    chose it; where the paper has no lead, they get it as leads do."""
    rows = session.execute(
        select(User.id, User.email, RoleGrant.name, DeskPreference.alarm_mails)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .outerjoin(DeskPreference, DeskPreference.user_id == User.id)
        .where(RoleGrant.name.in_(("lead", "editor", "publisher")), User.active, User.deleted_at.is_(None))
        .order_by(User.id)
    ).all()
    limits: dict[int, set[int]] = {}
    for limited in session.execute(select(ModeratedSection.user_id, ModeratedSection.section_id)):
        limits.setdefault(limited.user_id, set()).add(limited.section_id)
    roles: dict[int, set[str]] = {}
    for row in rows:
        roles.setdefault(row.id, set()).add(row.name)
    has_lead = any("lead" in names for names in roles.values())
    called = {}
    for row in rows:
        leads_only = roles[row.id] == {"lead"}
        if leads_only and section_id is not None and section_id not in limits.get(row.id, {section_id}):
            continue
        usual = "lead" in roles[row.id] or not has_lead
        wants = usual if row.alarm_mails is None else row.alarm_mails
        if usual or wants:
            called[row.id] = Called(row.id, row.email, bool(wants))
    return list(called.values())


def calm(session: Session, before: datetime, now: datetime) -> None:
    """End alarms of places that were last so before a moment."""
    _CALM.write(session, before=before, now=now)


def alarms(session: Session, sections: Sections) -> list[Row[Any]]:
    """Alarms that sound, the newest first; those of discussions elsewhere are left out."""
    statement = (
        select(Alarm.id, Alarm.place, Alarm.started_at, Alarm.comments, Alarm.usual, Alarm.seen_by,
               User.display_name.label("seen"), Article.headline)
        .outerjoin(Thread, Thread.id == Alarm.place)
        .outerjoin(Article, Article.id == Thread.article_id)
        .outerjoin(User, User.id == Alarm.seen_by)
        .where(Alarm.ended_at.is_(None))
        .order_by(Alarm.id.desc())
        .limit(ALARMS_SHOWN)
    )  # fmt: skip
    if sections is not None:
        statement = statement.where(or_(Alarm.place == 0, within(sections)))
    return list(session.execute(statement))


def alarm_locked(session: Session, alarm_id: int) -> Alarm | None:
    """An alarm, locked and fresh."""
    return session.scalar(
        select(Alarm).where(Alarm.id == alarm_id).with_for_update().execution_options(populate_existing=True)
    )


def surges(session: Session, now: datetime, thread_id: int | None = None) -> list[Row[Any]]:
    """Surges in force: of all discussions together, or those of one."""
    here = Surge.thread_id.is_(None) if thread_id is None else Surge.thread_id == thread_id
    return list(
        session.execute(
            select(Surge.id, Surge.thread_id, Surge.holds_newcomers, Surge.members_only, Surge.pace_seconds,
                   Surge.starts_at, Surge.ends_at, User.display_name.label("actor"))
            .join(User, User.id == Surge.started_by)
            .where(Surge.ends_at > now, here)
            .order_by(Surge.id)
        )
    )  # fmt: skip


def surge_locked(session: Session, surge_id: int) -> Surge | None:
    """A surge, locked and fresh."""
    return session.scalar(
        select(Surge).where(Surge.id == surge_id).with_for_update().execution_options(populate_existing=True)
    )


def has_surge(session: Session, thread_id: int | None, now: datetime) -> bool:
    """Whether surge mode is on already, there."""
    here = Surge.thread_id.is_(None) if thread_id is None else Surge.thread_id == thread_id
    return bool(session.scalar(select(exists().where(and_(here, Surge.ends_at > now)))))
