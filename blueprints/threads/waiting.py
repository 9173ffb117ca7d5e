"""What authors are told while a comment of theirs waits: why, and how long that usually takes.

How long is worked out by a job from the last decisions (see `blueprints.moderation.waiting`). Where there were too few,
nothing is claimed.
"""

from collections.abc import Iterable

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import Session

from core.prepared import Prepared
from models.thread import WaitingTime

WAITING = ("pending", "withheld")
SITE = 0  # in the place of a section: all of them together

MINUTE, HOUR, DAY = 60, 3600, 86_400
# Rounded up to what people say; what takes longer is not promised.
_STEPS = (
    *(number * MINUTE for number in (5, 10, 15, 20, 30, 45)), *(number * HOUR for number in (1, 2, 3, 4, 6, 8, 12)),
    DAY, 2 * DAY, 3 * DAY,
)  # fmt: skip

_times = (
    select(WaitingTime.seconds)
    .where(WaitingTime.section_id.in_((bindparam("section", type_=Integer()), SITE)))
    .order_by(WaitingTime.section_id.desc())
    .limit(1)
)
USUAL_SECONDS = _times.scalar_subquery()  # of the section bound as `section`, else of the site
_ALL = Prepared(select(WaitingTime.section_id, WaitingTime.seconds))


def waiting_reason(status: str, found: str | None, seconds: int | None = None) -> str:
    """What its author is told of a comment that is not published: what the screening said, if it spoke, and how long
    it usually takes, if that is known."""
    if status == "published":
        return ""
    reason = found or "A person reads this before it appears."
    if status == "pending":
        reason = "Comments are read by a person before they appear here."
    return f"{reason} {usually(seconds)}".rstrip() if status in WAITING else reason


def usually(seconds: int | None) -> str:
    """How long a decision usually takes, in words; empty where nothing can be said."""
    if seconds is None or seconds > _STEPS[-1]:
        return ""
    step = next(step for step in _STEPS if seconds <= step)
    for size, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        number, rest = divmod(step, size)
        if number and not rest:
            return f"That is usually done within {number} {name}{'s' if number != 1 else ''}."
    return ""


def usual_seconds(session: Session, statuses: Iterable[str], section_id: int) -> int | None:
    """How long decisions in a section usually take; asked only if one of these statuses waits for one."""
    if not any(status in WAITING for status in statuses):
        return None
    times = usual_times(session)
    return times.get(section_id, times.get(SITE))


def usual_times(session: Session) -> dict[int, int]:
    """How long decisions usually take, in seconds, by section; where there were enough of them."""
    return {row.section_id: row.seconds for row in _ALL.all(session)}
