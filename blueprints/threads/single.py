"""One comment on a page of its own: what it answers above it, its replies below, page by page."""

from dataclasses import replace
from typing import Any

from flask import current_app
from markupsafe import Markup
from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.threads import live, modes, queries_badges, queries_mine, queries_shown
from blueprints.threads.context import branch_of, context_of
from blueprints.threads.facts import CommentFacts, ThreadFacts
from blueprints.threads.layout import Layout, continued
from blueprints.threads.muting import fold_muted
from blueprints.threads.ordering import INDENT_LEVELS, REPLIES_PER_PAGE, read_reply_cursor, reply_cursor
from blueprints.threads.page import fill_slots
from blueprints.threads.pieces import Pieces, for_author, macros, own_slots, pieces_of
from blueprints.threads.policy import may_see_thread
from blueprints.threads.shared import follow_buttons
from blueprints.threads.waiting import usual_seconds, waiting_reason
from core import clock
from core.db import db
from core.records import dataclass
from core.viewer import Viewer


@dataclass(frozen=True, slots=True)
class CommentPage:
    """What the page of one comment shows."""

    html: Markup
    follow: Markup  # the button for its conversation
    name: str
    root_id: int
    is_root: bool
    next_url: str | None
    first_url: str | None
    status: str
    is_live: bool  # goes on while it is read
    streams: bool


def comment_page(facts: ThreadFacts, comment: CommentFacts, viewer: Viewer, after: str | None) -> CommentPage:
    """The comment in its context; alone where the viewer may not see the discussion.

    Whether they may see the comment is the caller's question.
    """
    session, now = db.session(), clock.now()
    target, path_after = queries_shown.comments_by_id(session, [comment.id])[0], read_reply_cursor(after)
    next_url = None
    layout = Layout()
    is_alone = may_see_thread(viewer, facts, now) is not None
    if is_alone:
        branch, ways = [(target, 0)], dict[int, str]()
    elif path_after:
        replies = branch_of(session, target, path_after, REPLIES_PER_PAGE + 1, levels=INDENT_LEVELS)
        has_more, replies = len(replies) > REPLIES_PER_PAGE, replies[:REPLIES_PER_PAGE]
        branch, ways = [(target, 0), *((row, row.depth - target.depth) for row in replies)], {}
        next_url = f"/comments/{target.id}?after={reply_cursor(replies[-1].path)}" if has_more else None
    else:
        context = context_of(session, target, REPLIES_PER_PAGE)
        branch, ways, layout.before = context.branch(), context.after, context.before
    plans = queries_badges.plan_badges(session, (row.author_id for row, _ in branch), now)
    reason = reason_of(facts, target)
    pieces, layout.notes[target.id] = _target(target, plans.get(target.author_id), facts, viewer, reason)
    made = [
        (pieces if row is target else pieces_of(row, plans.get(row.author_id)), level) for row, level in branch
    ]  # fmt: skip
    first = branch[0][0]
    layout.add_branch(made, continued((row for row, _ in branch), made) | ways, first.branch_count)
    parts = layout.finish().parts
    mine = mark_own(session, layout, parts, viewer, facts, target.root_id)
    here = f"/comments/{target.id}"
    follow = follow_buttons(f"{here}/follow", "conversation")[mine.follows_branch] if viewer.is_signed_in else ""
    return CommentPage(
        html=Markup("".join(parts)),  # noqa: S704 - made of our own templates
        follow=Markup(follow),  # noqa: S704 - made of our own templates
        name=pieces.shown.name if target.status != "deleted" else "",
        root_id=target.root_id,
        is_root=target.parent_id is None,
        next_url=next_url,
        first_url=here if path_after else None,
        status=target.status,
        is_live=not path_after and not is_alone and live.is_live(facts, now),
        streams=current_app.config.get("LIVE_STREAM", False) and modes.is_for_everyone(facts, now),
    )


