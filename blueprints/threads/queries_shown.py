"""Comments as pages show them: the columns, and the ways to a few of them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, Select, and_, bindparam, case, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from blueprints.threads.facts import ThreadFacts
from blueprints.threads.names import is_named, shown_name
from blueprints.threads.ordering import PickCursor
from blueprints.threads.waiting import USUAL_SECONDS
from core.db import UTCDateTime
from core.prepared import Prepared
from models.conversation import ThreadGuest
from models.moderation import StatementOfReasons
from models.site import Rule
from models.thread import Comment, Finding, Pick
from models.user import User

OWN_WAITING_SHOWN = 20

_parent = aliased(Comment)
_parent_author = aliased(User)

_rule_title = case(
    (
        Comment.status == "rejected",
        select(Rule.title)
        .join(StatementOfReasons, StatementOfReasons.rule_id == Rule.id)
        .where(StatementOfReasons.comment_id == Comment.id, StatementOfReasons.withdrawn_at.is_(None))
        .order_by(StatementOfReasons.id.desc())
        .limit(1)
        .correlate(Comment)
        .scalar_subquery(),
    )
)

_guest = select(ThreadGuest.line).where(ThreadGuest.user_id == Comment.author_id).correlate(Comment)
_guest_line = case(
    (
        Comment.author_badge == "guest",
        func.coalesce(
            _guest.where(ThreadGuest.thread_id == Comment.thread_id).scalar_subquery(),
            # A branch that was moved: the line stays that of the discussion they were invited to.
            _guest.order_by(ThreadGuest.thread_id.desc()).limit(1).scalar_subquery(),
        ),
    )
)

SHOWN_COLUMNS = (
    Comment.id,
    Comment.parent_id,
    Comment.root_id,
    Comment.depth,
    Comment.path,
    Comment.author_id,
    Comment.author_badge,
    Comment.status,
    Comment.shown,
    Comment.body_html,
    Comment.row_version,
    Comment.respect_count,
    Comment.reply_count,
    Comment.branch_count,
    Comment.score,
    Comment.created_at,
    Comment.published_number,
    Comment.edited_at,
    Comment.picked_at,
    Comment.is_answer,
    Comment.answered_at,
    _guest_line.label("guest_line"),
    shown_name().label("name"),
    is_named().label("is_named"),
    User.page_is_open,
    case((_parent.status == "deleted", ""), else_=shown_name(_parent, _parent_author)).label("parent_name"),
    _rule_title.label("rule_title"),
)


def with_people(statement: Select[Any]) -> Select[Any]:
    return (
        statement.join(User, User.id == Comment.author_id)
        .outerjoin(_parent, _parent.id == Comment.parent_id)
        .outerjoin(_parent_author, _parent_author.id == _parent.author_id)
    )


@cache
def _picks_statement(*, behind: bool) -> Any:
    statement: Any = (
        with_people(select(*SHOWN_COLUMNS, Pick.note))
        .outerjoin(Pick, and_(Pick.comment_id == Comment.id, Pick.ended_at.is_(None)))
        .where(
            Comment.thread_id == bindparam("thread_id"), Comment.picked_at.is_not(None), Comment.status == "published"
        )
        .order_by(Comment.picked_at.desc(), Comment.id.desc())
        .limit(bindparam("at_most", type_=Integer()))
    )
    if behind:
        last = tuple_(bindparam("after_at", type_=UTCDateTime()), bindparam("after_id", type_=Integer()))
        statement = statement.where(tuple_(Comment.picked_at, Comment.id) < last)
    return statement


def page_of_picks(session: Session, thread_id: int, after: PickCursor | None, limit: int) -> list[Row[Any]]:
    """So many Picks of a thread behind the cursor, the newest first, each with why it was picked: one index walk."""
    values: dict[str, Any] = {"thread_id": thread_id, "at_most": limit}
    if after:
        values |= {"after_at": after.picked_at, "after_id": after.id}
    return list(session.connection().execute(_picks_statement(behind=after is not None), values))


_BY_ID = (
    with_people(select(*SHOWN_COLUMNS)).where(Comment.id.in_(bindparam("ids", expanding=True))).order_by(Comment.id)
)


def comments_by_id(session: Session, ids: Sequence[int]) -> list[Row[Any]]:
    """These comments, whatever their state, in the order of their ids."""
    return list(session.connection().execute(_BY_ID, {"ids": list(ids)}))


_ONE = Prepared(with_people(select(*SHOWN_COLUMNS)).where(Comment.id == bindparam("the_comment")))


def comment_by_id(comment_id: int) -> Row[Any]:
    """This comment, whatever its state, as a page shows it; for one that was just written."""
    row: Row[Any] = _ONE.all(None, the_comment=comment_id)[0]
    return row


_IN_THREAD = _BY_ID.where(Comment.thread_id == bindparam("thread_id"))


def comments_in_thread(session: Session, thread_id: int, ids: Sequence[int]) -> list[Row[Any]]:
    """Those of these comments that stand in this thread, whatever their state, in the order of their ids."""
    return list(session.connection().execute(_IN_THREAD, {"ids": list(ids), "thread_id": thread_id})) if ids else []


_hold_reason = (
    select(Finding.reason)
    .where(
        Finding.comment_id == Comment.id,
        Finding.revision == Comment.revision,
        Finding.severity.in_(("hold", "reject")),
    )
    .order_by(Finding.id)
    .limit(1)
    .correlate(Comment)
    .scalar_subquery()
)


def own_waiting(session: Session, user_id: int, facts: ThreadFacts) -> list[Row[Any]]:
    """The author's newest comments in a thread that nobody else can read, with the screening's reason if it has one,
    and how long a decision usually takes."""
    statement = (
        with_people(select(*SHOWN_COLUMNS, _hold_reason.label("hold_reason"), USUAL_SECONDS.label("usual_seconds")))
        .where(
            Comment.author_id == user_id,
            Comment.status.in_(("pending", "withheld", "rejected")),
            Comment.thread_id == facts.thread_id,
            Comment.shown.is_(False),
        )
        .order_by(Comment.id.desc())
        .limit(OWN_WAITING_SHOWN)
    )
    return list(session.execute(statement, {"section": facts.section_id}))


_HOLD_REASONS = (
    select(Finding.comment_id, Finding.reason)
    .join(Comment, and_(Comment.id == Finding.comment_id, Comment.revision == Finding.revision))
    .where(
        Finding.comment_id.in_(bindparam("comment_ids", expanding=True)), Finding.severity.in_(("hold", "reject"))
    )
    .order_by(Finding.id.desc())
)


def hold_reasons(session: Session, comment_ids: Sequence[int]) -> dict[int, str]:
    """What the screening said to those held by it, from their standing revision; one sentence each."""
    if not comment_ids:
        return {}
    rows = session.connection().execute(_HOLD_REASONS, {"comment_ids": list(comment_ids)})
    return {row.comment_id: row.reason for row in rows}
