"""Who is named in a comment, and who can be: people who take part in the discussion, and those it is held with.

A comment without an @ costs nothing of this.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, false, insert, or_, select, update
from sqlalchemy.orm import Session

from blueprints.threads import policy
from blueprints.threads.facts import ThreadFacts
from core import clock
from core.errors import DomainError
from core.markup import people_named
from core.mentions import Named, names_sought
from core.names import name_key
from core.viewer import Viewer
from jobs.queue import enqueue
from models.thread import Comment, Mention
from models.user import RoleGrant, User

MAX_MENTIONS = 10  # people whom one comment may name
OFFERED = 8  # names that the composer offers at once
RECENT_BRANCHES = 300  # a list of names looks at the people in so many of the newest branches

_author: ColumnElement[int] = bindparam("author")
_TAKES_PART = exists().where(
    Comment.author_id == User.id, Comment.thread_id == bindparam("thread"), Comment.status == "published",
    Comment.nameless.is_(False),
)  # fmt: skip
_recent_roots = (
    select(Comment.id)
    .where(Comment.thread_id == bindparam("thread"), Comment.parent_id.is_(None), Comment.shown)
    .order_by(Comment.id.desc())
    .limit(RECENT_BRANCHES)
)
_TOOK_PART_LATELY = User.id.in_(
    select(Comment.author_id).where(
        Comment.root_id.in_(_recent_roots), Comment.status == "published", Comment.nameless.is_(False)
    )
)
_PEOPLE = select(User.id, User.display_name, User.name_key, User.page_is_open).where(
    User.active, User.deleted_at.is_(None)
)


def people_in(session: Session, viewer: Viewer, facts: ThreadFacts, words: str) -> dict[str, Named]:
    """Whom these words could name in this discussion, by the keys of their names.

    Somebody who may not read it could try out who takes part, so these are not looked for.
    """
    sought = names_sought(words) if "@" in words else set()
    if not sought:
        return {}
    takes_part = false() if policy.may_see_thread(viewer, facts, clock.now()) else _TAKES_PART
    rows = session.connection().execute(
        _reachable(viewer, facts, takes_part).where(User.name_key.in_(bindparam("keys", expanding=True))),
        {"keys": sorted(sought), **_values(facts)},
    )
    return {row.name_key: Named(row.id, row.display_name, row.page_is_open) for row in rows}


def check_number(html: str) -> None:
    """Raises DomainError where rendered words name more people than one comment may."""
    named = len(people_named(html))
    if named > MAX_MENTIONS:
        raise DomainError(
            f"This calls {named} people by name; a comment can call up to {MAX_MENTIONS}. "
            "Nothing is lost: please leave some out.",
            code="too_many_mentions",
        )


def store(session: Session, comment_id: int, html: str, people: Mapping[str, Named]) -> None:
    """Keep whom a comment names, for the notices that follow its publication: these ask who wants to hear of whom."""
    names = {person.id: person.name for person in people.values()}
    if named := people_named(html):
        session.execute(
            insert(Mention), [{"comment_id": comment_id, "user_id": one, "name": names[one]} for one in named]
        )


def forget(session: Session, comment_id: int) -> None:
    """Remove whom a comment named, before its text is replaced or taken back."""
    session.execute(
        delete(Mention).where(Mention.comment_id == comment_id).execution_options(synchronize_session=False)
    )


def render_anew(session: Session, user_id: int) -> None:
    """Have comments that name somebody made anew, by a job, because a page of theirs was opened or closed."""
    named = select(Mention.comment_id).where(Mention.user_id == user_id)
    changed = session.execute(
        update(Comment).where(Comment.id.in_(named)).values(renderer_version=0)
        .execution_options(synchronize_session=False)
    ).rowcount  # type: ignore[attr-defined]
    if changed:
        enqueue("threads.rerender", key=f"rerender:{user_id}")


def forget_person(session: Session, user_id: int) -> None:
    """Remove that somebody who leaves was named; what others wrote stays as they wrote it."""
    render_anew(session, user_id)
    session.execute(delete(Mention).where(Mention.user_id == user_id).execution_options(synchronize_session=False))


def names_offered(session: Session, viewer: Viewer, facts: ThreadFacts, typed: str) -> list[str]:
    """Names that begin like what was typed, or have a word that does, for the composer's list; in their order.

    Also of those who muted the viewer, who must not be able to tell: they just are not told of it.
    """
    statement = _reachable(viewer, facts, _TOOK_PART_LATELY).where(User.id != (viewer.id or 0))
    if key := name_key(typed):
        begins = User.name_key.startswith(key, autoescape=True)
        statement = statement.where(or_(begins, User.display_name.icontains(f" {typed.strip()}", autoescape=True)))
    rows = session.connection().execute(
        statement.order_by(User.name_key).limit(OFFERED), _values(facts)
    )
    return [row.display_name for row in rows]


def _reachable(viewer: Viewer, facts: ThreadFacts, takes_part: ColumnElement[bool]) -> Select[Any]:
    """People who can see a discussion and are part of it. Staff may call colleagues in."""
    part_of_it: list[ColumnElement[bool]] = [takes_part, User.id == _author]
    if facts.guest_ids:
        part_of_it.append(User.id.in_(sorted(facts.guest_ids)))
    if viewer.is_staff:
        part_of_it.append(exists().where(RoleGrant.user_id == User.id))
    people: Select[Any] = _PEOPLE.where(or_(*part_of_it))  # type: ignore[assignment]
    return people


def _values(facts: ThreadFacts) -> dict[str, Any]:
    return {"thread": facts.thread_id, "author": facts.article_author_id or 0}
