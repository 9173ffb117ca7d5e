"""People read and write while processes are killed: what was acknowledged must be there afterwards, exactly once.

Members post, answer each other, give respect and read, over connections that break whenever a process dies; each sends
again what was not acknowledged, as a browser does. Meanwhile a web process (with the worker in it) and a worker of its
own are killed in turn, without warning. The server brings its processes back by itself; the other worker is begun anew
here, as a service manager would. Then everything is counted.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import func, select

from core import clock
from core.db import db
from jobs import queue, worker
from models.job import Job
from models.live import LiveEvent
from models.notice import Notice, NoticeCause
from models.thread import Comment, Respect, Revision
from models.user import User
from tests.bench import servers
from tests.bench.measure import Verdict, database, same_data
from tests.bench.members import BROWSER, Member, sign_in, unpacked
from tests.bench.writing import SCRIPT, drifted, something, thread_of

COMMENTS = 300  # in the thread before
BACK_WITHIN = 20.0  # seconds, for a process that was killed
PATIENCE = 60.0  # seconds somebody goes on sending one thing again
PAUSE = 0.05  # seconds between two things one person does, in the middle
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class ChaosOptions:
    minutes: float = 10.0
    every: float = 60.0  # seconds from one killing to the next
    writers: int = 8
    readers: int = 4
    processes: int = 2
    threads: int = 8
    database: str = "sqlite"
    waits: bool = True  # for the leases of the killed to run out; otherwise the clock is moved


@dataclass
class Done:
    """What one person was told is done."""

    comments: dict[int, tuple[str, int | None]] = field(default_factory=dict)  # by id: the words, whom they answer
    respects: dict[int, bool] = field(default_factory=dict)  # by comment: given or taken back
    reads: int = 0
    sent_again: int = 0
    odd: Counter[str] = field(default_factory=Counter)


@dataclass
class Killed:
    """How often, and the longest time until as many processes as before were there."""

    web: int = 0
    workers: int = 0
    longest: float = 0.0
    missing: int = 0


@dataclass
class ChaosReport:
    lines: list[str]
    verdicts: list[Verdict]


class Person(threading.Thread):
    """Somebody who does one thing after the other until it is over, each until it is acknowledged."""

    def __init__(self, port: int, member: Member, slug: str, known: list[int], over: threading.Event) -> None:
        super().__init__(name=member.email, daemon=True)
        self.port, self.member, self.slug, self.known, self.over = port, member, slug, known, over
        self.done = Done()
        self.chance = random.Random(member.email)
        self._line: HTTPConnection | None = None

    def run(self) -> None:
        """Post, answer, give respect and read in turns."""
        while not self.over.is_set():
            self.chance.choices((self.post, self.answer, self.respect, self.read), (3, 3, 4, 3))[0]()
            time.sleep(self.chance.expovariate(1 / PAUSE))

    def post(self, parent_id: int | None = None) -> None:
        """Send a comment until it is taken in; the same words a second time are refused, and the first ones named."""
        words = f"Said in the middle of it all: {something()}"
        body = urlencode({"csrf_token": self.member.token, "body": words} | ({"parent_id": parent_id} if parent_id else {}))
        status, text = self._until("POST", f"/articles/{self.slug}/comments", {201, 422}, body)
        found = re.search(r'id="comment-(\d+)"' if status == 201 else r'href="/comments/(\d+)"', text)
        if found is None:
            self.done.odd[f"posting: {status}"] += 1
            return
        self.done.comments[int(found[1])] = (words, parent_id)
        self.known.append(int(found[1]))

    def answer(self) -> None:
        """Reply to something that is there, mostly to what is new."""
        self.post(self.chance.choice(self.known[-50:] if self.chance.random() < 0.8 else self.known))

    def respect(self) -> None:
        """Give respect, or take it back: said outright, so that sending it again changes nothing."""
        comment_id, on = self.chance.choice(self.known), self.chance.random() < 0.7
        body = urlencode({"csrf_token": self.member.token, "on": int(on)})
        status, text = self._until("POST", f"/comments/{comment_id}/respect", {200, 422}, body)
        if status == 200 and json.loads(text)["pressed"] == on:
            self.done.respects[comment_id] = on
        elif status == 200:
            self.done.odd["respect is not as it was asked for"] += 1

    def read(self) -> None:
        """Look at the thread in some order, or at one comment."""
        sort = self.chance.choice(("best", "newest", "oldest", "discussed"))
        path = f"/articles/{self.slug}?sort={sort}" if self.chance.random() < 0.8 else f"/comments/{self.known[-1]}"
        self._until("GET", path, {200})
        self.done.reads += 1

    def _until(self, method: str, path: str, wanted: set[int], body: str | None = None) -> tuple[int, str]:
        headers = self.member.headers | (SCRIPT | FORM if body else {})
        since = time.monotonic()
        while True:
            try:
                if self._line is None:
                    self._line = HTTPConnection("127.0.0.1", self.port, timeout=20)
                self._line.request(method, path, body, headers)
                answer = self._line.getresponse()
                text = unpacked(answer.read(), answer.getheader("Content-Encoding"))
                if answer.status in wanted:
                    return answer.status, text
                self.done.odd[f"{method} {path.partition('?')[0].rstrip('0123456789')}: {answer.status}"] += 1
            except (OSError, HTTPException, EOFError):
                if self._line is not None:
                    self._line.close()
                self._line = None
            if time.monotonic() - since > PATIENCE:
                self.done.odd[f"given up: {method} {path}"] += 1
                return 0, ""
            self.done.sent_again += 1
            time.sleep(0.05)


def run(options: ChaosOptions, say: Callable[[str], None] = print) -> ChaosReport:
    """Let it all happen on a fresh folder and database, then count."""
    with tempfile.TemporaryDirectory(prefix="rejoinder-chaos-") as name, database(options.database) as url:
        folder, port = Path(name), servers.free_port()
        settings = servers.environment(folder / "data", port, url, options.processes, options.threads)
        people = options.writers + options.readers
        servers.run(["seed", "load", "--comments", str(COMMENTS), "--readers", str(people)], settings)
        app = same_data(folder / "data", url)
        served = servers.rejoinder(port, settings, folder / "rejoinder.log")
        helper = _worker(settings, folder)
        try:
            crowd = gather(options.writers, options.readers, app, port)
            killed, helper = _kill(options, served, helper, settings, folder, crowd, say)
            say("settling")
            if options.waits:
                drained(app, seconds=queue.LEASE.total_seconds() * 3)
        finally:
            served.stop()
            helper.kill()
            helper.wait()
        try:
            return _counted(options, app, crowd, killed)
        finally:
            clock.shift(queue.LEASE * 0)
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


def gather(writers: int, readers: int, app: Flask, port: int) -> list[Person]:
    """So many members who write and visitors who read, who have begun."""
    slug, over = f"load-{COMMENTS}", threading.Event()
    with app.app_context():
        known = list(db.session.scalars(
            select(Comment.id).where(Comment.thread_id == thread_of(slug), Comment.status == "published")
        ))  # fmt: skip
        db.session.rollback()
    members = [sign_in(port, f"reader{number}@example.test") for number in range(1, writers + 1)]
    crowd = [Person(port, member, slug, known, over) for member in members]
    for number in range(readers):
        guest = Person(port, Member(f"guest {number}", BROWSER, ""), slug, known, over)
        guest.run = lambda one=guest: _only_read(one)  # type: ignore[method-assign, misc]
        crowd.append(guest)
    for one in crowd:
        one.start()
    return crowd


def _only_read(guest: Person) -> None:
    while not guest.over.is_set():
        guest.read()
        time.sleep(guest.chance.expovariate(1 / PAUSE))


def _kill(
    options: ChaosOptions, served: servers.Served, helper: "subprocess.Popen[bytes]", settings: dict[str, str],
    folder: Path, crowd: list[Person], say: Callable[[str], None],
) -> tuple[Killed, "subprocess.Popen[bytes]"]:  # fmt: skip
    """Kill one process after the other until the time is over; returns the worker that is there in the end."""
    killed, chance, before = Killed(), random.Random(7), len(served.processes())
    until = time.monotonic() + options.minutes * 60
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(options.every, left))
        if time.monotonic() >= until:
            break
        helper.send_signal(signal.SIGKILL)
        helper.wait()
        killed.workers += 1
        chosen = chance.choice(served.processes())
        os.kill(chosen, signal.SIGKILL)
        killed.web += 1
        since = time.monotonic()
        helper = _worker(settings, folder)
        while chosen in served.processes() or len(served.processes()) < before:
            if time.monotonic() - since > BACK_WITHIN:
                killed.missing += 1
                break
            time.sleep(0.05)
        killed.longest = max(killed.longest, time.monotonic() - since)
        done = sum(len(one.done.comments) for one in crowd)
        say(f"{killed.web} web processes and {killed.workers} workers killed; {done:,} comments so far")
    crowd[0].over.set()
    for one in crowd:
        one.join(PATIENCE * 2)
    return killed, helper


def _worker(settings: dict[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    log = (folder / "worker.log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "app.py", "worker"], cwd=servers.ROOT, env=settings, stdout=log, stderr=log
        )


def drained(app: Flask, seconds: float) -> bool:
    """Wait until every job that is due is done, those of the killed too, once their leases have run out."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with app.app_context():
            left = _unfinished()
        if not left:
            return True
        time.sleep(0.5)
    return False


