"""The thread as an article's page shows it.

The list of comments is laid out once for everybody (`blueprints/threads/shared.py`), with slots where readers differ.
What belongs to the reader (the composer, own respects, own comments that wait) is made anew for every request and
never kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from flask import current_app
from markupsafe import Markup
from sqlalchemy.orm import Session

from blueprints.threads import (
    gated,
    modes,
    ordering,
    policy,
    queries,
    queries_authors,
    queries_mine,
    queries_shown,
    screened,
    visits,
)
from blueprints.threads.composer import composer_for, leads_to_joining
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.layout import LIST_END, LIST_START, Layout
from blueprints.threads.muting import fold_muted
from blueprints.threads.ordering import ANSWERED, PICKS, QUESTIONS, UNANSWERED, Sort, View
from blueprints.threads.pieces import Shown, for_author, macros, own_slots
from blueprints.threads.queries_drafts import drafts_of
from blueprints.threads.screening import setup as setups
from blueprints.threads.screening.newcomer import said_before
from blueprints.threads.shared import Place, SharedPage, render, shared_page
from blueprints.threads.waiting import waiting_reason
from core import clock
from core.at_hand import take_time
from core.csrf import form_token
from core.db import db
from core.frames import kept_frame, mark
from core.prepared import Prepared
from core.records import dataclass
from core.viewer import Viewer

NOTHING = queries_mine.Mine()


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """The thread's HTML for one reader. `count` is what the heading says, `next_url` the page behind this one.

    `comments` are those that everybody sees on it, in their order.
    """

    html: Markup
    count: int
    version: int
    next_url: str | None
    comments: Sequence[Shown] = ()
    own: "OwnQuestion | None" = None
    for_everyone: bool = True  # nobody is kept from it


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """What of the page was the reader's own, and how to ask for it again: while the answer is the same, so is the page.

    `passes` says that the page also changes by itself: a time to edit, or to wait, runs out.
    """

    statement: Prepared
    thread_id: int
    article_id: int
    mine: queries_mine.Mine
    passes: bool

    def holds(self, viewer_id: int, now: datetime) -> bool:
        """Whether the reader's own is what it was."""
        return self.mine == queries_mine.mine_on_page(
            None, self.statement, user_id=viewer_id, now=now, thread_id=self.thread_id, article_id=self.article_id
        )


NO_THREAD = ThreadPage(Markup(), 0, 0, None)


def thread_fragment(
    facts: ThreadFacts,
    viewer: Viewer,
    *,
    sort: str | None = None,
    after: str | None = None,
    at: int | None = None,
    guest_hash: str | None = None,
    welcome: bool = False,
) -> ThreadPage:
    """The discussion under an article, for this reader.

    `sort`, `after` and `at` come from the address and may be anything. With `at`, the page is the one on which that
    comment stands, in its context; it takes the place of `after`. `guest_hash` is that of the visitor's own token
    (`drafts.guest_hash`), whose kept words go into the composer. `welcome` puts the focus there. Hidden threads
    give an empty string to all but their moderators; gated ones a sentence and the ways in.
    """
    session, now = db.session(), clock.now()
    if refusal := policy.may_see_thread(viewer, facts, now):
        instead = gated.part(facts, viewer, now, focus=welcome) if refusal.code == policy.GATED else Markup()
        return ThreadPage(instead, 0, facts.version, None, for_everyone=False)
    place = Place(_view(facts, viewer, sort, at), "" if at else after or "", at)
    page = shared_page(session, facts, place, now)
    parts, own, mine, since, elsewhere = page.layout.parts, "", NOTHING, "", ""
    if viewer.id is not None:
        mine = queries_mine.mine_on_page(
            session, page.mine, user_id=viewer.id, now=now, thread_id=facts.thread_id, article_id=facts.article_id
        )
        if mine.has_waiting or mine.has_drafts:
            take_time()
        parts = parts.copy()
        fill_slots(page.layout, parts, viewer, facts, mine, now)
        order = ordering.sort_named(sort, viewer.thread_sort, facts.default_sort)
        last = page.last if place.view == order else None  # other lists go by something else
        since, elsewhere = _since(session, page, parts, viewer, facts, mine, order, last)
        fold_muted(page.layout, parts, mine.muted)
        if mine.has_waiting:
            own = _place_waiting(session, page, parts, facts, viewer.id, now)
    composing = _composing(session, facts, viewer, guest_hash, mine=mine, welcome=welcome, now=now)
    head, bar, below_bar, before_own, middle, behind, tail, end = page.frame
    orders = page.orders[viewer.is_signed_in]
    if viewer.is_signed_in:
        orders = page.follow[mine.follows_thread] + orders
    html = "".join(
        (head, composing, bar, orders, below_bar, since, before_own, own, middle, *parts, behind, elsewhere, tail,
         form_token(), end)
    )  # fmt: skip
    return ThreadPage(
        Markup(html), facts.published_count, facts.version, page.next_url,  # noqa: S704 - our templates
        [pieces.shown for pieces in page.layout.pieces.values()] if viewer.id is None else (),
        OwnQuestion(page.mine, facts.thread_id, facts.article_id, mine, _passes(page, facts, viewer, now)),
        modes.is_for_everyone(facts, now),
    )  # fmt: skip


