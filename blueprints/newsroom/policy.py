"""Who may write, change and publish. Pure: plain values in, an answer out."""

from collections.abc import Mapping, Sequence

from blueprints.membership.entitlements import EVERYONE, MEMBERS, PLANS_PREFIX, REGISTERED, plans_of
from core.records import dataclass
from core.viewer import Viewer

WORDS_A_MINUTE = 220
LONGEST_BODY = 200_000  # code points of source


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about an article in the newsroom."""

    state: str
    author_id: int | None
    created_by: int | None


def may_write(viewer: Viewer) -> bool:
    """Whether this person may begin an article."""
    return viewer.is_author


def may_open(viewer: Viewer, standing: Standing) -> bool:
    """Whether this person may look at an article in the newsroom: editors at all, authors at their own."""
    return viewer.is_editor or (viewer.is_author and _is_own(viewer, standing))


def may_change(viewer: Viewer, standing: Standing) -> bool:
    """Whether this person may change it: editors always, authors their own until it is published."""
    return viewer.is_editor or (viewer.is_author and _is_own(viewer, standing) and standing.state == "draft")


def may_publish(viewer: Viewer) -> bool:
    """Whether this person may publish and withdraw."""
    return viewer.is_editor


def reading_minutes(source: str) -> int:
    """How long the text takes to read, at least a minute."""
    return max(1, round(len(source.split()) / WORDS_A_MINUTE))


def audience_choices(plans: Mapping[str, str], standing: str, inherited: str) -> list[tuple[str, str]]:
    """What a form offers for an audience: the section's rule, the plain ones, each plan alone and with those above.

    `plans` are names by key, the lowest plan first. An audience that stands and is none of these is offered too.
    """
    choices = [("", f"As the section: {inherited}"), *((rule, audience_label(rule, plans)) for rule in PLAIN)]
    keys = list(plans)
    for index, key in enumerate(keys):
        choices.append((PLANS_PREFIX + key, audience_label(PLANS_PREFIX + key, plans)))
        if 0 < index < len(keys) - 1:
            above = PLANS_PREFIX + ",".join(keys[index:])
            choices.append((above, audience_label(above, plans)))
    if standing not in {rule for rule, _ in choices}:
        choices.append((standing, audience_label(standing, plans)))
    return choices


def audience_label(rule: str, plans: Mapping[str, str]) -> str:
    """An audience in words."""
    if rule in PLAIN:
        return PLAIN[rule]
    names = [name for key, name in plans.items() if key in plans_of(rule)]
    return f"Members with {' or '.join(names)}" if names else "Staff only"


PLAIN = {EVERYONE: "Everyone", REGISTERED: "Registered readers", MEMBERS: "Members"}


def missing_for_publication(headline: str, body: str, has_picture: bool, picture_alt: str) -> Sequence[tuple[str, str]]:
    """What keeps an article from being published: fields and sentences."""
    missing = []
    if not headline:
        missing.append(("headline", "An article needs a headline."))
    if not body:
        missing.append(("body_source", "There is no text yet."))
    if has_picture and not picture_alt:
        missing.append(("picture_alt", "Please describe the picture for those who do not see it."))
    return missing


def _is_own(viewer: Viewer, standing: Standing) -> bool:
    return viewer.id is not None and viewer.id in (standing.author_id, standing.created_by)
