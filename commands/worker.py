"""`flask worker`: jobs in a process of their own."""

import signal
import socket
import threading
from types import FrameType

import click
from flask import current_app

from jobs import queue
from jobs import worker as loop


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
    click.echo("Working. Ctrl+C ends it.")
    loop.work(app, stop, name=f"worker at {socket.gethostname()}")
