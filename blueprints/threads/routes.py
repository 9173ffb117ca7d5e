"""Comments and what is done with them. Every form works without scripts; our scripts get fragments instead."""

from dataclasses import replace

from flask import Blueprint, Response, current_app, flash, jsonify, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from blueprints.threads import drafts, gated, lookup, policy, quiz_page, reports, screened, service, single
from blueprints.threads.composer import Composer, is_for_members, leads_to_joining
from blueprints.threads.facts import CommentFacts, ThreadFacts
from blueprints.threads.forms import ReportForm
from blueprints.threads.names import NAME_WITHDRAWN
from blueprints.threads.nudging import Asked
from blueprints.threads.ordering import MAX_ID
from blueprints.threads.quiz import QuizFirst
from blueprints.threads.screening import passages
from blueprints.threads.signals import gate_pressed_signal
from blueprints.threads.withdrawal import withdraw_name
from core import clock
from core.cookies import cookie_name
from core.csrf import csrf, token_is_valid
from core.db import transaction
from core.errors import DomainError, TooFast
from core.guards import public, safe_next, signed_in
from core.limits import at_most, guests_at_most, limiter
from core.network import network_of
from core.rendering import error_page, is_fetch
from core.text import address, normalise
from core.viewer import current_viewer

threads = Blueprint("threads", __name__)

PAGE_TOO_OLD = "This page was open too long, or you were signed out meanwhile. Your words are still here: please press the button again."  # noqa: E501
OWN_PER_PAGE = 30
LONGEST_SELECTION = 2_000  # code points of a comment that are looked for in it to be quoted
COMMENT = f"/comments/<int(max={MAX_ID}):comment_id>"

Answer = str | Response | BaseResponse | tuple[str, int]


@threads.post("/articles/<slug>/comments")
@public
@csrf.exempt  # type: ignore[untyped-decorator]
@guests_at_most(60, "hour")
def post(slug: str) -> Answer:
    """A comment or reply; by a guest, words to keep while they join. Answers a lost session itself."""
    facts = lookup.article_thread(slug)
    body, parent_id = request.form.get("body", ""), number("parent_id")
    if not token_is_valid():
        return composer_again(facts, body, parent_id, DomainError(PAGE_TOO_OLD, 400))
    viewer = current_viewer()
    if leads_to_joining(policy.may_comment(viewer, facts, clock.now(), replying=parent_id is not None)):
        return _keep_and_join(facts, body, parent_id)
    screened.keep_fresh()
    try:
        with transaction() as session:
            posted = service.post_comment(
                session, viewer, facts, body, parent_id=parent_id, draft=known_draft(), nudge=number("nudge") or 0
            )
    except QuizFirst:
        quiz_page.keep(facts, body, parent_id)
        return quiz_page.ask(facts, body, parent_id, quiz_page.FIRST_ASKED)
    except DomainError as refused:
        return composer_again(facts, body, parent_id, refused)
    if posted.nudge:
        return composer_again(facts, body, parent_id, None, nudge=posted.nudge)
    if is_fetch():
        shown = single.new_comment(facts, posted.comment_id)
        return render_template("threads/_posted.html", comment=shown, posted=posted, parent_id=parent_id), 201
    if posted.status != "published":
        flash(f"Your comment is kept. {posted.reason}", "info")
    return redirect(_place(facts, posted.comment_id, parent_id), 303)


@threads.get(COMMENT)
@public
def comment(comment_id: int) -> Answer:
    """One comment in its context, with its replies page by page."""
    facts, found = lookup.comment_and_thread(comment_id)
    viewer, after = current_viewer(), request.args.get("after")
    if refusal := policy.may_see_comment(viewer, facts, found, clock.now()):
        if refusal.code == policy.GATED and not is_fetch():
            way_in = gated.way_in(facts, viewer)
            return render_template("threads/gated.html", facts=facts, way_in=way_in), refusal.status
        return error_page(refusal.status, "No longer here" if refusal.status == 410 else "Not found", refusal.sentence)
    if is_fetch():
        items, cursor = single.more_replies(facts, found, viewer, after)
        return render_template("threads/_more.html", items=items, cursor=cursor, comment_id=comment_id)
    page = single.comment_page(facts, found, viewer, after)
    canonical = f"{current_app.config['SETTINGS'].base_url}/comments/{comment_id}"
    return render_template(
        "threads/comment.html", facts=facts, page=page, comment_id=comment_id, canonical=canonical
    )  # fmt: skip


