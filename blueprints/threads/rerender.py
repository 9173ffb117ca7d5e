"""Making the HTML of old comments anew, after `core.markup.RENDERER_VERSION` was raised.

Goes through the comments by their ids in small steps and can be interrupted anywhere: what is done says so in its row.
The HTML is made before a step's transaction begins; a comment that was edited meanwhile is new already and left alone.
People who were named keep the name they were named by.
"""

from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from blueprints.threads.search.index import index_comment
from core.db import Base, transaction
from core.markup import RENDERER_VERSION, render_comment
from core.mentions import Named
from core.names import name_key
from models.thread import Comment, Mention, Revision, Thread
from models.user import User

AT_ONCE = 200

_comments, _revisions = Base.metadata.tables["comment"], Base.metadata.tables["revision"]
_REPLACE = (
    update(_comments)
    .where(_comments.c.id == bindparam("the_comment"), _comments.c.renderer_version < RENDERER_VERSION)
    .values(body_html=bindparam("html"), renderer_version=RENDERER_VERSION, row_version=_comments.c.row_version + 1)
)
_REPLACE_FORMER = (
    update(_revisions)
    .where(_revisions.c.id == bindparam("the_revision"), _revisions.c.body_source != "")
    .values(body_html=bindparam("html"))
)


@dataclass
class _Step:
    """What one step has to write."""

    last_id: int = 0
    seen: list[int] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)  # with a comment on their pages that looks different
    changed: list[dict[str, object]] = field(default_factory=list)
    published: list[int] = field(default_factory=list)  # changed, and found by the search
    former: list[dict[str, object]] = field(default_factory=list)


def count_old(session: Session) -> int:
    """How many comments were made by an earlier renderer."""
    return session.scalar(select(func.count()).where(Comment.renderer_version < RENDERER_VERSION)) or 0


def rerender_some(session: Session, after_id: int = 0) -> tuple[int | None, int]:
    """Make the next comments behind this id anew, in a transaction of its own.

    Returns the id to go on behind, None at the end, and how many comments were looked at.
    """
    step = _prepare(session, after_id)
    session.rollback()
    if not step.seen:
        return None, 0
    with transaction() as writing:
        _write(writing, step)
    return (step.last_id if len(step.seen) == AT_ONCE else None), len(step.seen)


def _prepare(session: Session, after_id: int) -> _Step:
    rows = session.execute(
        select(Comment.id, Comment.thread_id, Comment.status, Comment.shown, Comment.body_source, Comment.body_html)
        .where(Comment.id > after_id, Comment.renderer_version < RENDERER_VERSION)
        .order_by(Comment.id)
        .limit(AT_ONCE)
    ).all()
    step = _Step(seen=[row.id for row in rows])
    if not rows:
        return step
    step.last_id = rows[-1].id
    people = _people(session, step.seen)
    for row in rows:
        html = render_comment(row.body_source, people.get(row.id))
        if html != row.body_html:
            step.changed.append({"the_comment": row.id, "html": html})
            step.threads |= {row.thread_id} if row.shown else set()
            step.published += [row.id] if row.status == "published" else []
    for former in session.execute(
        select(Revision.id, Revision.comment_id, Revision.body_source, Revision.body_html).where(
            Revision.comment_id.in_(step.seen)
        )
    ):
        html = render_comment(former.body_source, people.get(former.comment_id))
        if html != former.body_html:
            step.former.append({"the_revision": former.id, "html": html})
    return step


def _people(session: Session, ids: list[int]) -> dict[int, dict[str, Named]]:
    people: dict[int, dict[str, Named]] = {}
    for row in session.execute(
        select(Mention.comment_id, Mention.user_id, Mention.name, User.page_is_open)
        .join(User, User.id == Mention.user_id)
        .where(Mention.comment_id.in_(ids))
    ):
        people.setdefault(row.comment_id, {})[name_key(row.name)] = Named(row.user_id, row.name, row.page_is_open)
    return people


def _write(session: Session, step: _Step) -> None:
    if step.threads:
        chosen = Thread.id.in_(step.threads)
        session.execute(select(Thread.id).where(chosen).order_by(Thread.id).with_for_update())
        session.execute(
            update(Thread).where(chosen).values(version=Thread.version + 1).execution_options(synchronize_session=False)
        )
    connection = session.connection()
    if step.changed:
        connection.execute(_REPLACE, step.changed)
    if step.former:
        connection.execute(_REPLACE_FORMER, step.former)
    session.execute(
        update(Comment)
        .where(Comment.id.in_(step.seen), Comment.renderer_version < RENDERER_VERSION)
        .values(renderer_version=RENDERER_VERSION)
        .execution_options(synchronize_session=False)
    )
    for comment_id in step.published:
        index_comment(session, comment_id)
