"""Taking one's name off a comment whose words stay.

The row keeps its author: who wrote it can still export and delete it, and moderators can still hold them to it. Nobody
else is told from then on (see `blueprints.threads.names`).
"""

from sqlalchemy.orm import Session

from blueprints.accounts.standing import still
from blueprints.threads import live, policy
from blueprints.threads.facts import comment_facts
from blueprints.threads.locking import lock_comment
from blueprints.threads.policy import refuse
from core.viewer import Viewer
from jobs.queue import enqueue


def withdraw_name(session: Session, viewer: Viewer, comment_id: int) -> None:
    """Let one's own words stay without one's name. Cannot be taken back; the words can still be deleted.

    What was told of the comment in notices is brought up to date by a job. Raises DomainError with a sentence.
    """
    thread, comment = lock_comment(session, comment_id)
    refuse(policy.may_withdraw_name(still(session, viewer), comment_facts(comment)))
    comment.nameless = True
    comment.row_version += 1
    thread.version += 1
    session.flush()
    live.record(session, thread, "edited", comment)
    enqueue("threads.changed", key=f"changed:{comment.id}", comment_id=comment.id)