def _unfinished() -> int:
    db.session.rollback()
    return db.session.scalar(
        select(func.count()).where(
            Job.finished_at.is_(None), Job.failed_at.is_(None), Job.kind.in_(("threads.published", "following.tell"))
        )
    ) or 0  # fmt: skip


def _counted(options: ChaosOptions, app: Flask, crowd: list[Person], killed: Killed) -> ChaosReport:
    with app.app_context():
        if not options.waits:
            clock.shift(queue.LEASE * 2)
            worker.run_all(limit=1_000_000)
        db.session.rollback()
        thread_id = thread_of(f"load-{COMMENTS}")
        wrong = found_wrong(crowd, thread_id)
    odd: Counter[str] = sum((one.done.odd for one in crowd), Counter())
    done = [one.done for one in crowd]
    comments, answers = sum(len(one.comments) for one in done), sum(
        parent is not None for one in done for _, parent in one.comments.values()
    )
    lines = [
        f"{options.minutes:g} minutes, {options.writers} members writing and reading, {options.readers} visitors reading",
        f"{comments:,} comments acknowledged ({answers:,} of them answers), {sum(len(one.respects) for one in done):,} "
        f"comments with respect given or taken back, {sum(one.reads for one in done):,} pages read",
        f"{killed.web} web processes and {killed.workers} workers killed; {sum(one.sent_again for one in done):,} "
        f"requests sent again; the longest time to as many processes as before: {killed.longest:.1f} s",
    ]
    verdicts = [
        Verdict("; ".join(wrong["comments"][:3]) or f"each of {comments:,} acknowledged comments is there once",
                not wrong["comments"]),
        Verdict("; ".join(wrong["respects"][:3]) or "every respect stands as it was acknowledged", not wrong["respects"]),
        Verdict("; ".join(wrong["notices"][:3]) or f"each of {answers:,} answers was told once to whom it answers",
                not wrong["notices"]),
        Verdict("; ".join(wrong["events"][:3]) or "every comment has one live event", not wrong["events"]),
        Verdict("; ".join(wrong["counters"]) or "every counter equals a recount", not wrong["counters"]),
        Verdict("; ".join(wrong["jobs"]) or "no job was left or given up", not wrong["jobs"]),
        Verdict("; ".join(f"{what} ({number})" for what, number in odd.most_common(5)) or "no answer was a failure",
                not odd),
        Verdict(f"{killed.missing} processes did not come back" if killed.missing else "every process came back by itself",
                not killed.missing and killed.web > 0),
    ]  # fmt: skip
    return ChaosReport(lines, verdicts)


