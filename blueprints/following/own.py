"""What the pages about following and muting show to the reader they belong to."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from sqlalchemy import Row

from blueprints.following import policy, queries
from blueprints.following.policy import Person
from blueprints.threads import single
from blueprints.threads.facts import CommentFacts, ThreadFacts
from core.db import db
from core.errors import DomainError, NotFound
from core.markup import plain_text
from core.records import dataclass
from core.text import excerpt
from core.viewer import Viewer

QUOTE_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Branch:
    """A conversation in the list: how it begins, and by whom; without words where that cannot be read any more."""

    root_id: int
    headline: str
    name: str
    words: str
    replies: int


@dataclass(frozen=True, slots=True)
class FollowingPage:
    """Everything a reader follows, and whom they muted."""

    threads: Sequence[Row[Any]]
    branches: Sequence[Branch]
    people: Sequence[Row[Any]]
    muted: Sequence[Row[Any]]


@dataclass(frozen=True, slots=True)
class Choices:
    """What else a reader can do about a comment. `person` is its author, unless that is the reader or not shown."""

    quoted: Markup
    may_report: bool
    follows_branch: bool = False
    person: Person | None = None
    is_muted: bool = False
    may_follow: bool = False
    follows_person: bool = False


def page(viewer: Viewer) -> FollowingPage:
    """The reader's own list."""
    session, me = db.session(), _me(viewer)
    return FollowingPage(
        queries.followed_threads(session, me),
        [_branch(row) for row in queries.followed_branches(session, viewer)],
        queries.followed_people(session, me),
        queries.muted_people(session, me),
    )


def root_of(comment_id: int) -> int:
    """The root of the branch a comment stands in."""
    found = queries.root_of(db.session(), comment_id)
    if found is None:
        raise NotFound
    return int(found.root_id)


def choices(viewer: Viewer, facts: ThreadFacts, comment: CommentFacts) -> Choices:
    """What the reader can do about a comment that they may see."""
    session, me = db.session(), viewer.id
    found = queries.root_of(session, comment.id)
    if found is None:
        raise NotFound
    if me is None:
        return Choices(single.quoted(comment.id), may_report=comment.status == "published")
    shows_name = comment.author_id != me and comment.status != "deleted" and not found.nameless
    person = queries.person(session, comment.author_id) if shows_name else None
    return Choices(
        quoted=single.quoted(comment.id),
        follows_branch=queries.follows(session, me, "branch", found.root_id),
        person=person,
        is_muted=person is not None and queries.has_muted(session, me, person.id),
        may_follow=person is not None and policy.may_follow_person(viewer, person) is None,
        follows_person=person is not None and queries.follows(session, me, "person", person.id),
        may_report=comment.status == "published" and comment.author_id != me,
    )


def person_to_mute(viewer: Viewer, user_id: int) -> Person:
    """Somebody the reader may mute. Raises DomainError, and NotFound for whom they cannot have met.

    Else every account's name could be read by its number, also of those who never said a word.
    """
    person = _person(user_id)
    if sentence := policy.may_mute(viewer, person):
        raise DomainError(sentence)
    if not (person.page_is_open or person.has_role or queries.has_met(db.session(), _me(viewer), user_id)):
        raise NotFound
    return person


def person_to_follow(viewer: Viewer, user_id: int) -> tuple[Person, bool]:
    """Somebody the reader may follow, and whether they do. Raises DomainError."""
    person = _person(user_id)
    if sentence := policy.may_follow_person(viewer, person):
        raise DomainError(sentence)
    return person, queries.follows(db.session(), _me(viewer), "person", user_id)


def _person(user_id: int) -> Person:
    person = queries.person(db.session(), user_id)
    if person is None:
        raise NotFound
    return person


def _branch(row: Row[Any]) -> Branch:
    readable = row.status == "published" and row.readable
    return Branch(
        row.target_id, row.headline, (row.name or "") if readable and not row.nameless else "",
        excerpt(plain_text(row.body_html), QUOTE_LENGTH) if readable and row.body_html else "", row.branch_count,
    )  # fmt: skip


def _me(viewer: Viewer) -> int:
    assert viewer.id is not None  # the routes are for signed-in people
    return viewer.id
