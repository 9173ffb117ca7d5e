"""The nudge: an author is asked once, before anything is posted, whether to leave the words as they are.

Some authors are never asked, always the same ones (a stable hash of who they are), and what they post in the same
case is noted beside: only so can be told whether asking does any good.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.threads import queries_nudges as queries
from blueprints.threads.screened import Screened
from blueprints.threads.screening import worst
from blueprints.threads.screening.subject import Passage
from core.records import dataclass

ASKED_ONCE_WITHIN = timedelta(hours=1)
_STRONGER = ("hold", "reject")  # then a person reads it anyway


@dataclass(frozen=True, slots=True)
class Asked:
    """What the author is asked: the nudge by its id, why, and the passages."""

    id: int
    reasons: tuple[str, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Nudged:
    """What to do about words: ask first, or post them and note in which nudge this ends."""

    ask: Asked | None = None
    ends: int = 0
    words_hash: str = ""
    held_out: tuple[int, int, int | None, str] | None = None  # person, thread, parent, rules


NOT_NUDGED = Nudged()


def in_hold_out(user_id: int, percent: int) -> bool:
    """Whether this person is never asked: always the same answer, whatever else changes."""
    digest = hashlib.sha256(f"nudge:{user_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < percent


def consider(
    session: Session, user_id: int, thread_id: int, parent_id: int | None, screened: Screened, words_hash: str,
    answers: int, now: datetime,
) -> Nudged:  # fmt: skip
    """Whether to ask about these words. `answers` is the nudge that this answers, as the form says, or 0.

    Asks the database only for words that would be nudged, or that answer a nudge.
    """
    asking = [one for one in screened.found if one.severity == "nudge"]
    wanted = bool(asking) and worst(screened.found) not in _STRONGER
    if not wanted and not answers:
        return NOT_NUDGED
    standing = queries.open_nudge(session, user_id, thread_id, now - ASKED_ONCE_WITHIN)
    if standing is not None:
        return Nudged(ends=standing.id, words_hash=standing.words_hash)
    if not wanted:
        return NOT_NUDGED
    rules = ",".join(dict.fromkeys(one.rule or one.check for one in asking))[:300]
    if in_hold_out(user_id, screened.setup.number("hold_out_percent")):
        return Nudged(held_out=(user_id, thread_id, parent_id, rules))
    nudge_id = queries.add_nudge(
        session, user_id=user_id, thread_id=thread_id, parent_id=parent_id, asked=True, rules=rules,
        words_hash=words_hash, created_at=now,
    )  # fmt: skip
    return Nudged(ask=Asked(
        nudge_id, tuple(dict.fromkeys(one.reason for one in asking)),
        tuple(passage for one in asking for passage in one.passages),
    ))  # fmt: skip


def end(session: Session, nudged: Nudged, comment_id: int, words_hash: str, now: datetime) -> None:
    """Note what was posted after a nudge, or by somebody who is never asked."""
    if nudged.ends:
        ended = "as-is" if nudged.words_hash == words_hash else "rephrased"
        queries.end_nudge(session, nudged.ends, comment_id, ended, now)
    elif nudged.held_out:
        user_id, thread_id, parent_id, rules = nudged.held_out
        queries.add_nudge(
            session, user_id=user_id, thread_id=thread_id, parent_id=parent_id, asked=False, rules=rules,
            words_hash=words_hash, created_at=now, comment_id=comment_id, ended="as-is", ended_at=now,
        )  # fmt: skip
