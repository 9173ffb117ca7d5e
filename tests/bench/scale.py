"""A whole paper's comments on PostgreSQL: what tables and indexes weigh, and what a page costs beside a small one.

`seed load` makes one discussion of a thousand comments; the database then copies it, with its texts, its respects and
the words of the search, until there are as many as wanted: one discussion of a tenth of them all, the rest in thousands.
Ids of a copy lie a fixed distance behind those it was copied from, so that paths need only another beginning. Foreign
keys are not looked at meanwhile, and indexes are made afterwards. Needs a PostgreSQL user who may do that.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from core.db import Base, db
from tests.bench import servers
from tests.bench.depth import depths
from tests.bench.load import connected, has_wrk, read
from tests.bench.measure import Verdict, database, processor, same_data
from tests.bench.members import BROWSER, Member, sign_in

SMALL = 100  # comments of the discussion that the others are compared with
COPIED = 1_000
STRIDE = 36**2  # ids between a copy and the next; the last two digits of an id in a path stay
AT_ONCE = 50  # copies in a transaction
WRITERS = 200
TARGET = 1.3
TABLES = ("comment", "revision", "respect", "comment_words", "thread", "article", "user")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class ScaleOptions:
    comments: int = 1_000_000
    readers: int = 100_000
    seconds: float = 1.5  # of load for each figure and round
    rounds: int = 5
    processes: int = 2
    threads: int = 8
    database: str = ""
    keep: bool = False  # fill and weigh, measure nothing, and leave the database for another time
    filled: bool = False  # `database` is one that was kept: measure only


@dataclass
class ScaleReport:
    lines: list[str] = field(default_factory=list)
    sizes: list[tuple[str, int, int, int]] = field(default_factory=list)  # name, rows, bytes of the table, of indexes
    indexes: list[tuple[str, int]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


def run(options: ScaleOptions, say: Callable[[str], None] = print) -> ScaleReport:
    """Fill a database beside the given one, measure, and take it away again, unless told to keep it."""
    report = ScaleReport()
    place = nullcontext(options.database) if options.filled else database(options.database, keep=options.keep)
    with tempfile.TemporaryDirectory(prefix="rejoinder-scale-") as name, place as url:
        folder, port = Path(name), servers.free_port()
        settings = servers.environment(folder / "data", port, url, options.processes, options.threads)
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        if not options.filled:
            _fill(engine, options, settings, report, say)
        _weigh(engine, report)
        engine.dispose()
        if options.keep:
            report.lines.append(f"kept: --filled --database {url}")
            return report
        app = same_data(folder / "data", url)
        served = servers.rejoinder(port, settings, folder / "rejoinder.log")
        try:
            member = sign_in(port, "reader1@example.test")
            _costs(options, app, served, member, report, say)
        finally:
            served.stop()
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
        report.lines.append(
            f"{processor()}, {os.cpu_count()} cores; load average {os.getloadavg()[0]:.1f}; the database on the same machine"
        )
        return report


def _fill(
    engine: Engine, options: ScaleOptions, settings: dict[str, str], report: ScaleReport, say: Callable[[str], None]
) -> None:
    for size in (SMALL, COPIED):
        servers.run(["seed", "load", "--comments", str(size), "--readers", str(WRITERS)], settings)
    took = grow(engine, options.comments, options.readers, say)
    report.lines.append(
        f"{options.comments:,} comments, one discussion of {_largest(options.comments):,} and the others of "
        f"{COPIED:,}; {options.readers:,} readers; filled in {took:.0f} s"
    )


def grow(engine: Engine, comments: int, readers: int, say: Callable[[str], None]) -> float:
    """Copy the discussion of a thousand until there are so many comments, and people; returns the seconds it took."""
    since = time.monotonic()
    copies = max(0, comments - SMALL - COPIED) // COPIED
    largest = _largest(comments) // COPIED
    with engine.begin() as connection:
        first = connection.execute(text(
            "SELECT t.id AS thread_id, a.id AS article_id FROM thread t JOIN article a ON a.id = t.article_id "
            "WHERE a.slug = :slug"
        ), {"slug": f"load-{COPIED}"}).one()  # fmt: skip
        given = connection.execute(text("SELECT max(id) FROM comment")).scalar_one()
        indexes = _without_indexes(connection)
        _more_people(connection, readers)
        _template(connection, first.thread_id)
        ids = {name: connection.execute(text(f"SELECT max(id) FROM {name}")).scalar_one()
               for name in ("article", "thread")}  # fmt: skip
    base = (given // STRIDE + 1) * STRIDE
    values = {"base": base, "article": first.article_id, "thread": first.thread_id, "next_article": ids["article"],
              "next_thread": ids["thread"], "largest": largest, "readers": readers}  # fmt: skip
    for begin in range(0, copies, AT_ONCE):
        with engine.begin() as connection:
            _copy(connection, values | {"first": begin, "last": min(begin + AT_ONCE, copies) - 1})
        if begin // AT_ONCE % 20 == 0:
            say(f"{begin * COPIED:,} comments copied in {time.monotonic() - since:.0f} s")
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        for statement in indexes:
            connection.execute(text(statement))
            say(f"{statement.split()[2 + ('UNIQUE' in statement)]} after {time.monotonic() - since:.0f} s")
        connection.execute(text(
            "UPDATE thread SET published_count = published_count * :n, root_count = root_count * :n, "
            "version = version + :n * 1000 WHERE id = :thread"
        ), {"n": largest, "thread": ids["thread"] + 1})  # fmt: skip
        connection.execute(text("DROP TABLE bench_ids, bench_comment, bench_people"))
        connection.execute(text("DROP TABLE IF EXISTS bench_copy"))
        for name in ("comment", "thread", "article"):
            connection.execute(text(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"
            ))  # fmt: skip
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
    return time.monotonic() - since


def _largest(comments: int) -> int:
    return max(COPIED, comments // 10 // COPIED * COPIED)


def _without_indexes(connection: Connection) -> list[str]:
    """Drop every index that is no constraint's; returns how to make them."""
    found = connection.execute(text(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text "
        "= ANY(:tables) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)"
    ), {"tables": ["comment", "revision", "respect", "comment_words"]}).all()  # fmt: skip
    for name, _ in found:
        connection.execute(text(f"DROP INDEX {name}"))
    return [statement for _, statement in found]


