"""What Rejoinder costs beside bare Flask: `python -m tests.bench`. Everything in one run, on a folder of its own.

`python -m tests.bench live` measures many readers of one live stream instead; `python -m tests.bench chaos` kills
processes while people read and write, and counts what is there afterwards; `python -m tests.bench moderators` lets ten
moderators work on a thousand comments and looks whether anything was decided twice or lost;
`python -m tests.bench guests` lets a thousand guests write, sign up and pay while webhooks come as they like;
`python -m tests.bench boxes` builds several hosts behind nginx and switches them off and cuts them off meanwhile;
`python -m tests.bench start` says how long a start takes and what the idle demo holds in memory;
`python -m tests.bench scale` fills PostgreSQL with a whole paper's comments and says what they weigh and cost.
"""

import argparse
import sys
from collections.abc import Sequence

from tests.bench import boxes, chaos, guests, live, moderators, scale, starting
from tests.bench.measure import Options, Report, Row, run

HEADINGS = ("", "requests/s", "p50 ms", "p99 ms", "CPU ms", "rate / bare", "CPU / bare")


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status is 0 unless --strict is given and a target is missed."""
    if arguments[:1] == ["live"]:
        return _live(arguments[1:])
    if arguments[:1] == ["chaos"]:
        return _chaos(arguments[1:])
    if arguments[:1] == ["moderators"]:
        return _moderators(arguments[1:])
    if arguments[:1] == ["guests"]:
        return _guests(arguments[1:])
    if arguments[:1] == ["boxes"]:
        return _boxes(arguments[1:])
    if arguments[:1] == ["start"]:
        return _start(arguments[1:])
    if arguments[:1] == ["scale"]:
        return _scale(arguments[1:])
    given = _parser().parse_args(arguments)
    options = Options(
        sizes=tuple(int(size) for size in given.comments.split(",")), seconds=given.seconds, rounds=given.rounds,
        readers=given.readers, processes=given.processes, threads=given.threads, connections=given.connections,
        database=given.database, wrk=Options.wrk and not given.own_generator, deep=given.deep,
    )  # fmt: skip
    report = run(options, say=_say)
    print(markdown(report) if given.markdown else plain(report))
    return 1 if given.strict and not all(verdict.met for verdict in report.verdicts) else 0


def _live(arguments: Sequence[str]) -> int:
    default = live.LiveOptions()
    parser = argparse.ArgumentParser(prog="python -m tests.bench live", description=live.__doc__)
    parser.add_argument("--readers", type=int, default=default.readers, help="of one stream at the same time")
    parser.add_argument("--posts", type=int, default=default.posts, help="a second")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of posting")
    parser.add_argument("--processes", type=int, default=default.processes, help="of the server")
    parser.add_argument("--threads", type=int, default=default.threads, help="in each process")
    parser.add_argument("--database", default=default.database, help="sqlite, or the URL of a PostgreSQL database")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a target is missed")
    given = vars(parser.parse_args(arguments))
    strict = given.pop("strict")
    report = live.run(live.LiveOptions(**given), say=_say)
    verdicts = [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]
    print("\n".join([*(f"- {line}" for line in report.lines), "", *verdicts, "",
                     *(f"{line}." for line in report.circumstances)]))  # fmt: skip
    return 1 if strict and not all(verdict.met for verdict in report.verdicts) else 0


def _chaos(arguments: Sequence[str]) -> int:
    default = chaos.ChaosOptions()
    parser = argparse.ArgumentParser(prog="python -m tests.bench chaos", description=chaos.__doc__)
    parser.add_argument("--minutes", type=float, default=default.minutes, help="of reading and writing")
    parser.add_argument("--every", type=float, default=default.every, help="seconds a web process and a worker are killed")
    parser.add_argument("--writers", type=int, default=default.writers, help="members who write and read")
    parser.add_argument("--readers", type=int, default=default.readers, help="visitors who read")
    parser.add_argument("--processes", type=int, default=default.processes, help="of the server")
    parser.add_argument("--threads", type=int, default=default.threads, help="in each process")
    parser.add_argument("--database", default=default.database, help="sqlite, or the URL of a PostgreSQL database")
    report = chaos.run(chaos.ChaosOptions(**vars(parser.parse_args(arguments))), say=_say)
    verdicts = [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]
    print("\n".join([*(f"- {line}" for line in report.lines), "", *verdicts]))
    return 0 if all(verdict.met for verdict in report.verdicts) else 1


def _boxes(arguments: Sequence[str]) -> int:
    default = boxes.BoxesOptions()
    parser = argparse.ArgumentParser(prog="python -m tests.bench boxes", description=boxes.__doc__)
    parser.add_argument("--calm", type=float, default=default.calm, help="seconds before, between and after what happens")
    parser.add_argument("--off", type=float, default=default.off, help="seconds that hosts are switched off")
    parser.add_argument("--apart", type=float, default=default.apart, help="seconds that hosts have no network")
    parser.add_argument("--writers", type=int, default=default.writers, help="members who write and read")
    parser.add_argument("--readers", type=int, default=default.readers, help="visitors who read")
    parser.add_argument("--streams", type=int, default=default.streams, help="browsers that hold a live stream")
    report = boxes.run(boxes.BoxesOptions(**vars(parser.parse_args(arguments))), say=_say)
    verdicts = [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]
    print("\n".join([*(f"- {line}" for line in report.lines), "", *verdicts]))
    return 0 if all(verdict.met for verdict in report.verdicts) else 1


def _scale(arguments: Sequence[str]) -> int:
    default = scale.ScaleOptions()
    parser = argparse.ArgumentParser(prog="python -m tests.bench scale", description=scale.__doc__)
    parser.add_argument("--comments", type=int, default=default.comments, help="in all")
    parser.add_argument("--readers", type=int, default=default.readers, help="with an account")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of load for each figure and round")
    parser.add_argument("--rounds", type=int, default=default.rounds, help="of each figure")
    parser.add_argument("--processes", type=int, default=default.processes, help="of the server")
    parser.add_argument("--threads", type=int, default=default.threads, help="in each process")
    parser.add_argument("--database", required=True, help="the URL of a PostgreSQL database, of a superuser")
    parser.add_argument("--keep", action="store_true", help="fill a database and leave it for another time; measure nothing")
    parser.add_argument("--filled", action="store_true", help="the database is one that was kept")
    report = scale.run(scale.ScaleOptions(**vars(parser.parse_args(arguments))), say=_say)
    verdicts = [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]
    print("\n".join([*(f"- {line}" for line in report.lines), "", *scale.table(report), "", *verdicts]))
    return 0 if all(verdict.met for verdict in report.verdicts) else 1


def _start(arguments: Sequence[str]) -> int:
    default = starting.StartOptions()
    parser = argparse.ArgumentParser(prog="python -m tests.bench start", description=starting.__doc__)
    parser.add_argument("--rounds", type=int, default=default.rounds, help="starts after the first")
    parser.add_argument("--processes", type=int, default=default.processes, help="of the server")
    parser.add_argument("--install", action="store_true", help="also from nothing, packages included; needs the network")
    report = starting.run(starting.StartOptions(**vars(parser.parse_args(arguments))), say=_say)
    verdicts = [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]
    print("\n".join([*starting.table(report), "", *verdicts, "", f"{report.circumstances}."]))
    return 0 if all(verdict.met for verdict in report.verdicts) else 1


def _moderators(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench moderators", description=moderators.__doc__)
    parser.add_argument("--items", type=int, default=1_000, help="comments that wait")
    parser.add_argument("--moderators", type=int, default=10, help="at once")
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a PostgreSQL database")
    given = parser.parse_args(arguments)
    outcome = moderators.run(given.items, given.moderators, given.database)
    print("\n".join(f"- {line}" for line in outcome.lines))
    return 0 if outcome.is_sound else 1


def _guests(arguments: Sequence[str]) -> int:
    default = guests.GuestOptions()
    parser = argparse.ArgumentParser(prog="python -m tests.bench guests", description=guests.__doc__)
    parser.add_argument("--guests", type=int, default=default.guests, help="who come")
    parser.add_argument("--at-once", type=int, default=default.at_once, help="of them at the same time")
    parser.add_argument("--processes", type=int, default=default.processes, help="of the server")
    parser.add_argument("--threads", type=int, default=default.threads, help="in each process")
    parser.add_argument("--database", default=default.database, help="sqlite, or the URL of a PostgreSQL database")
    parser.add_argument("--seed", type=int, default=default.seed, help="of who does what")
    report = guests.run(guests.GuestOptions(**vars(parser.parse_args(arguments))), say=_say)
    verdicts = [f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts]
    print("\n".join([*(f"- {line}" for line in report.lines), "", *verdicts]))
    return 0 if all(verdict.met for verdict in report.verdicts) else 1


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
    lines += ["", *(f"- {'met' if verdict.met else '**missed**'}: {verdict.sentence}" for verdict in report.verdicts)]
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
