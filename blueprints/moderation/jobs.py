"""Telling people what was decided, and how long decisions take."""

from datetime import timedelta

import structlog

from blueprints.moderation import (
    bulk,
    languages,
    likeness,
    queries_bulk,
    queries_cases,
    queries_claims,
    queries_queues,
    stress,
    telling,
    waiting,
)
from core import clock
from core.db import db, transaction
from jobs.queue import handler
from jobs.schedule import repeating

repeating("moderation.waiting-times", every=timedelta(minutes=10))
repeating("moderation.guess-languages", every=timedelta(minutes=1))
repeating("moderation.tidy-desk", every=timedelta(days=1))
repeating("moderation.listen", every=timedelta(seconds=30))
repeating("moderation.look-for-pairs", every=timedelta(hours=6))

GUESSED_AT_ONCE = 500
CLAIMS_KEPT = timedelta(days=7)

log = structlog.get_logger("moderation")


@handler("moderation.waiting-times")
def waiting_times() -> None:
    """Work out how long decisions lately took."""
    with transaction() as session:
        waiting.work_out(session)


@handler("moderation.tell")
def tell(action_id: int) -> None:
    """Tell of a decision, unless it was taken back meanwhile."""
    with transaction() as session:
        telling.tell(session, action_id)


@handler("moderation.guess-languages")
def guess_languages() -> None:
    """Guess the language of what waits and was not looked at yet, a bounded number at a time."""
    rows = queries_cases.without_language(db.session(), GUESSED_AT_ONCE)
    if rows:
        found = {row.id: languages.guess(row.body_source) for row in rows}
        with transaction() as session:
            queries_cases.note_languages(session, found)


@handler("moderation.tidy-desk")
def tidy_desk() -> None:
    """Remove claims that ran out long ago, and put right what the kept numbers of the queues say wrongly."""
    with transaction() as session:
        queries_claims.forget_lapsed(session, clock.now() - CLAIMS_KEPT)
        queries_bulk.forget_tried(session, clock.now() - CLAIMS_KEPT)
    if queries_queues.recount_backlog(db.session()):
        with transaction() as session:
            for wrong in queries_queues.recount_backlog(session, repair=True):
                log.error("a queue was miscounted", thread=wrong.thread_id, queue=wrong.queue,
                          stored=wrong.stored, counted=wrong.counted)  # fmt: skip


@handler("moderation.look-for-pairs")
def look_for_pairs() -> None:
    """Compare who joined or was kept out lately with each other."""
    with transaction() as session:
        likeness.look_for_pairs(session)


@handler("moderation.listen")
def listen() -> None:
    """Let an alarm sound where comments come much faster than usual."""
    with transaction() as session:
        for place in stress.listen(session, clock.now()):
            log.warning("comments come much faster than usual", place=place)


@handler("moderation.tell-alarm")
def tell_alarm(alarm_id: int) -> None:
    """Tell those who lead moderation that comments come much faster than usual."""
    with transaction() as session:
        stress.tell_alarm(session, alarm_id)


@handler("moderation.bulk")
def carry_out(run_id: int) -> None:
    """Carry out a decision about many comments, or take it back. Safe to run twice, also at once."""
    bulk.work_on(run_id)
