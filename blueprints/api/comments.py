"""Comments as programs get them: the pages of a discussion that readers see, and what is a reader's own on them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.api.stories import address, bad_cursor
from blueprints.articles.queries import article_path
from blueprints.articles.structured import absolute
from blueprints.threads import modes, ordering, policy, queries_badges, queries_mine, queries_shown, single
from blueprints.threads.context import branch_of
from blueprints.threads.facts import CommentFacts, ThreadFacts
from blueprints.threads.ordering import INDENT_LEVELS, REPLIES_PER_PAGE, ROOTS_PER_PAGE, SORTS
from blueprints.threads.pieces import Shown, shown_of
from blueprints.threads.shared import cursor_behind, page_of_branches
from blueprints.threads.waiting import waiting_reason
from core import clock
from core.db import db
from core.errors import DomainError
from core.records import dataclass
from core.rendering import iso
from core.viewer import Viewer

Record = dict[str, Any]
STATES = {
    "published": "published", "pending": "held", "withheld": "held", "rejected": "removed", "deleted": "deleted"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who reads a page of comments, and what of it is theirs."""

    viewer: Viewer
    section_id: int
    mine: queries_mine.Mine
    plans: dict[int, tuple[str, int]]


def discussion(facts: ThreadFacts, viewer: Viewer, sort: str | None, after: str | None) -> Record:
    """One page of a discussion that the viewer may see: roots with their first replies. Raises DomainError.

    Without a sort it is the paper's for this discussion, whatever the reader chose for pages: a program is to know.
    """
    session, now = db.session(), clock.now()
    order = next((one for one in SORTS if one == (facts.default_sort if sort is None else sort)), None)
    if order is None:
        raise DomainError(f"A discussion is sorted by one of {', '.join(SORTS)}.", 422, "bad_sort")
    cursor = ordering.read_root_cursor(order, after)
    if after is not None and cursor is None:
        raise bad_cursor()
    branches, behind = page_of_branches(session, facts.thread_id, order, cursor, ROOTS_PER_PAGE)
    reader = _reader(session, facts, viewer, [row for branch in branches for row in branch], now)
    own = queries_shown.own_waiting(session, viewer.id, facts) if viewer.id and reader.mine.has_waiting else ()
    here = f"/articles/{facts.slug}/comments"
    return {
        "article": facts.slug, "state": modes.state_at(facts, now), "sort": order, "count": facts.published_count,
        "items": [_branch(branch, reader) for branch in branches],
        "waiting": [
            _record(row, reader, full=True, reason=waiting_reason(row.status, row.hold_reason, row.usual_seconds))
            for row in own
        ],
        "next": address(here, sort=order, after=ordering.root_cursor(order, behind)) if behind else None,
    }  # fmt: skip


def comment(facts: ThreadFacts, found: CommentFacts, viewer: Viewer) -> Record:
    """One comment that the viewer may see, with its text also where they muted who wrote it: they asked for it."""
    session, now = db.session(), clock.now()
    row = queries_shown.comments_by_id(session, [found.id])[0]
    full = row.status != "published" and policy.sees_all_versions(viewer, facts, found)
    reader = _reader(session, facts, viewer, [row], now)
    return _record(
        row, reader, full=full, opened=True, reason=single.reason_of(facts, row) if full else ""
    ) | {
        "article": facts.slug, "article_url": absolute(article_path(facts.slug)),
        "more_replies": address(f"/comments/{row.id}/replies"),
    }  # fmt: skip


def replies(facts: ThreadFacts, found: CommentFacts, viewer: Viewer, after: str | None) -> Record:
    """The next replies below a comment that the viewer may see, depth first, as far in as pages go. Raises DomainError.
    """
    session, now, rows = db.session(), clock.now(), list[Row[Any]]()
    place = ordering.read_reply_cursor(after)
    if after is not None and place is None:
        raise bad_cursor()
    if policy.may_see_thread(viewer, facts, now) is None:
        top = queries_shown.comments_by_id(session, [found.id])[0]
        rows = branch_of(session, top, place, REPLIES_PER_PAGE + 1, levels=INDENT_LEVELS)
    shown = rows[:REPLIES_PER_PAGE]
    reader = _reader(session, facts, viewer, shown, now)
    behind = ordering.reply_cursor(shown[-1].path) if len(rows) > len(shown) else ""
    return {
        "items": [_record(row, reader) for row in shown],
        "next": address(f"/comments/{found.id}/replies", after=behind) if behind else None,
    }


def _reader(session: Session, facts: ThreadFacts, viewer: Viewer, rows: Sequence[Row[Any]], now: datetime) -> _Reader:
    authors, mine = {row.author_id for row in rows}, queries_mine.Mine()
    if viewer.id is not None:
        statement = queries_mine.mine_statement([row.id for row in rows], authors)
        mine = queries_mine.mine_on_page(
            session, statement, user_id=viewer.id, now=now, thread_id=facts.thread_id, article_id=facts.article_id
        )
    return _Reader(viewer, facts.section_id, mine, queries_badges.plan_badges(session, authors, now))


def _branch(branch: Sequence[Row[Any]], reader: _Reader) -> Record:
    root, first = branch[0], branch[1:]
    behind = cursor_behind(branch)
    return _record(root, reader) | {
        "branch": root.branch_count, "first_replies": [_record(row, reader) for row in first],
        "more_replies": address(f"/comments/{root.id}/replies", after=behind) if behind else None,
    }


def _record(
    row: Row[Any], reader: _Reader, *, full: bool = False, opened: bool = False, reason: str = ""
) -> Record:  # fmt: skip
    """A comment. `full` gives the text of one that is not published, `opened` of one whose author the reader muted."""
    shown = shown_of(row, reader.plans.get(row.author_id), full=full)
    # As on pages: a fold would tell who wrote what has no name.
    muted = row.author_id in reader.mine.muted and row.is_named and not shown.is_tombstone
    return {
        "id": shown.id, "parent_id": shown.parent_id, "root_id": row.root_id, "depth": row.depth,
        "author": _author(row.author_id, shown),
        "html": "" if muted and not opened else str(shown.body),
        "posted_at": iso(shown.created_at),
        "edited_at": iso(shown.edited_at) if shown.edited_at and not shown.is_tombstone else None,
        "respects": 0 if shown.is_tombstone else shown.respect_count, "respected": shown.id in reader.mine.respected,
        "replies": row.reply_count,
        # So far in that pages stop: what answers it stands below it alone.
        "more_replies": address(f"/comments/{shown.id}/replies") if row._mapping.get("continues") else None,
        "picked": shown.is_picked and shown.status == "published", "answer": shown.is_answer, "muted": muted,
        "state": STATES[shown.status], "reason": reason or (shown.rule_title if shown.status == "rejected" else ""),
        "url": absolute(f"/comments/{shown.id}"),
    }  # fmt: skip


def _author(user_id: int, shown: Shown) -> Record | None:
    """Who wrote it. Like pages, this gives the number only of somebody whose page is open to others."""
    if shown.is_tombstone:
        name_only = {"name": shown.name, "id": None, "url": None, "badge": "", "line": ""}
        return None if shown.status == "deleted" else name_only
    tells = bool(shown.page_url)
    return {
        "name": shown.name, "id": user_id if tells else None, "url": absolute(shown.page_url) if tells else None,
        "badge": shown.author_badge or shown.plan_badge, "line": shown.guest_line,
    }  # fmt: skip
