"""What follows from what the screening found, and what it learns from decisions."""

from datetime import timedelta

from blueprints.moderation import holding, spam
from blueprints.moderation.service import reject_comment
from core.db import transaction
from core.errors import DomainError
from jobs.queue import handler
from jobs.schedule import repeating

repeating("moderation.spam-links", every=timedelta(minutes=5))


@handler("moderation.screened")
def screened(comment_id: int, revision: int, rule_id: int | None) -> None:
    """Reject what the screening is to reject: under a rule, on the record, and with a statement to its author.

    Where the rule is gone, or somebody was faster, the comment stays as it is, at first withheld for a person.
    """
    try:
        with transaction() as session:
            reject_comment(
                session, comment_id=comment_id, revision=revision, actor_id=None, rule_id=rule_id, status="withheld"
            )
    except DomainError:
        return


@handler("moderation.held")
def held(comment_id: int, revision: int) -> None:
    """Put on record that a comment which could be read waits for a person now, and tell its author why."""
    with transaction() as session:
        holding.tell_of_hold(session, comment_id, revision)


@handler("moderation.spam-links")
def spam_links() -> None:
    """Learn where spam led that was rejected since, and forget what was put back."""
    with transaction() as session:
        spam.learn(session)
