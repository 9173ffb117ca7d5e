"""Work of this domain that nobody waits for."""

from datetime import timedelta

import structlog

from blueprints.threads import (
    drafts,
    live,
    outside,
    queries,
    queries_authors,
    queries_facts,
    queries_moving,
    queries_screening,
    queries_written,
    visits,
)
from blueprints.threads.counters import recount
from blueprints.threads.picks import thank_for_pick
from blueprints.threads.rerender import rerender_some
from blueprints.threads.signals import comment_changed_signal, comment_published_signal, thread_changed_signal
from blueprints.threads.status import blank_comment
from blueprints.threads.thread_state import renew_threads_of
from core import clock
from core.db import db, transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating

BLANKED_AT_ONCE = 100
MOVED_AT_ONCE = 50
SHAPES_KEPT = timedelta(days=7)  # so long near-repeats of a comment are found
RERENDERED_STEPS = 10  # in one job, which so stays far below its lease

log = structlog.get_logger("threads")

repeating("threads.expire-drafts", every=timedelta(days=1))
repeating("threads.check-counters", every=timedelta(days=1))
repeating("threads.forget-events", every=timedelta(hours=1))
repeating("threads.forget-visits", every=timedelta(days=1))
repeating("threads.rerender", every=timedelta(days=1))
repeating("threads.forget-shapes", every=timedelta(days=1))


@handler("threads.expire-drafts")
def expire_drafts() -> None:
    """Remove drafts that nobody came back for."""
    with transaction() as session:
        drafts.expire_drafts(session)


@handler("threads.forget-events")
def forget_events() -> None:
    """Forget what open pages have long been told, in small steps."""
    forgotten = live.FORGOTTEN_AT_ONCE
    while forgotten == live.FORGOTTEN_AT_ONCE:
        with transaction() as session:
            forgotten = live.forget_events(session, clock.now())


@handler("threads.renew")
def renew(user_id: int) -> None:
    """Let pages show what stands beside a person's name now."""
    with transaction() as session:
        renew_threads_of(session, user_id)


@handler("threads.published")
def published(comment_id: int) -> None:
    """Tell once of a comment that can be read. One that was told of before and is back is merely put back."""
    with transaction() as session:
        if queries_written.tell_once(session, comment_id, clock.now()):
            comment_published_signal.send(None, comment_id=comment_id)
            return
        comment = queries_facts.locked_comment(session, comment_id)
        if comment is not None and comment.status == "published":
            comment_changed_signal.send(None, comment_id=comment_id)
        # Otherwise it was taken away meanwhile; if it comes back, this is asked for again.


@handler("threads.changed")
def changed(comment_id: int) -> None:
    """Tell of a comment that was taken away, put back or edited after it was told of."""
    with transaction() as session:
        comment = queries_facts.locked_comment(session, comment_id)
        if comment is not None and comment.told_at is not None:
            comment_changed_signal.send(None, comment_id=comment_id)


@handler("threads.moved")
def moved(root_id: int) -> None:
    """Let the search, notices and followers know where the comments of a branch stand now, in small steps."""
    after = 0
    while ids := queries_moving.told_ids(db.session(), root_id, after, MOVED_AT_ONCE):
        with transaction() as session:
            for comment_id in ids:
                if queries_facts.locked_comment(session, comment_id) is not None:
                    comment_changed_signal.send(None, comment_id=comment_id)
        after = ids[-1]


@handler("threads.picked")
def picked(pick_id: int) -> None:
    """Thank the author of a picked comment."""
    with transaction() as session:
        thank_for_pick(session, pick_id)


@handler("threads.shown-or-hidden")
def shown_or_hidden(article_id: int) -> None:
    """Tell that a discussion can no longer be seen, or can be seen again."""
    with transaction() as session:
        facts = queries_facts.facts_of_article_id(session, article_id)
        if facts is not None:
            thread_changed_signal.send(None, thread_id=facts.thread_id)


@handler("threads.forget-visits")
def forget_visits() -> None:
    """Forget where readers were long ago, in small steps."""
    forgotten = visits.FORGOTTEN_AT_ONCE
    while forgotten == visits.FORGOTTEN_AT_ONCE:
        with transaction() as session:
            forgotten = visits.forget_old_visits(session, clock.now())


@handler("threads.rerender")
def rerender(after_id: int = 0) -> None:
    """Make the HTML of old comments anew, some at a time: the next ones are a job of their own."""
    after: int | None = after_id
    for _ in range(RERENDERED_STEPS):
        after, _seen = rerender_some(db.session(), after or 0)
        if after is None:
            return
    with transaction():
        enqueue("threads.rerender", key="rerender", after_id=after)


@handler("threads.forget-words")
def forget_words(user_id: int) -> None:
    """Delete and blank everything a person wrote who leaves without their words, in small steps."""
    while ids := queries_authors.unblanked_comments(db.session(), user_id, BLANKED_AT_ONCE):
        with transaction() as session:
            for comment_id in ids:
                blank_comment(session, comment_id)


@handler("threads.ask-services")
def ask_services(comment_id: int, revision: int, attempt: int = 1, only: list[int] | None = None) -> None:
    """Ask programs elsewhere about a comment that was posted."""
    outside.ask_all(comment_id, revision, attempt, only)


@handler("threads.forget-shapes")
def forget_shapes() -> None:
    """Forget by what near-repeats of old comments are found."""
    with transaction() as session:
        queries_screening.forget_shapes(session, clock.now() - SHAPES_KEPT)


@handler("threads.check-counters")
def check_counters() -> None:
    """Recount every thread and report what differs; `flask counters repair` puts it right."""
    for thread_id in queries.thread_ids(db.session()):
        db.session().rollback()
        if recount(db.session(), thread_id, lock=False):
            # Something may have moved during the count; under the lock nothing does.
            with transaction() as session:
                for drift in recount(session, thread_id):
                    log.warning("a counter is wrong", thread=thread_id, row=drift.row_id, column=drift.column,
                                stored=drift.stored, counted=drift.counted)  # fmt: skip
