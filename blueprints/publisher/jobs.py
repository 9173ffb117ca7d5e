"""What follows later from what a publisher gave."""

from blueprints.membership.service import settle_membership
from blueprints.membership.signals import membership_changed_signal
from core.db import transaction
from jobs.queue import handler


@handler("publisher.gift-ended")
def end_gift(user_id: int, plan_id: int) -> None:
    """Note the end of a membership whose complimentary time is over; does nothing where the plan goes on."""
    with transaction():
        if settle_membership(user_id, plan_id) == "ended":
            membership_changed_signal.send(None, user_id=user_id)
