"""The desk's pages: which case comes next, what was just decided, and where to go on."""

from typing import Any

from flask import render_template, request
from flask import session as browser
from sqlalchemy import Row

from blueprints.moderation import (
    policy,
    queries,
    queries_cases,
    queries_claims,
    queries_illegal,
    queries_notes,
    queries_queues,
    queries_stress,
    service,
    undoing,
)
from blueprints.moderation.cases import Case, cases
from blueprints.moderation.forms import KINDS, SUSPENSION_DAYS, ThreadForm
from blueprints.moderation.keys import keys_of
from blueprints.moderation.languages import LANGUAGES
from blueprints.moderation.queues import AGES, ORDER, QUEUES, Filters, address, stands_in
from blueprints.moderation.queues import HOME as HOME
from blueprints.moderation.words import DONE, SANCTIONS, STATUS
from blueprints.site.queries import site
from blueprints.threads.screening import CHECKS
from core import clock
from core.db import db
from core.errors import NotFound
from core.records import dataclass
from core.viewer import current_viewer
from models.thread import REPORT_REASONS

JUST_DECIDED = "moderation_decided"
SAID = "moderation_said"

TABS = (
    ("shift", "Shift", f"{HOME}/shift"), ("mine", "Yours", f"{HOME}/mine"), ("reported", "Reported", HOME),
    ("held", "Held", f"{HOME}/held"), ("newcomers", "New commenters", f"{HOME}/newcomers"),
    ("unreviewed", "Unreviewed", f"{HOME}/unreviewed"), ("objections", "Appeals", f"{HOME}/objections"),
    ("illegal", "Illegal content", f"{HOME}/illegal-content"),
    ("decided", "Decided", f"{HOME}/decided"), ("people", "People", f"{HOME}/people"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into a form that could not be taken, and why."""

    rule_id: int | None = None
    note: str = ""
    error: str = ""
    preview: str = ""


NOTHING_TYPED = Typed()


def desk_context(current: str) -> dict[str, Any]:
    """What every page of the desk needs: the tabs with their counts, and what was just decided, with its Undo."""
    session, viewer = db.session(), current_viewer()
    backlog = queries_queues.backlog(session, viewer)
    counts: dict[str, int | None] = {
        "reported": backlog.reported, "held": backlog.held, "newcomers": backlog.newcomers,
        "unreviewed": backlog.unreviewed, "objections": backlog.objections, "mine": backlog.mine or None,
        "illegal": queries_illegal.open_count(session, viewer),
    }  # fmt: skip
    items = [
        {"label": label, "href": href, "current": name == current, "count": counts.get(name), "name": name}
        for name, label, href in TABS
    ]
    action_id = browser.pop(JUST_DECIDED, None)
    return {
        "items": items, "backlog": backlog, "rules": site().rules, "DONE": DONE, "STATUS": STATUS,
        "SANCTIONS": SANCTIONS, "KINDS": KINDS, "days": SUSPENSION_DAYS,
        "just": queries.decision(session, action_id) if action_id else None,
        "keys": keys_of(queries_claims.preference(session, viewer.id or 0).keys), "said": browser.pop(SAID, ""),
        "last_action_id": backlog.last_action_id,
        "alarms": queries_stress.alarms(session, queries.sections_of(viewer)),
    }  # fmt: skip


def say(sentence: str) -> None:
    """Say this on the next page."""
    browser[SAID] = sentence


def remember(action_id: int) -> None:
    """Show this decision with its Undo on the next page."""
    browser[JUST_DECIDED] = action_id


def queue_page(queue: str, filters: Filters, after: tuple[float, int] | None) -> str:
    """A page of a queue with these filters; `after` is what the last page's last case was ordered by, and its id."""
    session, viewer = db.session(), current_viewer()
    rows = queries_queues.queue_page(session, queue, queries.sections_of(viewer), filters, after)
    last = rows[queries.PAGE - 1] if len(rows) > queries.PAGE else None
    next_url = address(queue, filters, queries_queues.place_of(last)) if last else None
    views = queries_notes.saved_views(session, viewer.id or 0)
    return _cards(
        rows[: queries.PAGE], next_url, "moderation/queue.html", queue=queue, filters=filters, views=views,
        here_of_queue=address(queue, filters), **desk_context(queue),
    )  # fmt: skip


def mine_page() -> str:
    """What this moderator has taken, in the order in which it was taken, which nothing changes."""
    viewer = current_viewer()
    rows = queries_claims.claimed_rows(db.session(), viewer.id or 0, queries.sections_of(viewer), clock.now())
    return _cards(rows, None, "moderation/mine.html", **desk_context("mine"))


def decided_page(before: int | None, *, mine: bool) -> str:
    """What was decided lately, by everybody or by this moderator."""
    viewer = current_viewer()
    by = viewer.id if mine else None
    rows = queries.decided(db.session(), queries.sections_of(viewer), before, actor_id=by)
    shown, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    next_url = f"{HOME}/decided?{'by=me&' if mine else ''}before={shown[-1].id}" if more else None
    return render_template(
        "moderation/decided.html", rows=shown, next_url=next_url, mine=mine, here=_here(),
        undoable=undoing.UNDOABLE, **desk_context("decided"),
    )  # fmt: skip


def find_case(comment_id: int) -> Case:
    """One comment as a case. Raises NotFound outside of the moderator's sections."""
    viewer = current_viewer()
    rows = queries_cases.case_rows(db.session(), [comment_id])
    if not rows or policy.may_moderate(viewer, rows[0].section_id):
        raise NotFound
    return cases(db.session(), rows, viewer, clock.now())[0]


def case_page(
    comment_id: int, typed: Typed = NOTHING_TYPED, refused: str = "", thread_form: ThreadForm | None = None
) -> str:
    """The page of one comment, with everything known about it."""
    case = find_case(comment_id)
    row = case.row
    form = thread_form or ThreadForm(state=row.thread_state, reason=row.closed_reason)
    return render_template(
        "moderation/case.html", case=case, typed=typed, refused=refused, thread_form=form,
        place=f"{HOME}/comments/{comment_id}", **desk_context(tab_of(case)),
    )  # fmt: skip


def tab_of(case: Case) -> str:
    """The tab under which a case is found; empty where it is in none."""
    row = case.row
    return stands_in(
        row.status, reported=row.report_count > 0, by_newcomer=row.by_newcomer,
        reviewed=row.reviewed_revision >= row.revision,
    )  # fmt: skip


def record_of(thread_id: int) -> list[Row[Any]]:
    """Who changed a discussion, the newest first."""
    return queries.decisions_about_thread(db.session(), thread_id)


def case_card(comment_id: int) -> str:
    """The card of one comment alone, as it stands now, for our scripts."""
    return render_template(
        "moderation/_case.html", case=find_case(comment_id), typed=NOTHING_TYPED,
        place=f"{HOME}/comments/{comment_id}", rules=site().rules, DONE=DONE, STATUS=STATUS, days=SUSPENSION_DAYS,
        SANCTIONS=SANCTIONS, KINDS=KINDS,
    )  # fmt: skip


def decided_card(action_id: int, template: str = "moderation/_decided.html") -> str:
    """What stands in a card's or a form's place once it is decided, for our scripts."""
    row = queries.decision(db.session(), action_id)
    assert row is not None
    alike = 0
    if row.comment_id is not None and row.action in {"publish", "keep", "reject"}:
        alike = queries_cases.copies_of(db.session(), queries.sections_of(current_viewer()), row.comment_id)
    return render_template(template, row=row, DONE=DONE, alike=alike)


def statement_preview(comment_id: int, rule_id: int | None, note: str) -> str:
    """The statement as the author would read it. Raises NotFound outside of the moderator's sections."""
    find_case(comment_id)
    return service.statement_preview(db.session(), comment_id, rule_id, note)


def _cards(rows: list[Row[Any]], next_url: str | None, template: str, **values: Any) -> str:
    """A page of cases; each knows where its decision leads."""
    here = _here()
    shown = cases(db.session(), rows, current_viewer(), clock.now())
    places = ([f"{here}#case-{case.id}" for case in shown[1:]] + [next_url or here])[: len(shown)]
    return render_template(
        template, cases=list(zip(shown, places, strict=True)), next_url=next_url, here=here,
        first_url=values.get("here_of_queue") if "after" in request.args else None, typed=NOTHING_TYPED,
        QUEUES=QUEUES, ORDER=ORDER, AGES=AGES, LANGUAGES=LANGUAGES, REASONS=REPORT_REASONS, CHECKS=CHECKS,
        sections=site().sections, **values,
    )  # fmt: skip


def _here() -> str:
    return request.full_path.rstrip("?")