def found_wrong(crowd: list[Person], thread_id: int) -> dict[str, list[str]]:
    """What is not as it was acknowledged, by kind; empty lists where all is well. Inside the application's context."""
    failed = db.session.scalar(select(func.count()).where(Job.failed_at.is_not(None))) or 0
    return {
        "comments": _comments(crowd, thread_id), "respects": _respects(crowd), "notices": _notices(crowd),
        "events": _events(crowd, thread_id), "counters": drifted("afterwards", thread_id),
        "jobs": [f"{number} jobs {what}" for what, number in (("left", _unfinished()), ("failed", failed)) if number],
    }  # fmt: skip


def _comments(crowd: list[Person], thread_id: int) -> list[str]:
    """What is missing or there twice: by their ids and by their words."""
    said = {comment_id: words for one in crowd for comment_id, (words, _) in one.done.comments.items()}
    rows = db.session.execute(
        select(Comment.id, Comment.body_source, Comment.status).where(
            Comment.thread_id == thread_id, Comment.body_source.startswith("Said in the middle")
        )
    ).all()
    stored = {row.id: row.body_source for row in rows if row.status == "published"}
    twice = [words for words, number in Counter(row.body_source for row in rows).items() if number > 1]
    texts = dict(db.session.execute(select(Revision.comment_id, func.count()).group_by(Revision.comment_id)).all())
    return [
        *(f"comment {comment_id} is not there" for comment_id, words in said.items() if stored.get(comment_id) != words),
        *(f"there twice: {words}" for words in twice),
        *(f"comment {row.id} was never acknowledged" for row in rows if row.id not in said),
        *(f"comment {comment_id} has {texts.get(comment_id, 0)} texts" for comment_id in said if texts.get(comment_id) != 1),
    ]  # fmt: skip


