"""Who may decide about what. Pure: route, service and template ask the same functions.

Each answers None for yes, or a Refusal with a sentence for people.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from blueprints.threads.policy import Refusal
from core.viewer import Viewer

APPEAL_WITHIN = timedelta(days=183)  # six months, as the European rules for platforms ask


def may_moderate(viewer: Viewer, section_id: int | None) -> Refusal | None:
    """Moderators work on all sections, or on those they are limited to."""
    if not viewer.is_moderator:
        return Refusal("not_moderator", "Only moderators decide about comments.")
    if not viewer.moderates(section_id):
        return Refusal("section", "This section is moderated by colleagues.")
    return None


def may_decide(viewer: Viewer, author_id: int) -> Refusal | None:
    """Nobody decides about their own comment."""
    if viewer.id == author_id:
        return Refusal("own", "This is your own comment. A colleague decides about it.")
    return None


def may_take_back_run(viewer: Viewer, section_ids: Iterable[int]) -> Refusal | None:
    """A decision about many is taken back as a whole by whoever moderates the sections of all of it."""
    if not all(viewer.moderates(section_id) for section_id in section_ids):
        return Refusal(
            "section", "Some of these comments are in sections that colleagues moderate. Nothing was taken back."
        )
    return None


def may_decide_appeal(viewer: Viewer, first_decider_id: int | None, objector_id: int) -> Refusal | None:
    """An objection is decided by somebody else than who made the decision, and never by who objects."""
    if viewer.id == first_decider_id:
        return Refusal("own_decision", "You made this decision, so a colleague answers the objection to it.")
    if viewer.id == objector_id:
        return Refusal("own", "This is your own objection. A colleague decides about it.")
    return None


def may_sanction(viewer: Viewer, person_id: int, person_roles: frozenset[str]) -> Refusal | None:
    """Moderators restrict readers; staff only by the publisher; nobody themselves."""
    if not viewer.is_moderator:
        return Refusal("not_moderator", "Only moderators can do this.")
    if viewer.id == person_id:
        return Refusal("own", "Nobody can restrict themselves.")
    if person_roles and not viewer.is_publisher:
        return Refusal("staff", "This person works for the paper, so only the publisher can restrict them.")
    return None


def may_appeal(told_at: datetime | None, now: datetime) -> Refusal | None:
    """What stands can be objected to for APPEAL_WITHIN; `told_at` is None where nothing stands."""
    if told_at is None:
        return Refusal("nothing", "There is no decision to object to: it was taken back, or never made.", 409)
    if now >= told_at + APPEAL_WITHIN:
        return Refusal("too_late", "The six months for an objection to this decision are over.", 409)
    return None


def conflict_of_interest(
    viewer: Viewer, author_id: int, parent_author_id: int | None, *, takes_part: bool = False
) -> str:
    """A warning for a moderator who takes part in the exchange; empty where there is none."""
    if viewer.id == author_id:
        return "You wrote this comment, so a colleague decides about it."
    if viewer.id == parent_author_id:
        return "This answers a comment of yours. Consider leaving it to a colleague."
    if takes_part:
        return "You take part in this discussion. Consider leaving it to a colleague."
    return ""


def may_ask_again(
    outcome: str, objected_at: datetime | None, decided_at: datetime | None, now: datetime
) -> Refusal | None:
    """Who notified us of illegal content may ask once for another look at a decision not to remove it."""
    if outcome == "open" or decided_at is None:
        return Refusal("open", "There is no decision yet.", 409)
    if outcome == "removed":
        return Refusal("removed", "The content is gone, as you asked.", 409)
    if objected_at is not None:
        return Refusal("again", "You have asked for another look already.", 409)
    if now >= decided_at + APPEAL_WITHIN:
        return Refusal("too_late", "The six months for another look at this decision are over.", 409)
    return None


def may_decide_purge(viewer: Viewer, asked_by: int, *, approve: bool) -> Refusal | None:
    """Editors and publishers decide, and never agree to what they asked for themselves."""
    if not viewer.is_editor:
        return Refusal("not_editor", "An editor or the publisher decides about this.")
    if approve and viewer.id == asked_by:
        return Refusal("own", "You asked for this, so somebody else has to agree.")
    return None


def may_object_again(waiting: int, lately: int, *, most_open: int, most_lately: int) -> Refusal | None:
    """Objections are bounded, so that who objects to everything does not keep others waiting."""
    if waiting >= most_open:
        return Refusal(
            "many_open", f"{waiting} of your objections wait for an answer. Please send more when they have it.", 429
        )
    if lately >= most_lately:
        return Refusal(
            "many_lately", f"You have sent {lately} objections in thirty days. You can send more a little later.", 429
        )
    return None
