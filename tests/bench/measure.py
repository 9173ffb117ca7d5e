"""What is measured, in one run: reading beside bare Flask, at depth, posting, respect; and whether targets are met."""

import os
import platform
import re
import secrets
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from flask import Flask
from sqlalchemy import create_engine, make_url, text

from app import create_app
from core.config import Settings
from core.db import db
from tests.bench import servers
from tests.bench.depth import Depth, depths
from tests.bench.load import Load, has_wrk, read
from tests.bench.members import BROWSER, Member, sign_in, unpacked
from tests.bench.weight import Weight, first_view
from tests.bench.writing import settle, writing

WRITERS = 8
PAGES = (1, 100, 2_000)
# Ratios to bare Flask in the same run; a second; milliseconds; kilobytes over the wire.
VISITOR_TARGET, MEMBER_TARGET, GROWTH_TARGET, DEPTH_TARGET = 2.0, 0.6, 1.1, 1.2
POSTS_TARGET, POST_P99_TARGET, RESPECTS_TARGET, WEIGHT_TARGET = 400.0, 150.0, 800.0, 60.0


@dataclass(frozen=True)
class Options:
    sizes: tuple[int, ...] = (100, 10_000, 100_000)
    seconds: float = 6.0  # of load for each figure, split into rounds
    rounds: int = 3
    readers: int = 200
    connections: int = 16
    processes: int = 2
    threads: int = 8
    database: str = "sqlite"
    wrk: bool = has_wrk()
    warm: float = 1.0  # seconds of load before anything counts
    deep: int = 100_050  # roots of the thread in which pages at depth are measured
    depth_rounds: int = 25  # of every page at depth


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` compares requests a second with bare Flask, `cpu_ratio` CPU time a request."""

    name: str
    per_second: float
    p50: float
    p99: float
    cpu: float  # milliseconds a request, all processes of the server
    ratio: float | None = None
    cpu_ratio: float | None = None


@dataclass(frozen=True)
class Verdict:
    sentence: str
    met: bool


@dataclass
class Report:
    """Everything a run found out."""

    rows: list[Row]
    depths: list[Depth]
    weights: dict[str, Weight]
    verdicts: list[Verdict]
    circumstances: list[str]


@dataclass
class _Asked:
    name: str
    path: str
    headers: dict[str, str]
    server: servers.Served


@dataclass
class Bench:
    """What is measured, and with what."""

    options: Options
    app: Flask
    bare: servers.Served
    rejoinder: servers.Served
    say: Callable[[str], None]


def run(options: Options, say: Callable[[str], None] = print) -> Report:
    """Measure everything on a fresh folder and database; what is said on the way is not part of the report."""
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as name, database(options.database) as url:
        folder = Path(name)
        port = servers.free_port()
        settings = servers.environment(folder / "data", port, url, options.processes, options.threads)
        for size in options.sizes:
            servers.run(["seed", "load", "--comments", str(size), "--readers", str(options.readers)], settings)
        servers.run(
            ["seed", "load", "--comments", str(options.deep), "--readers", str(options.readers), "--roots-only"], settings
        )
        app = same_data(folder / "data", url)
        bare_port = servers.free_port()
        bare = servers.bare_flask(bare_port, options.processes, options.threads, folder / "bare.log")
        try:
            rejoinder = servers.rejoinder(port, settings, folder / "rejoinder.log")
            try:
                bench = Bench(options, app, bare, rejoinder, say)
                members = [sign_in(port, f"reader{number}@example.test") for number in range(1, WRITERS + 1)]
                settle(app)
                reading = _reading(bench, members[0])
                weights = {who: first_view(port, f"/articles/load-{options.sizes[0]}", headers)
                           for who, headers in (("visitor", BROWSER), ("member", members[0].headers))}  # fmt: skip
                deep = depths(app, port, members[0], f"load-{options.deep}", PAGES, options.depth_rounds, say)
                wrote = writing(bench, members)
            finally:
                rejoinder.stop()
        finally:
            bare.stop()
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
    rows = reading + [Row(one.name, one.load.per_second, one.load.p50, one.load.p99, one.cpu) for one in wrote]
    report = Report(rows, deep, weights, [], _circumstances(options, load_before))
    slowest = max(one.settled for one in wrote)
    report.circumstances.append(f"the jobs of the slowest burst were done {slowest:.1f} s after it")
    report.verdicts = verdicts(options, report, [missing for one in wrote for missing in one.lost])
    return report


@contextmanager
def database(wanted: str, *, keep: bool = False) -> Iterator[str]:
    """The address of a fresh database: empty for SQLite in the data folder, else one made beside the given one.

    One that is kept is not taken away when all went well.
    """
    if wanted == "sqlite":
        yield ""
        return
    url = make_url(wanted).set(drivername="postgresql+psycopg")
    name = f"{url.database}_bench_{secrets.token_hex(4)}"
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        whole = False
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
            whole = True
        finally:
            if not (keep and whole):
                with admin.connect() as connection:
                    connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        admin.dispose()


def same_data(data: Path, url: str) -> Flask:
    """An application of this process on the servers' data, to count in."""
    settings = Settings(data_dir=data, database_url=url)
    return create_app(settings)


def _reading(bench: Bench, member: Member) -> list[Row]:
    """Bare Flask and each page in turn, round by round: what else the machine does meanwhile meets both."""
    bare = _Asked("bare Flask, one route", "/", BROWSER, bench.bare)
    asked = []
    for size in bench.options.sizes:
        asked.append(_Asked(f"visitor, {size:,} comments", f"/articles/load-{size}", BROWSER, bench.rejoinder))
    first = f"/articles/load-{bench.options.sizes[0]}"
    known = BROWSER | {"If-None-Match": _check_page(bench.rejoinder.port, first, BROWSER, "Sign in")}
    asked.append(_Asked("visitor, page known (304)", first, known, bench.rejoinder))
    for size in bench.options.sizes:
        path = f"/articles/load-{size}"
        _check_page(bench.rejoinder.port, path, member.headers, "Load Reader")
        asked.append(_Asked(f"member, {size:,} comments", path, member.headers, bench.rejoinder))
    for each in (bare, *asked):
        _burst(bench, each, bench.options.warm)  # every process has made each page once
    found: dict[str, list[tuple[Load, float, float, float]]] = {}
    bare_found = []
    slice_seconds = bench.options.seconds / bench.options.rounds
    for number in range(bench.options.rounds):
        bench.say(f"reading, round {number + 1} of {bench.options.rounds}")
        for each in asked:
            base, base_cpu = _burst(bench, bare, slice_seconds)
            load, cpu = _burst(bench, each, slice_seconds)
            bare_found.append((base, base_cpu))
            found.setdefault(each.name, []).append(
                (load, cpu, load.per_second / base.per_second, cpu / base_cpu if base_cpu else 0.0)
            )
    rows = [_median(bare.name, [(load, cpu, 1.0, 1.0) for load, cpu in bare_found])]
    return rows + [_median(name, figures) for name, figures in found.items()]


def _burst(bench: Bench, asked: _Asked, seconds: float) -> tuple[Load, float]:
    """Load and CPU milliseconds a request. Raises RuntimeError for any answer that is a failure."""
    before = asked.server.cpu_seconds()
    options = bench.options
    load = read(asked.server.port, asked.path, asked.headers, options.connections, seconds, wrk=options.wrk)
    cpu = (asked.server.cpu_seconds() - before) * 1000 / max(1, load.requests)
    if any(count for status, count in load.statuses.items() if status >= 400):
        raise RuntimeError(f"{asked.name}: {dict(load.statuses)}")
    return load, cpu


def _median(name: str, figures: Sequence[tuple[Load, float, float, float]]) -> Row:
    def middle(values: Iterator[float]) -> float:
        return statistics.median(values)

    return Row(
        name,
        middle(load.per_second for load, *_ in figures),
        middle(load.p50 for load, *_ in figures),
        middle(load.p99 for load, *_ in figures),
        middle(cpu for _, cpu, _, _ in figures),
        middle(ratio for _, _, ratio, _ in figures),
        middle(ratio for *_, ratio in figures),
    )


def _check_page(port: int, path: str, headers: dict[str, str], words: str) -> str:
    """See that this is the whole page, with comments and for the right person; returns its ETag."""
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("GET", path, headers=headers)
        answer = line.getresponse()
        page = unpacked(answer.read(), answer.getheader("Content-Encoding"))
    finally:
        line.close()
    if answer.status != 200 or words not in page or page.count('<article class="comment"') < 20:
        raise RuntimeError(f"{path} is not the page to measure: {answer.status}, {len(page)} characters")
    return answer.getheader("ETag") or ""


def verdicts(options: Options, report: Report, lost: Sequence[str]) -> list[Verdict]:
    """The targets, each with what was found."""
    by_name = {row.name: row for row in report.rows}
    found: list[Verdict] = []
    for who, target in (("visitor", VISITOR_TARGET), ("member", MEMBER_TARGET)):
        pages = [by_name[f"{who}, {size:,} comments"] for size in options.sizes]
        worst = min(row.ratio or 0.0 for row in pages)
        found.append(Verdict(f"{who}: {worst:.2f} of bare Flask at least (target {target})", worst >= target))
        growth = pages[-1].cpu / pages[0].cpu if pages[0].cpu else 1.0
        found.append(Verdict(
            f"{who}: {options.sizes[-1]:,} comments cost {growth:.2f} times the CPU of {options.sizes[0]:,} "
            f"(target {GROWTH_TARGET})", growth <= GROWTH_TARGET,
        ))  # fmt: skip
    first = {depth.sort: depth.milliseconds for depth in report.depths if depth.page == 1}
    times, deepest = max(((depth.milliseconds / first[depth.sort], depth) for depth in report.depths), key=_first)
    found.append(Verdict(
        f"page {deepest.page:,} by {deepest.sort} takes {times:.2f} times the first to make, the most of all "
        f"(target {DEPTH_TARGET})", times <= DEPTH_TARGET,
    ))  # fmt: skip
    posts = [row for row in report.rows if row.name.startswith("post")]
    slowest, longest = min(row.per_second for row in posts), max(row.p99 for row in posts)
    found.append(Verdict(f"{slowest:.0f} posts a second at least (target {POSTS_TARGET:.0f})", slowest >= POSTS_TARGET))
    found.append(Verdict(
        f"99 of 100 posts take {longest:.0f} ms at most, {WRITERS} writing at once (target {POST_P99_TARGET:.0f})",
        longest <= POST_P99_TARGET,
    ))  # fmt: skip
    respects = min(row.per_second for row in report.rows if row.name.startswith("respect"))
    found.append(Verdict(f"{respects:.0f} respects a second (target {RESPECTS_TARGET:.0f})",
                         respects >= RESPECTS_TARGET))  # fmt: skip
    for who, weight in report.weights.items():
        found.append(Verdict(
            f"{who}: a first view takes {weight.kilobytes:.0f} kB over the wire in {weight.requests} requests "
            f"(target {WEIGHT_TARGET:.0f} kB)", weight.kilobytes <= WEIGHT_TARGET,
        ))  # fmt: skip
    found.append(Verdict("; ".join(lost) or "nothing acknowledged was lost, and every counter equals a recount",
                         not lost))  # fmt: skip
    return found


def _first(pair: tuple[float, Depth]) -> float:
    return pair[0]


def _circumstances(options: Options, load_before: float) -> list[str]:
    return [
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        f"{'SQLite ' + sqlite3.sqlite_version if options.database == 'sqlite' else 'PostgreSQL'}; "
        f"{options.processes} processes with {options.threads} threads each, on both sides",
        f"{'wrk' if options.wrk else 'the own generator'} on the same machine, {options.connections} connections; "
        f"{WRITERS} members writing; {options.seconds:g} s a figure in {options.rounds} rounds, medians",
        f"load average before {load_before:.1f}, after {os.getloadavg()[0]:.1f}",
    ]


def processor() -> str:
    try:
        said = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.+)$", said, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