def _more_people(connection: Connection, readers: int) -> None:
    _insert(connection, "user", "\"user\" c CROSS JOIN generate_series(1, :more) k WHERE c.email = 'reader1@example.test'", {
        "id": None, "email": "'more' || k || '@example.test'", "name_key": "'more ' || k", "name_skeleton": "'more ' || k",
        "display_name": "'More ' || k", "fs_uniquifier": "md5(k::text)",
    }, {"more": max(0, readers - WRITERS)})  # fmt: skip
    connection.execute(text("CREATE TABLE bench_people AS SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM \"user\""))
    connection.execute(text("ALTER TABLE bench_people ADD PRIMARY KEY (n)"))
    connection.execute(text("ANALYZE bench_people"))


def _digits(number: str, places: int) -> str:
    """The SQL of so many base-36 digits of a number, as paths have them."""
    return " || ".join(f"substr('{DIGITS}', 1 + (({number}) / {36**place} % 36)::int, 1)" for place in reversed(range(places)))


def _template(connection: Connection, thread_id: int) -> None:
    """The discussion that is copied, with ids that count from zero, and paths in which a mark stands for five digits."""
    connection.execute(text(
        f"CREATE TABLE bench_ids AS SELECT id, n, {_digits('id', 7)} AS code, '~' || {_digits('n', 2)} AS marked FROM "
        f"(SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM comment WHERE thread_id = {thread_id}) numbered"
    ))  # fmt: skip
    connection.execute(text(
        "CREATE TABLE bench_comment AS SELECT c.*, i.n, p.n AS parent_n, r.n AS root_n, (SELECT string_agg(s.marked, '' "
        "ORDER BY place) FROM generate_series(0, length(c.path) / 7 - 1) place JOIN bench_ids s "
        "ON s.code = substr(c.path, place * 7 + 1, 7)) AS marked FROM comment c JOIN bench_ids i ON i.id = c.id "
        "LEFT JOIN bench_ids p ON p.id = c.parent_id LEFT JOIN bench_ids r ON r.id = c.root_id"
    ))  # fmt: skip