def _respects(crowd: list[Person]) -> list[str]:
    ids = dict(db.session.execute(select(User.email, User.id)).all())
    wrong = []
    for one in crowd:
        user_id = ids.get(one.member.email, 0)
        stored = set(db.session.scalars(select(Respect.comment_id).where(Respect.user_id == user_id)))
        wrong += [
            f"{one.member.email}'s respect for {comment_id} should be {on}"
            for comment_id, on in one.done.respects.items() if (comment_id in stored) != on
        ]  # fmt: skip
    return wrong


def _notices(crowd: list[Person]) -> list[str]:
    """Whether whoever was answered was told of each answer, once; and whether what is told counts its causes."""
    authors = dict(db.session.execute(select(Comment.id, Comment.author_id)).all())
    told = Counter(db.session.execute(
        select(NoticeCause.cause, NoticeCause.user_id).where(NoticeCause.kind == "reply")
    ).all())  # fmt: skip
    wrong = []
    for one in crowd:
        for comment_id, (_, parent_id) in one.done.comments.items():
            if parent_id is None or authors[parent_id] == authors.get(comment_id):
                continue
            if (times := told[f"comment:{comment_id}", authors[parent_id]]) != 1:
                wrong.append(f"answer {comment_id} was told {times} times")
    rows = db.session.execute(
        select(Notice.id, Notice.count, func.count(NoticeCause.id))
        .join(NoticeCause, NoticeCause.notice_id == Notice.id)
        .where(NoticeCause.withdrawn_at.is_(None)).group_by(Notice.id, Notice.count)
    ).all()  # fmt: skip
    return wrong + [f"notice {notice_id} counts {count} of {causes}" for notice_id, count, causes in rows if count != causes]


def _events(crowd: list[Person], thread_id: int) -> list[str]:
    told = Counter(db.session.scalars(
        select(LiveEvent.comment_id).where(LiveEvent.thread_id == thread_id, LiveEvent.kind == "comment")
    ))  # fmt: skip
    return [
        f"comment {comment_id} has {told[comment_id]} events"
        for one in crowd for comment_id in one.done.comments if told[comment_id] != 1
    ]  # fmt: skip
