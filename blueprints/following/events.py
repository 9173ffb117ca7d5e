"""What happens here when something happens to a comment or a discussion."""

from blueprints.following.telling import keep_up, tell_first
from blueprints.threads.signals import comment_changed_signal, comment_published_signal, thread_changed_signal
from core.db import db
from jobs.queue import enqueue


def connect() -> None:
    """Listen; asking twice changes nothing."""
    comment_published_signal.connect(_tell)
    comment_changed_signal.connect(_keep_up)
    thread_changed_signal.connect(_keep_up_thread)


def _tell(_sender: object, *, comment_id: int) -> None:
    if tell_first(db.session(), comment_id):  # a job of its own for the rest, where many are concerned
        enqueue("following.tell", key=f"tell:{comment_id}", comment_id=comment_id)


def _keep_up(_sender: object, *, comment_id: int) -> None:
    keep_up(db.session(), comment_id)
    # An edit may have named somebody more.
    enqueue("following.tell", key=f"tell-mentioned:{comment_id}", comment_id=comment_id, only_mentions=True)


def _keep_up_thread(_sender: object, *, thread_id: int) -> None:
    enqueue("following.keep-up-thread", key=f"keep-up:{thread_id}", thread_id=thread_id)
    enqueue("following.tell-story", key=f"tell-story:{thread_id}", thread_id=thread_id)
