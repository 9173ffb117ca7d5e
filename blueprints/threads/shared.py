"""Pages of a thread as everybody sees them, laid out once per version of the thread and kept in memory.

Each has slots where readers differ; see blueprints/threads/page.py.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import Row
from sqlalchemy.orm import Session

from blueprints.site.queries import site
from blueprints.threads import (
    live,
    modes,
    ordering,
    queries_badges,
    queries_branch,
    queries_mine,
    queries_shown,
)
from blueprints.threads.context import Context, context_of
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.layout import Layout, continued, counted_replies, more_link, way_link
from blueprints.threads.memory import Memory
from blueprints.threads.ordering import (
    ANSWERED,
    FIRST_REPLIES,
    INDENT_LEVELS,
    PICKS,
    QUESTIONS,
    ROOTS_PER_PAGE,
    UNANSWERED,
    Order,
    RootCursor,
    View,
)
from blueprints.threads.pieces import SLOT, macros, pieces_of
from blueprints.threads.settings import guests_of
from core.at_hand import take_time
from core.prepared import Prepared
from core.records import dataclass

KEPT_CHARACTERS = 64_000_000
ROOTS_ABOVE = 3  # of the one somebody came for
SEARCH_FROM = 5  # comments; fewer are read faster than searched

_EXTENSION = "rejoinder_thread_pages"


@dataclass(frozen=True, slots=True)
class SharedPage:
    """One page of a thread as everybody sees it.

    `frame` is cut where the reader's own things go: composer, orders, what is new, own comments, the list, what is new
    elsewhere, the form's token.
    """

    frame: tuple[str, ...]
    orders: tuple[str, str]  # for a visitor, and for somebody signed in
    follow: tuple[str, str]  # the button for somebody signed in who does not follow the thread, and who does
    layout: Layout
    mine: Prepared
    next_url: str | None
    last: tuple[float, int] | None  # where the last root stands in the order


@dataclass(frozen=True, slots=True)
class Place:
    """Which page of a thread: a view, a cursor behind which it begins, or a comment that stands on it."""

    view: View
    after: str = ""
    at: int | None = None


@dataclass(frozen=True, slots=True)
class _Listed:
    """The comments of a page, laid out, with the cursors of this page, of the next one and of the one before."""

    layout: Layout
    here: str = ""
    behind: str = ""
    before: str | None = None  # None on the first page, empty where the page before is the first
    last: tuple[float, int] | None = None


def thread_cache_key(facts: ThreadFacts, place: Place, now: datetime) -> tuple[Any, ...]:
    """What the shared part of a page depends on."""
    return (
        facts.thread_id, facts.article_created_at, facts.version, place, site().version, modes.phase(facts, now),
        facts.published_count, facts.opening_question, facts.byline, facts.slug,
    )  # fmt: skip


def shared_page(session: Session, facts: ThreadFacts, place: Place, now: datetime) -> SharedPage:
    """The page, from memory while the thread stands as it does. A damaged cursor means the first page."""
    memory: Memory[SharedPage] = current_app.extensions.setdefault(_EXTENSION, Memory(KEPT_CHARACTERS))
    if place.at is None and place.after and not _is_cursor(place):
        place = Place(place.view)
    key = thread_cache_key(facts, place, now)
    page = memory.get(key)
    if page is None:
        take_time()
        page = _make(session, facts, place, now)
        memory.put(key, page, page.layout.weight + sum(map(len, page.frame)))
    return page


def _is_cursor(place: Place) -> bool:
    if place.view == PICKS:
        return ordering.read_pick_cursor(place.after) is not None
    return ordering.read_root_cursor(place.view, place.after) is not None


def _make(session: Session, facts: ThreadFacts, place: Place, now: datetime) -> SharedPage:
    view = place.view
    listed = (_picks if view == PICKS else _branches)(session, facts, place, now)

    def page_behind(cursor: str) -> str:
        # The order is named, because without a name it is each reader's own.
        return f"{facts.article_url}?sort={view}" + (f"&after={cursor}" if cursor else "")

    next_url = f"{page_behind(listed.behind)}#comments" if listed.behind else None
    frame = render(
        "threads/_thread.html",
        facts=facts,
        phase=modes.phase(facts, now),
        guests=guests_of(session, facts.thread_id) if facts.takes_questions else (),
        question_time=modes.question_sentence(facts, now),
        is_picks=view == PICKS,
        sort=view,
        follow=view != PICKS and live.is_live(facts, now),  # what is new has no place in that list
        streams=current_app.config.get("LIVE_STREAM", False) and modes.is_for_everyone(facts, now),
        empty_list=not listed.layout.pieces and not listed.here,
        next_url=next_url,
        prev_url=None if listed.before is None else f"{page_behind(listed.before)}#comments",
        first_url=f"{page_behind('')}#comments" if listed.before else None,
        here=page_behind(listed.here),
        search_from=SEARCH_FROM,
        rules=site().rules,
        rules_enforced_by=site().rules_enforced_by,
        slot=SLOT,
    )
    return SharedPage(
        tuple(frame.split(SLOT)), _orders(facts, view), follow_buttons(f"{facts.article_url}/follow"), listed.layout,
        queries_mine.mine_statement(tuple(listed.layout.pieces), listed.layout.by_author), next_url, listed.last,
    )  # fmt: skip


def _branches(session: Session, facts: ThreadFacts, place: Place, now: datetime) -> _Listed:
    """Roots with their first replies; the branch of the comment somebody came for in the context of that comment."""
    sort: Any = place.view
    context = _context_at(session, facts, place.at) if place.at else None
    if context:
        cursor = _cursor_above(session, facts.thread_id, sort, context.root, ROOTS_ABOVE)
    else:
        cursor = ordering.read_root_cursor(sort, place.after)
    branches, behind = page_of_branches(session, facts.thread_id, sort, cursor, ROOTS_PER_PAGE)
    around = context.rows() if context else []
    authors = (row.author_id for branch in (*branches, around) for row in branch)
    plans = queries_badges.plan_badges(session, authors, now)
    layout = Layout(before=context.before if context else {})
    for branch in branches:
        if context and branch[0].id == context.target.root_id:
            made = [(pieces_of(row, plans.get(row.author_id)), level) for row, level in context.branch()]
            ways = continued(around, made) | context.after | _whole_branch(branch[0], around)
        else:
            made = [(pieces_of(row, plans.get(row.author_id)), row.depth) for row in branch]
            ways = continued(branch, made) | _more_of(branch)
        layout.add_branch(made, ways, branch[0].branch_count)
    before = None
    if cursor:
        first = branches[0][0] if branches else None
        before = _cursor_above(session, facts.thread_id, sort, first, ROOTS_PER_PAGE) if first else None
    return _Listed(
        layout.finish(), _written(sort, cursor), _written(sort, behind), _written(sort, before) if cursor else None,
        ordering.standing(sort, branches[-1][0]) if branches else None,
    )  # fmt: skip


def _written(sort: Order, cursor: RootCursor | None) -> str:
    return ordering.root_cursor(sort, cursor) if cursor else ""


def _context_at(session: Session, facts: ThreadFacts, at: int) -> Context | None:
    """The context of a comment that can be read in this thread."""
    target = next(iter(queries_shown.comments_in_thread(session, facts.thread_id, [at])), None)
    return context_of(session, target, FIRST_REPLIES) if target and target.shown else None


def _cursor_above(session: Session, thread_id: int, sort: Order, root: Any, number: int) -> RootCursor | None:
    """The cursor of the page that begins so many roots above this one; None where that is the first page."""
    at = ordering.cursor_at(sort, root)
    found = queries_branch.roots_before(session, thread_id, sort, at, number + 1)
    return ordering.cursor_at(sort, found[number]) if len(found) > number else None


def page_of_branches(
    session: Session, thread_id: int, sort: Order, cursor: RootCursor | None, size: int
) -> tuple[list[list[Row[Any]]], RootCursor | None]:
    """So many branches behind the cursor, each with its root first, and the cursor of the next page if there is one."""
    branches: dict[int, list[Row[Any]]] = {}
    for row in queries_branch.page_of_roots(session, thread_id, sort, cursor, size + 1):
        branches.setdefault(row.root_id, []).append(row)
    for branch in branches.values():
        branch.sort(key=_path)
    ordered = sorted(branches.values(), key=lambda branch: ordering.standing(sort, branch[0]))
    return ordered[:size], ordering.cursor_at(sort, ordered[size - 1][0]) if len(ordered) > size else None


def _picks(session: Session, facts: ThreadFacts, place: Place, now: datetime) -> _Listed:
    """Picked comments one below the other, each with whom it answers and why it was picked."""
    cursor = ordering.read_pick_cursor(place.after)
    rows = queries_shown.page_of_picks(session, facts.thread_id, cursor, ROOTS_PER_PAGE + 1)
    has_more, rows = len(rows) > ROOTS_PER_PAGE, rows[:ROOTS_PER_PAGE]
    plans = queries_badges.plan_badges(session, (row.author_id for row in rows), now)
    layout, make = Layout(), macros()
    for row in rows:
        pieces = pieces_of(row, plans.get(row.author_id))
        # So deep that it is never indented and always says whom it answers.
        depth = INDENT_LEVELS + 1 if row.parent_id else 0
        layout.add_branch([(pieces, depth)], {row.id: str(make.pick_note(row.note))} if row.note else {})
    behind = ordering.pick_cursor(rows[-1].picked_at, rows[-1].id) if has_more else ""
    return _Listed(layout.finish(), place.after if cursor else "", behind, "" if cursor else None)


def _more_of(branch: Sequence[Row[Any]]) -> dict[int, str]:
    """A link below the root for the readable replies that are not among the first.

    What stands further in than a page goes has a way of its own, from the last comment shown.
    """
    root, replies = branch[0], branch[1:]
    cursor = cursor_behind(branch)
    if not cursor:
        return {}
    count = None if replies[-1].continues else _left(branch)
    return {root.id: more_link(root.id, cursor, count)}


def cursor_behind(branch: Sequence[Row[Any]]) -> str:
    """The cursor of the readable replies behind the first ones, which come with their root; empty where none follow."""
    last = branch[-1]
    if _left(branch) <= 0 or len(branch) <= FIRST_REPLIES or (last.continues and not last.followed):
        return ""
    return ordering.reply_cursor(last.path)


def _left(branch: Sequence[Row[Any]]) -> int:
    """How many published replies a branch has beside those that come with its root."""
    root, *replies = branch
    return int(root.branch_count - sum(reply.status == "published" for reply in replies))


def _whole_branch(root: Row[Any], shown: Sequence[Row[Any]]) -> dict[int, str]:
    """A way to all replies of a root of which the page shows those around one comment."""
    if root.branch_count <= sum(row.status == "published" for row in shown if row.id != root.id):
        return {}
    return {root.id: way_link(f"/comments/{root.id}", f"Show all {counted_replies(root.branch_count)}")}


def _path(row: Row[Any]) -> str:
    return str(row.path)


def _orders(facts: ThreadFacts, current: View) -> tuple[str, str]:
    """The choice of an order: links for visitors, whose pages have addresses; buttons where it is kept."""
    if not facts.published_count:
        return "", ""
    href = f"{facts.article_url}?sort={PICKS}#comments"
    picks = {"href": href, "count": facts.picked_count, "current": current == PICKS}
    make: Any = current_app.jinja_env.get_template("threads/_sorts.html").module
    if facts.question_count:
        # Which list one looks at is no taste that is kept: the same links for everybody.
        links = str(make.links(_question_tabs(facts, current), "Questions", picks))
        return links, links
    sorts = [
        {
            "name": name,
            "label": label,
            "href": facts.article_url + ("" if name == facts.default_sort else f"?sort={name}") + "#comments",
            "current": name == current,
        }
        for name, label in ordering.SORT_LABELS.items()
    ]
    return (
        str(make.links(sorts, "Order", picks)),
        str(make.buttons(sorts, "Order", f"{facts.article_url}/sort", picks)),
    )


def _question_tabs(facts: ThreadFacts, current: View) -> list[dict[str, Any]]:
    waiting = facts.question_count - facts.answered_count
    tabs = (
        (ANSWERED, "Answered", facts.answered_count),
        (UNANSWERED, "Unanswered", waiting),
        ("newest", "Everything", None),
    )
    is_other = current not in (*QUESTIONS, PICKS)
    return [
        {"label": label, "count": count, "href": f"{facts.article_url}?sort={view}#comments",
         "current": view == current or (view == "newest" and is_other)}
        for view, label, count in tabs
    ]  # fmt: skip


def follow_buttons(action: str, what: str = "discussion") -> tuple[str, str]:
    """The button that begins to follow, and the one that ends it; both belong to the page's one form."""
    make: Any = current_app.jinja_env.get_template("threads/_follow.html").module
    return str(make.follow(action, what, False)), str(make.follow(action, what, True))


def render(template: str, **values: Any) -> str:
    """A template of ours, without what every page gets of its context."""
    return current_app.jinja_env.get_template(template).render(**values)