@threads.get(f"{COMMENT}/reply")
@public
def reply(comment_id: int) -> Answer:
    """A composer under the comment that is answered; with `quote`, its words, or the `words` of it, as a quotation."""
    facts, found = lookup.visible_comment(comment_id)
    if refusal := policy.may_reply_to(current_viewer(), found):
        raise DomainError(refusal.sentence, refusal.status)
    selected = request.args.get("words", "")[:LONGEST_SELECTION]
    quotation = lookup.quotation_of(comment_id, selected) if request.args.get("quote") else ""
    composer = lookup.reply_composer(facts, comment_id, quotation)
    if is_fetch():
        return render_template("threads/_composer.html", composer=composer)
    return compose(facts, composer, found)


@threads.get(f"{COMMENT}/edit")
@signed_in
def edit(comment_id: int) -> Answer:
    """The author's composer for a comment that can still be changed."""
    facts, found = lookup.visible_comment(comment_id)
    if refusal := policy.may_edit(current_viewer(), facts, found, clock.now()):
        raise DomainError(refusal.sentence, refusal.status)
    return compose(facts, lookup.edit_composer_of(facts, found), found)


@threads.post(f"{COMMENT}/edit")
@signed_in
def save(comment_id: int) -> Answer:
    """Change the text of one's own comment."""
    facts, found = lookup.visible_comment(comment_id)
    body = request.form.get("body", "")
    try:
        with transaction() as session:
            posted = service.edit_comment(session, current_viewer(), comment_id, body)
    except DomainError as refused:
        return compose(facts, lookup.edit_composer_of(facts, found, body, refused), found, refused.status)
    if posted.reason:
        flash(f"Your change is kept. {posted.reason}", "info")
    else:
        flash("Your change is saved.", "success")
    return redirect(lookup.place_of(facts, comment_id), 303)


@threads.get(f"{COMMENT}/delete")
@signed_in
def ask_to_delete(comment_id: int) -> Answer:
    """Asks once before a comment is deleted, and offers to keep the words without the name."""
    facts, found = lookup.visible_comment(comment_id)
    viewer = current_viewer()
    if refusal := policy.may_delete(viewer, found):
        raise DomainError(refusal.sentence, refusal.status)
    return render_template(
        "threads/delete.html", facts=facts, comment_id=comment_id, html=lookup.text_of(comment_id),
        may_keep=policy.may_withdraw_name(viewer, found) is None, without_name=NAME_WITHDRAWN,
    )  # fmt: skip


@threads.post(f"{COMMENT}/delete")
@signed_in
def remove(comment_id: int) -> Answer:
    """Take back one's own comment, or, with `words` as `keep`, only one's name."""
    facts, _ = lookup.visible_comment(comment_id)
    keep = request.form.get("words") == "keep"
    with transaction() as session:
        if keep:
            withdraw_name(session, current_viewer(), comment_id)
        else:
            service.delete_comment(session, current_viewer(), comment_id)
    if keep:
        flash("Your name is off this comment. Its words stay.", "success")
        return redirect(lookup.place_of(facts, comment_id), 303)
    flash("Your comment is deleted.", "success")
    return redirect(f"{facts.article_url}#comments", 303)


