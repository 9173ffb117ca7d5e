"""What helps with writing: a preview, words kept while they are typed, names for an @."""

from dataclasses import replace

from flask import Response, flash, jsonify, make_response, redirect, render_template, request
from flask_limiter import RequestLimit
from markupsafe import Markup

from blueprints.threads import drafts, lookup, policy
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.history import history_of
from blueprints.threads.routes import COMMENT, Answer, compose, composer_again, known_draft, number, threads
from core import clock
from core.csrf import csrf
from core.db import transaction
from core.errors import DomainError, TooFast
from core.guards import public, signed_in
from core.limits import at_most, limiter
from core.rendering import is_fetch
from core.viewer import current_viewer

LONGEST_NAME_TYPED = 80
DISCARDED_ELSEWHERE = "Other words were kept here meanwhile, so nothing was discarded: here they are."


def _too_many(limit: RequestLimit) -> Response:
    """A preview that comes too soon is refused with everything typed still there."""
    seconds = max(1, int(limit.reset_at - clock.now().timestamp()) + 1)
    refused = TooFast(f"That is a lot of previews. The next one can be made in {seconds} seconds.", seconds)
    return make_response(_preview(refused))


@threads.post("/preview")
@public
@csrf.exempt  # type: ignore[untyped-decorator]
@limiter.limit(at_most(30, "minute"), on_breach=_too_many)
def preview() -> Answer:
    """What was typed as it would be published, above the composer with the words. Changes nothing."""
    return _preview()


@threads.post("/drafts")
@public
@limiter.limit(at_most(120, "minute"))
def keep_draft() -> Answer:
    """Keep what a reader is writing, or forget it (`discard`). A guest's words are kept when they press the button."""
    facts, owner = lookup.thread_under(number("article_id") or 0), lookup.draft_owner()
    parent_id = number("parent_id")
    kept = drafts.Kept("saved", 0)
    if owner and "discard" in request.form:
        with transaction() as session:
            ended = drafts.end_draft(session, owner, facts.article_id, parent_id, known=known_draft())
        if not ended and lookup.has_draft(facts, parent_id):
            flash(DISCARDED_ELSEWHERE, "info")
    elif owner and current_viewer().is_signed_in:
        with transaction() as session:
            kept = drafts.save_draft(
                session, owner, facts.article_id, request.form.get("body", ""), known=known_draft(0),
                parent_id=parent_id,
            )  # fmt: skip
    if is_fetch():
        return jsonify(state=kept.state, draft=kept.generation, body=kept.body)
    return redirect(f"/comments/{parent_id}/reply" if parent_id else f"{facts.article_url}#composer", 303)


@threads.get("/articles/<slug>/people")
@signed_in
@limiter.limit(at_most(120, "minute"))
def people(slug: str) -> Answer:
    """Names of people in this discussion that begin with `q`, for the composer's list."""
    facts = lookup.article_thread(slug)
    return jsonify(lookup.names_offered(facts, request.args.get("q", "")[:LONGEST_NAME_TYPED]))


@threads.get(f"{COMMENT}/history")
@public
@limiter.limit(at_most(60, "minute"))
def history(comment_id: int) -> Answer:
    """What a comment said before it was changed, and what was changed."""
    facts, found = lookup.comment_and_thread(comment_id)
    viewer = current_viewer()
    if refusal := policy.may_see_history(viewer, facts, found, clock.now()):
        raise DomainError(refusal.sentence, refusal.status)
    return render_template(
        "threads/history.html", facts=facts, comment_id=comment_id, name=lookup.name_of(comment_id),
        versions=history_of(viewer, facts, found), sees_all=policy.sees_all_versions(viewer, facts, found),
    )  # fmt: skip


def _preview(refused: DomainError | None = None) -> Answer:
    body, comment_id = request.form.get("body", ""), number("comment_id")
    facts, found = lookup.visible_comment(comment_id) if comment_id else (_thread_of_form(), None)
    html = None
    if refused is None:
        try:
            html = lookup.previewed(facts, body)
        except DomainError as why:
            refused = why
    if is_fetch():
        return _fragment(html, refused)
    if found is None:
        return composer_again(facts, body, number("parent_id"), refused, html)
    composer = replace(lookup.edit_composer_of(facts, found, body, refused), preview=html)
    return compose(facts, composer, found, refused.status if refused else 200)


def _thread_of_form() -> ThreadFacts:
    facts = lookup.thread_under(number("article_id") or 0)
    refusal = policy.may_see_thread(current_viewer(), facts, clock.now())
    if refusal and refusal.code != policy.GATED:  # there, some may comment who may not read
        raise DomainError(refusal.sentence, refusal.status)
    return facts


def _fragment(html: Markup | None, refused: DomainError | None) -> Response:
    if refused is None:
        return Response(render_template("threads/_preview.html", html=html))
    answer = Response(refused.sentence, refused.status, mimetype="text/plain")
    if isinstance(refused, TooFast):
        answer.headers["Retry-After"] = str(refused.retry_after)
    return answer
