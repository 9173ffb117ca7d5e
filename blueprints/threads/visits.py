"""How far readers have read in a thread, so that the next visit can say what is new.

A visit goes on while a reader comes back within VISIT_GAP. What is new is what was published behind the version that
the visit before had reached; it stays new for the whole visit. Pages only read this; they ask the browser to note the
visit with a small POST, and only when that is due. Nothing here commits.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Row, bindparam, case, delete, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session, aliased

from blueprints.threads import ordering
from blueprints.threads.ordering import Sort
from blueprints.threads.queries_mine import VISIT_OVER, Mine
from core.records import dataclass
from models.reading import ThreadVisit
from models.thread import Comment

KEPT_FOR = timedelta(days=90)
FORGOTTEN_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class NewOnPage:
    """What is new to a reader, seen from one page of the thread."""

    count: int
    is_capped: bool  # there are more than were counted
    first_here: int | None  # on the page
    in_branches: dict[int, int]  # by root on the page: how many of its replies that are not shown
    first_in_branch: dict[int, int]  # the first of those
    elsewhere: int  # on other pages
    next_elsewhere: int | None  # the one that comes next in this order behind the page, or else the first


def note_visit(session: Session, user_id: int, thread_id: int, number: int, now: datetime, *, read: bool) -> None:
    """Note that a reader has seen the thread as it stood at this version.

    With `read`, nothing up to there is new any more. The first visit finds nothing new.
    """
    insert: Any = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    statement = insert(ThreadVisit).values(
        user_id=user_id, thread_id=thread_id, seen_number=number, reached_number=number, visited_at=now
    )
    known, sent = ThreadVisit, statement.excluded
    reached = case((sent.reached_number > known.reached_number, sent.reached_number), else_=known.reached_number)
    begins = known.visited_at < now - VISIT_OVER
    seen = reached if read else case((begins, known.reached_number), else_=known.seen_number)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id", "thread_id"],
            set_={"seen_number": seen, "reached_number": reached, "visited_at": now},
        )
    )


def forget_visits(session: Session, user_id: int) -> None:
    """Forget where a person has been, because they leave."""
    session.execute(
        delete(ThreadVisit).where(ThreadVisit.user_id == user_id).execution_options(synchronize_session=False)
    )


def forget_old_visits(session: Session, now: datetime) -> int:
    """Forget some of the visits that are older than KEPT_FOR; returns how many."""
    old = (
        select(ThreadVisit.user_id, ThreadVisit.thread_id)
        .where(ThreadVisit.visited_at < now - KEPT_FOR)
        .order_by(ThreadVisit.visited_at)
        .limit(FORGOTTEN_AT_ONCE)
    )
    rows = session.execute(old).all()
    for user_id, thread_id in rows:
        session.execute(
            delete(ThreadVisit)
            .where(ThreadVisit.user_id == user_id, ThreadVisit.thread_id == thread_id)
            .execution_options(synchronize_session=False)
        )
    return len(rows)


def new_on_page(
    session: Session, mine: Mine, on_page: Mapping[int, Any], last_root: tuple[float, int] | None, sort: Sort
) -> NewOnPage:
    """What is new to a reader, by where it stands: on this page, hidden in a branch of it, or on another.

    `on_page` are the comments shown, in their order, `last_root` the place of the last root. Asks the database only
    where something new is not on the page: once.
    """
    here = frozenset(comment_id for comment_id in mine.new if comment_id in on_page)
    first_here = next((comment_id for comment_id in on_page if comment_id in here), None) if here else None
    away = [comment_id for comment_id in mine.new if comment_id not in on_page]
    in_branches: dict[int, int] = {}
    first_in_branch: dict[int, int] = {}
    elsewhere: list[Any] = []
    for row in _places(session, away) if away else ():
        if row.root_id in on_page:
            in_branches[row.root_id] = in_branches.get(row.root_id, 0) + 1
            first_in_branch.setdefault(row.root_id, row.comment_id)
        else:
            elsewhere.append(row)
    elsewhere.sort(key=lambda row: (ordering.standing(sort, row), row.path))
    behind = [row for row in elsewhere if last_root and ordering.standing(sort, row) > last_root]
    following = (behind or elsewhere or [None])[0]
    return NewOnPage(
        len(mine.new), mine.has_more_new, first_here, in_branches, first_in_branch, len(elsewhere),
        following.comment_id if following else None,
    )  # fmt: skip


_root = aliased(Comment)
_PLACES = (
    select(
        Comment.id.label("comment_id"), Comment.root_id, Comment.path, _root.id, _root.score, _root.branch_count
    )
    .join(_root, _root.id == Comment.root_id)
    .where(Comment.id.in_(bindparam("ids", type_=Integer(), expanding=True)))
    .order_by(Comment.root_id, Comment.path)
)  # fmt: skip


def _places(session: Session, ids: list[int]) -> list[Row[Any]]:
    """Where comments stand: their branch, their place in it, and what their root is sorted by."""
    return list(session.connection().execute(_PLACES, {"ids": ids}))