def _copy(connection: Connection, values: dict[str, Any]) -> None:
    """So many copies more: the first ones all go into one discussion, each further one is a discussion."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("SET LOCAL synchronous_commit = off"))
    base, largest = values["base"], values["largest"]
    connection.execute(text("DROP TABLE IF EXISTS bench_copy"))
    connection.execute(text(
        f"CREATE UNLOGGED TABLE bench_copy AS SELECT copy, {_digits(f'{base // STRIDE} + copy', 5)} AS prefix, "
        f"{base} + copy * {STRIDE} AS shift, greatest(copy - {largest} + 1, 0) + 1 AS place, "
        f"copy = 0 OR copy >= {largest} AS is_new FROM generate_series({values['first']}, {values['last']}) copy"
    ))  # fmt: skip
    connection.execute(text("ANALYZE bench_copy"))
    _insert(connection, "article", "article c JOIN bench_copy x ON x.is_new WHERE c.id = :article",
            {"id": ":next_article + x.place", "slug": "c.slug || '-' || x.place"}, values)  # fmt: skip
    _insert(connection, "thread", "thread c JOIN bench_copy x ON x.is_new WHERE c.id = :thread",
            {"id": ":next_thread + x.place", "article_id": ":next_article + x.place"}, values)  # fmt: skip
    _insert(
        connection, "comment",
        "bench_comment c CROSS JOIN bench_copy x JOIN bench_people p ON p.n = (c.n * 7919 + x.copy * 104729) % :readers", {
            "id": "x.shift + c.n", "thread_id": ":next_thread + x.place", "parent_id": "x.shift + c.parent_n",
            "root_id": "x.shift + c.root_n", "path": "replace(c.marked, '~', x.prefix)", "author_id": "p.id",
            "created_at": "c.created_at + x.copy * interval '1 second'",
            "published_at": "c.published_at + x.copy * interval '1 second'",
            "body_hash": "md5(c.body_hash || x.copy) || md5(x.copy || c.body_hash)",
            "published_number": "CASE WHEN x.copy < :largest THEN c.published_number + x.copy * 1000 ELSE c.published_number END",
        }, values)  # fmt: skip
    both = "JOIN bench_ids i ON i.id = c.comment_id CROSS JOIN bench_copy x"
    _insert(connection, "revision", f"revision c {both}", {"id": None, "comment_id": "x.shift + i.n"}, values)
    _insert(connection, "respect", f"respect c {both}", {"comment_id": "x.shift + i.n"}, values)
    _insert(connection, "comment_words", f"comment_words c {both}", {
        "comment_id": "x.shift + i.n",
        "words": "replace(c.words::text, '''@' || CAST(:thread AS text) || '''', '''@' || (:next_thread + x.place) || '''')::tsvector",
    }, values)  # fmt: skip


def _insert(connection: Connection, table: str, source: str, made: dict[str, str | None], values: dict[str, Any]) -> None:
    """Insert rows of a table that are like those of the source `c`, but for what is made anew; None leaves one out."""
    columns = [column.name for column in Base.metadata.tables[table].columns if made.get(column.name, "") is not None]
    names = ", ".join(f'"{name}"' for name in columns)
    chosen = ", ".join(made.get(name) or f'c."{name}"' for name in columns)
    connection.execute(text(f'INSERT INTO "{table}" ({names}) SELECT {chosen} FROM {source}'), values)


def _weigh(engine: Engine, report: ScaleReport) -> None:
    with engine.connect() as connection:
        for name in TABLES:
            row = connection.execute(text(
                f"SELECT (SELECT count(*) FROM \"{name}\"), pg_table_size('\"{name}\"'), pg_indexes_size('\"{name}\"')"
            )).one()  # fmt: skip
            report.sizes.append((name, row[0], row[1], row[2]))
        report.indexes = [(row[0], row[1]) for row in connection.execute(text(
            "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index WHERE indrelid::regclass::text "
            "= ANY(:tables) ORDER BY 2 DESC LIMIT 14"
        ), {"tables": ["comment", "revision", "respect", "comment_words"]})]  # fmt: skip


def _costs(
    options: ScaleOptions, app: Flask, served: servers.Served, member: Member, report: ScaleReport, say: Callable[[str], None]
) -> None:
    """Each page in turn, round by round; then pages that have to be made.

    The largest discussion is held against the thousand it was copied from, whose pages hold the same comments with the
    same answers under them, so that nothing but the size differs. That of a hundred is shown beside them: its pages by
    age and by answers are shorter.
    """
    pages = {"100": f"load-{SMALL}", f"{COPIED:,}": f"load-{COPIED}", f"{_size(app):,}": f"load-{COPIED}-1"}
    for who, headers in (("visitor", BROWSER), ("member", member.headers)):
        found: dict[str, list[float]] = {name: [] for name in pages}
        weights: dict[str, int] = {}
        for number in range(options.rounds + 1):
            say(f"{who}, round {number} of {options.rounds}")
            for name, slug in pages.items():
                before = served.cpu_seconds()
                load = read(served.port, f"/articles/{slug}", headers, 16, options.seconds, wrk=has_wrk())
                if any(count for status, count in load.statuses.items() if status != 200):
                    raise RuntimeError(f"{slug}: {dict(load.statuses)}")
                if number:
                    found[name].append((served.cpu_seconds() - before) * 1000 / max(1, load.requests))
        with connected(served.port) as line:
            for name, slug in pages.items():
                line.request("GET", f"/articles/{slug}", headers=headers | {"Accept-Encoding": "gzip"})
                weights[name] = len(line.getresponse().read())
        middle = {name: statistics.median(times) for name, times in found.items()}
        report.lines.append(f"{who}, page kept: " + ", ".join(
            f"of {name} {middle[name]:.3f} ms of CPU and {weights[name] / 1000:.1f} kB" for name in pages
        ))  # fmt: skip
        _, alike, largest = middle
        _hold(report, f"{who}, page kept", middle[largest] / middle[alike], f"that of {alike}")
    turns: dict[str, dict[tuple[str, int], list[float]]] = {name: {} for name in pages}
    for _ in range(options.rounds * 2):  # in turns: what else the machine does meets all
        for name, slug in pages.items():
            for one in depths(app, served.port, member, slug, (1, 100), 1, say):
                turns[name].setdefault((one.sort, one.page), []).append(one.milliseconds)
    deep = {name: {place: statistics.median(times) for place, times in found.items()} for name, found in turns.items()}
    for name, costs in deep.items():
        report.lines.append(f"made anew, of {name}: " + ", ".join(
            f"{sort} page {page} {cost:.1f} ms" for (sort, page), cost in costs.items()
        ))  # fmt: skip
    _, alike, largest = deep
    for (sort, page), cost in deep[largest].items():
        _hold(report, f"made anew, {sort}, page {page}", cost / deep[alike][sort, 1], f"the first of {alike}")


def _hold(report: ScaleReport, what: str, ratio: float, beside: str) -> None:
    report.verdicts.append(Verdict(f"{what}: {ratio:.2f} times {beside} (target {TARGET})", ratio <= TARGET))


def _size(app: Flask) -> int:
    """Comments of the largest discussion."""
    with app.app_context():
        largest: int = db.session.execute(text(
            "SELECT t.published_count FROM thread t JOIN article a ON a.id = t.article_id WHERE a.slug = :slug"
        ), {"slug": f"load-{COPIED}-1"}).scalar_one()  # fmt: skip
        db.session.rollback()
        return largest


def table(report: ScaleReport) -> list[str]:
    """The sizes, as they stand in docs/scale.md."""
    lines = ["| table | rows | table MB | indexes MB | bytes a row |", "| --- | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| `{name}` | {rows:,} | {size / 1e6:,.0f} | {indexes / 1e6:,.0f} | {(size + indexes) / max(1, rows):,.0f} |"
        for name, rows, size, indexes in report.sizes
    ]
    return [*lines, "", *(f"- `{name}` {size / 1e6:,.0f} MB" for name, size in report.indexes)]
