"""Who may see an article, and who may read all of it. Pure; page, feed, lists and structured data ask here."""

from datetime import datetime

from blueprints.membership.entitlements import EVERYONE, allows
from core.records import dataclass
from core.viewer import Viewer

DRAFT, PUBLISHED = "draft", "published"


@dataclass(frozen=True, slots=True)
class Gate:
    """What decides about one article: its state, who wrote it, and the audience in force (article, section, site)."""

    state: str
    author_id: int | None
    audience: str
    opens_to_all_at: datetime | None


def may_see(viewer: Viewer, gate: Gate) -> bool:
    """Whether the article exists for this person: published for all, otherwise for editors and its author."""
    return gate.state == PUBLISHED or viewer.is_editor or _wrote(viewer, gate)


def may_read(viewer: Viewer, gate: Gate, at: datetime) -> bool:
    """Whether this person may have the whole text at that moment."""
    if not may_see(viewer, gate):
        return False
    return not is_gated(gate, at) or _wrote(viewer, gate) or allows(gate.audience, viewer, at, "read")


def is_gated(gate: Gate, at: datetime) -> bool:
    """Whether anybody is kept from the whole text at that moment."""
    return gate.audience != EVERYONE and not has_opened(gate.opens_to_all_at, at)


def has_opened(opens_to_all_at: datetime | None, at: datetime) -> bool:
    """Whether the moment that was set for opening an article to all has come."""
    return opens_to_all_at is not None and opens_to_all_at <= at


def _wrote(viewer: Viewer, gate: Gate) -> bool:
    return viewer.id is not None and viewer.id == gate.author_id
