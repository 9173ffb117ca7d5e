"""How a discussion goes, as the ledger keeps it: what stood before and after, and putting it back."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.moderation import policy, queries
from blueprints.moderation.discussions import note_settings, written
from blueprints.threads import queries_facts, settings
from blueprints.threads.locking import lock_thread
from blueprints.threads.policy import refuse
from blueprints.threads.quiz import Question
from blueprints.threads.settings import Guest
from core import clock
from core.errors import Conflict, DomainError

MOMENTS = frozenset({"members_first_until", "closes_at", "questions_open_at", "questions_close_at"})


def take_back_modes(session: Session, row: Row[Any], actor_id: int) -> None:
    """Put back how a discussion went before this entry, if what it set still stands. The record is written with it.

    Raises DomainError for an entry from before this was kept and for what cannot be any more, and Conflict where it was
    changed again since.
    """
    if not row.before:
        raise DomainError("This entry does not say what stood before. Please set it by hand.")
    before, after = json.loads(row.before), json.loads(row.after)
    thread = lock_thread(session, row.thread_id)
    facts = queries_facts.facts_of_thread(session, row.thread_id)
    refuse(policy.may_moderate(queries.staff_member(session, actor_id), facts.section_id))
    standing = settings.read(session, thread)
    said = json.loads(json.dumps(written(standing)))
    if any(said[name] != value for name, value in after.items()):
        raise Conflict("This was changed again since.")
    wanted = replace(standing, **{name: _read(name, value) for name, value in before.items()})
    for _, sentence in settings.problems(wanted, standing, facts.article_author_id, clock.now()):
        raise DomainError(sentence)
    changed = settings.change(session, thread, wanted, queries.published_at(session, row.thread_id))
    note_settings(session, thread.id, actor_id, standing=standing, new=wanted, reason="", changed=changed,
                  undoes_id=row.id)  # fmt: skip


def _read(name: str, value: Any) -> Any:
    if name == "guests":
        return tuple(Guest(one["user_id"], one["line"]) for one in value)
    if name == "quiz":
        return tuple(Question(one["text"], tuple(one["choices"]), one["right"], one["where_said"]) for one in value)
    return datetime.fromisoformat(value) if name in MOMENTS and value else value
