"""Finding entries of the ledger: a page of them, those of one person since a moment, the ends of days."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Row, and_, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from blueprints.moderation import queries
from blueprints.moderation.ledger import FIELDS
from blueprints.moderation.queries import LEDGER, PAGE
from core.recording import WATCHED, Watched
from core.records import dataclass
from models.fairness import Reversal
from models.moderation import LedgerHead, LedgerSeal, ModerationAction
from models.user import User

Kind = Literal["", "decisions", "settings"]
_asker = aliased(User)
_whose = aliased(User)
_later = aliased(ModerationAction)


def page(session: Session, *, actor_id: int | None, kind: Kind, before: int | None) -> list[Row[Any]]:
    """Entries of every sort, the newest first. One more than a page."""
    statement = LEDGER.order_by(ModerationAction.id.desc()).limit(PAGE + 1)
    if actor_id is not None:
        statement = statement.where(ModerationAction.actor_id == actor_id)
    if kind:
        is_setting = ModerationAction.subject != ""
        statement = statement.where(is_setting if kind == "settings" else ~is_setting)
    return list(session.execute(statement.where(ModerationAction.id < before) if before else statement))


def actors(session: Session) -> list[tuple[int, str]]:
    """Everybody who ever decided or changed something, by name."""
    acted = select(ModerationAction.actor_id).distinct()
    rows = session.execute(select(User.id, User.display_name).where(User.id.in_(acted)).order_by(User.display_name))
    return [(row.id, row.display_name) for row in rows]


def names(session: Session, subjects: Iterable[str]) -> dict[str, str]:
    """What these settings are called today, by subject; without what is gone or has no name."""
    wanted: dict[str, list[int]] = {}
    for noun, _, key in (subject.partition(":") for subject in subjects):
        if key.isdecimal():
            wanted.setdefault(noun, []).append(int(key))
    found: list[Any] = [
        select(literal(watched.noun).label("noun"), model.id, getattr(model, watched.called).label("name"))
        .where(model.id.in_(wanted[watched.noun]))
        for model, watched in cast("dict[Any, Watched]", WATCHED).items()
        if watched.called and watched.noun in wanted
    ]
    return {f"{row.noun}:{row.id}": row.name for row in session.execute(union_all(*found))} if found else {}


@dataclass(frozen=True, slots=True)
class Kinds:
    """How many entries of one sort there are, and whether somebody else decided about the same since."""

    action: str
    is_setting: bool
    is_past: bool
    number: int


def _theirs(actor_id: int, since: datetime) -> ColumnElement[bool]:
    return (ModerationAction.actor_id == actor_id) & (ModerationAction.created_at >= since)


def kinds_since(session: Session, actor_id: int, since: datetime) -> list[Kinds]:
    """What a person did since a moment, counted by sort."""
    others = (_later.actor_id.is_(None)) | (_later.actor_id != actor_id)
    is_past = and_(
        ModerationAction.action.in_(queries.DECISIONS),
        exists().where(
            _later.comment_id == ModerationAction.comment_id, _later.id > ModerationAction.id,
            _later.action.in_(queries.DECISIONS), others,
        ),
    )  # fmt: skip
    rows = (
        select(ModerationAction.action, (ModerationAction.subject != "").label("is_setting"), is_past.label("is_past"))
        .where(_theirs(actor_id, since))
        .subquery()
    )
    return [
        Kinds(row.action, bool(row.is_setting), bool(row.is_past), row.number)
        for row in session.execute(
            select(rows.c.action, rows.c.is_setting, rows.c.is_past, func.count().label("number"))
            .group_by(rows.c.action, rows.c.is_setting, rows.c.is_past)
            .order_by(rows.c.action)
        )
    ]


def next_to_reverse(session: Session, reversal: Reversal) -> Row[Any] | None:
    """The newest entry of a reversal that was not looked at yet."""
    if reversal.of_actor_id is not None and reversal.since is not None:
        which = _theirs(reversal.of_actor_id, reversal.since)
    else:
        which = ModerationAction.batch_id == reversal.of_batch_id
    return queries.one(
        session,
        LEDGER.where(which, ModerationAction.id < reversal.cursor_id).order_by(ModerationAction.id.desc()).limit(1),
    )


def reversal_locked(session: Session, reversal_id: int) -> Reversal | None:
    """A reversal, locked and fresh."""
    return session.scalar(
        select(Reversal)
        .where(Reversal.id == reversal_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def reversal_of_batch(session: Session, action_id: int) -> int | None:
    """The reversal that took this one back, if there is one."""
    return session.scalar(select(Reversal.id).where(Reversal.of_batch_id == action_id))


def reversal(session: Session, reversal_id: int) -> Row[Any] | None:
    """A reversal with the names of who asked for it and whose acts it takes back."""
    return queries.one(
        session,
        select(Reversal, _asker.display_name.label("asker"), _whose.display_name.label("whose"))
        .join(_asker, _asker.id == Reversal.asked_by)
        .outerjoin(_whose, _whose.id == Reversal.of_actor_id)
        .where(Reversal.id == reversal_id),
    )


def reversals(session: Session) -> list[Row[Any]]:
    """The newest reversals, at most a page."""
    return list(
        session.execute(
            select(Reversal, _asker.display_name.label("asker"), _whose.display_name.label("whose"))
            .join(_asker, _asker.id == Reversal.asked_by)
            .outerjoin(_whose, _whose.id == Reversal.of_actor_id)
            .order_by(Reversal.id.desc())
            .limit(PAGE)
        )
    )


def newest_id(session: Session) -> int:
    """The id the ledger ends with."""
    return session.scalar(select(LedgerHead.action_id)) or 0


def entries_about(session: Session, user_id: int) -> Sequence[int]:
    """The ids of all entries about a person, the first first."""
    return session.scalars(
        select(ModerationAction.id).where(ModerationAction.user_id == user_id).order_by(ModerationAction.id)
    ).all()


def person_by_email(session: Session, email: str) -> int | None:
    """Whose address this is."""
    return session.scalar(select(User.id).where(User.email == email.strip().lower(), User.deleted_at.is_(None)))


def own_entries(session: Session, user_id: int) -> list[Row[Any]]:
    """The newest entries about a person, at most a page."""
    return list(
        session.execute(
            select(ModerationAction.id, ModerationAction.action, ModerationAction.created_at)
            .where(ModerationAction.user_id == user_id)
            .order_by(ModerationAction.id.desc())
            .limit(PAGE)
        )
    )


def head_locked(session: Session) -> LedgerHead:
    """The end of the chain, held until the transaction is over."""
    return session.scalars(
        select(LedgerHead).with_for_update().execution_options(populate_existing=True)
    ).one()


def seal_of(session: Session, action_id: int) -> LedgerSeal | None:
    """The seal of this entry."""
    return session.scalar(select(LedgerSeal).where(LedgerSeal.action_id == action_id))


def seal_from(session: Session, action_id: int) -> LedgerSeal | None:
    """The first seal at or behind an entry."""
    return session.scalar(
        select(LedgerSeal).where(LedgerSeal.action_id >= action_id).order_by(LedgerSeal.action_id).limit(1)
    )


def seals(session: Session, before: int | None) -> list[Row[Any]]:
    """Published seals, the newest first. One more than a page."""
    statement = (
        select(LedgerSeal.action_id, LedgerSeal.hash, LedgerSeal.sealed_at)
        .order_by(LedgerSeal.action_id.desc())
        .limit(PAGE + 1)
    )
    return list(session.execute(statement.where(LedgerSeal.action_id < before) if before else statement))


def seals_that_differ(session: Session) -> list[Row[Any]]:
    """Seals that are no longer the hash of their entry, the first first."""
    return list(
        session.execute(
            select(LedgerSeal.action_id, LedgerSeal.sealed_at)
            .outerjoin(ModerationAction, ModerationAction.id == LedgerSeal.action_id)
            .where(or_(ModerationAction.id.is_(None), ModerationAction.hash != LedgerSeal.hash))
            .order_by(LedgerSeal.action_id)
        )
    )


def entries_between(session: Session, first_id: int, last_id: int) -> list[Row[Any]]:
    """Whole entries of a stretch, in their order."""
    columns = [getattr(ModerationAction, name) for name in (*FIELDS, "hash")]
    return list(
        session.execute(
            select(*columns)
            .where(ModerationAction.id >= first_id, ModerationAction.id <= last_id)
            .order_by(ModerationAction.id)
        )
    )
