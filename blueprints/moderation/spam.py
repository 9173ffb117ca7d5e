"""Links by which spam is known again: learned when a person rejects a comment as spam, forgotten when that is
undone.
"""

from sqlalchemy.orm import Session

from blueprints.moderation import queries_spam
from blueprints.threads.screening.links import links_in
from blueprints.threads.screening.setup import own_host
from core import clock
from models.screening import SpamLink

LOOKED_AT = 5_000  # of the newest entries of the ledger; the job runs every few minutes


def learn(session: Session) -> tuple[int, int]:
    """Keep where spam led that was rejected lately; forget what stands in no rejected comment. How many of each."""
    forgotten = queries_spam.forget_put_back(session)
    home, learned = own_host().removeprefix("www."), 0
    for row in queries_spam.rejected_spam(session, LOOKED_AT):
        for link in links_in(row.body_html):
            if link.host != home and session.get(SpamLink, link.key) is None:
                session.add(SpamLink(key=link.key, place=link.place, comment_id=row.id, created_at=clock.now()))
                session.flush()
                learned += 1
    return learned, forgotten