def _passes(page: SharedPage, facts: ThreadFacts, viewer: Viewer, now: datetime) -> bool:
    """Whether something of this reader's on the page changes by itself: what can still be edited, or a wait."""
    if viewer.id is None or modes.gap(viewer, facts) or modes.needs_quiz(viewer, facts):
        return True
    own = (page.layout.pieces[comment_id].shown for comment_id in page.layout.by_author.get(viewer.id, ()))
    return any(now < policy.edit_ends_at(shown.created_at) for shown in own)


def _view(facts: ThreadFacts, viewer: Viewer, asked: str | None, at: int | None) -> View:
    """Which list is shown: the one asked for; else, where readers ask, what was answered, or the reader's own order."""
    if asked == PICKS and not at:
        return PICKS
    if facts.question_count and not at and asked not in ordering.SORTS:
        default = ANSWERED if facts.answered_count else UNANSWERED
        return next((view for view in QUESTIONS if view == asked), default)
    return ordering.sort_named(asked, viewer.thread_sort, facts.default_sort)


def _since(
    session: Session, page: SharedPage, parts: list[str], viewer: Viewer, facts: ThreadFacts, mine: queries_mine.Mine,
    sort: Sort, last: tuple[float, int] | None,
) -> tuple[str, str]:  # fmt: skip
    """What the page says of what is new to this reader, above and below the comments; and within, where replies are
    not shown."""
    make: Any = current_app.jinja_env.get_template("threads/_since.html").module
    due = not mine.visit_is_noted
    if not mine.new:
        return str(make.since(facts, None, "", due, viewer.reading_keys)), ""
    new = visits.new_on_page(session, mine, page.layout.slots, last, sort)
    for root_id, count in new.in_branches.items():
        slot = page.layout.slots[root_id].under
        parts[slot] += str(make.in_branch(count, new.first_in_branch[root_id]))
    there = f"{facts.article_url}?sort={sort}&at={new.next_elsewhere}#comment-{new.next_elsewhere}"
    first = next(iter(new.first_in_branch.values()), None)
    first_href = f"#comment-{new.first_here}" if new.first_here else f"/comments/{first}" if first else there
    since = str(make.since(facts, new, first_href, due, viewer.reading_keys))
    return since, str(make.elsewhere(new, there)) if new.elsewhere else ""


def _place_waiting(
    session: Session, page: SharedPage, parts: list[str], facts: ThreadFacts, user_id: int, now: datetime
) -> str:
    """Put the reader's own comments that others do not see under what they answer; the rest is returned."""
    own: list[str] = []
    for row in queries_shown.own_waiting(session, user_id, facts):
        reason = waiting_reason(row.status, row.hold_reason, row.usual_seconds)
        html = f"<li>{for_author(row, None, reason, now)}</li>"
        place = page.layout.slots.get(row.parent_id) if row.parent_id else None
        if place:
            parts[place.under] += LIST_START + html + LIST_END
        else:
            own.append(html)
    return "".join(own)


def fill_slots(
    layout: Layout, parts: list[str], viewer: Viewer, facts: ThreadFacts, mine: queries_mine.Mine, now: datetime
) -> None:
    """Put a signed-in reader's respects and actions, and marks of what is new, into a copy of the layout's parts."""
    assert viewer.id is not None
    for comment_id in mine.respected:
        parts[layout.slots[comment_id].respect] = layout.pieces[comment_id].respected
    for comment_id in layout.by_author.get(viewer.id, ()):
        pieces = layout.pieces[comment_id]
        if not pieces.shown.is_tombstone:
            slots = layout.slots[comment_id]
            parts[slots.respect], parts[slots.own] = own_slots(pieces, now)
        elif pieces.shown.status == "rejected":
            parts[layout.slots[comment_id].own] = str(macros().own_removed(pieces.shown))
    if mine.seen_number is not None:
        _mark_new(layout, parts, viewer.id, mine.seen_number, mine.muted)
    moderates, picks = viewer.moderates(facts.section_id), policy.may_choose_picks(viewer, facts) is None
    if moderates or picks:
        _fill_staff_slots(layout, parts, viewer.id, moderates=moderates, picks=picks)


