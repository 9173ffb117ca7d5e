"""Taking back everything that one person did since a moment, entry by entry, from the newest down.

For the day an account was in other hands. A job does it in steps, each in a transaction of its own, so that locks are
held shortly and a killed worker loses nothing; what cannot be taken back is counted, with its reason. The reversal has
one entry of its own in the ledger, which all others name, and is taken back the same way.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import ledger, queries, queries_ledger, undoing
from blueprints.moderation.modes_record import take_back_modes
from blueprints.moderation.queries_ledger import Kinds
from blueprints.moderation.settings_back import may_go_back, take_back_setting
from blueprints.moderation.words import DONE
from core import clock
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.recording import acting
from core.records import dataclass
from jobs.queue import enqueue
from models.fairness import Reversal

JOB = "moderation.reverse"
REASONS_KEPT = 200


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would be taken back: by sort, what was decided again since, and what is put right by hand."""

    back: Sequence[Kinds]
    past: int
    by_hand: Sequence[Kinds]

    @property
    def count(self) -> int:
        return sum(kind.number for kind in self.back)


def dry_run(session: Session, actor_id: int, since: datetime) -> DryRun:
    """Count what a reversal would take back, without changing anything."""
    kinds = queries_ledger.kinds_since(session, actor_id, since)
    standing = [kind for kind in kinds if not kind.is_past]
    return DryRun(
        [kind for kind in standing if can_go_back(kind.action, kind.is_setting)],
        sum(kind.number for kind in kinds if kind.is_past),
        [kind for kind in standing if not can_go_back(kind.action, kind.is_setting)],
    )


def can_go_back(action: str, is_setting: bool) -> bool:
    """Whether entries of this sort are taken back by a program."""
    return may_go_back(action) if is_setting else action in undoing.UNDOABLE or action == "modes"


def reverse(session: Session, *, actor_id: int, since: datetime, asked_by: int, count: int) -> int:
    """Begin to take back what a person did since a moment. Returns the reversal's id; a job does the rest.

    `count` is what the dry run said. Raises Conflict when it is another by now, and Forbidden for all but publishers.
    """
    _refuse_others(session, asked_by)
    now = clock.now()
    if since > now:
        raise DomainError("This moment is still to come.")
    found = dry_run(session, actor_id, since).count
    if found == 0:
        raise Conflict("There is nothing to take back.")
    if found != count:
        raise Conflict(f"By now it would be {found:,} entries, not {count:,}. Please look at them again.")
    action_id = ledger.append(
        session, action="revert", at=now, actor_id=asked_by, user_id=actor_id,
        after={"since": since.isoformat(timespec="seconds"), "count": found},
    )  # fmt: skip
    return _begin(session, Reversal(
        action_id=action_id, of_actor_id=actor_id, since=since, asked_by=asked_by, created_at=now,
        cursor_id=action_id,
    ))  # fmt: skip


def undo_reversal(session: Session, *, reversal_id: int, asked_by: int) -> int:
    """Begin to take a finished reversal back. Returns the new reversal's id. Raises Conflict, Forbidden, NotFound."""
    _refuse_others(session, asked_by)
    row = queries_ledger.reversal_locked(session, reversal_id)
    if row is None:
        raise NotFound
    if row.finished_at is None:
        raise Conflict("This is still going on. Please wait until it is done.")
    if queries_ledger.reversal_of_batch(session, row.action_id) is not None:
        raise Conflict("This was undone already.")
    now = clock.now()
    action_id = ledger.append(
        session, action="revert-back", at=now, actor_id=asked_by, user_id=row.of_actor_id, undoes_id=row.action_id
    )
    return _begin(session, Reversal(
        action_id=action_id, of_batch_id=row.action_id, asked_by=asked_by, created_at=now, cursor_id=action_id
    ))  # fmt: skip


def step(session: Session, reversal_id: int) -> bool:
    """Take back one entry; whether there may be another. Safe to call at any time, by several at once."""
    row = queries_ledger.reversal_locked(session, reversal_id)
    if row is None or row.finished_at is not None:
        return False
    entry = queries_ledger.next_to_reverse(session, row)
    if entry is None:
        row.finished_at = clock.now()
        return False
    row.cursor_id = entry.id
    last_id = _last_of_the_same(session, entry, row.action_id)
    if last_id is None:
        return True
    try:
        with ledger.batch(session, row.action_id), acting(row.asked_by), session.begin_nested():
            _take_back(session, entry, row.asked_by, last_id)
    except DomainError as refused:
        row.left_count += 1
        if row.left_count <= REASONS_KEPT:
            row.left += f"{entry.id}: {DONE.get(entry.action, entry.action)}. {refused.sentence}\n"
    else:
        row.done_count += 1
    session.flush()
    return True


def _last_of_the_same(session: Session, entry: Row[Any], batch_id: int) -> int | None:
    """The newest decision about the same comment, if it is this entry or one this reversal made; else None.

    What somebody else decided since stands: it is not for a reversal to overrule it.
    """
    if entry.subject or entry.action not in queries.DECISIONS:
        return int(entry.id)
    last = queries.last_decision(session, entry.comment_id)
    return int(last.id) if last is not None and (last.id == entry.id or last.batch_id == batch_id) else None


def _take_back(session: Session, entry: Row[Any], asked_by: int, last_id: int) -> None:
    if not can_go_back(entry.action, bool(entry.subject)):
        raise DomainError("This is put right by hand.")
    if entry.subject:
        take_back_setting(session, entry)
    elif entry.action == "modes":
        take_back_modes(session, entry, asked_by)
    else:
        undoing.undo(session, action_id=entry.id, actor_id=asked_by, last_action_id=last_id)


def _begin(session: Session, row: Reversal) -> int:
    session.add(row)
    session.flush()
    enqueue(JOB, key=f"{JOB}:{row.id}", reversal_id=row.id)
    return row.id


def _refuse_others(session: Session, asked_by: int) -> None:
    if not queries.staff_member(session, asked_by).is_publisher:
        raise Forbidden("Only the publisher takes back everything somebody did.")
