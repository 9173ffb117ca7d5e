"""`flask counters check | repair`, `flask comments rerender`, `flask search check | rebuild`"""

import sys

import click
from flask.cli import AppGroup

from blueprints.threads import queries
from blueprints.threads.counters import Drift, recount
from blueprints.threads.rerender import count_old, rerender_some
from blueprints.threads.search import index
from core.db import db, transaction

counters = AppGroup("counters", help="Recount what threads and comments count.")
comments = AppGroup("comments", help="Work on the texts of comments.")
search_commands = AppGroup("search", help="The words by which comments are found.")


@counters.command()
def check() -> None:
    """Report every counter that is wrong; exit status 1 if there is one."""
    sys.exit(1 if _run(repair=False) else 0)


@counters.command()
def repair() -> None:
    """Report and correct every counter that is wrong. Can be interrupted and run again."""
    _run(repair=True)


@search_commands.command("check")
def check_search() -> None:
    """Say how many comments the search does not know as they stand; exit status 1 if there is one."""
    published, unknown = index.standing(db.session())
    click.echo(f"{published:,} published comments, {unknown:,} not known to the search as they stand.")
    sys.exit(1 if unknown else 0)


@search_commands.command()
@click.option("--anew", is_flag=True, help="Forget every word first. Until this ends, less is found.")
def rebuild(anew: bool) -> None:
    """Store the words of every comment that the search does not know. Can be interrupted and run again."""
    if anew:
        with transaction() as session:
            index.forget_all(session)
    left = 0
    while gone := index.leftovers(db.session()):
        left += len(gone)
        with transaction() as session:
            for comment_id in gone:
                index.forget_comment(session, comment_id)
    published, missing = index.standing(db.session())
    after = 0
    with click.progressbar(length=missing, label="Comments", file=sys.stderr) as bar:
        while entries := index.unknown(db.session(), after):
            with transaction() as session:
                index.store(session, entries)
            after = entries[-1].comment_id
            bar.update(len(entries))
    click.echo(f"{published:,} published comments: {missing:,} added to the search, {left:,} taken out of it.")


def _run(*, repair: bool) -> int:
    ids = queries.thread_ids(db.session())
    wrong = 0
    with click.progressbar(ids, label="Threads", file=sys.stderr) as bar:
        for thread_id in bar:
            with transaction() as session:
                drifts = recount(session, thread_id, repair=repair)
            wrong += len(drifts)
            for drift in drifts:
                click.echo(_line(drift))
    threads, counters = "thread" if len(ids) == 1 else "threads", "counter" if wrong == 1 else "counters"
    click.echo(f"{len(ids):,} {threads}, {wrong:,} {counters} {'repaired' if repair else 'wrong'}.")
    return wrong


def _line(drift: Drift) -> str:
    return f"{drift.what} {drift.row_id}: {drift.column} is {drift.stored}, counted {drift.counted}"


@comments.command("rerender")
def rerender_all() -> None:
    """Make the HTML of comments anew that an earlier renderer made. Can be interrupted and run again."""
    old, done = count_old(db.session()), 0
    after: int | None = 0
    with click.progressbar(length=old, label="Comments", file=sys.stderr) as bar:
        while after is not None:
            after, seen = rerender_some(db.session(), after)
            done += seen
            bar.update(seen)
    click.echo(f"{done:,} comments made anew.")
