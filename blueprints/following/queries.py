"""Finding follows, mutes, and those whom a comment concerns."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, and_, bindparam, case, delete, exists, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from blueprints.following.policy import Person
from blueprints.threads.listing import threads_seen_by
from core.db import UTCDateTime
from core.prepared import Prepared, PreparedInsert
from core.viewer import Viewer
from models.article import Article
from models.notice import Follow, Mute, NoticeCause, NoticeSetting
from models.thread import Comment, Mention, Thread
from models.user import RoleGrant, User

STAFF_BADGES = ("author", "guest", "staff")


# Following


_person = select(
    User.id, User.display_name, User.page_is_open, exists().where(RoleGrant.user_id == User.id).label("has_role")
).where(User.id == bindparam("user_id"), User.active, User.deleted_at.is_(None))
_PERSON = Prepared(_person)
_PERSON_LOCKED = Prepared(_person.with_for_update(of=User))
_ADD_FOLLOW = PreparedInsert(Follow, or_nothing=True)


def person(session: Session, user_id: int, *, lock: bool = False) -> Person | None:
    """Somebody who has not left. With `lock`, nobody changes or deletes their account until the transaction ends."""
    row = (_PERSON_LOCKED if lock else _PERSON).first(session, user_id=user_id)
    return Person(*row) if row else None


def add_follow(session: Session, user_id: int, kind: str, target_id: int, now: datetime) -> None:
    """Store a follow; one that is there already stays as it is."""
    _ADD_FOLLOW.write(session, user_id=user_id, kind=kind, target_id=target_id, created_at=now)


def remove_follow(session: Session, user_id: int, kind: str, target_id: int) -> None:
    """End a follow."""
    session.execute(
        delete(Follow)
        .where(Follow.user_id == user_id, Follow.kind == kind, Follow.target_id == target_id)
        .execution_options(synchronize_session=False)
    )


def count_follows(session: Session, user_id: int, kind: str) -> int:
    """How many of a kind somebody follows."""
    return session.scalar(select(func.count()).where(Follow.user_id == user_id, Follow.kind == kind)) or 0


def follows(session: Session, user_id: int, kind: str, target_id: int) -> bool:
    """Whether somebody follows that."""
    return session.get(Follow, (user_id, kind, target_id)) is not None


def followed_threads(session: Session, user_id: int) -> Sequence[Row[Any]]:
    """The discussions somebody follows that can be seen, the last followed first."""
    statement: Any = (
        select(Follow.target_id, Follow.kind, Article.slug, Article.headline, Thread.published_count)
        .join(Thread, Thread.id == Follow.target_id)
        .join(Article, Article.id == Thread.article_id)
        .where(Follow.user_id == user_id, Follow.kind == "thread", *_visible())
        .order_by(Follow.created_at.desc(), Follow.target_id.desc())
    )
    return list(session.execute(statement))


def followed_branches(session: Session, viewer: Viewer) -> Sequence[Row[Any]]:
    """The conversations somebody follows that can be seen, with the comment each begins with, and whether they may
    read it."""
    statement: Any = (
        select(
            Follow.target_id, Follow.kind, Article.headline, Comment.body_html, Comment.status, Comment.nameless,
            Comment.branch_count, case((User.deleted_at.is_(None), User.display_name)).label("name"),
            threads_seen_by(viewer).label("readable"),
        )
        .join(Comment, Comment.id == Follow.target_id)
        .join(User, User.id == Comment.author_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .where(Follow.user_id == viewer.id, Follow.kind == "branch", *_visible())
        .order_by(Follow.created_at.desc(), Follow.target_id.desc())
    )  # fmt: skip
    return list(session.execute(statement))


def followed_people(session: Session, user_id: int) -> Sequence[Row[Any]]:
    """The people somebody follows."""
    statement: Any = (
        select(Follow.target_id, Follow.kind, User.display_name.label("name"))
        .join(User, User.id == Follow.target_id)
        .where(Follow.user_id == user_id, Follow.kind == "person", User.deleted_at.is_(None))
        .order_by(Follow.created_at.desc(), Follow.target_id.desc())
    )
    return list(session.execute(statement))


def threads_read_by(session: Session, viewer: Viewer, thread_ids: Iterable[int]) -> set[int]:
    """Those of these discussions that somebody may read."""
    statement = select(Thread.id).join(Article, Article.id == Thread.article_id)
    return set(session.scalars(statement.where(Thread.id.in_(sorted(thread_ids)), threads_seen_by(viewer))))


def _visible() -> tuple[Any, ...]:
    return Thread.state != "hidden", Article.state == "published"


def root_of(session: Session, comment_id: int) -> Row[Any] | None:
    """The root of a comment's branch, and who wrote the comment."""
    statement: Any = select(Comment.root_id, Comment.author_id, Comment.nameless).where(Comment.id == comment_id)
    found: Row[Any] | None = session.execute(statement).one_or_none()
    return found


