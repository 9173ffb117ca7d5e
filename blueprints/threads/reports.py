"""Reports: how a comment comes to have them, and what becomes of them.

The score and the brake of the discussion follow in the same transaction.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from blueprints.accounts import standing
from blueprints.threads import policy, queries_facts, weighing
from blueprints.threads.facts import comment_facts
from blueprints.threads.locking import lock_comment
from blueprints.threads.ordering import score
from blueprints.threads.policy import refuse
from core import clock, text
from core.errors import Conflict, DomainError
from core.viewer import Viewer
from models.thread import REPORT_REASONS, Comment, Report, Thread

NOTE_LENGTH = 500

SCREENING_KEY = "screening"


def resolve_reports(
    session: Session, comment_id: int, now: datetime, *, up_to_id: int | None = None, made_by: datetime | None = None
) -> int:
    """Close the open reports of a comment, as a decision on it does. Returns how many there were.

    With `up_to_id` or `made_by`, later ones stay open: whoever decided had not seen them.
    """
    seen = [Report.id <= up_to_id] if up_to_id is not None else []
    seen += [Report.created_at <= made_by] if made_by is not None else []
    return _mark_reports(session, comment_id, now, Report.resolved_at.is_(None), *seen)


def reopen_reports(session: Session, comment_id: int, resolved_at: datetime) -> int:
    """Open the reports again that a decision closed at that moment, because it is undone. Returns how many."""
    return _mark_reports(
        session, comment_id, None, Report.resolved_at == resolved_at, Report.withdrawn_at.is_(None)
    )


def report_comment(
    session: Session, viewer: Viewer, comment_id: int, *, reporter_key: str, reason: str, note: str = "",
    network: str = "", secret: str = "",
) -> bool:  # fmt: skip
    """Tell the moderators of a comment. Returns False when this person had reported it before: once counts.

    `network` is where it came from, without the machine; reports from there weigh as one (`threads.weighing`).
    """
    if reason not in REPORT_REASONS:
        raise DomainError("Please choose what is wrong with this comment.")
    note = text.normalise(note).strip()
    if text.count_characters(note) > NOTE_LENGTH or len(note) > NOTE_LENGTH:
        raise DomainError(f"The note can be up to {NOTE_LENGTH} characters long.")
    thread, comment = lock_comment(session, comment_id)
    viewer = standing.still(session, viewer)
    facts = queries_facts.facts_of_thread(session, thread.id)
    refuse(policy.may_report(viewer, facts, comment_facts(comment), clock.now()))
    weight = weighing.weight_of(session, viewer.id)
    cluster = weighing.cluster_of(session, viewer, comment_id, network, secret, clock.now())
    return _add_report(session, thread, comment, viewer.id, reporter_key, reason, note, weight, cluster)


def withdraw_report(session: Session, comment_id: int, *, reporter_key: str) -> None:
    """Take one's own report back: it counts and weighs no more. Raises Conflict where it is not open any more."""
    thread, comment = lock_comment(session, comment_id)
    now = clock.now()
    changed = session.execute(
        update(Report)
        .where(Report.comment_id == comment_id, Report.reporter_key == reporter_key, Report.resolved_at.is_(None))
        .values(resolved_at=now, withdrawn_at=now)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if not changed:
        raise Conflict("You have no report of this comment that is still open.")
    comment.report_count -= 1
    weighing.weigh(session, comment)
    _rescore(thread, comment)
    weighing.brake(session, thread, now)
    session.flush()


def report_by_program(session: Session, thread: Thread, comment: Comment, why: str) -> None:
    """Ask moderators to look at a published comment, both rows locked; once."""
    _add_report(session, thread, comment, None, SCREENING_KEY, "other", why)


def _add_report(
    session: Session, thread: Thread, comment: Comment, reporter_id: int | None, key: str, reason: str, note: str,
    weight: float = weighing.OF_PROGRAMS, cluster: str = "",
) -> bool:  # fmt: skip
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    added = session.scalar(
        insert(Report)
        .values(comment_id=comment.id, reporter_id=reporter_id, reporter_key=key, reason=reason, note=note,
                created_at=clock.now(), weight=weight, cluster=cluster)
        .on_conflict_do_nothing()
        .returning(Report.id)
    )  # fmt: skip
    if added is None:
        return False
    comment.report_count += 1
    weighing.weigh(session, comment)
    _rescore(thread, comment)
    weighing.brake(session, thread, clock.now())
    session.flush()
    return True


def _mark_reports(
    session: Session, comment_id: int, resolved_at: datetime | None, *which: ColumnElement[bool]
) -> int:
    thread, comment = lock_comment(session, comment_id)
    changed = session.execute(
        update(Report)
        .where(Report.comment_id == comment_id, *which)
        .values(resolved_at=resolved_at)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if changed:
        comment.report_count = session.scalar(
            select(func.count()).where(Report.comment_id == comment_id, Report.resolved_at.is_(None))
        ) or 0
        weighing.weigh(session, comment)
        _rescore(thread, comment)
        weighing.brake(session, thread, clock.now())
        session.flush()
    return int(changed)


def _rescore(thread: Thread, comment: Comment) -> None:
    comment.score = score(comment.respect_count, comment.report_count)
    comment.row_version += 1
    if comment.shown:
        thread.version += 1
