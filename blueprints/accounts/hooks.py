"""What other domains add to a person's own overview."""

from collections.abc import Callable, Mapping
from typing import Any

from core.records import dataclass
from core.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a person may not do at present: what, until when and why in sentences, and where to object."""

    sentence: str
    appeal_url: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """What asking for the end of the account stopped, and still is stopped: a sentence, and where it goes on again."""

    sentence: str
    url: str


@dataclass(frozen=True, slots=True)
class SettingsPart:
    """A panel of another domain on the page of settings: its template, and the values that the template names."""

    template: str
    values: Mapping[str, Any]


# Each returns what restricts this person at the moment. The moderation domain registers.
restrictions: list[Callable[[Viewer], list[Restriction]]] = []
# Each returns one sentence about what this person holds, or None. The membership domain registers.
membership_lines: list[Callable[[Viewer], str | None]] = []
# Each returns what is stopped for the person with this id, or None. The membership domain registers.
stops: list[Callable[[int], Stopped | None]] = []

# Each returns a panel for this person's settings. The membership domain registers.
settings_parts: list[Callable[[Viewer], SettingsPart]] = []


def restrictions_of(viewer: Viewer) -> list[Restriction]:
    """Everything that restricts this person at the moment."""
    return [found for ask in restrictions for found in ask(viewer)]


def membership_line(viewer: Viewer) -> str | None:
    """The plan and its next date, from the first who knows."""
    return next((line for ask in membership_lines if (line := ask(viewer))), None)


def what_stopped(user_id: int) -> Stopped | None:
    """What does not go on for somebody whose account stays after all, from the first who knows."""
    return next((found for ask in stops if (found := ask(user_id))), None)
