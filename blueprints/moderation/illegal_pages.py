"""The pages of notices of illegal content."""

from typing import Any

from flask import render_template
from sqlalchemy import Row

from blueprints.moderation import illegal, policy, queries, queries_illegal
from blueprints.moderation.desk import HOME, desk_context
from blueprints.moderation.forms_illegal import AskAgainForm, NoticeAnswerForm, NoticeForm
from blueprints.moderation.queries_fairness import settings
from blueprints.notifications.service import absolute_url
from core import clock
from core.db import db
from core.errors import NotFound
from core.viewer import current_viewer


def form_page(comment_id: int | None) -> str:
    """The empty form; name and address of who is signed in are filled in."""
    viewer = current_viewer()
    form = NoticeForm(
        url=absolute_url(f"/comments/{comment_id}") if comment_id else "", name=viewer.display_name,
        email=viewer.email,
    )  # fmt: skip
    return render_template("fair/notify.html", form=form)


def status_page(reference: str, secret: str, form: AskAgainForm, refused: str = "") -> str:
    """What became of a notice, for whoever has its link."""
    session = db.session()
    found = illegal.find(session, reference, secret)
    row = found.IllegalNotice
    may_not = policy.may_ask_again(row.outcome, row.objected_at, row.decided_at, clock.now())
    return render_template(
        "fair/notice_status.html", row=row, form=form, refused=refused, may_not=may_not,
        CATEGORIES=illegal.CATEGORIES, OUTCOMES=illegal.OUTCOMES, place=f"/illegal-content/{reference}/{secret}/again",
        dispute_body=settings(session).dispute_body,
    )  # fmt: skip


def queue_page(after: int | None) -> str:
    """Notices that wait, those of trusted flaggers first, then the oldest; below them those with their answer."""
    session, viewer = db.session(), current_viewer()
    rows = queries_illegal.open_notices(session, viewer, after)
    shown, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    first = [] if after else queries_illegal.trusted_notices(session, viewer)
    return render_template(
        "moderation/illegal_notices.html", rows=[*first, *shown],
        answered=queries_illegal.answered_notices(session, viewer),
        next_url=f"{HOME}/illegal-content?after={shown[-1].id}" if more else None, CATEGORIES=illegal.CATEGORIES,
        OUTCOMES=illegal.OUTCOMES, **desk_context("illegal"),
    )  # fmt: skip


def find_notice(notice_id: int) -> Row[Any]:
    """One notice. Raises NotFound outside of the moderator's sections."""
    found = queries_illegal.notice(db.session(), notice_id)
    if found is None or policy.may_moderate(current_viewer(), found.section_id):
        raise NotFound
    return found


def notice_page(notice_id: int, form: NoticeAnswerForm, refused: str = "") -> str:
    """One notice with the text it is about, as it was then and as it is now, and the form for the answer."""
    found, viewer = find_notice(notice_id), current_viewer()
    row = found.IllegalNotice
    again = row.second_outcome == "open"
    may_not = policy.may_decide(viewer, found.author_id) if found.author_id is not None else None
    if again and may_not is None:
        may_not = policy.may_decide_appeal(viewer, row.decided_by, -1)
    return render_template(
        "moderation/illegal_notice.html", found=found, row=row, form=form, refused=refused, again=again,
        may_not=may_not, CATEGORIES=illegal.CATEGORIES, OUTCOMES=illegal.OUTCOMES, **desk_context("illegal"),
    )  # fmt: skip
