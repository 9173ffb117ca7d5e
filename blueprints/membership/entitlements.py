"""The one answer to "may they?": an Audience, a viewer, a moment. Pure; page, feed, mail and comments all ask here."""

from datetime import datetime

from core.viewer import Act, Viewer

EVERYONE, REGISTERED, MEMBERS = "everyone", "registered", "members"
PLANS_PREFIX = "plans:"


def effective_audience(*rules: str | None) -> str:
    """The first rule that is set: article, then section, then site."""
    return next((rule for rule in rules if rule), EVERYONE)


def plans_of(audience: str) -> frozenset[str]:
    """The plan keys that an audience such as `plans:gold,patron` names; empty for the others."""
    if not audience.startswith(PLANS_PREFIX):
        return frozenset()
    return frozenset(key.strip() for key in audience.removeprefix(PLANS_PREFIX).split(",") if key.strip())


def live_plans(viewer: Viewer, at: datetime, act: Act) -> frozenset[str]:
    """The plans that this person has at that moment and that grant this, whatever the source."""
    return frozenset(span.plan_key for span in viewer.entitlements if act in span.grants and span.covers(at))


def allows(audience: str, viewer: Viewer, at: datetime, act: Act) -> bool:
    """Whether the viewer is part of the audience for this act at that moment. Staff are part of every audience.

    `registered` means a confirmed address; an unknown rule admits staff only, so that a slip never opens a gate.
    """
    if audience == EVERYONE or viewer.is_staff:
        return True
    if not viewer.is_signed_in:
        return False
    if audience == REGISTERED:
        return viewer.confirmed
    if audience == MEMBERS:
        return bool(live_plans(viewer, at, act))
    return bool(live_plans(viewer, at, act) & plans_of(audience))
