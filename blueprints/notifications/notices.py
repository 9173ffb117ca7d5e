"""Telling people what concerns them: on the bell and its page, and from there by mail.

This domain knows nothing of threads: whoever tells says what happened in words and where it can be read. A cause is
told to one person once, however often and by however many it is told. Every function runs in the caller's
transaction.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from blueprints.notifications import notice_queries as queries
from blueprints.notifications.kinds import KINDS
from core import clock
from core.errors import NotFound
from core.text import excerpt as shortened

TITLE_LENGTH = 400
EXCERPT_LENGTH = 240  # characters as people count them
BELL_LIMIT = 99


def bell_number(count: int) -> str:
    """So many unread notices, as the bell says it."""
    return (f"{BELL_LIMIT}+" if count > BELL_LIMIT else str(count)) if count else ""


def notify(
    session: Session, user_id: int, kind: str, *, subject_key: str, title: str, url: str, actor_id: int | None = None,
    excerpt: str = "", many: str = "", many_url: str = "", cause: str = "", reply_url: str = "", scope: str = "",
    nameless: bool = False,
) -> bool:  # fmt: skip
    """Tell a person something, once. Returns whether they are told now.

    While unread, notices of the same `kind` and `subject_key` are one: the newest cause speaks, with `title` if it is
    alone and with `many` otherwise. In both, `{actor}` stands for the name of who did it and `{count}` for how many
    there are. `url`, `many_url` (for several) and `reply_url` are paths of this site. `cause` names what happened (else
    the kind and the url do), so that the same is not told twice, and can be withdrawn; `scope` is where it happened.

    Nobody is told of what they did themselves, or of somebody they muted; one who has left is told nothing. What the
    paper decides has no actor, so that a mute cannot hide it. With `nameless` it is not kept who did it.
    Raises ValueError for a kind that does not exist.
    """
    if kind not in KINDS:
        raise ValueError(f"no such kind of notice: {kind}")
    if actor_id == user_id:
        return False
    now = clock.now()
    queries.hold_person(session, user_id)
    cause_id = queries.add_cause(
        session, user_id=user_id, actor_id=actor_id, nameless=nameless, kind=kind, cause=cause or f"{kind}:{url}",
        scope=scope, title=shortened(title, TITLE_LENGTH), many=shortened(many, TITLE_LENGTH) if many else "",
        excerpt=shortened(excerpt, EXCERPT_LENGTH) if excerpt else "", url=url, many_url=many_url,
        reply_url=reply_url, mail=KINDS[kind].default, now=now,
    )  # fmt: skip
    if cause_id is None:
        return False
    notice_id = queries.raise_notice(session, user_id=user_id, kind=kind, subject_key=subject_key, now=now)
    queries.set_notice(session, cause_id=cause_id, notice_id=notice_id)
    return True


def withdraw(session: Session, cause: str) -> None:
    """Take back what was told of this cause, and what it quoted: it is no longer there to be read."""
    queries.withdraw_cause(session, cause, clock.now())


def restate(session: Session, cause: str, excerpt: str, *, nameless: bool = False, scope: str = "") -> None:
    """What was told of this cause can be read, with these words: put back what was withdrawn. Nobody is told anew.

    With `nameless` it is no longer kept who did it. With a `scope` it happened there, wherever it was before.
    """
    excerpt = shortened(excerpt, EXCERPT_LENGTH) if excerpt else ""
    queries.restate_cause(session, cause, excerpt, nameless=nameless, scope=scope)


def hold_choices(session: Session, user_id: int) -> None:
    """Before a person's mutes or choices change: wait for those who are telling them something, and let others wait."""
    queries.hold_choices(session, user_id)


def forget_actor(session: Session, user_id: int, actor_id: int) -> None:
    """Remove everything that a person was told of what somebody did."""
    queries.remove_causes_by(session, user_id, actor_id)


def open_notice(session: Session, user_id: int, notice_id: int) -> str | None:
    """Mark one's own notice as read. Returns where it leads; None where nothing is left of it. Raises NotFound."""
    found = queries.notice_target(session, user_id, notice_id)
    if found is None:
        raise NotFound
    queries.mark_read(session, user_id, clock.now(), notice_id=notice_id)
    if found.causes == 0:
        return None
    return str(found.many_url if found.causes > 1 and found.many_url else found.url)


def mark_read(session: Session, user_id: int, notice_id: int) -> None:
    """Mark one's own notice as read, where it is."""
    queries.mark_read(session, user_id, clock.now(), notice_id=notice_id)


def mark_all_read(session: Session, user_id: int, until: datetime) -> None:
    """Mark as read what moved last up to that moment: what came after the page was made is still to be seen."""
    queries.mark_read(session, user_id, clock.now(), until=until)


def mark_seen(session: Session, user_id: int, path: str) -> str:
    """Mark as read every notice of one's own that leads to that path, because it is being read. Returns what the bell
    says then."""
    queries.mark_seen(session, user_id, path, clock.now())
    return bell_number(queries.count_unread(session, user_id))


def forget_notices_of(session: Session, user_id: int) -> None:
    """Remove what a person who leaves was told, and everything they chose about it."""
    queries.remove_all_of(session, user_id)
