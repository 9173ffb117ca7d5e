"""How long a start takes until the first page, and what the idle demo holds in memory: `python -m tests.bench start`."""

import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import servers
from tests.bench.measure import Verdict

COLD_TARGET = 1.0  # seconds to the first page, after the first start
MEMORY_TARGET = 150.0  # MB of all processes of the demo while nobody asks for anything
FRESH_TARGET = 30.0  # seconds from the files of the project to the first page, packages and demo included
IDLE_SECONDS = 5.0
DONE_SECONDS = 120.0
NOT_COPIED = shutil.ignore_patterns(".venv", ".git", "instance", "__pycache__", ".*_cache")


@dataclass(frozen=True)
class StartOptions:
    """`install` makes an environment and gets the packages too, as on a machine that has nothing but Python."""

    rounds: int = 5
    processes: int = 2
    install: bool = False


@dataclass
class StartReport:
    rows: list[tuple[str, str, str]] = field(default_factory=list)  # what, figure, target
    verdicts: list[Verdict] = field(default_factory=list)
    circumstances: list[str] = field(default_factory=list)


def run(options: StartOptions, say: Callable[[str], None] = print) -> StartReport:
    """Start the demo once on an empty folder, then again and again, each time until a page has come whole."""
    report = StartReport(circumstances=[f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"])
    with tempfile.TemporaryDirectory(prefix="rejoinder-start-") as name:
        folder = Path(name)
        if options.install:
            took = _fresh_machine(folder)
            add(report, "fresh machine to first page", took, FRESH_TARGET, "s")
        port = servers.free_port()
        settings = servers.environment(folder / "data", port, "", options.processes, 8)
        say("the first start, which makes the demo")
        seeded, *_ = _start(port, settings, folder / "log", until_done=folder / "data" / "rejoinder.sqlite3")
        report.rows.append(("first start, which makes the demo", f"{seeded:.2f} s", ""))
        took_each, worked_each, memory = [], [], 0.0
        for number in range(options.rounds):
            say(f"start {number + 1} of {options.rounds}")
            took, worked, memory = _start(port, settings, folder / "log", idle=number == options.rounds - 1)
            took_each.append(took)
            worked_each.append(worked)
    add(report, f"cold start to first page, median of {options.rounds}", statistics.median(took_each), COLD_TARGET, "s")
    report.rows.append(("the quickest of them", f"{min(took_each):.2f} s", ""))
    report.rows.append(("processor time of a start, median", f"{statistics.median(worked_each):.2f} s", ""))
    add(report, f"memory of the idle demo, {options.processes} web processes and their keeper", memory, MEMORY_TARGET, "MB")
    return report


def table(report: StartReport) -> list[str]:
    """The report as it stands in docs/performance.md."""
    return ["| start | | target |", "| --- | ---: | ---: |", *(f"| {' | '.join(row)} |" for row in report.rows)]


def add(report: StartReport, what: str, figure: float, target: float, unit: str) -> None:
    """One figure beside its target."""
    said = f"{figure:.2f} {unit}" if unit == "s" else f"{figure:.0f} {unit}"
    report.rows.append((what, said, f"{target:.0f} {unit}"))
    report.verdicts.append(Verdict(f"{what}: {said} (target {target:.0f})", figure < target))


def _start(
    port: int, settings: dict[str, str], log: Path, *, idle: bool = False, until_done: Path | None = None
) -> tuple[float, float, float]:
    """Seconds to the first page, those of the processor until then, and megabytes a while later if asked for.

    `until_done` is a database whose jobs are waited for: a demo that was just made has much to do, and is not idle.
    """
    began = time.perf_counter()
    server = servers.rejoinder(port, settings, log)
    took, worked = time.perf_counter() - began, server.cpu_seconds()
    try:
        if until_done:
            _wait_for_jobs(until_done)
        if idle:
            time.sleep(IDLE_SECONDS)
        return took, worked, server.memory() / 1000 if idle else 0.0
    finally:
        server.stop()


def _wait_for_jobs(database: Path) -> None:
    due = "SELECT 1 FROM job WHERE finished_at IS NULL AND failed_at IS NULL AND run_at <= datetime('now')"
    until = time.monotonic() + DONE_SECONDS
    time.sleep(IDLE_SECONDS)
    with closing(sqlite3.connect(database)) as connection:
        while connection.execute(due).fetchone() and time.monotonic() < until:
            time.sleep(1)


def _fresh_machine(folder: Path) -> float:
    """Seconds from a copy of the project's files, without environment, to the first page. Needs the network."""
    shutil.copytree(servers.ROOT, folder / "project", ignore=NOT_COPIED)
    port = servers.free_port()
    settings = servers.environment(folder / "fresh", port, "", 1, 8)
    del settings["REJOINDER_NO_BOOTSTRAP"]
    settings.pop("VIRTUAL_ENV", None)
    python = getattr(sys, "_base_executable", sys.executable)
    began = time.perf_counter()
    log = (folder / "fresh.log").open("w")
    process = subprocess.Popen([python, "app.py"], cwd=folder / "project", env=settings, stdout=log, stderr=log)
    try:
        servers.wait_for_page(process, port, folder / "fresh.log", 300)
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(30)
        log.close()
