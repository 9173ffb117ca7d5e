"""What Rejoinder costs beside bare Flask: `python -m tests.bench`. Everything in one run, on a folder of its own.

`python -m tests.bench all` prints this, live streams, starts and memory, and with a PostgreSQL database the growth to
ten million comments, as one document.

`python -m tests.bench live` measures many readers of one live stream alone; `python -m tests.bench chaos` kills
processes while people read and write, and counts what is there afterwards; `python -m tests.bench moderators` lets ten
moderators work on a thousand comments and looks whether anything was decided twice or lost;
`python -m tests.bench guests` lets a thousand guests write, sign up and pay while webhooks come as they like;
`python -m tests.bench boxes` builds several hosts behind nginx and switches them off and cuts them off meanwhile;
`python -m tests.bench start` says how long a start takes and what the idle demo holds in memory;
`python -m tests.bench scale` fills PostgreSQL with a whole paper's comments and says what they weigh and cost.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from tests.bench import boxes, chaos, guests, live, moderators, scale, starting
from tests.bench.measure import Options, Report, Row, run

HEADINGS = ("", "requests/s", "p50 ms", "p99 ms", "CPU ms", "rate / bare", "CPU / bare")
TEN_MILLION = scale.ScaleOptions(comments=10_000_000, readers=1_000_000)


@dataclass(frozen=True)
class Kind:
    """One thing to measure: its options, what measures, and what of its report is a table."""

    options: type[Any]
    run: Callable[[Any, Callable[[str], None]], Any]
    helps: dict[str, str]
    table: Callable[[Any], list[str]] = field(default=lambda _report: [])
    counts: bool = False  # whether something is gone or done twice: then the exit status always says so


SERVER = {"processes": "of the server", "threads": "in each process",
          "database": "sqlite, or the URL of a PostgreSQL database"}  # fmt: skip
KINDS = {
    "live": Kind(live.LiveOptions, live.run, SERVER | {
        "readers": "of one stream at the same time", "posts": "a second", "seconds": "of posting"}),
    "chaos": Kind(chaos.ChaosOptions, chaos.run, SERVER | {
        "minutes": "of reading and writing", "every": "seconds a web process and a worker are killed",
        "writers": "members who write and read", "readers": "visitors who read"}, counts=True),
    "boxes": Kind(boxes.BoxesOptions, boxes.run, {
        "calm": "seconds before, between and after what happens", "off": "seconds that hosts are switched off",
        "apart": "seconds that hosts have no network", "writers": "members who write and read",
        "readers": "visitors who read", "streams": "browsers that hold a live stream"},
        counts=True),
    "guests": Kind(guests.GuestOptions, guests.run, SERVER | {
        "guests": "who come", "at_once": "of them at the same time", "seed": "of who does what"},
        counts=True),
    "start": Kind(starting.StartOptions, starting.run, SERVER | {
        "rounds": "starts after the first", "install": "also from nothing, packages included; needs the network"},
        starting.table),
    "scale": Kind(scale.ScaleOptions, scale.run, SERVER | {
        "comments": "in all", "readers": "with an account", "seconds": "of load for each figure and round",
        "rounds": "of each figure", "database": "the URL of a PostgreSQL database, of a superuser",
        "keep": "fill a database and leave it for another time; measure nothing",
        "filled": "the database is one that was kept"}, scale.table),
}  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status is 0 unless something is lost, or --strict is given and a target is missed."""
    if arguments[:1] == ["all"]:
        return _all(arguments[1:])
    if arguments[:1] == ["moderators"]:
        return _moderators(arguments[1:])
    if arguments and arguments[0] in KINDS:
        return _one(arguments[0], arguments[1:])
    given = _parser().parse_args(arguments)
    options = Options(
        sizes=tuple(int(size) for size in given.comments.split(",")), seconds=given.seconds, rounds=given.rounds,
        readers=given.readers, processes=given.processes, threads=given.threads, connections=given.connections,
        database=given.database, wrk=Options.wrk and not given.own_generator, deep=given.deep,
    )  # fmt: skip
    report = run(options, say=_say)
    print(markdown(report) if given.markdown else plain(report))
    return _status(report, given.strict)


def _one(name: str, arguments: Sequence[str]) -> int:
    kind = KINDS[name]
    parser = argparse.ArgumentParser(prog=f"python -m tests.bench {name}", description=kind.run.__doc__)
    for one in fields(kind.options):
        if one.name not in kind.helps:
            continue
        flag = f"--{one.name.replace('_', '-')}"
        if isinstance(one.default, bool):
            parser.add_argument(flag, action="store_true", help=kind.helps[one.name])
        else:
            parser.add_argument(flag, type=type(one.default), default=one.default, required=one.default in ("", MISSING),
                                help=kind.helps[one.name])  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a target is missed")
    given = vars(parser.parse_args(arguments))
    strict = given.pop("strict")
    report = kind.run(kind.options(**given), _say)
    print("\n".join(_printed(kind, report)))
    return _status(report, strict or kind.counts)


