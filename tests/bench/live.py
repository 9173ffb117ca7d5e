"""Live streams: what a reader costs, how soon everybody knows, and what it does to other requests meanwhile."""

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import select

from core.db import db
from models.article import Article
from models.live import LiveEvent
from models.thread import Thread
from tests.bench import servers
from tests.bench.measure import Verdict, database, processor, same_data
from tests.bench.members import BROWSER, Member, sign_in
from tests.bench.readers import GRAIN
from tests.bench.writing import something

WRITERS = 8
COMMENTS = 200  # in the thread before
PROBES_A_SECOND = 10
CONNECT_SECONDS = 180
SETTLE_SECONDS = 3.0
KILOBYTES_TARGET, SECONDS_TARGET, SLOWER_TARGET, UNHARMED_MS = 25.0, 1.0, 2.0, 100.0


@dataclass(frozen=True)
class LiveOptions:
    readers: int = 10_000
    posts: int = 50  # a second
    seconds: float = 20.0
    processes: int = 2
    threads: int = 8
    database: str = "sqlite"


@dataclass
class LiveReport:
    """What a run found out."""

    lines: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    circumstances: list[str] = field(default_factory=list)


def run(options: LiveOptions, say: Callable[[str], None] = print) -> LiveReport:
    """Measure on a fresh folder and database."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rejoinder-live-") as name, database(options.database) as url:
        folder, port = Path(name), servers.free_port()
        settings = servers.environment(folder / "data", port, url, options.processes, options.threads)
        settings |= {"LIVE_READERS": str(options.readers + 100), "LIVE_READERS_OF_AN_ADDRESS": str(options.readers + 100)}
        servers.run(["seed", "load", "--comments", str(COMMENTS), "--readers", "50"], settings)
        app = same_data(folder / "data", url)
        rejoinder = servers.rejoinder(port, settings, folder / "rejoinder.log")
        try:
            members = [sign_in(port, f"reader{number}@example.test") for number in range(1, WRITERS + 1)]
            report = _measured(options, app, rejoinder, members, say)
        finally:
            rejoinder.stop()
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
    report.circumstances = [
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        f"{'SQLite ' + sqlite3.sqlite_version if options.database == 'sqlite' else 'PostgreSQL'}; "
        f"{options.processes} processes with {options.threads} threads each",
        f"readers and writers on the same machine; {WRITERS} members writing for {options.seconds:g} s",
        f"load average before {load_before:.1f}, after {os.getloadavg()[0]:.1f}",
    ]
    return report


def _measured(
    options: LiveOptions, app: Flask, server: servers.Served, members: Sequence[Member], say: Callable[[str], None]
) -> LiveReport:
    path = f"/articles/load-{COMMENTS}"
    _traffic(options, server.port, path, members, 2.0)  # everything has been made once
    alone = _traffic(options, server.port, path, members, min(5.0, options.seconds))
    empty = server.memory()
    say(f"{options.readers} readers connect")
    command = [sys.executable, "-m", "tests.bench.readers", str(server.port), f"{path}/live", str(options.readers)]
    crowd = subprocess.Popen(command, cwd=servers.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert crowd.stdin is not None
    assert crowd.stdout is not None
    timer = threading.Timer(CONNECT_SECONDS + options.seconds, crowd.kill)
    timer.start()
    try:
        began = time.perf_counter()
        connected = int((crowd.stdout.readline().split() or ["", "0"])[1])
        took = time.perf_counter() - began
        time.sleep(SETTLE_SECONDS)
        full = server.memory()
        say(f"{options.posts} posts a second")
        from_moment, cpu = time.time(), server.cpu_seconds()
        crowded = _traffic(options, server.port, path, members, options.seconds)
        cpu = (server.cpu_seconds() - cpu) / options.seconds
        time.sleep(SETTLE_SECONDS)
        crowd.stdin.write("\n")
        crowd.stdin.flush()
        arrived = json.loads(crowd.stdout.readline())
    finally:
        timer.cancel()
        crowd.kill()
        crowd.wait()
    with app.app_context():
        db.session.rollback()
        made = _made(path.rpartition("/")[2], from_moment)
    seen = _seen(arrived["runs"], made)
    return _report(options, connected, took, (full - empty) / max(1, connected), seen, made, arrived["lost"], cpu,
                   alone, crowded)  # fmt: skip


@dataclass
class _Traffic:
    """Milliseconds to the answer, for posts and for the pages of others."""

    posts: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)


def _traffic(options: LiveOptions, port: int, path: str, members: Sequence[Member], seconds: float) -> _Traffic:
    """Posts at an even pace, and visitors' and a member's pages in between."""
    found, until = _Traffic(), time.perf_counter() + seconds

    def paced(pause: float, first: float, ask: Callable[[HTTPConnection, int], int], into: list[float]) -> None:
        line = HTTPConnection("127.0.0.1", port, timeout=30)
        due, number = time.perf_counter() + first, 0
        while (due := due + pause) < until:
            time.sleep(max(0.0, due - time.perf_counter()))
            asked = time.perf_counter()
            status = ask(line, number)
            into.append((time.perf_counter() - asked) * 1000)
            number += 1
            if status not in {200, 201}:
                found.refused[status] += 1
        line.close()

    def post(member: Member) -> Callable[[HTTPConnection, int], int]:
        def ask(line: HTTPConnection, number: int) -> int:
            words = something()
            fields = urlencode({"csrf_token": member.token, "body": words})
            form = {"Content-Type": "application/x-www-form-urlencoded", "X-Requested-With": "fetch"}
            return _status(line, "POST", f"{path}/comments", fields, member.headers | form)

        return ask

    def page(headers: dict[str, str]) -> Callable[[HTTPConnection, int], int]:
        return lambda line, _number: _status(line, "GET", path, None, headers)

    pause = len(members) / options.posts
    threads = [
        threading.Thread(target=paced, args=(pause, pause * index / len(members), post(member), found.posts))
        for index, member in enumerate(members)
    ]
    for headers in (BROWSER, members[0].headers):
        threads.append(threading.Thread(target=paced, args=(2 / PROBES_A_SECOND, 0.0, page(headers), found.pages)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _status(line: HTTPConnection, method: str, path: str, body: str | None, headers: dict[str, str]) -> int:
    line.request(method, path, body, headers)
    answer = line.getresponse()
    answer.read()
    return answer.status


def _made(slug: str, since: float) -> dict[int, float]:
    """When each event of the run was written, by its number."""
    rows = db.session.execute(
        select(LiveEvent.number, LiveEvent.created_at)
        .join(Thread, Thread.id == LiveEvent.thread_id).join(Article, Article.id == Thread.article_id)
        .where(Article.slug == slug)
    )  # fmt: skip
    return {number: at.timestamp() for number, at in rows if at.timestamp() >= since}


def _seen(runs: Sequence[tuple[int, int, list[tuple[int, int]]]], made: dict[int, float]) -> list[tuple[float, int]]:
    """Seconds from writing an event to a reader's having it, each with how many readers; in ascending order."""
    seen: Counter[float] = Counter()
    for first, last, moments in runs:
        for number in range(first + 1, last + 1):
            if number in made:
                for moment, readers in moments:
                    seen[max(0.0, round((moment + 1) * GRAIN - made[number], 3))] += readers
    return sorted(seen.items())


