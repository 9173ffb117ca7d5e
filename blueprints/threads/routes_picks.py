"""Choosing Picks, and taking them back."""

from flask import flash, redirect, render_template, request

from blueprints.threads import lists, lookup, picks, policy, single
from blueprints.threads.routes import COMMENT, Answer, threads
from core.db import transaction
from core.errors import DomainError
from core.guards import staff
from core.viewer import current_viewer


@threads.get(f"{COMMENT}/pick")
@staff("is_author")
def ask_to_pick(comment_id: int) -> Answer:
    """The form that makes a comment a Pick; for one that is a Pick, who chose it and the way to take it back."""
    return _page(comment_id)


@threads.post(f"{COMMENT}/pick")
@staff("is_author")
def pick(comment_id: int) -> Answer:
    """Make a comment a Pick. Its author is told and thanked."""
    facts, _ = lookup.visible_comment(comment_id)
    try:
        with transaction() as session:
            picks.pick_comment(session, current_viewer(), comment_id, request.form.get("note", ""))
    except DomainError as refused:
        return _page(comment_id, refused)
    flash("Picked. Its author is told and thanked.", "success")
    return redirect(f"{facts.article_url}?sort=picks#comment-{comment_id}", 303)


@threads.post(f"{COMMENT}/pick/note")
@staff("is_author")
def change_pick_note(comment_id: int) -> Answer:
    """Say in other words why a comment is a Pick."""
    facts, _ = lookup.visible_comment(comment_id)
    try:
        with transaction() as session:
            picks.change_note(session, current_viewer(), comment_id, request.form.get("note", ""))
    except DomainError as refused:
        return _page(comment_id, refused)
    flash("The line was changed.", "success")
    return redirect(f"{facts.article_url}?sort=picks#comment-{comment_id}", 303)


@threads.post(f"{COMMENT}/pick/end")
@staff("is_author")
def end_pick(comment_id: int) -> Answer:
    """Take a Pick back."""
    lookup.visible_comment(comment_id)
    try:
        with transaction() as session:
            picks.end_pick(session, current_viewer(), comment_id)
    except DomainError as refused:
        return _page(comment_id, refused)
    flash("This comment is no Pick any more.", "success")
    return redirect(f"/comments/{comment_id}", 303)


def _page(comment_id: int, refused: DomainError | None = None) -> Answer:
    facts, found = lookup.visible_comment(comment_id)
    viewer = current_viewer()
    pick = lists.pick_of(comment_id)
    stands_in_the_way = policy.may_choose_picks(viewer, facts) if pick else policy.may_pick(viewer, facts, found)
    if stands_in_the_way and not refused:
        raise DomainError(stands_in_the_way.sentence, stands_in_the_way.status)
    page = render_template(
        "threads/pick.html", facts=facts, comment_id=comment_id, quoted=single.quoted(comment_id), pick=pick,
        author=lists.pick_author(comment_id), note=request.form.get("note", pick.note if pick else ""), refused=refused,
        limit=picks.NOTE_LENGTH,
    )  # fmt: skip
    return page, refused.status if refused else 200
