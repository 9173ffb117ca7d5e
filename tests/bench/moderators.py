"""Ten moderators at once on a thousand comments: none is decided twice, no decision is lost, the numbers stay true.

`python -m tests.bench moderators` makes a database of its own for it. Each moderator takes twenty at a time and decides
about them, and now and then about something that a colleague has taken. The test runs the same with fewer.
"""

import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from sqlalchemy import create_engine, make_url, select, text

from app import create_app
from blueprints.moderation import claims, ledger, queries_queues, service
from blueprints.moderation.queues import HELD, NONE, REPORTED
from blueprints.threads.counters import recount
from core.config import Settings
from core.db import db, transaction
from core.errors import Conflict, DomainError
from core.migrations import upgrade_if_needed
from models.moderation import ModerationAction
from models.thread import Comment, Thread
from tests.factories import make_rule, make_user
from tests.moderation.desk import make_member, make_talk, report, say, waiting

TALKS = 4
STRAY = 0.1  # how often somebody decides about what a colleague holds


@dataclass
class Outcome:
    """What came of it."""

    items: int
    seconds: float = 0.0
    decided: int = 0
    twice: int = 0
    undecided: int = 0
    told: int = 0  # refusals that named who was first
    times: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """For a terminal."""
        middle = sorted(self.times)[len(self.times) // 2] * 1000 if self.times else 0.0
        last = sorted(self.times)[int(len(self.times) * 0.95)] * 1000 if self.times else 0.0
        return [
            f"{self.items:,} comments, {self.decided:,} decided in {self.seconds:.1f} s"
            f" ({self.decided / max(self.seconds, 0.001):.0f} a second)",
            f"a decision: {middle:.0f} ms in the middle, {last:.0f} ms at the 95th of a hundred",
            f"decided twice {self.twice}, left undecided {self.undecided}, told who was first {self.told:,}",
            *(self.problems or ["counters, queues and ledger agree with a recount"]),
        ]

    @property
    def is_sound(self) -> bool:
        return not self.problems and self.twice == 0 and self.undecided == 0


def prepare(items: int, moderators: int) -> tuple[list[int], list[int], int]:
    """Comments that wait, half held and half reported, the moderators, and a rule."""
    talks = [make_talk() for _ in range(TALKS)]
    rule = make_rule("play-the-ball", "Play the ball", "Leave alone who said it.")
    reporter = make_member()
    ids = []
    for number in range(items):
        talk, who = talks[number % TALKS], make_member()
        if number % 2:
            ids.append(waiting(talk, who))
        else:
            ids.append(say(talk, who))
            report(ids[-1], reporter)
    return ids, [make_user(roles=("moderator",)).id for _ in range(moderators)], rule.id


def shift(app: Flask, items: int, moderators: int, seed: int = 7) -> Outcome:
    """Let all of them work until nothing waits, then look at everything."""
    ids, actors, rule_id = prepare(items, moderators)
    db.session.remove()
    outcome, lock, ready = Outcome(items), threading.Lock(), threading.Barrier(moderators)

    def work(actor_id: int, number: int) -> None:
        chance = random.Random(seed + number)
        with app.app_context():
            ready.wait()
            try:
                idle = 0
                while idle < 3:
                    taken = _take(actor_id, (HELD, REPORTED)[(number + idle) % 2])
                    idle = 0 if taken else idle + 1
                    for comment_id in taken:
                        stray = chance.random() < STRAY
                        for target in (chance.choice(ids), comment_id) if stray else (comment_id,):
                            began = time.perf_counter()
                            refused = _decide(target, actor_id, rule_id, publish=chance.random() < 0.7)
                            with lock:
                                outcome.times.append(time.perf_counter() - began)
                                outcome.told += refused
            except Exception as error:
                with lock:
                    outcome.problems.append(f"moderator {number}: {error!r}")
            finally:
                db.session.remove()

    began = time.perf_counter()
    workers = [threading.Thread(target=work, args=(actor, number)) for number, actor in enumerate(actors)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    outcome.seconds = time.perf_counter() - began
    _look(outcome, ids)
    return outcome


def _take(actor_id: int, queue: str) -> list[int]:
    try:
        with transaction() as session:
            return claims.claim(session, queue=queue, filters=NONE, actor_id=actor_id).ids
    except DomainError:
        return []


def _decide(comment_id: int, actor_id: int, rule_id: int, *, publish: bool) -> bool:
    """Decide once about this text as nobody has before; whether a colleague was first."""
    known = {"comment_id": comment_id, "revision": 1, "actor_id": actor_id, "last_action_id": 0}
    try:
        with transaction() as session:
            status = session.scalar(select(Comment.status).where(Comment.id == comment_id))
            if not publish:
                service.reject_comment(session, rule_id=rule_id, **known)  # type: ignore[arg-type]
            elif status == "withheld":
                service.publish_comment(session, **known)  # type: ignore[arg-type]
            else:
                service.dismiss_reports(session, **known)  # type: ignore[arg-type]
    except Conflict:
        return True
    return False


def _look(outcome: Outcome, ids: list[int]) -> None:
    db.session.remove()
    session = db.session()
    numbers = Counter(session.scalars(select(ModerationAction.comment_id)))
    outcome.decided = sum(numbers.values())
    outcome.twice = sum(number > 1 for number in numbers.values())
    outcome.undecided = sum(comment_id not in numbers for comment_id in ids)
    if wrong := queries_queues.recount_backlog(session):
        outcome.problems.append(f"queues: {wrong}")
    if problem := ledger.verify(session).problem:
        outcome.problems.append(problem)
    with transaction() as writing:
        for thread_id in writing.scalars(select(Thread.id)).all():
            if drift := recount(writing, thread_id):
                outcome.problems.append(f"thread {thread_id}: {drift[:3]}")


def run(items: int, moderators: int, database: str) -> Outcome:
    """The whole on a database of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        url, admin, name = f"sqlite:///{Path(folder) / 'moderators.sqlite3'}", None, "rejoinder_moderators"
        if database != "sqlite":
            base = make_url(database).set(drivername="postgresql+psycopg")
            admin = create_engine(base.set(database="postgres"), isolation_level="AUTOCOMMIT")
            with admin.connect() as connection:
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
                connection.execute(text(f'CREATE DATABASE "{name}"'))
            url = base.set(database=name).render_as_string(hide_password=False)
        app = create_app(Settings(database_url=url, data_dir=folder, secret_key="bench"))
        try:
            with app.app_context():
                upgrade_if_needed()
                found = shift(app, items, moderators)
                db.session.remove()
                db.engine.dispose()
            return found
        finally:
            if admin is not None:
                with admin.connect() as connection:
                    connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
                admin.dispose()
