"""The gate's three answers for one viewer, each with its reason in a word. Asks the house's policies, and adds none."""

from datetime import datetime
from typing import Any

from blueprints.articles.policy import Gate, is_gated, may_read
from blueprints.membership.entitlements import REGISTERED
from blueprints.threads import modes, policy
from blueprints.threads.facts import CommentFacts, ThreadFacts
from core.viewer import Viewer

OPEN, GRANTED, NO_THREAD = "open", "granted", "no_thread"
# Every word that may stand here; the others are the codes of blueprints/threads/policy.py.
REASONS = (
    OPEN, GRANTED, NO_THREAD, "guest", "unconfirmed", "audience", "closed", "hidden", "no_questions", "banned",
    "suspended", "warned", "gone", "gated",
)  # fmt: skip

Answers = dict[str, dict[str, Any]]


def answers(viewer: Viewer, gate: Gate, facts: ThreadFacts | None, now: datetime) -> Answers:
    """Who may read the whole text, comment, and give respect: each with whom it is for."""
    return {"read": _reading(viewer, gate, now)} | _taking_part(viewer, facts, now)


def _reading(viewer: Viewer, gate: Gate, now: datetime) -> dict[str, Any]:
    if may_read(viewer, gate, now):
        return _answer(GRANTED if is_gated(gate, now) else OPEN, gate.audience)
    return _answer(_missing(viewer, gate.audience), gate.audience)


def _missing(viewer: Viewer, audience: str) -> str:
    """What somebody outside the gate is without; in the words of the threads' policy."""
    if not viewer.is_signed_in:
        return "guest"
    return "unconfirmed" if audience == REGISTERED else "audience"


def _taking_part(viewer: Viewer, facts: ThreadFacts | None, now: datetime) -> Answers:
    if facts is None:
        return {"comment": _answer(NO_THREAD, None), "respect": _answer(NO_THREAD, None)}
    words = policy.may_comment(viewer, facts, now)
    respect = policy.may_respect(viewer, facts, _by_somebody_else(facts, now), now)
    return {
        "comment": _answer(words.code if words else GRANTED, modes.audience_at(facts, now)),
        "respect": _answer(respect.code if respect else GRANTED, facts.respect_audience),
    }


def _by_somebody_else(facts: ThreadFacts, now: datetime) -> CommentFacts:
    """Any published comment of others in this discussion: what respect can be asked for."""
    return CommentFacts(0, facts.thread_id, None, 0, "published", True, 1, now)


def _answer(reason: str, audience: str | None) -> dict[str, Any]:
    return {"allowed": reason in {OPEN, GRANTED}, "reason": reason, "audience": audience}
