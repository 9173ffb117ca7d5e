"""Finding comments for pages: roots in an order, the replies of a branch, what stands around one comment.

No query grows with the length of a thread, of a branch, or of a page's distance from the beginning: each walks an
index and stops.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from blueprints.threads.ordering import (
    ANSWERED,
    FIRST_REPLIES,
    INDENT_LEVELS,
    MAX_PATH_DEPTH,
    QUESTIONS,
    SEGMENT,
    UNANSWERED,
    Order,
    RootCursor,
    moment_of,
    sorts_by_id,
)
from blueprints.threads.queries_shown import SHOWN_COLUMNS, with_people
from core.prepared import Prepared
from models.thread import IS_ANSWERED, IS_UNANSWERED, Comment

PATH_END = "~"  # behind every base-36 digit
NO_JUMP = 1_000_000  # longer than any path

_child, _later = aliased(Comment), aliased(Comment)
_has_replies = exists().where(_child.parent_id == Comment.id, _child.shown).correlate(Comment)
_has_more_behind = (
    exists().where(_later.root_id == Comment.root_id, _later.shown, _later.path > Comment.path + PATH_END)
    .correlate(Comment)
)  # fmt: skip


def _only_where(condition: ColumnElement[bool], answer: ColumnElement[bool], label: str) -> ColumnElement[bool]:
    return case((condition, answer), else_=false()).label(label)


def _listed(sort: Order) -> Any:
    """The roots that this order is about."""
    which: Any = and_(Comment.parent_id.is_(None), Comment.shown)
    if sort in QUESTIONS:
        which = IS_ANSWERED if sort == ANSWERED else IS_UNANSWERED
    keys = (Comment.score, Comment.branch_count, Comment.respect_count, Comment.answered_at)
    return select(Comment.id, *keys).where(Comment.thread_id == bindparam("thread_id"), which)


def _roots(sort: Order, *, behind: bool) -> Any:
    if behind:
        return _beyond(sort, descending=sort != "oldest")
    place, _ = _place(sort)
    return _limited(_listed(sort), [column.asc() if sort == "oldest" else column.desc() for column in place])


def _beyond(sort: Order, *, descending: bool) -> Any:
    """The roots beyond a place in this order, in this direction.

    Many may have the key of that place (no respect, no replies). They are a walk of their own: SQLite finds a place in
    an index by the key alone, and would read all that have the same one up to the place.
    """
    place, at = _place(sort)
    order = [column.desc() if descending else column.asc() for column in place]

    def is_beyond(column: Any, value: Any) -> Any:
        return column < value if descending else column > value

    if len(place) == 1:
        return _limited(_listed(sort).where(is_beyond(place[0], at[0])), order)
    alike = _limited(_listed(sort).where(place[0] == at[0], is_beyond(place[1], at[1])), order).subquery()
    others = _limited(_listed(sort).where(is_beyond(place[0], at[0])), order).subquery()
    both = union_all(select(alike), select(others)).subquery()
    columns = [both.c[column.key] for column in place]
    return _limited(select(both), [column.desc() if descending else column.asc() for column in columns])


def _place(sort: Order) -> tuple[list[Any], list[Any]]:
    """The columns that roots are ordered by, and the parameters of a place in that order."""
    after_id = bindparam("after_id", type_=Integer())
    if sorts_by_id(sort):
        return [Comment.id], [after_id]
    keys: dict[str, Any] = {
        "best": Comment.score, "discussed": Comment.branch_count, ANSWERED: Comment.answered_at,
        UNANSWERED: Comment.respect_count,
    }  # fmt: skip
    first = keys[sort]
    return [first, Comment.id], [bindparam("after_key", type_=first.type), after_id]


def _limited(statement: Any, order: list[Any]) -> Any:
    return statement.order_by(*order).limit(bindparam("at_most", type_=Integer()))


def _values(thread_id: int, sort: Order, at: RootCursor | None, limit: int) -> dict[str, Any]:
    values: dict[str, Any] = {"thread_id": thread_id, "at_most": limit}
    if at:
        key = moment_of(at.key) if sort == ANSWERED else at.key
        values |= {"after_id": at.id} if sorts_by_id(sort) else {"after_id": at.id, "after_key": key}
    return values


@cache
def _page_statement(sort: Order, *, behind: bool) -> Any:
    roots = _roots(sort, behind=behind).cte("roots")
    reply = aliased(Comment)
    last_reply = (
        select(reply.path)
        .where(reply.root_id == roots.c.id, reply.shown)
        .order_by(reply.path)
        .limit(1)
        .offset(FIRST_REPLIES)
        .correlate(roots)
        .scalar_subquery()
    )
    innermost = Comment.depth == INDENT_LEVELS
    return with_people(
        select(
            *SHOWN_COLUMNS,
            _only_where(innermost, _has_replies, "continues"),
            _only_where(innermost, _has_more_behind, "followed"),
        )
        .select_from(roots)
        .join(
            Comment,
            and_(
                Comment.root_id == roots.c.id,
                Comment.shown,
                Comment.path <= func.coalesce(last_reply, literal(PATH_END)),
            ),
        )
    )


def page_of_roots(
    session: Session, thread_id: int, sort: Order, after: RootCursor | None, limit: int
) -> list[Row[Any]]:
    """So many roots behind the cursor, each with its first replies, in no order.

    One index walk for the roots, and one per root for its replies, each of which stops after FIRST_REPLIES. Of a
    comment as far in as a page goes, `continues` says whether it has replies, `followed` whether others come behind it.
    """
    statement = _page_statement(sort, behind=after is not None)
    return list(session.connection().execute(statement, _values(thread_id, sort, after, limit)))


@cache
def _before_statement(sort: Order) -> Any:
    return _beyond(sort, descending=sort == "oldest")


def roots_before(session: Session, thread_id: int, sort: Order, at: RootCursor, limit: int) -> Sequence[Any]:
    """The places of so many roots that are shown before this one, from it backwards."""
    return session.connection().execute(_before_statement(sort), _values(thread_id, sort, at, limit)).all()


@cache
def _walk_statement() -> Any:
    """One step of the index for each reply, and a step over the whole sub-branch of one that is as far in as it goes.

    Without such steps, a filter on the depth would read everything that it leaves out.
    """
    root, jump = bindparam("root_id", type_=Integer()), bindparam("jump", type_=Integer())
    end = bindparam("path_end", type_=String())
    first, after = aliased(Comment), aliased(Comment)
    begin = (
        select(first.path)
        .where(first.root_id == root, first.shown, first.path > bindparam("path"), first.path < end)
        .order_by(first.path)
        .limit(1)
        .scalar_subquery()
    )
    walk = select(begin.label("path"), literal(1).label("steps")).cte("walk", recursive=True)
    behind = case((func.length(walk.c.path, type_=Integer()) >= jump, walk.c.path + PATH_END), else_=walk.c.path)
    following = (
        select(after.path)
        .where(after.root_id == root, after.shown, after.path > behind, after.path < end)
        .order_by(after.path)
        .limit(1)
        .correlate(walk)
        .scalar_subquery()
    )
    walk = walk.union_all(
        select(following, walk.c.steps + 1).where(
            walk.c.path.is_not(None), walk.c.steps < bindparam("at_most", type_=Integer())
        )
    )
    innermost = func.length(Comment.path, type_=Integer()) >= jump
    return (
        with_people(
            select(*SHOWN_COLUMNS, _only_where(innermost, _has_replies, "continues"))
            .select_from(walk)
            .join(Comment, and_(Comment.root_id == root, Comment.shown, Comment.path == walk.c.path))
        )
        .order_by(Comment.path)
    )  # fmt: skip


def replies_after(
    session: Session, root_id: int, path: str, limit: int, *, within: str = "", deepest: int = MAX_PATH_DEPTH
) -> list[Row[Any]]:
    """The readable replies of a branch that follow this path, depth first, down to the depth `deepest`.

    `within` limits them to the sub-branch of that path. `continues` says of a reply as deep as that whether it has
    replies itself. Where paths end, at MAX_PATH_DEPTH, nothing is left out.
    """
    jump = SEGMENT * (deepest + 1) if deepest < MAX_PATH_DEPTH else NO_JUMP
    values = {
        "root_id": root_id, "path": path + PATH_END if len(path) >= jump else path, "path_end": within + PATH_END,
        "jump": jump, "at_most": limit,
    }  # fmt: skip
    return list(session.connection().execute(_walk_statement(), values))


def direct_replies(session: Session, comment_id: int, after_id: int, limit: int) -> list[Row[Any]]:
    """The readable direct replies to a comment so deep that its path does not tell its sub-branch."""
    return list(
        session.execute(
            with_people(select(*SHOWN_COLUMNS, _has_replies.label("continues")))
            .where(Comment.parent_id == comment_id, Comment.shown, Comment.id > after_id)
            .order_by(Comment.id)
            .limit(limit)
        )
    )


def has_own_branch(depth: int) -> bool:
    """Whether the path of a comment of this depth tells which replies are under it."""
    return depth < MAX_PATH_DEPTH


@cache
def _above_statement() -> Prepared:
    begin = (
        select(Comment.parent_id.label("id"), literal(1).label("steps"))
        .where(Comment.id == bindparam("comment_id", type_=Integer()))
        .cte("above", recursive=True)
    )
    higher = aliased(Comment)
    step = select(higher.parent_id, begin.c.steps + 1).where(
        higher.id == begin.c.id, begin.c.steps < bindparam("at_most", type_=Integer())
    )
    above = begin.union_all(step)
    return Prepared(select(above.c.id).where(above.c.id.is_not(None)).order_by(above.c.steps.desc()))


def nearest_above(session: Session, comment_id: int, limit: int) -> list[int]:
    """The ids of so many comments that led to this one, the nearest last; for those whose path does not name them."""
    return [row.id for row in _above_statement().all(session, comment_id=comment_id, at_most=limit)]


def _beside(*, later: bool) -> Any:
    beside = aliased(Comment)
    here = bindparam("comment_id", type_=Integer())
    chosen = (
        select(beside.id)
        .where(
            beside.parent_id == bindparam("parent_id", type_=Integer()), beside.shown,
            beside.id > here if later else beside.id < here,
        )
        .order_by(beside.id if later else beside.id.desc())
        .limit(bindparam("at_most", type_=Integer()))
        .subquery()
    )  # fmt: skip
    return select(literal("later" if later else "earlier", type_=String()).label("side"), chosen.c.id)


@cache
def _siblings_statement() -> Any:
    return union_all(_beside(later=False), _beside(later=True))


def siblings(session: Session, parent_id: int, comment_id: int, limit: int) -> tuple[list[int], list[int]]:
    """Up to so many replies to the same comment before this one, and as many behind it; both from it outwards."""
    rows = session.connection().execute(
        _siblings_statement(), {"parent_id": parent_id, "comment_id": comment_id, "at_most": limit}
    ).all()  # fmt: skip
    earlier = sorted((row.id for row in rows if row.side == "earlier"), reverse=True)
    return earlier, sorted(row.id for row in rows if row.side == "later")
