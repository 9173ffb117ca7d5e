"""Comments that came or changed after a page was made, as items for that page."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from sqlalchemy import Row

from blueprints.threads import queries_badges, queries_shown
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.layout import Layout
from blueprints.threads.pieces import for_author, pieces_of
from blueprints.threads.single import mark_own
from blueprints.threads.waiting import usual_seconds, waiting_reason
from core import clock
from core.db import db
from core.viewer import Viewer

AT_ONCE = 50


def items(facts: ThreadFacts, viewer: Viewer, ids: Sequence[int]) -> Markup:
    """Those of these comments that stand in this thread and that the viewer's page would show, in order of age.

    One list item each; the page knows where they go. One's own that others cannot read comes with its state.
    """
    session, now = db.session(), clock.now()
    rows = [row for row in queries_shown.comments_in_thread(session, facts.thread_id, ids) if _is_on_page(row, viewer)]
    plans = queries_badges.plan_badges(session, (row.author_id for row in rows), now)
    reasons = queries_shown.hold_reasons(session, [row.id for row in rows if not row.shown])
    usual = usual_seconds(session, (row.status for row in rows), facts.section_id)
    # The page has what these answer, so that is named only where the indentation ends.
    layout = Layout(elsewhere=frozenset(row.parent_id for row in rows))
    own: list[str] = []
    for row in rows:
        if row.shown:
            layout.add_branch([(pieces_of(row, plans.get(row.author_id)), row.depth)], {})
        else:
            reason = waiting_reason(row.status, reasons.get(row.id), usual)
            html = for_author(row, plans.get(row.author_id), reason, now)
            own.append(f"<li>{html}</li>")
    parts = layout.finish().parts
    if layout.pieces:
        mark_own(session, layout, parts, viewer, facts)
    return Markup("".join((*parts, *own)))  # noqa: S704 - made of our own templates


def _is_on_page(row: Row[Any], viewer: Viewer) -> bool:
    return bool(row.shown) or (viewer.id is not None and row.author_id == viewer.id and row.status != "deleted")
