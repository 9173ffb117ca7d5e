"""What moderators decide. Every function runs inside the caller's transaction and never commits.

A decision names what it was made on: the revision that was read, the state it stood in and the last decision known.
Where one of these is no longer so it is refused with who decided what, and nothing is overwritten. Locks are taken in
one order: thread, comment, person, objection, and the end of the ledger last.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import (
    ledger,
    policy,
    queries,
    queries_claims,
    queries_objections,
    queries_people,
    statements,
)
from blueprints.moderation.queries_fairness import settings
from blueprints.moderation.words import already, standing_now
from blueprints.threads import modes
from blueprints.threads import queries as thread_queries
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.policy import Refusal
from blueprints.threads.service import (
    change_status,
    lock_comment,
    lock_thread,
    reopen_reports,
    resolve_reports,
    set_thread_state,
)
from core import clock, text
from core.errors import Conflict, DomainError, NotFound
from core.viewer import Viewer
from jobs.queue import enqueue
from models.moderation import SANCTION_KINDS, Sanction, StatementOfReasons
from models.thread import Comment

NOTE_LENGTH = 1_000
# A slip of the hand, undone at once, never reaches the author.
TELL_AFTER = timedelta(seconds=10)
LONGEST_SUSPENSION = timedelta(days=366)
CLOSED_REASON_LENGTH = 300

UNDECIDED = frozenset({"hold", "reopen"})  # what leads back to before anybody had decided
UNDOABLE = frozenset(
    {"publish", "reject", "restore", "keep", "hold", "reopen", "lift", "thread", *SANCTION_KINDS}
)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it was written down."""

    action_id: int
    action: str
    comment_id: int | None
    user_id: int | None
    from_state: str
    to_state: str


@dataclass(frozen=True, slots=True)
class _Open:
    """A case under its locks: what is decided about, by whom, and when."""

    comment: Comment
    facts: ThreadFacts
    actor: Viewer | None
    now: datetime
    had_reports: bool


def publish_comment(
    session: Session, *, comment_id: int, revision: int, actor_id: int, status: str | None = None,
    last_action_id: int | None = None, last_report_id: int | None = None, note: str = "",
) -> Decision:  # fmt: skip
    """Let a waiting comment appear. Raises Conflict when it no longer waits, or was edited or decided meanwhile."""
    case = _open_case(session, comment_id, revision, actor_id, status, last_action_id)
    if case.comment.status not in queries.WAITING:
        raise Conflict(_overtaken(session, case))
    return _move(session, case, "publish", "published", reason=note, up_to_id=last_report_id)


def reject_comment(
    session: Session, *, comment_id: int, revision: int, actor_id: int | None, rule_id: int | None, note: str = "",
    status: str | None = None, last_action_id: int | None = None, legal_ground: str = "", notice_id: int | None = None,
) -> Decision:  # fmt: skip
    """Take a comment out of the discussion under a rule, and tell its author why.

    `note` is read by the author. With a `legal_ground` the law takes the rule's place; `notice_id` is the notice of
    illegal content that led to it. `actor_id` None means that the program decided. Raises Conflict when the comment was
    edited, deleted or decided meanwhile, and DomainError without a rule.
    """
    note = checked_note(note)
    rule = None if legal_ground and rule_id is None else _rule(session, rule_id)
    case = _open_case(session, comment_id, revision, actor_id, status, last_action_id)
    if case.comment.status == "rejected":
        raise Conflict(_overtaken(session, case))
    if actor_id is not None:
        note = note or _usual_note(session, rule, case.facts)
    facts = _rejection(session, case, rule, note, legal_ground, notice_id)
    done = _move(session, case, "reject", "rejected", rule_id=rule.id if rule else None, reason=note,
                 after={"legal_ground": legal_ground, "notice_id": notice_id} if legal_ground else None)  # fmt: skip
    _state(
        session, done.action_id, case.comment.author_id, case.comment.id, rule.id if rule else None,
        statements.on_rejection(facts), case.now, automated=facts.automated, restriction=facts.restriction,
        source=facts.source, ground="law" if legal_ground else "rules", legal_ground=legal_ground,
        notice_id=notice_id,
    )  # fmt: skip
    return done


def restore_comment(
    session: Session, *, comment_id: int, revision: int, actor_id: int, status: str | None = None,
    last_action_id: int | None = None, note: str = "",
) -> Decision:  # fmt: skip
    """Put a rejected comment back in its place, with its respects; what its author was told is withdrawn."""
    case = _open_case(session, comment_id, revision, actor_id, status, last_action_id)
    if case.comment.status != "rejected":
        raise Conflict(_overtaken(session, case))
    return _move(session, case, "restore", "published", reason=note)


