"""People on the desk: who they are, and what restricts them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from blueprints.moderation.queries import one
from blueprints.moderation.statements import HELD
from core.records import dataclass
from models.conduct import LadderStep, PersonNote, ProtectedAuthor, TrustedFlagger
from models.moderation import ModerationAction, Sanction, StatementOfReasons
from models.reading import ThreadVisit
from models.site import Rule
from models.thread import Report
from models.user import ModeratedSection, RoleGrant, User

_actor = aliased(User)
PEOPLE_FOUND = 50


def sanctions_of(session: Session, user_ids: Sequence[int]) -> list[Row[Any]]:
    """Every sanction these people had, the newest first."""
    return list(
        session.execute(
            select(
                Sanction.id, Sanction.user_id, Sanction.kind, Sanction.reason, Sanction.starts_at, Sanction.ends_at,
                Sanction.lifted_at, Sanction.acknowledged_at, Sanction.action_id, Rule.title.label("rule_title"),
                _actor.display_name.label("actor"),
            )
            .join(ModerationAction, ModerationAction.id == Sanction.action_id)
            .outerjoin(_actor, _actor.id == ModerationAction.actor_id)
            .outerjoin(Rule, Rule.id == Sanction.rule_id)
            .where(Sanction.user_id.in_(user_ids))
            .order_by(Sanction.id.desc())
        )
    )  # fmt: skip


def person_locked(session: Session, user_id: int) -> User | None:
    """A person's row, locked and fresh, so that two sanctions cannot be imposed at once."""
    return session.scalar(
        select(User).where(User.id == user_id).with_for_update().execution_options(populate_existing=True)
    )


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the desk shows them."""

    id: int
    name: str
    joined_at: datetime
    left_at: datetime | None
    roles: frozenset[str]


def person(session: Session, user_id: int) -> Person | None:
    """One person."""
    rows = session.execute(
        select(User.id, User.display_name, User.created_at, User.deleted_at, RoleGrant.name)
        .outerjoin(RoleGrant, RoleGrant.user_id == User.id)
        .where(User.id == user_id)
    ).all()
    if not rows:
        return None
    first = rows[0]
    return Person(
        first.id, first.display_name, first.created_at, first.deleted_at,
        frozenset(row.name for row in rows if row.name),
    )  # fmt: skip


def people_named(session: Session, words: str) -> list[Row[Any]]:
    """People whose name holds these words, by name; at most PEOPLE_FOUND."""
    return list(
        session.execute(
            select(User.id, User.display_name, User.created_at)
            .where(User.display_name.icontains(words, autoescape=True), User.deleted_at.is_(None))
            .order_by(User.display_name, User.id)
            .limit(PEOPLE_FOUND)
        )
    )


def people_restricted(session: Session, now: datetime) -> list[Row[Any]]:
    """Sanctions in force, the newest first; at most PEOPLE_FOUND."""
    return list(
        session.execute(
            select(User.id, User.display_name, Sanction.kind, Sanction.ends_at, Sanction.reason)
            .join(Sanction, Sanction.user_id == User.id)
            .where(
                Sanction.lifted_at.is_(None),
                Sanction.kind != "warning",
                or_(Sanction.ends_at.is_(None), Sanction.ends_at > now),
            )
            .order_by(Sanction.id.desc())
            .limit(PEOPLE_FOUND)
        )
    )


def sanction_in_force(session: Session, user_id: int, kind: str, now: datetime) -> Row[Any] | None:
    """The sanction of this kind a person is under, and who imposed it."""
    return one(
        session,
        select(Sanction.id, Sanction.ends_at, ModerationAction.actor_id, ModerationAction.created_at,
               _actor.display_name.label("actor"))
        .join(ModerationAction, ModerationAction.id == Sanction.action_id)
        .outerjoin(_actor, _actor.id == ModerationAction.actor_id)
        .where(
            Sanction.user_id == user_id,
            Sanction.kind == kind,
            Sanction.lifted_at.is_(None),
            or_(Sanction.ends_at.is_(None), Sanction.ends_at > now),
        )
        .order_by(Sanction.id.desc())
        .limit(1),
    )  # fmt: skip


def sanction_owner(session: Session, sanction_id: int) -> int | None:
    """Whom a sanction concerns."""
    return session.scalar(select(Sanction.user_id).where(Sanction.id == sanction_id))


def sanction_locked(
    session: Session, *, sanction_id: int | None = None, action_id: int | None = None
) -> Sanction | None:
    """A sanction by its id or by the decision that imposed it; its person's row must be locked."""
    which = Sanction.id == sanction_id if sanction_id is not None else Sanction.action_id == action_id
    return session.scalar(select(Sanction).where(which).with_for_update().execution_options(populate_existing=True))