def _at(seen: Sequence[tuple[float, int]], share: float) -> float:
    wanted, counted = share * sum(readers for _, readers in seen), 0
    for seconds, readers in seen:
        counted += readers
        if counted >= wanted:
            return seconds
    return seen[-1][0] if seen else 0.0


def _report(
    options: LiveOptions, connected: int, took: float, kilobytes: float, seen: Sequence[tuple[float, int]],
    made: dict[int, float], lost: int, cpu: float, alone: _Traffic, crowded: _Traffic,
) -> LiveReport:  # fmt: skip
    expected, had = connected * len(made), sum(readers for _, readers in seen)
    p99 = _at(seen, 0.99)
    before, pages = _percentile(alone.pages, 0.99), _percentile(crowded.pages, 0.99)
    bearable = max(UNHARMED_MS, SLOWER_TARGET * before)
    lines = [
        f"{connected:,} readers connected in {took:.1f} s; {kilobytes:.1f} KB of memory each",
        f"{len(made):,} events, {len(made) / options.seconds:.0f} a second; seen {had:,} times of {expected:,}",
        f"from writing to a reader's having it: p50 {_at(seen, 0.5):.2f} s, p99 {p99:.2f} s, "
        f"longest {_at(seen, 1.0):.2f} s",
        f"CPU of the server meanwhile: {cpu:.2f} of {os.cpu_count()} cores",
        _compared("pages of others", alone.pages, crowded.pages),
        _compared("posts", alone.posts, crowded.posts),
    ]
    verdicts = [
        Verdict(f"{connected:,} readers at the same time (target {options.readers:,})", connected == options.readers),
        Verdict(f"{kilobytes:.1f} KB a reader (target {KILOBYTES_TARGET:.0f})", kilobytes <= KILOBYTES_TARGET),
        Verdict(f"every event seen by every reader, none let go ({lost} were)", had == expected and not lost),
        Verdict(f"p99 to a reader {p99:.2f} s (target {SECONDS_TARGET:.0f})", p99 < SECONDS_TARGET),
        Verdict(f"other pages' p99 {pages:.0f} ms (target {bearable:.0f}: twice as long as without readers); refused: "
                f"{dict(crowded.refused) or 'none'}", pages <= bearable and not crowded.refused),
    ]  # fmt: skip
    return LiveReport(lines, verdicts)


def _compared(name: str, alone: Sequence[float], crowded: Sequence[float]) -> str:
    before, meanwhile = (
        f"p50 {statistics.median(values or [0]):.0f} ms, p99 {_percentile(values, 0.99):.0f} ms"
        for values in (alone, crowded)
    )
    return f"{name}: {meanwhile}; without readers {before}"


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0