def dismiss_reports(
    session: Session, *, comment_id: int, revision: int, actor_id: int, status: str | None = None,
    last_action_id: int | None = None, last_report_id: int | None = None, note: str = "",
) -> Decision:  # fmt: skip
    """Keep a published comment as it is, and close its reports up to the last one that was seen.

    Raises Conflict where nobody complains and somebody has looked at this text already.
    """
    case = _open_case(session, comment_id, revision, actor_id, status, last_action_id)
    looked_at = case.comment.reviewed_revision >= case.comment.revision
    if case.comment.status != "published" or (looked_at and not case.had_reports):
        raise Conflict(_overtaken(session, case))
    return _move(session, case, "keep", "published", reason=note, up_to_id=last_report_id)


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
    rule = _rule(session, rule_id) if rule_id is not None else None
    _open_person(session, user_id, actor_id)
    led_to_it = thread_queries.comment_facts(session, comment_id) if comment_id is not None else None
    if comment_id is not None and (led_to_it is None or led_to_it.author_id != user_id):
        raise DomainError("The comment that is said to have led to this is not by this person.")
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
    _state(session, action_id, user_id, None, rule_id, told, now, restriction=kind, ends_at=until)
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


def moderate_thread(
    session: Session, *, thread_id: int, state: str, reason: str, actor_id: int, expected_state: str | None = None
) -> Decision:
    """Open, close or hide a discussion; the reason is what readers find in its place."""
    now = clock.now()
    reason = checked_note(reason)
    if state not in {"open", "closed", "hidden"}:
        raise DomainError("Please choose whether the discussion is open, closed or hidden.")
    if state == "closed" and text.is_blank(reason):
        raise DomainError("Please say why in a sentence, which readers find in its place.")
    if len(reason) > CLOSED_REASON_LENGTH:
        raise DomainError(f"The reason can have up to {CLOSED_REASON_LENGTH} characters.")
    lock_thread(session, thread_id)
    facts = thread_queries.facts_of_thread(session, thread_id)
    refuse(policy.may_moderate(queries.staff_member(session, actor_id), facts.section_id))
    if facts.state == state:
        if modes.state_at(facts, now) != state:
            raise Conflict("This discussion closed by itself. On its own page it gets a later moment, or none.")
        raise Conflict(f"This discussion is {state} already.")
    return _set_state(session, facts, state, reason, actor_id, now, expected_state=expected_state)


def undo(session: Session, *, action_id: int, actor_id: int, last_action_id: int | None = None) -> Decision:
    """Take a decision back, by another decision that leads to where things stood before it.

    `last_action_id` is the newest decision about the same comment where that is not this one, but one that took a later
    one back. Raises Conflict when something else was decided since, or the decision is not one that is undone this way.
    """
    row = queries.decision(session, action_id)
    if row is None:
        raise NotFound()
    if row.action not in UNDOABLE:
        raise Conflict("This is not taken back with one press. Please make a new decision.")
    if row.action in queries.DECISIONS:
        return _undo_comment_decision(session, row, actor_id, last_action_id or row.id)
    if row.action == "thread":
        return _undo_thread_decision(session, row, actor_id)
    return _undo_sanction(session, row, actor_id)


def statement_preview(session: Session, comment_id: int, rule_id: int | None, note: str) -> str:
    """The statement as the author will read it, if the comment were rejected now."""
    facts, comment = thread_queries.facts_of_comment(session, comment_id), session.get(Comment, comment_id)
    if facts is None or comment is None:
        raise NotFound()
    case = _Open(comment, facts, Viewer(id=0), clock.now(), comment.report_count > 0)
    rule = _rule(session, rule_id)
    note = checked_note(note) or _usual_note(session, rule, facts)
    return statements.on_rejection(_rejection(session, case, rule, note))


# The parts


def _open_case(
    session: Session, comment_id: int, revision: int, actor_id: int | None, status: str | None,
    last_action_id: int | None,
) -> _Open:  # fmt: skip
    thread, comment = lock_comment(session, comment_id)
    facts = thread_queries.facts_of_thread(session, thread.id)
    actor = queries.staff_member(session, actor_id) if actor_id is not None else None
    if actor is not None:
        refuse(policy.may_moderate(actor, facts.section_id))
        refuse(policy.may_decide(actor, comment.author_id))
    case = _Open(comment, facts, actor, clock.now(), comment.report_count > 0)
    if comment.status == "deleted":
        raise Conflict("The author has deleted this comment, so there is nothing to decide.")
    last = queries.last_decision(session, comment_id) if last_action_id is not None else None
    if last is not None and last.id != last_action_id:
        raise Conflict(_overtaken(session, case))
    if comment.revision != revision:
        raise Conflict("The author changed the text meanwhile. Please read it again before you decide.")
    if status is not None and comment.status != status:
        raise Conflict(_overtaken(session, case))
    return case


