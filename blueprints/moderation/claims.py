"""Taking comments to decide about. Called inside the caller's transaction; nothing here commits.

A claim keeps colleagues from working on the same; it is no lock. A decision that a colleague makes all the same stands,
and whoever comes second is told. A claim lapses CLAIM_LASTS after its moderator last did anything.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from blueprints.moderation import policy, queries, queries_claims, queries_queues
from blueprints.moderation.queues import QUEUES, Filters
from blueprints.threads.policy import refuse
from blueprints.threads.queries_facts import facts_of_comment
from core import clock
from core.errors import DomainError, NotFound
from core.records import dataclass
from models.desk import DeskPreference

BATCH = 20
CLAIM_LASTS = timedelta(minutes=10)
HOUR = timedelta(hours=1)
LOOKED_AT = BATCH * 4  # so that a batch can be mixed


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken. `spared` were left to colleagues, because this moderator has seen enough of such for an hour."""

    ids: list[int]
    spared: int = 0


def claim(session: Session, *, queue: str, filters: Filters, actor_id: int) -> Taken:
    """Take up to BATCH comments of a queue, in its order, with what is hard to read spread among the rest."""
    now = clock.now()
    if queue not in QUEUES:
        raise DomainError("There is no such queue.")
    actor = queries.staff_member(session, actor_id)
    refuse(policy.may_moderate(actor, None if not actor.section_ids else next(iter(actor.section_ids))))
    chosen = queries_claims.preference_locked(session, actor_id)
    free = BATCH - queries_claims.held_by(session, actor_id, queries.sections_of(actor), now)
    if free <= 0:
        raise DomainError(f"You hold {BATCH} comments already. Decide about them first, or give them back.", 409)
    rows = queries_queues.candidates(session, actor, queue, filters, now, LOOKED_AT)
    hard = [row.id for row in rows if row.severe]
    left = _severe_left(chosen, now)
    wanted = mixed(hard[:left], [row.id for row in rows if not row.severe], free)
    got = queries_claims.take(session, actor_id, wanted, now, now + CLAIM_LASTS)
    chosen.severe_seen += sum(comment_id in got for comment_id in hard)
    return Taken([comment_id for comment_id in wanted if comment_id in got], max(0, len(hard) - left))


def mixed(hard: Sequence[int], easy: Sequence[int], most: int) -> list[int]:
    """At most `most` of both, each in its order, and the hard ones as far from each other as the easy ones allow.

    Of the hard ones a share is taken that is no larger than theirs among all, rounded up, so that easy ones are left
    for the next batch as well.
    """
    total = len(hard) + len(easy)
    if total == 0 or most <= 0:
        return []
    size = min(most, total)
    number = min(len(hard), max(size - len(easy), -(-size * len(hard) // total)))
    result: list[int] = []
    hard, easy = hard[:number], easy[: size - number]
    taken = 0
    for place in range(size):
        due = -(-(place + 1) * number // size)
        if taken < due and taken < number:
            result.append(hard[taken])
            taken += 1
        else:
            result.append(easy[place - taken])
    return result


def keep_claims(session: Session, actor_id: int) -> int:
    """The moderator is still there: what they hold, and may still decide about, runs out later."""
    now, sections = clock.now(), queries.sections_of(queries.staff_member(session, actor_id))
    return queries_claims.renew(session, actor_id, sections, now, now + CLAIM_LASTS)


def give_back(session: Session, actor_id: int) -> None:
    """Let go of everything the moderator holds."""
    queries_claims.release(session, moderator_id=actor_id)


def pass_comment(session: Session, *, comment_id: int, actor_id: int) -> None:
    """Leave a comment to colleagues, without a reason: it is not offered to this moderator again."""
    facts = facts_of_comment(session, comment_id)
    actor = queries.staff_member(session, actor_id)
    if facts is None or policy.may_moderate(actor, facts.section_id):
        raise NotFound
    queries_claims.pass_on(session, comment_id, actor_id, clock.now())
    mine = queries_claims.claims_on(session, clock.now(), [comment_id])
    if any(row.moderator_id == actor_id for row in mine):
        queries_claims.release(session, comment_id=comment_id)


def _severe_left(chosen: DeskPreference, now: datetime) -> int:
    """How many more hard texts this moderator takes within the hour; a new hour begins with the first one in it."""
    if chosen.severe_since is None or chosen.severe_since + HOUR <= now:
        chosen.severe_since, chosen.severe_seen = now, 0
    return max(0, chosen.severe_per_hour - chosen.severe_seen)