def more_replies(
    facts: ThreadFacts, comment: CommentFacts, viewer: Viewer, after: str | None
) -> tuple[Markup, str]:
    """The next replies of a branch as list items for a page that shows the ones before, and the cursor behind them."""
    session, now = db.session(), clock.now()
    target, replies = queries_shown.comments_by_id(session, [comment.id])[0], list[Row[Any]]()
    if may_see_thread(viewer, facts, now) is None:
        path_after = read_reply_cursor(after)
        replies = branch_of(session, target, path_after, REPLIES_PER_PAGE + 1, levels=INDENT_LEVELS)
    has_more, replies = len(replies) > REPLIES_PER_PAGE, replies[:REPLIES_PER_PAGE]
    plans = queries_badges.plan_badges(session, (row.author_id for row in replies), now)
    # The page that asks has what these answer, so that is named only where the indentation ends.
    layout = Layout(elsewhere=frozenset(row.parent_id for row in replies))
    made = [(pieces_of(row, plans.get(row.author_id)), row.depth - target.depth) for row in replies]
    layout.add_branch(made, continued(replies, made))
    parts = layout.finish().parts
    mark_own(session, layout, parts, viewer, facts)
    cursor = reply_cursor(replies[-1].path) if has_more else ""
    return Markup("".join(parts)), cursor  # noqa: S704 - made of our own templates


def new_comment(facts: ThreadFacts, comment_id: int) -> Markup:
    """A comment its author has just sent, for the page it was sent from."""
    now, row = clock.now(), queries_shown.comment_by_id(comment_id)
    return Markup(for_author(row, queries_badges.plan_badge(row.author_id, now), reason_of(facts, row), now))  # noqa: S704 - made of our own templates


def reason_of(facts: ThreadFacts, row: Row[Any]) -> str:
    """Why a comment is not published, as its author is told; empty for one that is."""
    if row.status == "published":
        return ""
    session = db.session()
    found = queries_shown.hold_reasons(session, [row.id]).get(row.id)
    return waiting_reason(row.status, found, usual_seconds(session, [row.status], facts.section_id))


def quoted(comment_id: int) -> Markup:
    """A comment as it is quoted above a form about it: without anything to press."""
    row = queries_shown.comments_by_id(db.session(), [comment_id])[0]
    plan = queries_badges.plan_badges(db.session(), [row.author_id], clock.now()).get(row.author_id)
    return Markup(pieces_of(row, plan).html(respect="", own=""))  # noqa: S704 - made of our own templates


def mark_own(
    session: Session, layout: Layout, parts: list[str], viewer: Viewer, facts: ThreadFacts, root_id: int = 0
) -> queries_mine.Mine:
    """Put what is the reader's own into the layout's parts, which belong to this request."""
    if viewer.id is None:
        return queries_mine.Mine()
    statement = queries_mine.mine_statement(tuple(layout.pieces), layout.by_author)
    now = clock.now()
    mine = queries_mine.mine_on_page(
        session, statement, user_id=viewer.id, now=now, thread_id=facts.thread_id, root_id=root_id
    )
    fill_slots(layout, parts, viewer, facts, mine, now)
    fold_muted(layout, parts, mine.muted)
    return mine


def _target(
    row: Row[Any], plan: tuple[str, int] | None, facts: ThreadFacts, viewer: Viewer, reason: str
) -> tuple[Pieces, str]:
    """The comment the page is about, and a note on its state; one that is not published has its text for those who may
    see it."""
    is_own = viewer.is_signed_in and viewer.id == row.author_id
    full = row.status != "published" and (is_own or viewer.moderates(facts.section_id))
    pieces = pieces_of(row, plan, target=True, full=full)
    if not full:
        return pieces, ""
    note = str(macros().own_note(pieces.shown, reason) if is_own else macros().staff_note(pieces.shown, reason))
    respect, own = own_slots(pieces, clock.now()) if is_own else ("", "")
    return replace(pieces, respect=respect, others=own), note