def _overtaken(session: Session, case: _Open) -> str:
    last = queries.last_decision(session, case.comment.id)
    if last is None:
        return "This comment no longer stands where it stood. Please look at it again."
    own = case.actor is not None and last.actor_id == case.actor.id
    return already(last.action, last.actor, own, last.created_at, case.now, last.rule_title)


def _move(
    session: Session, case: _Open, action: str, to_status: str, *, rule_id: int | None = None, reason: str = "",
    undoes_id: int | None = None, up_to_id: int | None = None, keep_reports: bool = False,
    after: dict[str, Any] | None = None,
) -> Decision:  # fmt: skip
    comment = case.comment
    change = change_status(session, comment.id, to_status)
    if not keep_reports:
        resolve_reports(session, comment.id, case.now, up_to_id=up_to_id)
    if change.from_status == "rejected" and to_status != "rejected":
        _withdraw(session, comment.id, case)
    if case.actor is not None:
        comment.reviewed_revision = 0 if action in UNDECIDED else comment.revision
        queries_claims.release(session, comment_id=comment.id)
    action_id = ledger.append(
        session, action=action, at=case.now, actor_id=case.actor.id if case.actor else None,
        user_id=comment.author_id, comment_id=comment.id, thread_id=comment.thread_id,
        from_state=change.from_status, to_state=to_status, revision=comment.revision, rule_id=rule_id,
        reason=checked_note(reason), undoes_id=undoes_id, after=after,
    )  # fmt: skip
    if change.from_status == "rejected" or action in {"publish", "keep"}:
        tell_soon(action_id, case.now)
    return Decision(action_id, action, comment.id, comment.author_id, change.from_status, to_status)


def _withdraw(session: Session, comment_id: int, case: _Open) -> None:
    """Take back what the author was told; an open objection to it has succeeded."""
    for statement in queries_objections.standing_statements(session, comment_id):
        statement.withdrawn_at = case.now
        appeal = queries_objections.appeal_about(session, statement.action_id)
        if appeal is not None and appeal.outcome == "open":
            appeal.outcome, appeal.answer = "reversed", "The decision was taken back."
            appeal.decided_by, appeal.decided_at = (case.actor.id if case.actor else None), case.now
    session.flush()


def _state(
    session: Session, action_id: int, user_id: int, comment_id: int | None, rule_id: int | None, told: str,
    now: datetime, **parts: Any,
) -> None:  # fmt: skip
    """Keep what a person is told; `parts` are what it is made of, see StatementOfReasons."""
    session.add(
        StatementOfReasons(action_id=action_id, user_id=user_id, comment_id=comment_id, rule_id=rule_id, text=told,
                           created_at=now, **parts)
    )  # fmt: skip
    session.flush()
    tell_soon(action_id, now)


def tell_soon(action_id: int, now: datetime) -> None:
    """Have those concerned told of a decision, once a slip of the hand could have been undone."""
    enqueue("moderation.tell", key=f"moderation.tell:{action_id}", run_at=now + TELL_AFTER, action_id=action_id)


def _rejection(
    session: Session, case: _Open, rule: statements.RuleWords | None, note: str, legal_ground: str = "",
    notice_id: int | None = None,
) -> statements.Rejection:  # fmt: skip
    return statements.Rejection(
        headline=case.facts.headline, sent_at=case.comment.created_at, from_status=case.comment.status,
        had_reports=case.had_reports, rule=rule, note=note, automated=case.actor is None, decided_at=case.now,
        legal_ground=legal_ground, from_notice=notice_id is not None, dispute_body=settings(session).dispute_body,
    )  # fmt: skip


def _open_person(session: Session, user_id: int, actor_id: int) -> None:
    if queries_people.person_locked(session, user_id) is None:
        raise NotFound()
    subject = queries.staff_member(session, user_id)
    refuse(policy.may_sanction(queries.staff_member(session, actor_id), user_id, subject.roles))


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
    _close_appeal(session, row.action_id, actor_id, now)
    action_id = ledger.append(
        session, action="lift", at=now, actor_id=actor_id, user_id=row.user_id, from_state=row.kind,
        reason=checked_note(note), undoes_id=undoes_id or row.action_id,
    )  # fmt: skip
    tell_soon(action_id, now)
    return Decision(action_id, "lift", None, row.user_id, row.kind, "")


