"""Following and muting. Every form works without scripts and leads back to where it was pressed."""

from flask import Blueprint, flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.following import own, service
from blueprints.threads import lookup
from core.db import transaction
from core.guards import public, safe_next, signed_in
from core.ids import MAX_ID, row_id
from core.limits import at_most, limiter
from core.rendering import is_fetch
from core.viewer import current_viewer

following = Blueprint("following", __name__)

COMMENT = f"/comments/<int(max={MAX_ID}):comment_id>"
READER = f"/readers/<int(max={MAX_ID}):user_id>"
PAGE = "/account/following"
CHANGES = at_most(120, "hour")


@following.post("/articles/<slug>/follow")
@signed_in
@limiter.limit(CHANGES)
def follow_thread(slug: str) -> ResponseReturnValue:
    """Follow a discussion, or (`on` is 0) no longer."""
    facts = lookup.article_thread(slug)
    with transaction() as session:
        service.follow_thread(session, current_viewer(), facts, wanted=_wanted())
    return _back(f"{facts.article_url}#comments", "discussion")


@following.post(f"{COMMENT}/follow")
@signed_in
@limiter.limit(CHANGES)
def follow_branch(comment_id: int) -> ResponseReturnValue:
    """Follow the conversation a comment belongs to, or no longer."""
    facts, _ = lookup.visible_comment(comment_id)
    root_id = own.root_of(comment_id)
    with transaction() as session:
        service.follow_branch(session, current_viewer(), facts, root_id, wanted=_wanted())
    return _back(f"/comments/{comment_id}", "conversation")


@following.get(f"{READER}/follow")
@signed_in
def ask_to_follow(user_id: int) -> ResponseReturnValue:
    """Explains what following a person means, with the button."""
    person, follows = own.person_to_follow(current_viewer(), user_id)
    return render_template("following/person.html", person=person, follows=follows, back=_next(PAGE))


@following.post(f"{READER}/follow")
@signed_in
@limiter.limit(CHANGES)
def follow_person(user_id: int) -> ResponseReturnValue:
    """Follow a person, or no longer."""
    with transaction() as session:
        service.follow_person(session, current_viewer(), user_id, wanted=_wanted())
    return _back(PAGE, "person")


@following.get(PAGE)
@signed_in
def list_followed() -> ResponseReturnValue:
    """What the reader follows, and whom they have muted, each with the button that ends it."""
    return render_template("following/list.html", page=own.page(current_viewer()))


@following.post(f"{PAGE}/end")
@signed_in
def end() -> ResponseReturnValue:
    """End one follow."""
    target_id = request.form.get("target", 0, type=row_id)
    with transaction() as session:
        service.end_follow(session, current_viewer(), request.form.get("kind", ""), target_id)
    flash("You no longer follow that.", "success")
    return redirect(PAGE, 303)


@following.get(f"{COMMENT}/more")
@public
def more(comment_id: int) -> ResponseReturnValue:
    """What else can be done about a comment."""
    facts, found = lookup.visible_comment(comment_id)
    choices = own.choices(current_viewer(), facts, found)
    return render_template("following/more.html", facts=facts, comment_id=comment_id, choices=choices)


@following.get(f"{READER}/mute")
@signed_in
def ask_to_mute(user_id: int) -> ResponseReturnValue:
    """Explains what muting a person means, with the button."""
    person = own.person_to_mute(current_viewer(), user_id)
    return render_template("following/mute.html", person=person, back=_next(PAGE))


@following.post(f"{READER}/mute")
@signed_in
@limiter.limit(CHANGES)
def mute(user_id: int) -> ResponseReturnValue:
    """Mute a person."""
    with transaction() as session:
        own.person_to_mute(current_viewer(), user_id)
        name = service.mute(session, current_viewer(), user_id)
    flash(f"You have muted {name}. They do not learn of it.", "success")
    return redirect(_next(PAGE), 303)


@following.post(f"{READER}/unmute")
@signed_in
def unmute(user_id: int) -> ResponseReturnValue:
    """Hear of a person again."""
    with transaction() as session:
        service.unmute(session, current_viewer(), user_id)
    flash("That person is no longer muted.", "success")
    return redirect(_next(PAGE), 303)


def _wanted() -> bool:
    return request.form.get("on") != "0"


def _next(default: str) -> str:
    return safe_next(request.values.get("next"), default)


def _back(default: str, what: str) -> ResponseReturnValue:
    if is_fetch():
        return jsonify(following=_wanted())
    flash(f"You now follow this {what}." if _wanted() else f"You no longer follow this {what}.", "success")
    target = _next(default)
    return redirect(target if "#" in target or not target.startswith("/articles/") else f"{target}#comments", 303)
