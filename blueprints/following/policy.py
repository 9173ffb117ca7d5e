"""Who may follow and mute whom. Pure: each answers None for yes, or a sentence."""

from core.records import dataclass
from core.viewer import Viewer

MOST_FOLLOWED = 300  # of each kind
MOST_MUTED = 500


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who might be followed or muted."""

    id: int
    name: str
    page_is_open: bool
    has_role: bool


def may_follow_person(viewer: Viewer, person: Person) -> str | None:
    """The newsroom's people are followed, and readers who let others see what they wrote."""
    if viewer.id == person.id:
        return "You hear of your own words anyway."
    if person.has_role or person.page_is_open:
        return None
    return "This person does not show others what they wrote."


def may_mute(viewer: Viewer, person: Person) -> str | None:
    """Everybody but oneself."""
    return "You cannot mute yourself." if viewer.id == person.id else None
