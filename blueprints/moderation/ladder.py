"""The ladder of what follows from broken rules. The desk suggests, a person decides, and everything ends by itself.

The functions that change something run inside the caller's transaction and never commit.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.moderation import queries, queries_people
from core import clock, text
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.records import dataclass
from models.conduct import LadderStep, PersonNote
from models.moderation import SANCTION_KINDS

NOTE_LENGTH = 2_000
MOST_STEPS = 12
LONGEST_DAYS = 366
WITHOUT_LENGTH = frozenset({"warning", "ban"})


@dataclass(frozen=True, slots=True)
class Step:
    """From so many rejections within so many days on: this, for so long."""

    rejections: int
    within_days: int
    kind: str
    days: int | None


# What is suggested where the publisher never said otherwise.
USUAL = (
    Step(2, 30, "warning", None),
    Step(3, 30, "slow-down", 3),
    Step(4, 60, "pre-moderation", 7),
    Step(5, 60, "suspension", 7),
    Step(7, 180, "suspension", 30),
    Step(10, 365, "ban", None),
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the ladder suggests, and why."""

    kind: str
    days: int | None
    why: str


def suggest(
    steps: Sequence[Step], rejected_at: Sequence[datetime], under: frozenset[str], now: datetime
) -> Suggestion | None:
    """The highest step that these rejections reach, unless the person is under that or something harder already."""
    reached = None
    for step in steps:
        number = sum(at > now - timedelta(days=step.within_days) for at in rejected_at)
        if number >= step.rejections:
            reached = (step, number)
    if reached is None:
        return None
    step, number = reached
    hardest = max((SANCTION_KINDS.index(kind) for kind in under), default=-1)
    if SANCTION_KINDS.index(step.kind) <= hardest:
        return None
    return Suggestion(step.kind, step.days, f"{number} rejected within {step.within_days} days")


def steps(session: Session) -> tuple[Step, ...]:
    """The ladder in force."""
    rows = queries_people.ladder_rows(session)
    return tuple(Step(row.rejections, row.within_days, row.kind, row.days) for row in rows) or USUAL


def set_steps(session: Session, wanted: Sequence[Step], *, actor_id: int) -> None:
    """Replace the ladder; an empty one brings the usual one back. Raises DomainError for what makes no ladder."""
    if not queries.staff_member(session, actor_id).is_lead:
        raise Forbidden("The ladder is set by lead moderators.")
    if len(wanted) > MOST_STEPS:
        raise DomainError(f"A ladder has at most {MOST_STEPS} steps.")
    for step in wanted:
        if step.kind not in SANCTION_KINDS:
            raise DomainError("Please choose what each step suggests.")
        if not 1 <= step.rejections <= 1_000 or not 1 <= step.within_days <= LONGEST_DAYS:
            raise DomainError(f"A step counts from 1 rejection on, within 1 to {LONGEST_DAYS} days.")
        if step.kind not in WITHOUT_LENGTH and not 1 <= (step.days or 0) <= LONGEST_DAYS:
            raise DomainError(f"Please say for how many days, from 1 to {LONGEST_DAYS}: only a ban has no end.")
    if list(wanted) != sorted(wanted, key=lambda step: step.rejections):
        raise DomainError("Each step needs at least as many rejections as the one before it.")
    queries_people.clear_ladder(session)
    for position, step in enumerate(wanted, 1):
        days = None if step.kind in WITHOUT_LENGTH else step.days
        session.add(LadderStep(position=position, rejections=step.rejections, within_days=step.within_days,
                               kind=step.kind, days=days))  # fmt: skip
    session.flush()


def note_person(session: Session, *, user_id: int, author_id: int, body: str) -> int:
    """Let colleagues know something of a person. Returns the note's id."""
    body = text.normalise(body).strip()
    if text.is_blank(body) or len(body) > NOTE_LENGTH:
        raise DomainError(f"Please write a note of up to {NOTE_LENGTH:,} characters.")
    if not queries.staff_member(session, author_id).is_moderator:
        raise Forbidden("Notes on people are for moderators.")
    if queries_people.person(session, user_id) is None:
        raise NotFound
    note = PersonNote(user_id=user_id, author_id=author_id, body=body, created_at=clock.now())
    session.add(note)
    session.flush()
    return note.id


def acknowledge(session: Session, *, sanction_id: int, user_id: int) -> None:
    """The person says that they have read a warning. Raises NotFound for somebody else's, Conflict a second time."""
    if queries_people.sanction_owner(session, sanction_id) != user_id:
        raise NotFound
    queries_people.person_locked(session, user_id)
    row = queries_people.sanction_locked(session, sanction_id=sanction_id)
    if row is None or row.kind != "warning":
        raise NotFound
    if row.acknowledged_at is not None:
        raise Conflict("You have said that already.")
    row.acknowledged_at = clock.now()