def warnings_to_read(session: Session, user_id: int) -> list[Row[Any]]:
    """Warnings that a person has not said they read, the first one first."""
    return list(
        session.execute(
            select(Sanction.id, Sanction.reason, Sanction.starts_at, StatementOfReasons.text)
            .outerjoin(StatementOfReasons, StatementOfReasons.action_id == Sanction.action_id)
            .where(
                Sanction.user_id == user_id,
                Sanction.kind == "warning",
                Sanction.lifted_at.is_(None),
                Sanction.acknowledged_at.is_(None),
            )
            .order_by(Sanction.id)
        )
    )


def notes_on(session: Session, user_ids: Sequence[int]) -> list[Row[Any]]:
    """What moderators noted of these people, the newest first."""
    return list(
        session.execute(
            select(PersonNote.id, PersonNote.user_id, PersonNote.body, PersonNote.created_at,
                   _actor.display_name.label("author"))
            .join(_actor, _actor.id == PersonNote.author_id)
            .where(PersonNote.user_id.in_(user_ids))
            .order_by(PersonNote.id.desc())
        )
    )  # fmt: skip


def ladder_rows(session: Session) -> list[LadderStep]:
    """The publisher's ladder, from the lowest step up."""
    return list(session.scalars(select(LadderStep).order_by(LadderStep.position)))


def clear_ladder(session: Session) -> None:
    """Remove every step, as rows, so that it is recorded."""
    for row in ladder_rows(session):
        session.delete(row)
    session.flush()


def rejections_of(session: Session, user_ids: Sequence[int], since: datetime) -> list[Row[Any]]:
    """When comments of these people were rejected since a moment, as far as that stands."""
    return list(
        session.execute(
            select(StatementOfReasons.user_id, StatementOfReasons.created_at).where(
                StatementOfReasons.user_id.in_(user_ids),
                StatementOfReasons.comment_id.is_not(None),
                StatementOfReasons.restriction != HELD,
                StatementOfReasons.withdrawn_at.is_(None),
                StatementOfReasons.created_at > since,
            )
        )
    )


def discussions_read(session: Session, user_ids: Sequence[int]) -> dict[int, int]:
    """How many discussions each of these people has read lately."""
    rows = session.execute(
        select(ThreadVisit.user_id, func.count().label("number"))
        .where(ThreadVisit.user_id.in_(user_ids))
        .group_by(ThreadVisit.user_id)
    )
    return {row.user_id: row.number for row in rows}


def joined(session: Session, user_ids: Sequence[int]) -> dict[int, datetime]:
    """Since when each of these people is here."""
    rows = session.execute(select(User.id, User.created_at).where(User.id.in_(user_ids)))
    return {row.id: row.created_at for row in rows}


def protected_authors(session: Session) -> list[Row[Any]]:
    """Who writes here and is protected, or could be, by name."""
    return list(
        session.execute(
            select(User.id, User.display_name, ProtectedAuthor.user_id.is_not(None).label("is_protected"))
            .outerjoin(ProtectedAuthor, ProtectedAuthor.user_id == User.id)
            .where(
                User.deleted_at.is_(None),
                exists().where(RoleGrant.user_id == User.id, RoleGrant.name.in_(("author", "editor", "publisher"))),
            )
            .order_by(User.display_name, User.id)
        )
    )


def colleagues(session: Session, section_id: int | None, besides: Iterable[int | None]) -> list[str]:
    """The names of those who moderate a section, without these people; what no section has, everybody's."""
    limited = exists().where(ModeratedSection.user_id == User.id)
    here = exists().where(ModeratedSection.user_id == User.id, ModeratedSection.section_id == section_id)
    edits = exists().where(RoleGrant.user_id == User.id, RoleGrant.name.in_(("editor", "publisher")))
    works = exists().where(
        RoleGrant.user_id == User.id, RoleGrant.name.in_(("moderator", "lead", "editor", "publisher"))
    )
    statement = select(User.display_name).where(
        works, User.active, User.deleted_at.is_(None), User.id.not_in([one for one in besides if one is not None])
    )
    if section_id is not None:
        statement = statement.where(or_(~limited, here, edits))
    return list(session.scalars(statement.order_by(User.display_name)))


def flaggers(session: Session) -> list[Row[Any]]:
    """The trusted flaggers, with how many reports of theirs were decided."""
    decided = (
        select(func.count()).select_from(Report)
        .where(Report.reporter_id == User.id, Report.resolved_at.is_not(None), Report.withdrawn_at.is_(None))
        .correlate(User).scalar_subquery()
    )  # fmt: skip
    return list(session.execute(
        select(User.id, User.display_name, TrustedFlagger.organisation, decided.label("decided"))
        .join(TrustedFlagger, TrustedFlagger.user_id == User.id)
        .order_by(TrustedFlagger.organisation, User.display_name)
    ))  # fmt: skip


def flagger(session: Session, user_id: int | None) -> TrustedFlagger | None:
    """The trusted flagger this person is, if they are one."""
    return session.get(TrustedFlagger, user_id) if user_id is not None else None


def protected(session: Session, user_id: int) -> ProtectedAuthor | None:
    """The protection of a person."""
    return session.get(ProtectedAuthor, user_id)
