"""A request that has to wait while something else is written."""

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from blueprints.threads.locking import lock_thread
from core.db import db, transaction
from core.errors import DomainError


def while_waiting(app: Flask, thread_id: int, happens: Callable[[Session], object], task: Callable[[], Any]) -> Any:
    """What a task answers, or is refused with, that waits behind the discussion's lock until something has happened."""
    began, answers = threading.Event(), list[Any]()

    def run() -> None:
        with app.app_context():
            began.set()
            try:
                answers.append(task())
            except DomainError as refused:
                answers.append(refused)
            finally:
                db.session.remove()

    running = threading.Thread(target=run)
    with transaction() as session:
        lock_thread(session, thread_id)
        running.start()
        assert began.wait(10)
        running.join(0.3)  # it comes to the lock, and no further
        assert running.is_alive()
        happens(session)
    running.join(30)
    db.session.remove()
    return answers[0]
