"""What pages that are open ask for: what changed since they were made, and the pieces to show it with.

The stream at `/articles/<slug>/live` tells the same as `changes`; a page that cannot have the stream asks here.
"""

from flask import Response, jsonify, redirect, render_template, request

from blueprints.threads import arrivals, live, lookup
from blueprints.threads.ordering import MAX_ID
from blueprints.threads.routes import Answer, threads
from core import clock
from core.errors import DomainError
from core.guards import public
from core.ids import row_id
from core.rendering import is_fetch
from core.viewer import current_viewer

AFTER_WHAT = "Please say behind which number: ?after= and a whole number."
WHICH_ONES = f"Please say which comments: ?ids= and up to {arrivals.AT_ONCE} numbers with commas between them."


@threads.get("/articles/<slug>/changes")
@public
def changes(slug: str) -> Answer:
    """The events behind a number as JSON; 304 while the thread stands still, 204 while nothing more will come.

    How many have it open in a stream is in the header X-Readers-Now.
    """
    facts = lookup.seen_thread(slug)
    after = request.args.get("after", type=row_id)
    if after is None:
        raise DomainError(AFTER_WHAT, 400)
    answer = Response(mimetype="application/json")
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["X-Readers-Now"] = str(lookup.readers_now(facts))
    answer.set_etag(f"{facts.thread_id}-{after}-{facts.version}")
    if answer.make_conditional(request).status_code == 304:
        return answer
    told = lookup.changes(facts, after)
    if not told and not live.is_live(facts, clock.now()):
        return Response(status=204)
    answer.set_data(jsonify(told).get_data())
    return answer


@threads.get("/articles/<slug>/comments/some")
@public
def some(slug: str) -> Answer:
    """These comments as this reader's page would show them now; what it would not show is missing."""
    facts = lookup.seen_thread(slug)
    ids = _ids(request.args.get("ids", ""))
    items = arrivals.items(facts, current_viewer(), ids)
    answer = Response(render_template("threads/_more.html", items=items, cursor="", comment_id=0))
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@threads.get("/articles/<slug>/composer")
@public
def composer(slug: str) -> Answer:
    """The page's composer as it would be made now, empty: after the thread was closed, opened or got another mode."""
    facts = lookup.seen_thread(slug)
    if not is_fetch():
        return redirect(f"{facts.article_url}#composer", 303)
    return render_template("threads/_composer.html", composer=lookup.page_composer(facts))


def _ids(text: str) -> list[int]:
    """The numbers in an address. Raises DomainError for anything else, and for too many."""
    words = text.split(",")
    if len(words) > arrivals.AT_ONCE or not all(word.isascii() and word.isdecimal() for word in words):
        raise DomainError(WHICH_ONES, 400)
    ids = {int(word) for word in words if len(word) < 12}
    return sorted(number for number in ids if 0 < number <= MAX_ID)
