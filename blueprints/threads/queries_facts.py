"""Threads and comments as rules see them, plain or locked."""

from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from blueprints.accounts.standing import STANDS, known
from blueprints.site.queries import site
from blueprints.threads.facts import ARTICLE_COLUMNS, THREAD_COLUMNS, CommentFacts, ThreadFacts, facts_from
from core.db import dialect_name
from core.prepared import Prepared
from core.viewer import Viewer
from models.article import Article
from models.site import Site
from models.thread import Comment, Respect, Thread

_FACTS = select(
    *THREAD_COLUMNS, *ARTICLE_COLUMNS, select(func.max(Site.version)).scalar_subquery().label("site_version")
).join(Article, Article.id == Thread.article_id)
_FACTS_BY_SLUG = Prepared(_FACTS.where(Article.slug == bindparam("slug")))
_FACTS_BY_ARTICLE = Prepared(_FACTS.where(Article.id == bindparam("article_id")))
_FACTS_BY_THREAD = Prepared(_FACTS.where(Thread.id == bindparam("thread_id")))
_FACTS_BY_COMMENT = Prepared(_FACTS.where(
    Thread.id == select(Comment.thread_id).where(Comment.id == bindparam("comment_id")).scalar_subquery()
))  # fmt: skip


_LOCK_THREAD = Prepared(select(Thread.id).where(Thread.id == bindparam("thread_id")).with_for_update())
_LOCK_THREAD_OF = Prepared(
    select(Thread.id)
    .where(Thread.id == select(Comment.thread_id).where(Comment.id == bindparam("comment_id")).scalar_subquery())
    .with_for_update()
)
_LOCKED = select(Thread).with_for_update().execution_options(populate_existing=True)
_LOCKED_THREAD = _LOCKED.where(Thread.id == bindparam("thread_id"))
_LOCKED_THREAD_OF = _LOCKED.where(
    Thread.id == select(Comment.thread_id).where(Comment.id == bindparam("comment_id")).scalar_subquery()
)
_LOCKED_COMMENT = (
    select(Comment)
    .where(Comment.id == bindparam("comment_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def locked_thread(session: Session, thread_id: int) -> Thread | None:
    """A thread's row, locked and fresh."""
    return session.scalar(_LOCKED_THREAD, {"thread_id": thread_id})


def locked_thread_of(session: Session, comment_id: int) -> Thread | None:
    """The row of the thread a comment stands in, locked and fresh."""
    return session.scalar(_LOCKED_THREAD_OF, {"comment_id": comment_id})


def locked_comment(session: Session, comment_id: int) -> Comment | None:
    """A comment's row, locked and fresh."""
    return session.scalar(_LOCKED_COMMENT, {"comment_id": comment_id})


_ANSWERED = Prepared(
    select(Comment.id, Comment.thread_id, Comment.parent_id, Comment.root_id, Comment.depth, Comment.path,
           Comment.author_id, Comment.status, Comment.shown, Comment.revision, Comment.created_at,
           Comment.is_question, Comment.answered_at, Comment.nameless)
    .where(Comment.id == bindparam("comment_id"))
)  # fmt: skip
_COMMENT_FACTS = Prepared(
    select(Comment.id, Comment.thread_id, Comment.parent_id, Comment.author_id, Comment.status, Comment.shown,
           Comment.revision, Comment.created_at, Comment.nameless).where(Comment.id == bindparam("comment_id"))
)  # fmt: skip


def _facts(session: Session, statement: Prepared, **named: int | str) -> ThreadFacts | None:
    row = statement.first(session, **named)
    return facts_from(row, site(row.site_version)) if row else None


def facts_of_thread(session: Session, thread_id: int) -> ThreadFacts:
    """The facts of a thread that exists."""
    facts = _facts(session, _FACTS_BY_THREAD, thread_id=thread_id)
    if facts is None:
        raise LookupError(f"no thread {thread_id}")
    return facts


def locked_facts(session: Session, thread_id: int) -> ThreadFacts | None:
    """The facts of a thread whose row is now locked.

    On SQLite whoever writes has the whole file. PostgreSQL is asked twice, because what a statement reads beside the
    row it had to wait for is from before the wait.
    """
    if dialect_name() != "sqlite":
        _LOCK_THREAD.scalar(session, thread_id=thread_id)
    return _facts(session, _FACTS_BY_THREAD, thread_id=thread_id)


def locked_for_respect(session: Session, comment_id: int, viewer: Viewer) -> tuple[ThreadFacts, Any] | None:
    """The facts of a comment's thread and of the comment, both locked, whether the reader respects it (`has`), and
    whether they are who they were when the request began (`stands`).

    A comment that was moved meanwhile names another thread than the facts.
    """
    if dialect_name() != "sqlite":
        locked = _LOCK_THREAD_OF.scalar(session, comment_id=comment_id)
        facts = _facts(session, _FACTS_BY_THREAD, thread_id=locked) if locked else None
    else:
        facts = _facts(session, _FACTS_BY_COMMENT, comment_id=comment_id)
    row = _LOCK_FOR_RESPECT.first(session, the_comment=comment_id, the_user=viewer.id or 0, **known(viewer))
    return (facts, row) if facts and row else None


def facts_of_article(session: Session, slug: str) -> ThreadFacts | None:
    """The facts of the thread under the article with this slug."""
    return _facts(session, _FACTS_BY_SLUG, slug=slug)


def facts_of_article_id(session: Session, article_id: int) -> ThreadFacts | None:
    """The facts of the thread under the article with this id."""
    return _facts(session, _FACTS_BY_ARTICLE, article_id=article_id)


def facts_of_comment(session: Session, comment_id: int) -> ThreadFacts | None:
    """The facts of the thread a comment stands in."""
    return _facts(session, _FACTS_BY_COMMENT, comment_id=comment_id)


def comment_facts(session: Session, comment_id: int) -> CommentFacts | None:
    """What rules ask of one comment."""
    row = _COMMENT_FACTS.first(session, comment_id=comment_id)
    return CommentFacts(*row) if row else None


def answered_comment(session: Session, comment_id: int) -> Any:
    """The columns of a comment that a reply to it is made from, or None."""
    return _ANSWERED.first(session, comment_id=comment_id)
_LOCK_FOR_RESPECT = Prepared(
    select(Comment.id, Comment.thread_id, Comment.parent_id, Comment.root_id, Comment.author_id, Comment.status,
           Comment.shown, Comment.revision, Comment.created_at, Comment.nameless, Comment.respect_count,
           Comment.report_count,
           select(Respect.user_id)
           .where(Respect.comment_id == bindparam("the_comment"), Respect.user_id == bindparam("the_user"))
           .exists().label("has"),
           STANDS)
    .where(Comment.id == bindparam("the_comment")).with_for_update(of=Comment)
)  # fmt: skip
