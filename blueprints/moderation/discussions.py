"""What is decided about whole discussions: open, closed or hidden, and how they go. All of it is on record."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from blueprints.moderation import ledger, policy, queries
from blueprints.threads import modes, queries_facts, settings
from blueprints.threads.locking import lock_thread
from blueprints.threads.policy import refuse
from blueprints.threads.settings import Conversation
from core import clock, text
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.viewer import Viewer
from models.thread import Thread

CHANGED_MEANWHILE = "Somebody changed this discussion meanwhile. Please look at it as it stands now, then decide."


@dataclass(frozen=True, slots=True)
class Rules:
    """What moderators set on a discussion. Readers find the reason where it is closed, colleagues on record."""

    state: str
    reason: str
    pace_seconds: int | None
    premoderated: bool
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Discussion:
    """A discussion as its moderators see it."""

    thread_id: int
    slug: str
    headline: str
    article_id: int
    published_count: int
    standing: Conversation
    closes_at: datetime | None
    closed_by_itself: str  # the sentence in the composer's place; empty where it has not
    brake_seconds: int = 0  # that many reports came in lately


def discussion(viewer: Viewer, thread_id: int) -> Discussion:
    """One discussion. Raises NotFound outside of the moderator's sections."""
    session, now = db.session(), clock.now()
    thread = session.get(Thread, thread_id)
    if thread is None:
        raise NotFound
    facts = queries_facts.facts_of_thread(session, thread_id)
    if policy.may_moderate(viewer, facts.section_id):
        raise NotFound
    by_itself = facts.state == "open" and modes.state_at(facts, now) == "closed"
    return Discussion(
        thread_id, facts.slug, facts.headline, facts.article_id, facts.published_count, settings.read(session, thread),
        thread.closes_at, modes.closed_sentence(facts, now) if by_itself else "",
        modes.brake(facts, now),
    )  # fmt: skip


def manage_thread(session: Session, *, thread_id: int, actor_id: int, wanted: Rules, mark: str) -> int:
    """Set all of this on a discussion, and put on record what changed. Returns the last decision's id.

    `mark` is that of the settings that were looked at. Raises Conflict when they are others by now or nothing would
    change, and DomainError with a sentence for what cannot be set.
    """
    reason = " ".join(text.normalise(wanted.reason).split())
    thread = lock_thread(session, thread_id)
    facts = queries_facts.facts_of_thread(session, thread_id)
    refuse(policy.may_moderate(queries.staff_member(session, actor_id), facts.section_id))
    standing = settings.read(session, thread)
    if standing.mark != mark:
        raise Conflict(CHANGED_MEANWHILE)
    new = replace(
        standing, state=wanted.state, closed_reason=reason, pace_seconds=wanted.pace_seconds,
        premoderated=wanted.premoderated,
    )  # fmt: skip
    if wanted.closes_at != to_the_minute(thread.closes_at):
        new = replace(new, closes_after_days=None, closes_at=wanted.closes_at)
    for _, sentence in settings.problems(new, standing, facts.article_author_id, clock.now()):
        raise DomainError(sentence)
    changed = settings.change(session, thread, new, queries.published_at(session, thread_id))
    if new.state == standing.state and changed and reason and reason != standing.closed_reason:
        changed = (*changed, reason)
    action_id = note_settings(
        session, thread_id, actor_id, standing=standing, new=new, reason=reason, changed=changed
    )
    if action_id is None:
        raise Conflict("This discussion stands like that already.")
    return action_id


def to_the_minute(moment: datetime | None) -> datetime | None:
    """As a form shows it."""
    return moment.replace(second=0, microsecond=0) if moment else None


def note_settings(
    session: Session, thread_id: int, actor_id: int, *, standing: Conversation, new: Conversation, reason: str,
    changed: tuple[str, ...], undoes_id: int | None = None,
) -> int | None:  # fmt: skip
    """Put on record who changed a discussion, and what: its state as one decision, everything else as another.

    `changed` are the sentences of `threads.settings.change`. Returns the last decision's id, None where there is none.
    """
    now, action_id = clock.now(), None
    if changed:
        before, after = written(standing), written(new)
        differing = [name for name in before if before[name] != after[name]]
        action_id = ledger.append(
            session, action="modes", at=now, actor_id=actor_id, thread_id=thread_id, reason=" ".join(changed),
            before={name: before[name] for name in differing}, after={name: after[name] for name in differing},
            undoes_id=undoes_id,
        )  # fmt: skip
    if standing.state != new.state:
        action_id = ledger.append(
            session, action="thread", at=now, actor_id=actor_id, thread_id=thread_id, from_state=standing.state,
            to_state=new.state, reason=reason,
        )  # fmt: skip
    return action_id


def written(conversation: Conversation) -> dict[str, Any]:
    """Everything that is set, as it is written down; the state is an entry of its own."""
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(conversation).items() if name not in {"state", "closed_reason"}
    }  # fmt: skip
    values["guests"] = [{"user_id": guest.user_id, "line": guest.line} for guest in conversation.guests]
    return values
