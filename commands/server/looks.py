"""What live streams ask of the database and write to it: beside the loop, in a context of its own each time."""

import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask

from blueprints.threads import live, lookup, watched
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.policy import may_see_thread
from core import clock
from core.db import db, transaction
from core.errors import DomainError
from core.viewer import GUEST
from jobs import heartbeat
from models.job import LIVE_STREAMS

OPEN = "open"

Change = tuple[int, bool, list[dict[str, Any]]]  # a thread's version, whether its stream goes on, what happened


class Looks:
    """The looks of one process at the database. Nothing here knows of the loop or of who reads."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._process = f"{socket.gethostname()[:50]}:{os.getpid()}:{secrets.token_hex(3)}"
        self.said: Mapping[int, int] = {}  # how many read each thread here, as the others were told last

    def facts(self, slug: str) -> ThreadFacts | None:
        """The thread under an article, where everybody may see it."""
        with self._app.app_context():
            try:
                facts = lookup.article_thread(slug)
            except DomainError:
                return None
            return None if may_see_thread(GUEST, facts, clock.now()) else facts

    def missed(self, slug: str, after: int) -> list[dict[str, Any]]:
        """What a reader missed who comes back; where that is too much, that the page must be loaded again."""
        with self._app.app_context():
            try:
                facts = lookup.article_thread(slug)
            except DomainError:
                return []
            told: list[dict[str, Any]] = list(lookup.changes(facts, after))
            if may_see_thread(GUEST, facts, clock.now()):
                return []
            return told if len(told) < live.TOLD_AT_ONCE else [live.reload(facts)]

    def changed(self, asked: Mapping[int, tuple[int, int]]) -> dict[int, Change]:
        """For each thread with another version: that version, whether its stream goes on, and what happened."""
        found: dict[int, Change] = {}
        with self._app.app_context():
            session = db.session()
            there = {row.id: row for row in watched.standing(session, sorted(asked), clock.now())}
            for thread_id, (version, number) in asked.items():
                row = there.get(thread_id)
                if row is None or not row.for_everyone or row.state not in {OPEN, "closed"}:
                    found[thread_id] = (version, False, [])
                elif row.version != version:
                    events = live.events_after(session, thread_id, number, live.TOLD_AT_ONCE)
                    # Where there are more, the version stays behind, and the next look finds them.
                    is_all = len(events) < live.TOLD_AT_ONCE
                    found[thread_id] = (
                        row.version if is_all else version, row.state == OPEN or not is_all,
                        [live.told(event) for event in events],
                    )  # fmt: skip
        return found

    def say_alive(self) -> None:
        """Write that live streams go on here."""
        with self._app.app_context(), transaction() as session:
            heartbeat.beat(session, LIVE_STREAMS)

    def say(self, readers: Mapping[int, int], asked: Sequence[int]) -> dict[int, int]:
        """Tell the other processes who reads here; gives how many read these threads everywhere."""
        with self._app.app_context():
            with transaction() as session:
                watched.say_readers(session, self._process, readers, clock.now())
            self.said = readers
            return watched.readers_of(db.session(), asked, clock.now())
