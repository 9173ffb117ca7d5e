"""Who asks, in the words of the house: a visitor, a reader, a member, or staff."""

from datetime import datetime
from typing import Any

from blueprints.articles.page import listed
from core import clock
from core.rendering import date, iso
from core.viewer import EntitlementSpan, Viewer

KINDS = ("visitor", "reader", "member", "staff")
_DEEDS = {"read": "reading what is for members", "comment": "commenting", "respect": "giving respect"}
_FROM = {
    "stripe": "paid for", "gift": "given as a gift", "seat": "a seat in somebody's group",
    "complimentary": "by courtesy of the paper", "staff": "for working here",
}  # fmt: skip


def oneself(viewer: Viewer) -> dict[str, Any]:
    """The viewer, with what they have access to now or will have; a visitor is told that they are one."""
    now = clock.now()
    spans = sorted(viewer.entitlements, key=lambda span: (span.starts_at, span.plan_key, span.source))
    return {
        "kind": _kind(viewer), "id": viewer.id, "name": viewer.display_name, "confirmed": viewer.confirmed,
        "entitlements": [_entitlement(span, now) for span in spans],
    }  # fmt: skip


def _kind(viewer: Viewer) -> str:
    if not viewer.is_signed_in:
        return "visitor"
    if viewer.is_staff:
        return "staff"
    return "member" if viewer.is_member else "reader"


def _entitlement(span: EntitlementSpan, now: datetime) -> dict[str, Any]:
    return {
        "plan": span.plan_key, "source": span.source, "from": iso(span.starts_at),
        "until": iso(span.ends_at) if span.ends_at else None, "in_force": span.covers(now),
        "grants": sorted(span.grants), "words": _words(span, now),
    }  # fmt: skip


def _words(span: EntitlementSpan, now: datetime) -> str:
    deeds = listed([words for act, words in _DEEDS.items() if act in span.grants]) or "nothing more than others"
    since = "" if span.starts_at <= now else f" from {date(span.starts_at)}"
    until = f" until {date(span.ends_at)}" if span.ends_at else ""
    return f"{deeds[0].upper()}{deeds[1:]}{since}{until}: {_FROM.get(span.source, span.source)}."
