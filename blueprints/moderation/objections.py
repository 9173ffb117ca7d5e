"""The pages of objections: the author's, and the desk's."""

from typing import Any

from flask import render_template
from sqlalchemy import Row

from blueprints.accounts.hooks import Restriction
from blueprints.moderation import policy, queries, queries_objections, queries_people
from blueprints.moderation.desk import HOME, desk_context
from blueprints.moderation.forms import AnswerForm, ObjectionForm
from blueprints.threads import queries as thread_queries
from blueprints.threads import queries_facts
from blueprints.threads.policy import stopped_by
from core import clock
from core.db import db
from core.errors import NotFound
from core.viewer import Viewer, current_viewer


def objections_page(after: int | None) -> str:
    """What waits for an answer by this moderator; `after` is the last one's id."""
    session, viewer = db.session(), current_viewer()
    rows = queries_objections.objections(session, viewer, after)
    shown, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    return render_template(
        "moderation/objections.html", rows=shown, form=AnswerForm(),
        left=[(row, _deciders(row)) for row in queries_objections.left_to_colleagues(session, viewer)],
        next_url=f"{HOME}/objections?after={shown[-1].id}" if more else None, **desk_context("objections"),
    )  # fmt: skip


def _deciders(row: Row[Any]) -> list[str]:
    """Who may answer an objection: neither who decided nor who objects."""
    besides = (row.first_decider_id, row.user_id)
    return queries_people.colleagues(db.session(), row.section_id, besides)


def comment_page(comment_id: int, form: ObjectionForm, refused: str = "") -> str:
    """The author's page about their rejected comment. Raises NotFound for everybody else."""
    session, viewer = db.session(), current_viewer()
    comment = queries_facts.comment_facts(session, comment_id)
    if comment is None or comment.author_id != viewer.id:
        raise NotFound
    standing = queries_objections.standing_rejection(session, comment_id) if comment.status == "rejected" else None
    known = standing or queries_objections.last_objection(session, comment_id)
    return _objection_page(
        known, form, refused, is_over=standing is None, comment_id=comment_id, place=f"/comments/{comment_id}/appeal",
        html=thread_queries.html_of(session, comment_id), facts=queries_facts.facts_of_comment(session, comment_id),
    )  # fmt: skip


def sanction_page(sanction_id: int, form: ObjectionForm, refused: str = "") -> str:
    """The page of a person about their warning or restriction. Raises NotFound for everybody else."""
    found = queries_objections.standing_sanction(db.session(), sanction_id)
    if found is None or found[0] != current_viewer().id:
        raise NotFound
    return _objection_page(
        found[1], form, refused, is_over=found[1].is_withdrawn, comment_id=None,
        place=f"/sanctions/{sanction_id}/appeal", html="", facts=None,
    )  # fmt: skip


def restrictions_of_person(viewer: Viewer) -> list[Restriction]:
    """What keeps this person out of the discussions, with where to read why and object to it."""
    stopped = stopped_by(viewer, clock.now())
    return [Restriction(stopped.sentence, stopped.url)] if stopped else []


def _objection_page(
    known: queries_objections.Standing | None, form: ObjectionForm, refused: str, *, is_over: bool, **values: Any
) -> str:
    may_not = policy.may_appeal(None if is_over or known is None else known.told_at, clock.now())
    return render_template(
        "moderation/appeal.html", known=known, form=form, refused=refused, is_over=is_over, may_not=may_not,
        has_decider=known is None or known.outcome != "open" or _has_decider(known.appeal_id), **values,
    )  # fmt: skip


def _has_decider(appeal_id: int | None) -> bool:
    found = queries_objections.objection(db.session(), appeal_id) if appeal_id else None
    return found is None or bool(_deciders(found))


def find_objection(appeal_id: int) -> Row[Any]:
    """One objection. Raises NotFound outside of the moderator's sections."""
    found = queries_objections.objection(db.session(), appeal_id)
    if found is None or policy.may_moderate(current_viewer(), found.section_id):
        raise NotFound
    return found


def answer_page(appeal_id: int, form: AnswerForm, refused: str = "") -> str:
    """The page of one objection, with the form for its answer."""
    found = find_objection(appeal_id)
    may_not = policy.may_decide_appeal(current_viewer(), found.first_decider_id, found.user_id)
    deciders = _deciders(found) if may_not else []
    return render_template(
        "moderation/objection.html", row=found, form=form, refused=refused, may_not=may_not, deciders=deciders,
        **desk_context("objections"),
    )  # fmt: skip
