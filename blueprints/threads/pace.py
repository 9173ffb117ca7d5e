"""How fast one person may send comments: the fewer of theirs were published, the slower. Pure.

A discussion may be in slow mode, or set no pace at all; who was asked to slow down does so everywhere; the newsroom is
at home. In every case the answer says exactly how long to wait.
"""

import math
from datetime import datetime, timedelta
from typing import Protocol

from blueprints.threads import modes, policy
from blueprints.threads.facts import ThreadFacts
from core.errors import TooFast
from core.viewer import Viewer

BURST = 5  # so many comments may be sent in a row, in all discussions together; then one has to be as old as this:
NEWCOMERS = 10  # with fewer comments published, one is new here
REGULARS = 50  # with as many, one is a regular; more are not counted
PACE_OF_NEWCOMERS = timedelta(minutes=10)
PACE = timedelta(minutes=2)
PACE_OF_REGULARS = timedelta(seconds=30)
SLOW_DOWN_GAP = timedelta(minutes=5)  # between two comments of somebody asked to slow down


class Sent(Protocol):
    """When a person sent their newest comment and their BURST-th newest, and how many of theirs are published, counted
    up to REGULARS."""

    @property
    def newest_at(self) -> datetime | None: ...
    @property
    def nth_newest_at(self) -> datetime | None: ...
    @property
    def published(self) -> int: ...


def pace_of(viewer: Viewer, published: int) -> timedelta:
    """In which time this person sends at most BURST comments; none for staff."""
    if viewer.is_staff:
        return timedelta()
    if published < NEWCOMERS:
        return PACE_OF_NEWCOMERS
    return PACE if published < REGULARS else PACE_OF_REGULARS


def keep_pace(viewer: Viewer, facts: ThreadFacts, sent: Sent, last_here_at: datetime | None, now: datetime) -> None:
    """Raises TooFast, with the seconds to wait, for a comment that comes too soon."""
    free_at = modes.free_at(viewer, facts, last_here_at, now)
    if free_at and free_at > now:
        raise _too_fast(modes.slow_sentence(facts, now), free_at, now)
    if policy.sanction(viewer, "slow-down", now):
        before, gap, why = sent.newest_at, SLOW_DOWN_GAP, "You were asked to slow down."
    else:
        before, gap = sent.nth_newest_at, pace_of(viewer, sent.published) if facts.pace_seconds != 0 else timedelta()
        why = "That is faster than a conversation."
    if before and gap and before + gap > now:
        raise _too_fast(why, before + gap, now)


def _too_fast(why: str, free_at: datetime, now: datetime) -> TooFast:
    seconds = math.ceil((free_at - now).total_seconds())
    return TooFast(f"{why} You can send this in {modes.span(seconds)}.", seconds)