# Muting


def add_mute(session: Session, user_id: int, muted_id: int, now: datetime) -> None:
    """Store a mute; one that is there already stays as it is."""
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    session.execute(
        insert(Mute).values(user_id=user_id, muted_id=muted_id, created_at=now).on_conflict_do_nothing()
    )


def remove_mute(session: Session, user_id: int, muted_id: int) -> None:
    """End a mute."""
    session.execute(
        delete(Mute)
        .where(Mute.user_id == user_id, Mute.muted_id == muted_id)
        .execution_options(synchronize_session=False)
    )


def count_mutes(session: Session, user_id: int) -> int:
    """How many people somebody has muted."""
    return session.scalar(select(func.count()).where(Mute.user_id == user_id)) or 0


def has_met(session: Session, user_id: int, other_id: int) -> bool:
    """Whether one can know the other's name: from what they said in public, or from a notice about them."""
    said = exists().where(Comment.author_id == other_id, Comment.status == "published")
    heard_of = exists().where(NoticeCause.actor_id == other_id, NoticeCause.user_id == user_id)
    return bool(session.scalar(select(or_(said, heard_of))))


def has_muted(session: Session, user_id: int, muted_id: int) -> bool:
    """Whether one has muted the other."""
    return session.get(Mute, (user_id, muted_id)) is not None


def muted_people(session: Session, user_id: int) -> Sequence[Row[Any]]:
    """Whom somebody has muted, the last first."""
    statement: Any = (
        select(Mute.muted_id, User.display_name.label("name"), Mute.created_at)
        .join(User, User.id == Mute.muted_id)
        .where(Mute.user_id == user_id)
        .order_by(Mute.created_at.desc(), Mute.muted_id.desc())
    )
    return list(session.execute(statement))


# Telling


_HOLD = Prepared(select(Comment.id).where(Comment.id == bindparam("comment_id")).with_for_update(read=True))
_SUBJECT = Prepared(
    select(
        Comment.id, Comment.thread_id, Comment.parent_id, Comment.root_id, Comment.author_id, Comment.author_badge,
        Comment.nameless, Comment.status, Comment.published_at, Comment.body_html, Thread.state.label("thread_state"),
        Article.state.label("article_state"), Article.slug, Article.headline, Article.author_id.label("written_by"),
    )
    .join(Thread, Thread.id == Comment.thread_id)
    .join(Article, Article.id == Thread.article_id)
    .where(Comment.id == bindparam("comment_id"))
)  # fmt: skip


def subject(session: Session, comment_id: int, *, hold: bool = False) -> Row[Any] | None:
    """A comment and where it stands. With `hold`, its state stays as it is until the transaction ends."""
    if hold:
        _HOLD.first(session, comment_id=comment_id)
    found: Row[Any] | None = _SUBJECT.first(session, comment_id=comment_id)
    return found


def story(session: Session, thread_id: int) -> Row[Any] | None:
    """The story of a discussion, if somebody with an account wrote it."""
    statement: Any = (
        select(Article.id, Article.slug, Article.headline, Article.standfirst, Article.author_id, Article.state,
               Article.published_at)
        .join(Thread, Thread.article_id == Article.id)
        .where(Thread.id == thread_id, Article.author_id.is_not(None))
    )  # fmt: skip
    found: Row[Any] | None = session.execute(statement).one_or_none()
    return found


def followers_of_author(session: Session, story: Row[Any], after: int, limit: int) -> Sequence[int]:
    """Some of those who followed the author before the story appeared, by rising ids behind one; none while it is not
    published."""
    if story.state != "published":
        return []
    statement: Any = (
        select(Follow.user_id)
        .where(
            Follow.kind == "person", Follow.target_id == story.author_id, Follow.created_at < story.published_at,
            Follow.user_id > after,
        )
        .order_by(Follow.user_id)
        .limit(limit)
    )  # fmt: skip
    return list(session.scalars(statement))


