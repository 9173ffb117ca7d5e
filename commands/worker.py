"""`flask worker`: jobs in a process of their own."""

import signal
import socket
import threading
from types import FrameType

import click
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from core.db import db
from core.migrations import current_revision, newest_revision
from jobs import queue
from jobs import worker as loop

LOOK_SECONDS = 1.0


@click.command("worker")
def worker() -> None:
    """Do jobs until told to stop; what runs is finished first."""
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        queue.wake.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    await_shape(stop)
    click.echo("Working. Ctrl+C ends it.")
    loop.work(app, stop, name=f"worker at {socket.gethostname()}")


def await_shape(stop: threading.Event) -> None:
    """Wait until the site's start has brought the database to this version's shape, or until told to stop."""
    told = False
    while not stop.is_set():
        try:
            stands_at = current_revision() or ""
        except SQLAlchemyError:
            return  # a database that is away is the loop's to wait for
        finally:
            db.session.remove()
        if stands_at >= newest_revision():
            return
        if not told:
            click.echo(f"Waiting for the site to bring the database to {newest_revision()}.")
            told = True
        stop.wait(LOOK_SECONDS)
