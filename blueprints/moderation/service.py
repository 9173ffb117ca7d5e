"""What moderators decide about comments. Every function runs inside the caller's transaction and never commits.

A decision names what it was made on: the revision that was read, the state it stood in and the last decision known.
Where one of these is no longer so it is refused with who decided what, and nothing is overwritten. Locks are taken in
one order: thread, comment, person, objection, and the end of the ledger last.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries, queries_claims, queries_objections, statements
from blueprints.moderation.decision import Decision, checked_note, keep_statement, rule_words, tell_soon
from blueprints.moderation.queries_fairness import settings
from blueprints.moderation.words import already
from blueprints.threads import queries_facts
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.locking import lock_comment
from blueprints.threads.policy import refuse
from blueprints.threads.reports import reopen_reports, resolve_reports
from blueprints.threads.status import change_status
from core import clock
from core.errors import Conflict, NotFound
from core.records import dataclass
from core.viewer import Viewer
from models.thread import Comment

UNDECIDED = frozenset({"hold", "reopen"})  # what leads back to before anybody had decided


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
    rule = None if legal_ground and rule_id is None else rule_words(session, rule_id)
    case = _open_case(session, comment_id, revision, actor_id, status, last_action_id)
    if case.comment.status == "rejected":
        raise Conflict(_overtaken(session, case))
    if actor_id is not None:
        note = note or _usual_note(session, rule, case.facts)
    facts = _rejection(session, case, rule, note, legal_ground, notice_id)
    done = _move(session, case, "reject", "rejected", rule_id=rule.id if rule else None, reason=note,
                 after={"legal_ground": legal_ground, "notice_id": notice_id} if legal_ground else None)  # fmt: skip
    keep_statement(
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


def statement_preview(session: Session, comment_id: int, rule_id: int | None, note: str) -> str:
    """The statement as the author will read it, if the comment were rejected now."""
    facts, comment = queries_facts.facts_of_comment(session, comment_id), session.get(Comment, comment_id)
    if facts is None or comment is None:
        raise NotFound()
    case = _Open(comment, facts, Viewer(id=0), clock.now(), comment.report_count > 0)
    rule = rule_words(session, rule_id)
    note = checked_note(note) or _usual_note(session, rule, facts)
    return statements.on_rejection(_rejection(session, case, rule, note))


def undo_comment_decision(session: Session, row: Row[Any], actor_id: int, last_action_id: int) -> Decision:
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
        keep_reports=True,
    )  # fmt: skip
    if action == "hold" and (told := queries_objections.reason_of_hold(session, row.comment_id, row.revision)):
        told.withdrawn_at = None  # it waits for the reason that its author knows
    _reports_as_before(session, row, last_action_id, case.now)
    if former is not None:
        keep_statement(
            session, done.action_id, case.comment.author_id, case.comment.id, former.rule_id, former.text, case.now,
            restriction=former.restriction, source=former.source, ground=former.ground,
            legal_ground=former.legal_ground, notice_id=former.notice_id,
        )  # fmt: skip
    return done


# The parts


def _reports_as_before(session: Session, row: Row[Any], last_action_id: int, now: datetime) -> None:
    """Open the reports again that a decision closed; or close those that it opened, where it took back another one.

    That other one may have taken one back in turn, and so on: every second of them closes what the first had closed.
    """
    first, opened = row, False
    while first.undoes_id is not None and (earlier := queries.decision(session, first.undoes_id)) is not None:
        first, opened = earlier, not opened
    if opened:
        resolve_reports(session, row.comment_id, now, made_by=first.created_at)
        return
    reopen_reports(session, row.comment_id, row.created_at)
    if last_action_id != row.id and (last := queries.decision(session, last_action_id)):
        reopen_reports(session, row.comment_id, last.created_at)  # what this one closed was closed again since


def _open_case(
    session: Session, comment_id: int, revision: int, actor_id: int | None, status: str | None,
    last_action_id: int | None,
) -> _Open:  # fmt: skip
    thread, comment = lock_comment(session, comment_id)
    facts = queries_facts.facts_of_thread(session, thread.id)
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
    if change.from_status in {"rejected", "withheld"} and to_status != "rejected":
        _withdraw(session, comment.id, case, to_status)
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


def _withdraw(session: Session, comment_id: int, case: _Open, to_status: str) -> None:
    """Take back what the author was told, as far as it is over; an open objection to it has succeeded."""
    for statement in queries_objections.standing_statements(session, comment_id):
        if statement.restriction == statements.HELD and to_status != "published":
            continue
        statement.withdrawn_at = case.now
        appeal = queries_objections.appeal_about(session, statement.action_id)
        if appeal is not None and appeal.outcome == "open":
            appeal.outcome, appeal.answer = "reversed", "The decision was taken back."
            appeal.decided_by, appeal.decided_at = (case.actor.id if case.actor else None), case.now
    session.flush()


def _rejection(
    session: Session, case: _Open, rule: statements.RuleWords | None, note: str, legal_ground: str = "",
    notice_id: int | None = None,
) -> statements.Rejection:  # fmt: skip
    return statements.Rejection(
        headline=case.facts.headline, sent_at=case.comment.created_at, from_status=case.comment.status,
        had_reports=case.had_reports, rule=rule, note=note, automated=case.actor is None, decided_at=case.now,
        legal_ground=legal_ground, from_notice=notice_id is not None, dispute_body=settings(session).dispute_body,
    )  # fmt: skip


def _usual_note(session: Session, rule: statements.RuleWords | None, facts: ThreadFacts) -> str:
    """What the rule says to authors where the moderator adds nothing of their own, filled in."""
    row = queries.rule(session, rule.id) if rule else None
    return row.note_template.replace("{story}", facts.headline).replace("{rule}", row.title) if row else ""