def concerned(
    session: Session, comment: Row[Any], *, only_mentions: bool, person_is_open: bool
) -> Sequence[tuple[int, str]]:
    """Those whom a comment concerns, each once with the strongest reason, in the order of their ids.

    The reasons, the strongest first: reply, mention, branch, staff, person, thread. Its author is not among them, nor
    is anybody who muted its author.
    """
    statement = _concerned(
        only_mentions=only_mentions, by_staff=comment.author_badge in STAFF_BADGES,
        by_name=person_is_open and not comment.nameless,
    )  # fmt: skip
    rows = statement.all(
        session, comment_id=comment.id, parent_id=comment.parent_id, root_id=comment.root_id,
        thread_id=comment.thread_id, author_id=comment.author_id, published_at=comment.published_at,
    )  # fmt: skip
    names = ("reply", "mention", "branch", "staff", "person", "thread")
    return [(row[0], names[row[1]]) for row in rows]


@cache
def _concerned(*, only_mentions: bool, by_staff: bool, by_name: bool) -> Prepared:
    reasons: list[Any] = [
        select(Mention.user_id, literal(1).label("rank")).where(Mention.comment_id == bindparam("comment_id")),
    ]
    if not only_mentions:
        reasons += [
            select(Comment.author_id, literal(0)).where(Comment.id == bindparam("parent_id", type_=Integer())),
            _followers("branch", "root_id", 2),
            _followers("thread", "thread_id", 5),
        ]
        if by_staff:
            reasons.append(_followers("part", "thread_id", 3))
        if by_name:
            reasons.append(_followers("person", "author_id", 4))
    found = union_all(*reasons).subquery()
    user_id, rank = found.c[0], found.c[1]
    author_id = bindparam("author_id", type_=Integer())
    muted = exists().where(Mute.user_id == user_id, Mute.muted_id == author_id)
    return Prepared(
        select(user_id, func.min(rank)).where(user_id != author_id, ~muted).group_by(user_id).order_by(user_id)
    )


def _followers(kind: str, target: str, rank: int) -> Any:
    """Those who followed before it appeared: who came later has it before their eyes."""
    return select(Follow.user_id, literal(rank)).where(
        Follow.kind == kind, Follow.target_id == bindparam(target, type_=Integer()),
        Follow.created_at <= bindparam("published_at", type_=UTCDateTime()),
    )  # fmt: skip


def best_since(session: Session, viewer: Viewer, since: datetime, limit: int) -> Sequence[Row[Any]]:
    """The best that others said since then in the discussions a person follows and may read, the best first."""
    user_id = viewer.id
    muted = exists().where(Mute.user_id == user_id, Mute.muted_id == Comment.author_id)
    statement: Any = (
        select(
            Comment.id, Comment.body_html, Comment.respect_count, Comment.nameless, Comment.thread_id,
            Article.headline, Article.slug, case((User.deleted_at.is_(None), User.display_name)).label("name"),
        )
        .join(Follow, and_(Follow.target_id == Comment.thread_id, Follow.kind == "thread", Follow.user_id == user_id))
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .join(User, User.id == Comment.author_id)
        .where(
            Comment.status == "published", Comment.published_at > since, Comment.respect_count > 0,
            Comment.author_id != user_id, ~muted, *_visible(), threads_seen_by(viewer),
        )
        .order_by(Comment.score.desc(), Comment.id.desc())
        .limit(limit)
    )  # fmt: skip
    return list(session.execute(statement))


_FOLLOWS_OWN = Prepared(select(NoticeSetting.follow_own_threads).where(NoticeSetting.user_id == bindparam("user_id")))


def follows_own_threads(session: Session, user_id: int) -> bool:
    """Whether somebody wants to follow every discussion in which they say something."""
    return bool(_FOLLOWS_OWN.scalar(session, user_id=user_id))


def causes_in(session: Session, scope: str, after: str, limit: int) -> Sequence[str]:
    """What was told of in that place, name by name, in order."""
    return list(session.scalars(
        select(NoticeCause.cause)
        .where(NoticeCause.scope == scope, NoticeCause.scope != "", NoticeCause.cause > after)
        .group_by(NoticeCause.cause)
        .order_by(NoticeCause.cause)
        .limit(limit)
    ))  # fmt: skip
