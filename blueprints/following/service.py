"""Following and muting. Every function runs in the caller's transaction and never commits."""

from sqlalchemy.orm import Session

from blueprints.following import policy, queries
from blueprints.notifications import notices
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.policy import may_see_thread
from core import clock
from core.errors import DomainError, NotFound
from core.viewer import Viewer


def follow_thread(session: Session, viewer: Viewer, facts: ThreadFacts, *, wanted: bool) -> None:
    """Follow a discussion that one can see, or no longer. Asking twice changes nothing more."""
    _set(session, viewer, "thread", facts.thread_id, facts, wanted=wanted)


def follow_branch(session: Session, viewer: Viewer, facts: ThreadFacts, root_id: int, *, wanted: bool) -> None:
    """Follow the conversation that begins with this root, or no longer."""
    _set(session, viewer, "branch", root_id, facts, wanted=wanted)


def follow_person(session: Session, viewer: Viewer, user_id: int, *, wanted: bool) -> None:
    """Follow what somebody says, or no longer. Raises DomainError for those who do not show it, NotFound."""
    assert viewer.id is not None
    if not wanted:
        queries.remove_follow(session, viewer.id, "person", user_id)
        return
    person = queries.person(session, user_id)
    if person is None:
        raise NotFound
    _refuse(policy.may_follow_person(viewer, person))
    _add(session, viewer.id, "person", user_id)


def end_follow(session: Session, viewer: Viewer, kind: str, target_id: int) -> None:
    """End whatever one follows, also where it can no longer be seen."""
    assert viewer.id is not None
    if kind in {"thread", "branch", "person"}:
        queries.remove_follow(session, viewer.id, kind, target_id)


def mute(session: Session, viewer: Viewer, user_id: int) -> str:
    """No longer hear of a person: what they were told about them goes, and nothing more comes. Returns the name.

    They are not followed any more either. Raises NotFound, and DomainError for oneself and beyond MOST_MUTED.
    """
    assert viewer.id is not None
    person = queries.person(session, user_id)
    if person is None:
        raise NotFound
    _refuse(policy.may_mute(viewer, person))
    notices.hold_choices(session, viewer.id)
    if queries.count_mutes(session, viewer.id) >= policy.MOST_MUTED and not queries.has_muted(
        session, viewer.id, user_id
    ):
        raise DomainError(f"You have muted {policy.MOST_MUTED} people, which is as many as there can be.")
    queries.add_mute(session, viewer.id, user_id, clock.now())
    queries.remove_follow(session, viewer.id, "person", user_id)
    notices.forget_actor(session, viewer.id, user_id)
    return person.name


def unmute(session: Session, viewer: Viewer, user_id: int) -> None:
    """Hear of a person again, from now on."""
    assert viewer.id is not None
    queries.remove_mute(session, viewer.id, user_id)


def _set(session: Session, viewer: Viewer, kind: str, target_id: int, facts: ThreadFacts, *, wanted: bool) -> None:
    assert viewer.id is not None
    if not wanted:
        queries.remove_follow(session, viewer.id, kind, target_id)
        return
    if refusal := may_see_thread(viewer, facts, clock.now()):
        raise DomainError(refusal.sentence, refusal.status)
    _add(session, viewer.id, kind, target_id)


def _add(session: Session, user_id: int, kind: str, target_id: int) -> None:
    if queries.count_follows(session, user_id, kind) >= policy.MOST_FOLLOWED:
        raise DomainError(
            f"You follow {policy.MOST_FOLLOWED} of these, which is as many as there can be. "
            "Your account's page “Following” lists them."
        )
    queries.add_follow(session, user_id, kind, target_id, clock.now())


def _refuse(sentence: str | None) -> None:
    if sentence:
        raise DomainError(sentence)
