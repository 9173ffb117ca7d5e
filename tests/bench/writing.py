"""Posting and respect: eight members at once, and afterwards a look for everything that was acknowledged."""

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import func, select

from blueprints.threads.counters import recount
from core import clock
from core.db import db
from models.article import Article
from models.job import Job
from models.thread import Comment, Revision, Thread
from models.user import User
from tests.bench.load import Load, drive, request
from tests.bench.members import Member

if TYPE_CHECKING:
    from tests.bench.measure import Bench

SYLLABLES = [one + two for one in "bdfgklmnprstvz" for two in "aeiou"]
RESPECTED_COMMENTS = 50
MOST_A_SECOND = 1_500  # requests prepared for each second of writing
SCRIPT = {"X-Requested-With": "fetch"}
SETTLE_SECONDS = 180
REPLIES_TO = 20  # comments that replies go to in turn


@dataclass(frozen=True)
class Written:
    """One figure of writing: how it went, CPU milliseconds a request, and what was missing afterwards."""

    name: str
    load: Load
    cpu: float
    lost: list[str]
    settled: float  # seconds until the jobs that were asked for meanwhile were done


def writing(bench: "Bench", members: Sequence[Member]) -> list[Written]:
    """Posts into the smallest and the largest thread, replies, posts by script, respects."""
    smallest, largest = bench.options.sizes[0], bench.options.sizes[-1]
    found = []
    for name, size, extra, replying in (
        ("post", smallest, {}, False), ("post", largest, {}, False), ("post a reply", largest, {}, True),
        ("post by script", smallest, SCRIPT, False),
    ):  # fmt: skip
        if any(one.name == f"{name}, {size:,} comments" for one in found):
            continue  # where there is only one size
        bench.say(f"{name}, {size:,} comments")
        found.append(_posts(bench, members, f"{name}, {size:,} comments", f"load-{size}", extra, replying=replying))
    bench.say("respect")
    return [*found, _respects(bench, members, f"respect, {largest:,} comments", f"load-{largest}")]


def settle(app: Flask) -> float:
    """Wait until no job is due; returns for how many seconds."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_SECONDS:
        with app.app_context():
            due = db.session.scalar(
                select(Job.id).where(Job.finished_at.is_(None), Job.failed_at.is_(None), Job.run_at <= clock.now())
                .limit(1)
            )  # fmt: skip
            db.session.rollback()
        if due is None:
            return time.monotonic() - began
        time.sleep(0.1)
    raise TimeoutError(f"the jobs were not done within {SETTLE_SECONDS} seconds")


def thread_of(slug: str) -> int:
    """The id of the thread under that article."""
    db.session.rollback()
    return db.session.scalar(select(Thread.id).join(Article).where(Article.slug == slug)) or 0


def others_comments(thread_id: int, emails: Sequence[str], limit: int) -> list[int]:
    """Some published comments that none of these people wrote."""
    own = select(User.id).where(User.email.in_(emails))
    return list(db.session.scalars(
        select(Comment.id)
        .where(Comment.thread_id == thread_id, Comment.status == "published", Comment.author_id.not_in(own))
        .order_by(Comment.id).limit(limit)
    ))  # fmt: skip


def drifted(name: str, thread_id: int) -> list[str]:
    """What a recount finds wrong."""
    drifts = recount(db.session(), thread_id, lock=False)
    db.session.rollback()
    return [f"{name}: {len(drifts)} counters differ from a recount, such as {drifts[0]}"] if drifts else []


def letters(syllables: int) -> str:
    """A word that means nothing: figures could pass for somebody's telephone number."""
    return "".join(secrets.choice(SYLLABLES) for _ in range(syllables))


def something() -> str:
    """A short comment that nobody made before, nor one like it."""
    words = [letters(secrets.choice((2, 2, 3))) for _ in range(16)]
    return f"{' '.join(words[:8]).capitalize()}, *{words[8]}*: {' '.join(words[9:])}."


def _posts(
    bench: "Bench", members: Sequence[Member], name: str, slug: str, extra: dict[str, str], *, replying: bool
) -> Written:
    mark = letters(6).capitalize()
    each = int(bench.options.seconds * MOST_A_SECOND / len(members))
    with bench.app.app_context():
        thread_id = thread_of(slug)
        before = _stored(thread_id)
        answered = others_comments(thread_id, [member.email for member in members], REPLIES_TO) if replying else []
    scripts = [
        [
            request("POST", f"/articles/{slug}/comments", member.headers | extra, urlencode({
                "csrf_token": member.token,
                "body": f"{something()} {mark}!",
                **({"parent_id": answered[number % len(answered)]} if answered else {}),
            }).encode())
            for number in range(each)
        ]
        for member in members
    ]  # fmt: skip
    load, cpu = _driven(bench, scripts)
    lost = _refused(name, load, {201, 303})
    settled = settle(bench.app)
    with bench.app.app_context():
        db.session.rollback()
        after = _stored(thread_id)
        kept = set(db.session.scalars(
            select(Comment.id)
            .join(Revision, Revision.comment_id == Comment.id)
            .where(Comment.thread_id == thread_id, Comment.status == "published", Comment.body_source.contains(mark))
        ))  # fmt: skip
        if missing := set(load.comment_ids) - kept:
            lost.append(f"{name}: {len(missing)} acknowledged comments are not in the database")
        if len(load.comment_ids) != load.requests or len(kept) != load.requests or after - before != load.requests:
            lost.append(f"{name}: {load.requests} sent, {len(load.comment_ids)} acknowledged, {len(kept)} kept, "
                        f"the count rose by {after - before}")
        lost += drifted(name, thread_id)
    return Written(name, load, cpu, lost, settled)


def _respects(bench: "Bench", members: Sequence[Member], name: str, slug: str) -> Written:
    """Every member gives respect to the same comments and takes it back, over and over."""
    with bench.app.app_context():
        thread_id = thread_of(slug)
        chosen = others_comments(thread_id, [member.email for member in members], RESPECTED_COMMENTS)
    scripts = [
        [
            request("POST", f"/comments/{comment_id}/respect", member.headers | SCRIPT,
                    urlencode({"csrf_token": member.token}).encode())
            for comment_id in chosen[writer:] + chosen[:writer]
        ]
        for writer, member in enumerate(members)
    ]  # fmt: skip
    load, cpu = _driven(bench, scripts, again=True)
    lost = _refused(name, load, {200})
    settled = settle(bench.app)
    with bench.app.app_context():
        db.session.rollback()
        lost += drifted(name, thread_id)
    return Written(name, load, cpu, lost, settled)


def _driven(bench: "Bench", scripts: list[list[bytes]], *, again: bool = False) -> tuple[Load, float]:
    before = bench.rejoinder.cpu_seconds()
    load = drive(bench.rejoinder.port, scripts, bench.options.seconds, again=again)
    return load, (bench.rejoinder.cpu_seconds() - before) * 1000 / max(1, load.requests)


def _refused(name: str, load: Load, expected: set[int]) -> list[str]:
    other = Counter({status: count for status, count in load.statuses.items() if status not in expected})
    return [f"{name}: {sum(other.values())} answers were not as expected: {dict(other)}"] if other else []


def _stored(thread_id: int) -> int:
    return db.session.scalar(select(func.count(Comment.id)).where(Comment.thread_id == thread_id)) or 0
