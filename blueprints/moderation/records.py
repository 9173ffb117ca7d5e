"""What a person takes home: their own entries of the ledger, and enough of the others to follow the chain.

See `casefile` for how entries are sealed. Own entries show everything but who decided and notes among colleagues; of
all others only the seal of their content is told.
"""

from typing import Any

from sqlalchemy.orm import Session

from blueprints.moderation import casefile, ledger, queries_ledger
from blueprints.moderation.words import DONE
from core import clock
from core.recording import plain
from models.moderation import LedgerSeal

# Whose reasons the person was told; what is noted elsewhere is for colleagues.
TOLD = frozenset(
    {"reject", "warning", "slow-down", "pre-moderation", "suspension", "ban", "uphold", "reverse", "move"}
)
ALWAYS_HIDDEN = frozenset({"actor_id"})
ELSE_HIDDEN = frozenset({"reason", "before", "after"})


def seal_now(session: Session) -> LedgerSeal | None:
    """Publish where the ledger ends at this moment; None for an empty one. The same end is sealed once."""
    end = queries_ledger.head_locked(session)
    if end.action_id == 0:
        return None
    known = queries_ledger.seal_of(session, end.action_id)
    if known is None:
        known = LedgerSeal(action_id=end.action_id, hash=end.hash, sealed_at=clock.now())
        session.add(known)
        session.flush()
    return known


def case_of(session: Session, user_id: int, site: str) -> dict[str, Any]:
    """The file of a person's case. Each stretch goes from an entry of theirs to the next published seal."""
    own = set(queries_ledger.entries_about(session, user_id))
    stretches: list[dict[str, Any]] = []
    covered = 0
    for action_id in sorted(own):
        if action_id <= covered:
            continue
        seal = queries_ledger.seal_from(session, action_id)
        if seal is None:
            break
        rows = queries_ledger.entries_between(session, action_id, seal.action_id)
        stretches.append({
            "after_id": action_id - 1, "after_hash": rows[0].previous_hash,
            "entries": [_entry(row._asdict(), row.id in own) for row in rows],
            "end_id": seal.action_id, "end_hash": seal.hash, "sealed_at": plain(seal.sealed_at),
        })  # fmt: skip
        covered = seal.action_id
    return {"format": casefile.FORMAT, "site": site, "made_at": plain(clock.now()), "stretches": stretches}


def seal_problem(session: Session) -> str:
    """What the published seals say against the ledger; empty where they agree."""
    for seal in queries_ledger.seals_that_differ(session):
        return f"Decision {seal.action_id} is not the one that was published on {seal.sealed_at:%Y-%m-%d}."
    return ""


def lines_of(session: Session, user_id: int) -> list[tuple[int, str, Any]]:
    """A person's entries in words: number, what was done, when."""
    return [
        (row.id, DONE.get(row.action, row.action), row.created_at)
        for row in queries_ledger.own_entries(session, user_id)
    ]


def _entry(values: dict[str, Any], is_own: bool) -> dict[str, Any]:
    if not values["salt"]:  # from before single fields were sealed
        return {"id": values["id"], "whole": values["hash"]}
    seals = ledger.seals_of(values)
    if not is_own:
        return {"id": values["id"], "content": casefile.content_of(seals)}
    hidden = ALWAYS_HIDDEN if values["action"] in TOLD else ALWAYS_HIDDEN | ELSE_HIDDEN
    return {
        "id": values["id"],
        "hash": values["hash"],
        "shown": {
            name: [casefile.mark_of(values["salt"], name), plain(values[name])]
            for name in ledger.SEALED if name not in hidden
        },
        "hidden": {name: seals[name] for name in ledger.SEALED if name in hidden},
    }  # fmt: skip
