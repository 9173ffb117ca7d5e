"""The ledger: every decision and every change staff make, appended to a chain of hashes that shows what was altered.

Each row's hash covers its own fields and the hash before it; `ledger_head` names the end. The database refuses to
change or remove rows, and whoever goes around that is found by `verify`. How a row is sealed: `casefile`.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from blueprints.moderation import casefile
from core.recording import plain
from core.records import dataclass
from models.moderation import LedgerHead, ModerationAction

BATCH = 1_000

# What rows without a salt were made of, before single fields were sealed.
OLD_FIELDS = (
    "id", "thread_id", "comment_id", "user_id", "actor_id", "action", "from_state", "to_state", "revision",
    "rule_id", "reason", "undoes_id", "created_at", "previous_hash",
)  # fmt: skip
SEALED = (*OLD_FIELDS[:-1], "batch_id", "subject", "before", "after")
FIELDS = (*SEALED, "salt", "previous_hash")
_BATCH = "ledger batch"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found: how many rows are sound, and what is wrong with the first that is not."""

    sound: int
    problem: str = ""


def append(
    session: Session, *, action: str, at: datetime, actor_id: int | None, user_id: int | None = None,
    comment_id: int | None = None, thread_id: int | None = None, from_state: str = "", to_state: str = "",
    revision: int | None = None, rule_id: int | None = None, reason: str = "", undoes_id: int | None = None,
    subject: str = "", before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None,
) -> int:  # fmt: skip
    """Add one entry to the end of the chain and return its id. The only writer of `moderation_action`.

    Takes the lock on the chain's end, which is always the last lock of a transaction; `actor_id` None means that the
    program decided. `subject` names a setting ("rule:3"), with what stood before and what stands after.
    """
    session.flush()
    head = session.execute(
        select(LedgerHead.action_id, LedgerHead.hash).where(LedgerHead.id == 1).with_for_update()
    ).one()
    values: dict[str, Any] = {
        "id": head.action_id + 1, "thread_id": thread_id, "comment_id": comment_id, "user_id": user_id,
        "actor_id": actor_id, "action": action, "from_state": from_state, "to_state": to_state,
        "revision": revision, "rule_id": rule_id, "reason": reason, "undoes_id": undoes_id, "created_at": at,
        "batch_id": session.info.get(_BATCH), "subject": subject, "before": _json(before), "after": _json(after),
        "salt": secrets.token_hex(16), "previous_hash": head.hash,
    }  # fmt: skip
    values["hash"] = digest(values)
    session.execute(insert(ModerationAction).values(**values))
    session.execute(
        update(LedgerHead)
        .where(LedgerHead.id == 1)
        .values(action_id=values["id"], hash=values["hash"])
        .execution_options(synchronize_session=False)
    )
    return int(values["id"])


@contextmanager
def batch(session: Session, action_id: int) -> Iterator[None]:
    """Everything appended inside belongs to this entry, so that it can be taken back together."""
    session.info[_BATCH] = action_id
    try:
        yield
    finally:
        session.info.pop(_BATCH, None)


def current_batch(session: Session) -> int | None:
    """Which entry everything that is appended now belongs to."""
    found: int | None = session.info.get(_BATCH)
    return found


def seals_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The seal of every field of a row."""
    return {
        name: casefile.seal(casefile.mark_of(values["salt"], name), name, plain(values[name])) for name in SEALED
    }


def digest(values: Mapping[str, Any]) -> str:
    """The hash of a row, see `casefile`; of one without a salt, SHA-256 of its fields as canonical JSON."""
    if values["salt"]:
        return casefile.link(values["previous_hash"], casefile.content_of(seals_of(values)))
    text = json.dumps(
        {name: plain(values[name]) for name in OLD_FIELDS}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def verify(session: Session, progress: Callable[[int], None] | None = None) -> Verdict:
    """Walk the chain in batches. Names the first row that is missing, altered or not accounted for."""
    columns = [getattr(ModerationAction, name) for name in (*FIELDS, "hash")]
    last_id, last_hash = 0, ""
    while rows := session.execute(
        select(*columns).where(ModerationAction.id > last_id).order_by(ModerationAction.id).limit(BATCH)
    ).all():
        for row in rows:
            if row.id != last_id + 1:
                return Verdict(last_id, f"Decision {last_id + 1} is missing.")
            if row.hash != digest(row._asdict()):
                return Verdict(last_id, f"Decision {row.id} was altered.")
            if row.previous_hash != last_hash:
                return Verdict(last_id, f"Decision {row.id} does not follow from decision {last_id}.")
            last_id, last_hash = row.id, row.hash
        if progress:
            progress(last_id)
    return _compare_with_head(session, last_id, last_hash)


def _compare_with_head(session: Session, last_id: int, last_hash: str) -> Verdict:
    head = session.execute(select(LedgerHead.action_id, LedgerHead.hash)).one_or_none()
    if head is None:
        return Verdict(last_id, "The note of where the ledger ends is missing.")
    if head.action_id > last_id:
        # What was appended since the walk ended is no fault: a later walk looks at it.
        newest = session.scalar(select(func.max(ModerationAction.id))) or 0
        if newest < head.action_id:
            return Verdict(last_id, f"Decision {last_id + 1} is missing: the ledger went on to {head.action_id}.")
        return Verdict(last_id)
    if head.action_id < last_id:
        return Verdict(head.action_id, f"Decision {head.action_id + 1} was added beyond the end of the ledger.")
    if head.hash != last_hash:
        return Verdict(last_id, f"Decision {last_id} is not the one the ledger ended with.")
    return Verdict(last_id)


def _json(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def end_of(session: Session) -> str:
    """The hash the ledger ends with. Written down elsewhere, it shows a later cut at the end as well."""
    return session.scalar(select(LedgerHead.hash)) or "nothing yet"
