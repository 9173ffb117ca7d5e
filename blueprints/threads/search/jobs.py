"""The search follows what happens to comments, and once a day looks for what it missed."""

from datetime import timedelta

from blueprints.threads.search import index
from blueprints.threads.signals import comment_changed_signal, comment_published_signal
from core.db import db, transaction
from jobs.queue import enqueue, handler
from jobs.schedule import repeating

FILL = "threads.fill-search"

repeating(FILL, every=timedelta(days=1), at_once=True)


def connect() -> None:
    """Listen; asking twice changes nothing."""
    comment_published_signal.connect(_follow)
    comment_changed_signal.connect(_follow)


@handler(FILL)
def fill_search(after_id: int = 0) -> None:
    """Store the words of some comments that the search does not know, and ask for the next ones."""
    gone = [] if after_id else index.leftovers(db.session())
    entries = index.unknown(db.session(), after_id, index.BATCH)
    with transaction() as session:
        for comment_id in gone:
            index.forget_comment(session, comment_id)
        index.store(session, entries)
        if len(entries) == index.BATCH:
            last_id = entries[-1].comment_id
            enqueue(FILL, key=f"fill-search:{last_id}", after_id=last_id)


def _follow(_sender: object, *, comment_id: int) -> None:
    index.index_comment(db.session(), comment_id)
