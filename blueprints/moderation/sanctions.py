"""Warning and restricting people, and ending that. Called inside the caller's transaction; nothing here commits."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_objections, queries_people, statements
from blueprints.moderation.decision import (
    Decision,
    checked_note,
    close_appeal,
    keep_statement,
    rule_words,
    tell_soon,
)
from blueprints.moderation.queries_fairness import settings
from blueprints.moderation.words import standing_now
from blueprints.threads import queries_facts
from blueprints.threads.policy import refuse
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from models.moderation import SANCTION_KINDS, Sanction

LONGEST_SUSPENSION = timedelta(days=366)


def suspend(
    session: Session, *, user_id: int, until: datetime, rule_id: int | None, reason: str, actor_id: int,
    comment_id: int | None = None,
) -> Decision:  # fmt: skip
    """Stop a person from taking part until a moment, when it ends by itself. `comment_id`: what led to it."""
    return sanction(session, user_id=user_id, kind="suspension", until=until, rule_id=rule_id, reason=reason,
                    actor_id=actor_id, comment_id=comment_id)  # fmt: skip


def ban(
    session: Session, *, user_id: int, rule_id: int | None, reason: str, actor_id: int, comment_id: int | None = None
) -> Decision:
    """Stop a person from taking part for good; reading and paying go on."""
    return sanction(session, user_id=user_id, kind="ban", until=None, rule_id=rule_id, reason=reason,
                    actor_id=actor_id, comment_id=comment_id)  # fmt: skip


def sanction(
    session: Session, *, user_id: int, kind: str, until: datetime | None, rule_id: int | None, reason: str,
    actor_id: int, comment_id: int | None = None,
) -> Decision:  # fmt: skip
    """Warn or restrict a person. `reason` is what they read. Raises Conflict when they are under the same already."""
    now = clock.now()
    reason = checked_note(reason)
    if kind not in SANCTION_KINDS:
        raise DomainError("Please choose what should happen.")
    if text.is_blank(reason):
        raise DomainError("Please say why, in a sentence the person can read.")
    until = None if kind in {"ban", "warning"} else until
    if kind == "suspension" and until is None:
        raise DomainError("Please choose when the suspension ends.")
    if until is not None and not now < until <= now + LONGEST_SUSPENSION:
        raise DomainError("Please choose an end within a year.")
    rule = rule_words(session, rule_id) if rule_id is not None else None
    _open_person(session, user_id, actor_id)
    if comment_id is not None:
        _check_cause(session, comment_id, user_id, actor_id)
    known = queries_people.sanction_in_force(session, user_id, kind, now) if kind != "warning" else None
    if known:
        own = known.actor_id == actor_id
        raise Conflict(standing_now(kind, known.ends_at, known.actor, own, known.created_at, now))
    # A comment that led to it is named, and does not count as decided by it.
    action_id = ledger.append(
        session, action=kind, at=now, actor_id=actor_id, user_id=user_id, comment_id=comment_id,
        to_state=f"until {until.isoformat(timespec='seconds')}" if until else "", rule_id=rule_id, reason=reason,
    )  # fmt: skip
    session.add(Sanction(user_id=user_id, kind=kind, rule_id=rule_id, reason=reason, starts_at=now, ends_at=until,
                         action_id=action_id, created_at=now))  # fmt: skip
    words = statements.RuleWords(rule.id, rule.title, rule.text) if rule else None
    told = statements.on_sanction(kind, until, words, reason, now, settings(session).dispute_body)
    keep_statement(session, action_id, user_id, None, rule_id, told, now, restriction=kind, ends_at=until)
    session.flush()
    return Decision(action_id, kind, comment_id, user_id, "", kind)


def lift_sanction(session: Session, *, sanction_id: int, actor_id: int, note: str = "") -> Decision:
    """End a sanction before its time. Raises Conflict when it is over or lifted already."""
    user_id = queries_people.sanction_owner(session, sanction_id)
    if user_id is None:
        raise NotFound()
    _open_person(session, user_id, actor_id)
    row = queries_people.sanction_locked(session, sanction_id=sanction_id)
    assert row is not None
    return _lift(session, row, actor_id, clock.now(), note)


def undo_sanction(session: Session, row: Row[Any], actor_id: int) -> Decision:
    now = clock.now()
    _open_person(session, row.user_id, actor_id)
    known, imposed_by = None, row.id
    while known is None and imposed_by is not None:
        known = queries_people.sanction_locked(session, action_id=imposed_by)
        imposed_by = queries.undone_by(session, imposed_by)
    if known is None:
        raise NotFound()
    if row.action != "lift":
        return _lift(session, known, actor_id, now, undoes_id=row.id)
    if known.lifted_at != row.created_at and not queries.lifted_in_batch(
        session, row.user_id, known.lifted_at, ledger.current_batch(session)
    ):
        raise Conflict("Something else was decided about this meanwhile.")
    if known.ends_at is not None and known.ends_at <= now:
        raise Conflict("Its time would be over by now.")
    if queries_people.sanction_in_force(session, row.user_id, known.kind, now):
        raise Conflict("This person is under the same again already.")
    known.lifted_at = None
    statement = queries_objections.statement_of(session, known.action_id)
    if statement is not None:
        statement.withdrawn_at = None
    action_id = ledger.append(
        session, action=known.kind, at=now, actor_id=actor_id, user_id=row.user_id, from_state="",
        to_state=f"until {known.ends_at.isoformat(timespec='seconds')}" if known.ends_at else "",
        rule_id=known.rule_id, reason=known.reason, undoes_id=row.id,
    )  # fmt: skip
    session.flush()
    return Decision(action_id, known.kind, None, row.user_id, "", known.kind)


def _open_person(session: Session, user_id: int, actor_id: int) -> None:
    if queries_people.person_locked(session, user_id) is None:
        raise NotFound()
    subject = queries.staff_member(session, user_id)
    refuse(policy.may_sanction(queries.staff_member(session, actor_id), user_id, subject.roles))


def _check_cause(session: Session, comment_id: int, user_id: int, actor_id: int) -> None:
    """A comment that led to a sanction is by that person, and stands where the moderator decides."""
    place = queries_facts.facts_of_comment(session, comment_id)
    if place is not None:
        refuse(policy.may_moderate(queries.staff_member(session, actor_id), place.section_id))
    led_to_it = queries_facts.comment_facts(session, comment_id)
    if led_to_it is None or led_to_it.author_id != user_id:
        raise DomainError("The comment that is said to have led to this is not by this person.")


def _lift(
    session: Session, row: Sanction, actor_id: int, now: datetime, note: str = "", undoes_id: int | None = None
) -> Decision:
    if row.lifted_at is not None:
        raise Conflict("This was lifted already.")
    if row.ends_at is not None and row.ends_at <= now:
        raise Conflict("This has ended by itself already.")
    row.lifted_at = now
    if statement := queries_objections.statement_of(session, row.action_id):
        statement.withdrawn_at = now
    close_appeal(session, row.action_id, actor_id, now)
    action_id = ledger.append(
        session, action="lift", at=now, actor_id=actor_id, user_id=row.user_id, from_state=row.kind,
        reason=checked_note(note), undoes_id=undoes_id or row.action_id,
    )  # fmt: skip
    tell_soon(action_id, now)
    return Decision(action_id, "lift", None, row.user_id, row.kind, "")