@threads.post(f"{COMMENT}/respect")
@public
def respect(comment_id: int) -> Answer:
    """Give respect or take it back; `on` (1 or 0) says which. Guests are led to the way in."""
    viewer, wanted = current_viewer(), {"1": True, "0": False}.get(request.form.get("on", ""))
    if not viewer.is_signed_in:
        return _join_to_respect(comment_id)
    try:
        with transaction() as session:  # which looks at everything under its lock, so nothing is looked at before
            given = service.toggle_respect(session, viewer, comment_id, wanted=wanted)
    except DomainError as refused:
        if leads_to_joining(refused):
            return _join_to_respect(comment_id)
        raise
    if is_fetch():
        return jsonify(pressed=given.pressed, count=given.count)
    facts, _ = lookup.comment_and_thread(comment_id)
    back = safe_next(request.form.get("next"), facts.article_url).partition("#")[0]
    return redirect(f"{back}#comment-{comment_id}", 303)


def _join_to_respect(comment_id: int) -> Answer:
    facts, found = lookup.visible_comment(comment_id)
    refusal = policy.may_respect(current_viewer(), facts, found, clock.now())
    if refusal and not leads_to_joining(refusal):
        raise DomainError(refusal.sentence, refusal.status)
    here = f"{facts.article_url}#comment-{comment_id}"
    return _go(_way_in(facts, here, for_members=current_viewer().is_signed_in))


@threads.get(f"{COMMENT}/report")
@public
def ask_to_report(comment_id: int) -> Answer:
    """The form that tells the moderators of a comment; needs no account."""
    facts, found = lookup.visible_comment(comment_id)
    if refusal := policy.may_report(current_viewer(), facts, found, clock.now()):
        raise DomainError(refusal.sentence, refusal.status)
    return _report_page(facts, comment_id, ReportForm())


@threads.post(f"{COMMENT}/report")
@public
@limiter.limit(at_most(20, "hour"))
def report(comment_id: int) -> Answer:
    """Tell the moderators of a comment; once per person."""
    facts, _ = lookup.visible_comment(comment_id)
    form = ReportForm(request.form)
    if not form.validate():
        return _report_page(facts, comment_id, form, 422)
    viewer, token = current_viewer(), _guest_token()
    key = f"user:{viewer.id}" if viewer.is_signed_in else f"guest:{drafts.guest_hash(token)}"
    with transaction() as session:
        added = reports.report_comment(
            session, viewer, comment_id, reporter_key=key, reason=form.reason.data, note=form.note.data or "",
            network=network_of(request.remote_addr), secret=current_app.config["SECRET_KEY"],
        )  # fmt: skip
    answer = Response(render_template("threads/reported.html", facts=facts, comment_id=comment_id, added=added))
    return answer if viewer.is_signed_in else _with_guest_cookie(answer, token)


@threads.post(f"{COMMENT}/report/withdraw")
@public
@limiter.limit(at_most(20, "hour"))
def withdraw_report(comment_id: int) -> Answer:
    """Take one's own report back."""
    facts, _ = lookup.visible_comment(comment_id)
    viewer = current_viewer()
    key = f"user:{viewer.id}" if viewer.is_signed_in else f"guest:{drafts.guest_hash(_guest_token())}"
    with transaction() as session:
        reports.withdraw_report(session, comment_id, reporter_key=key)
    return render_template("threads/reported.html", facts=facts, comment_id=comment_id, added=None)


@threads.get("/account/comments")
@signed_in
def own_comments() -> Answer:
    """Everything one has said here, with its state and the reasons for it."""
    before = request.args.get("before", type=int)
    before = before if before and 0 < before <= MAX_ID else None
    rows, waits = lookup.own_comments(current_viewer(), before, OWN_PER_PAGE + 1)
    shown = rows[:OWN_PER_PAGE]
    return render_template(
        "threads/own_comments.html", rows=shown, waits=waits, edit_window=policy.EDIT_WINDOW,
        next_url=f"/account/comments?before={shown[-1].id}" if len(rows) > OWN_PER_PAGE else None,
        first_url="/account/comments" if before else None,
    )  # fmt: skip


def _place(facts: ThreadFacts, comment_id: int, parent_id: int | None) -> str:
    """Where the author of a new comment sees it: among the newest under the article, a reply on its own page."""
    if parent_id:
        return f"/comments/{comment_id}#comment-{comment_id}"
    return lookup.place_of(facts, comment_id, "sort=newest")