def _mark_new(layout: Layout, parts: list[str], viewer_id: int, seen_number: int, muted: Sequence[int]) -> None:
    new = takewhile(lambda arrival: arrival[0] > seen_number, layout.arrivals)
    mark_of_new = ""
    for _, comment_id in new:
        if layout.pieces[comment_id].author_id not in (viewer_id, *muted):
            mark_of_new = mark_of_new or str(macros().mark_new())
            parts[layout.slots[comment_id].new] = mark_of_new


def _fill_staff_slots(layout: Layout, parts: list[str], viewer_id: int, *, moderates: bool, picks: bool) -> None:
    make = macros()
    for comment_id, slots in layout.slots.items():
        pieces = layout.pieces[comment_id]
        if picks and pieces.shown.status == "published" and pieces.author_id != viewer_id:
            parts[slots.own] += str(make.pick(pieces.shown))
        if moderates:
            parts[slots.own] += str(make.moderate(pieces.shown))


def _composing(
    session: Session, facts: ThreadFacts, viewer: Viewer, guest_hash: str | None, *, mine: queries_mine.Mine,
    welcome: bool, now: datetime,
) -> str:  # fmt: skip
    """The composer with the words that were kept, and the replies that were begun elsewhere in the thread."""
    refusal = policy.may_comment(viewer, facts, now)
    joining, audience = leads_to_joining(refusal), modes.audience_at(facts, now)
    offer = queries.cheapest_offer(session, audience) if joining else None
    here = queries_authors.here(session, facts, viewer) if refusal is None else queries_authors.NEVER_HERE
    newcomer = ""
    if refusal is None and not viewer.is_staff:
        screened.keep_at(session, mine.setup_version)
        newcomer = said_before(setups.kept(), facts.section_id, mine.published)
    doors, drafts = doors_of(facts, viewer), list[Any]()
    # Also where nothing can be said any more: whoever was writing meanwhile finds the words again.
    if mine.has_drafts or (guest_hash and not viewer.is_signed_in):
        of_guest = None if viewer.is_signed_in else guest_hash
        drafts = drafts_of(session, facts.article_id, user_id=viewer.id, guest_hash=of_guest, now=now)
    if not drafts:
        anybody = replace(viewer, display_name=mark("name"))
        composer = composer_for(facts, anybody, refusal, offer, now=now, here=here, focus=welcome, draft=mark("draft"),
                                newcomer=newcomer)  # fmt: skip
        key = (composer, audience, doors)

        def make() -> str:
            return render("threads/_composing.html", composer=composer, doors=doors, unfinished=())

        filled = {"name": viewer.display_name, "draft": str(mine.draft_generation)}
        return kept_frame(("composing", *key), make).fill(filled)
    # After joining, the words that led there come first, also when they are a reply.
    chosen = drafts[0] if welcome else next((draft for draft in drafts if not draft.parent_key), None)
    composer = composer_for(
        facts,
        viewer,
        refusal,
        offer,
        now=now,
        here=here,
        body=chosen.body if chosen else "",
        parent_id=(chosen.parent_key or None) if chosen else None,
        parent_name=(chosen.parent_name or "") if chosen else "",
        from_draft=chosen is not None,
        draft=chosen.generation if chosen else mine.draft_generation,
        focus=welcome,
        newcomer=newcomer,
    )
    unfinished = [draft for draft in drafts if draft is not chosen and draft.parent_key and draft.parent_name]
    if refusal is not None and not joining and refusal.code != "no_questions":
        unfinished = []
    return render("threads/_composing.html", composer=composer, doors=doors, unfinished=unfinished)


def doors_of(facts: ThreadFacts, viewer: Viewer) -> tuple[tuple[str, str], ...]:
    """The ways to where this person works on the discussion: words and address."""
    doors = []
    if modes.answers_here(viewer, facts):
        waiting = facts.question_count - facts.answered_count
        label = f"Answer the readers: {waiting:,} question{'s' if waiting != 1 else ''} without an answer"
        doors.append((label if waiting else "The readers’ questions to you", f"{facts.article_url}/questions"))
    if viewer.moderates(facts.section_id):
        doors.append(("Manage this discussion", f"/moderation/threads/{facts.thread_id}"))
    return tuple(doors)