def _close_appeal(session: Session, action_id: int, actor_id: int, now: datetime) -> None:
    appeal = queries_objections.appeal_about(session, action_id)
    if appeal is not None and appeal.outcome == "open":
        appeal.outcome, appeal.answer = "reversed", "The decision was taken back."
        appeal.decided_by, appeal.decided_at = actor_id, now


def _undo_comment_decision(session: Session, row: Row[Any], actor_id: int, last_action_id: int) -> Decision:
    case = _open_case(session, row.comment_id, row.revision, actor_id, None, last_action_id)
    if case.comment.status != row.to_state:
        raise Conflict(_overtaken(session, case))
    if row.action == "keep":
        action = "reopen"
    elif row.action == "reopen":
        action = "keep"
    else:
        action = {"rejected": "reject", "published": "restore"}.get(row.from_state, "hold")
        if action == "restore" and row.action == "hold":
            action = "publish"
    former = queries_objections.newest_rejection(session, row.comment_id) if action == "reject" else None
    done = _move(
        session, case, action, row.from_state, rule_id=former.rule_id if former else None, undoes_id=row.id,
        keep_reports=action != "keep",
    )  # fmt: skip
    reopen_reports(session, row.comment_id, row.created_at)
    if last_action_id != row.id and (last := queries.decision(session, last_action_id)):
        reopen_reports(session, row.comment_id, last.created_at)  # what this one closed was closed again since
    if former is not None:
        _state(
            session, done.action_id, case.comment.author_id, case.comment.id, former.rule_id, former.text, case.now,
            restriction=former.restriction, source=former.source, ground=former.ground,
            legal_ground=former.legal_ground, notice_id=former.notice_id,
        )  # fmt: skip
    return done


def _undo_sanction(session: Session, row: Row[Any], actor_id: int) -> Decision:
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


def _undo_thread_decision(session: Session, row: Row[Any], actor_id: int) -> Decision:
    lock_thread(session, row.thread_id)
    facts = thread_queries.facts_of_thread(session, row.thread_id)
    refuse(policy.may_moderate(queries.staff_member(session, actor_id), facts.section_id))
    if facts.state != row.to_state:
        raise Conflict("The state of this discussion was changed again meanwhile.")
    return _set_state(
        session, facts, row.from_state, facts.closed_reason, actor_id, clock.now(), undoes_id=row.id
    )


def _set_state(
    session: Session, facts: ThreadFacts, state: str, reason: str, actor_id: int, now: datetime, *,
    expected_state: str | None = None, undoes_id: int | None = None,
) -> Decision:  # fmt: skip
    shown = reason if state != "open" else facts.closed_reason  # kept, for whoever closes it again
    before = set_thread_state(session, facts.thread_id, state, reason=shown, expected_state=expected_state)
    action_id = ledger.append(
        session, action="thread", at=now, actor_id=actor_id, thread_id=facts.thread_id, from_state=before,
        to_state=state, reason=reason, undoes_id=undoes_id,
    )  # fmt: skip
    return Decision(action_id, "thread", None, None, before, state)


def _rule(session: Session, rule_id: int | None) -> statements.RuleWords:
    row = queries.rule(session, rule_id) if rule_id is not None else None
    if row is None:
        raise DomainError("Please choose the rule that was broken.")
    return statements.RuleWords(row.id, row.title, row.text)


def _usual_note(session: Session, rule: statements.RuleWords | None, facts: ThreadFacts) -> str:
    """What the rule says to authors where the moderator adds nothing of their own, filled in."""
    row = queries.rule(session, rule.id) if rule else None
    return row.note_template.replace("{story}", facts.headline).replace("{rule}", row.title) if row else ""


def checked_note(note: str) -> str:
    """What was typed, tidied. Raises DomainError for what is too long."""
    note = text.normalise(note).strip()
    if len(note) > NOTE_LENGTH:
        raise DomainError(f"This can have up to {NOTE_LENGTH:,} characters; it has {len(note):,}.")
    return note


def refuse(refusal: Refusal | None) -> None:
    """Raise what a policy answered, if it was not yes."""
    if refusal:
        raise DomainError(refusal.sentence, refusal.status, refusal.code)