def number(name: str) -> int | None:
    """The id in a field of the form, if it holds one."""
    value = request.form.get(name, type=int)
    return value if value and 0 < value <= MAX_ID else None


def known_draft(unsaid: int = drafts.NEWEST) -> int:
    """The generation of the draft that the sent form knows; one that says nothing knows all, or what is said here."""
    known = request.form.get("draft", unsaid, type=int)
    return known if 0 <= known <= drafts.NEWEST else 0


def composer_again(
    facts: ThreadFacts, body: str, parent_id: int | None, refused: DomainError | None, preview: Markup | None = None,
    nudge: Asked | None = None,
) -> Answer:  # fmt: skip
    """The composer once more with everything typed, and the reason, a preview, or what to think of once more."""
    composer = lookup.composer_at(facts, parent_id, body, refused=refused, draft=known_draft(0))
    marks = passages.marked(normalise(body).strip(), nudge.passages) if nudge and nudge.passages else None
    composer = replace(composer, preview=preview, nudge=nudge, marked=marks)
    status = refused.status if refused else 422 if nudge else 200
    if is_fetch():
        answer = Response(render_template("threads/_composer.html", composer=composer), status)
    else:
        answer = compose(facts, composer, lookup.parent_facts(parent_id), status)
    if isinstance(refused, TooFast):
        answer.headers["Retry-After"] = str(refused.retry_after)
    return answer


def compose(
    facts: ThreadFacts, composer: Composer, parent: CommentFacts | None = None, status: int = 200
) -> Response:
    """A page with the composer, below what is answered."""
    answered = None
    if (
        parent and not composer.is_edit and parent.thread_id == facts.thread_id and parent.shown
        and policy.may_see_thread(current_viewer(), facts, clock.now()) is None
    ):  # fmt: skip
        answered = single.quoted(parent.id)
    return Response(
        render_template("threads/compose.html", facts=facts, composer=composer, answered=answered), status
    )


def _keep_and_join(facts: ThreadFacts, body: str, parent_id: int | None) -> Answer:
    """Keep the words of somebody who may not comment yet, and lead them to where they can join."""
    viewer, token = current_viewer(), _guest_token()
    owner = drafts.DraftOwner(user_id=viewer.id) if viewer.is_signed_in else None
    with transaction() as session:
        drafts.keep_words(
            session, owner or drafts.DraftOwner(guest_hash=drafts.guest_hash(token)), facts.article_id, body, parent_id
        )
    gate_pressed_signal.send(None, article_id=facts.article_id)
    back = f"{facts.article_url}?welcome=1#composer"
    if request.form.get("to") == "sign-in" and not viewer.is_signed_in:
        answer = redirect(address("/sign-in", next=back), 303)
    else:
        answer = redirect(_way_in(facts, back, for_members=is_for_members(facts, clock.now())), 303)
    return answer if owner else _with_guest_cookie(answer, token)


def _way_in(facts: ThreadFacts, back: str, *, for_members: bool) -> str:
    if for_members:
        return address("/join", article=facts.slug)
    return address("/sign-up" if request.path.endswith("/comments") else "/sign-in", next=back)


def _go(target: str) -> Answer:
    return jsonify(go=target) if is_fetch() else redirect(target, 303)


def _report_page(facts: ThreadFacts, comment_id: int, form: ReportForm, status: int = 200) -> Answer:
    page = render_template(
        "threads/report.html", facts=facts, comment_id=comment_id, form=form, quoted=single.quoted(comment_id)
    )
    return page, status


def _guest_token() -> str:
    return request.cookies.get(cookie_name(drafts.GUEST_COOKIE)) or drafts.new_guest_token()


def _with_guest_cookie(answer: BaseResponse, token: str) -> BaseResponse:
    answer.set_cookie(
        cookie_name(drafts.GUEST_COOKIE), token, max_age=drafts.GUEST_SECONDS, httponly=True, samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )  # fmt: skip
    return answer