def _all(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench all", description="Every figure, as one document.")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a target is missed")
    parser.add_argument("--install", action="store_true", help="also the first start from nothing; needs the network")
    parser.add_argument("--database", default="", help="a PostgreSQL superuser's URL, for the growth to ten million comments")
    parser.add_argument("--filled", action="store_true", help="that database was kept by `scale --keep`")
    given = parser.parse_args(arguments)
    report = run(Options(), say=_say)
    print("## Reading and writing\n\n" + markdown(report), flush=True)
    status = _status(report, given.strict)
    ways = {
        "Live": ("live", live.LiveOptions()), "Starts, and memory": ("start", starting.StartOptions(install=given.install)),
        "Growth": ("scale", scale.ScaleOptions(TEN_MILLION.comments, TEN_MILLION.readers, database=given.database,
                                               filled=given.filled)),
    }  # fmt: skip
    for title, (name, options) in ways.items():
        if name == "scale" and not given.database:
            print("\n## Growth\n\nLeft out: it needs PostgreSQL, `--database postgresql://…`.")
            continue
        found = KINDS[name].run(options, _say)
        print("\n".join(["", f"## {title}", "", *_printed(KINDS[name], found)]), flush=True)
        status = max(status, _status(found, given.strict))
    return status


def _moderators(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench moderators", description=moderators.__doc__)
    parser.add_argument("--items", type=int, default=1_000, help="comments that wait")
    parser.add_argument("--moderators", type=int, default=10, help="at once")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL database")
    given = parser.parse_args(arguments)
    outcome = moderators.run(given.items, given.moderators, given.database)
    print("\n".join(f"- {line}" for line in outcome.lines))
    return 0 if outcome.is_sound else 1


def _printed(kind: Kind, report: Any) -> list[str]:
    """What a report says, as Markdown: its lines, its table, its targets, and how it was measured."""
    parts = [
        [f"- {line}" for line in getattr(report, "lines", ())], kind.table(report), _targets(report),
        [f"{line}." for line in getattr(report, "circumstances", ())],
    ]  # fmt: skip
    return [line for part in parts if part for line in (*part, "")][:-1]


def _targets(report: Any) -> list[str]:
    return [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]


def _status(report: Any, strict: bool) -> int:
    return 1 if strict and not all(verdict.met for verdict in report.verdicts) else 0


def _say(line: str) -> None:
    print(f"… {line}", file=sys.stderr, flush=True)


def plain(report: Report) -> str:
    """The report for a terminal."""
    lines = [f"{HEADINGS[0]:34}" + "".join(f"{heading:>13}" for heading in HEADINGS[1:])]
    lines += [f"{row.name:34}" + "".join(f"{cell:>13}" for cell in _cells(row)) for row in report.rows]
    lines += ["", *_depths(report), *_weights(report)]
    lines += ["", *(f"{'met   ' if verdict.met else 'MISSED'}  {verdict.sentence}" for verdict in report.verdicts)]
    return "\n".join([*lines, "", *report.circumstances])


def markdown(report: Report) -> str:
    """The report as it stands in docs/performance.md."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- |" + " ---: |" * (len(HEADINGS) - 1)]
    lines += [f"| {row.name} | " + " | ".join(_cells(row)) + " |" for row in report.rows]
    lines += ["", *(f"- {line}" for line in (*_depths(report), *_weights(report)))]
    lines += ["", *_targets(report)]
    return "\n".join([*lines, "", *(f"{line}." for line in report.circumstances)])


def _depths(report: Report) -> list[str]:
    """Milliseconds to a page that is made anew, by order and depth."""
    sorts = dict.fromkeys(depth.sort for depth in report.depths)
    return [
        f"{sort}, made anew: " + ", ".join(
            f"page {depth.page:,} {depth.milliseconds:.1f} ms" for depth in report.depths if depth.sort == sort
        )
        for sort in sorts
    ]  # fmt: skip


def _weights(report: Report) -> list[str]:
    """What a first view takes over the wire, and the heaviest parts of it."""
    lines = []
    for who, weight in report.weights.items():
        heaviest = sorted(weight.bodies.items(), key=lambda pair: -pair[1])[:3]
        parts = ", ".join(f"{address.partition('?')[0]} {size / 1000:.1f}" for address, size in heaviest)
        lines.append(f"{who}, first view: {weight.kilobytes:.1f} kB in {weight.requests} requests ({parts})")
    return lines


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.per_second:,.0f}", f"{row.p50:.1f}", f"{row.p99:.1f}", f"{row.cpu:.2f}",
        "" if row.ratio is None else f"{row.ratio:.2f}", "" if row.cpu_ratio is None else f"{row.cpu_ratio:.2f}",
    )  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    default = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--comments", default=",".join(map(str, default.sizes)), help="sizes of the threads, ascending")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of load for each figure")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="in which those seconds are spent")
    parser.add_argument("--readers", type=int, default=default.readers, help="members who wrote the comments")
    parser.add_argument("--processes", type=int, default=default.processes, help="of each server")
    parser.add_argument("--threads", type=int, default=default.threads, help="in each process")
    parser.add_argument("--connections", type=int, default=default.connections, help="that read at the same time")
    parser.add_argument("--database", default=default.database, help="sqlite, or the URL of a PostgreSQL database")
    parser.add_argument("--deep", type=int, default=default.deep, help="roots of the thread for pages at depth")
    parser.add_argument("--own-generator", action="store_true", help="do not use wrk, even where it is installed")
    parser.add_argument("--markdown", action="store_true", help="print the table for docs/performance.md")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a target is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
