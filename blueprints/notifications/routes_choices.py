"""How a reader wants to be told: the settings, ending mails from a mail, and the private feed."""

from flask import Response, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.notifications import choices, feed
from blueprints.notifications.choices import CHOOSABLE
from blueprints.notifications.kinds import KINDS
from blueprints.notifications.letters import SETTINGS_PATH
from blueprints.notifications.routes import notifications
from blueprints.notifications.service import absolute_url
from blueprints.notifications.unsubscribing import ABOUT, ALL, whose
from core.csrf import csrf
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import machine, public, signed_in
from core.limits import at_most, limiter
from core.viewer import current_viewer

HOURS = range(24)


@notifications.get(SETTINGS_PATH)
@signed_in
def settings() -> ResponseReturnValue:
    """What the reader has chosen."""
    return _settings_page(choices.current(_me()))


@notifications.post(SETTINGS_PATH)
@signed_in
def keep_settings() -> ResponseReturnValue:
    """Choose how to be told."""
    how = {name: request.form.get(f"how-{name}", "") for name in CHOOSABLE}
    try:
        with transaction() as session:
            choices.choose(
                session, _me(), how, follow_own_threads="follow_own_threads" in request.form,
                digest_hour=request.form.get("digest_hour", -1, type=int),
            )  # fmt: skip
    except DomainError as refused:
        flash(refused.sentence, "error")
        return _settings_page(choices.current(_me())), refused.status
    flash("Your choice is kept.", "success")
    return redirect(SETTINGS_PATH, 303)


@notifications.post("/account/notices/feed")
@signed_in
@limiter.limit(at_most(20, "day"))
def change_feed() -> ResponseReturnValue:
    """Give the private feed an address, another one, or (`end`) none."""
    with transaction() as session:
        (choices.end_feed if "end" in request.form else choices.renew_feed)(session, _me())
    flash("Your feed has ended." if "end" in request.form else "Your feed has a new address.", "success")
    return redirect(f"{SETTINGS_PATH}#feed", 303)


@notifications.get("/unsubscribe/<kind>/<token>")
@public
def ask_to_stop(kind: str, token: str) -> ResponseReturnValue:
    """Asks before mails of a kind end; opening the link does nothing, because scanners of mail open links too."""
    if kind not in ABOUT:
        raise NotFound
    return render_template("notifications/stop.html", kind=kind, token=token, about=ABOUT[kind], all_kinds=ALL)


@notifications.post("/unsubscribe/<kind>/<token>")
@machine
@csrf.exempt  # type: ignore[untyped-decorator]
def stop(kind: str, token: str) -> ResponseReturnValue:
    """End mails, by one press here or in a mail program (RFC 8058). The answer is the same for every token."""
    if kind not in ABOUT:
        raise NotFound
    user_id = whose(kind, token)
    ends = ALL if request.form.get("all") else kind
    if user_id is not None:
        with transaction() as session:
            choices.stop(session, user_id, ends)
    return render_template("notifications/stopped.html", about=ABOUT[ends])


@notifications.get("/feeds/replies/<token>.xml")
@machine
@limiter.limit(at_most(120, "hour"))
def replies(token: str) -> ResponseReturnValue:
    """A person's private feed of replies, for their feed reader: no session, only the secret address."""
    found = feed.replies_at(token)
    if found is None:
        raise NotFound
    answer = Response(mimetype="application/atom+xml")
    answer.set_etag(found.stamp)
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.set_data(render_template("notifications/replies.xml", feed=found, self_url=absolute_url(request.path)))
    return answer.make_conditional(request)


def _settings_page(chosen: choices.Choices) -> str:
    return render_template(
        "notifications/settings.html", kinds=[kind for kind in KINDS.values() if kind.is_listed], chosen=chosen,
        hours=HOURS,
        feed_url=absolute_url(path) if (path := feed.path_of(_me(), chosen.feed_number)) else "",
    )  # fmt: skip


def _me() -> int:
    user_id = current_viewer().id
    assert user_id is not None  # the routes that ask are for signed-in people
    return user_id
