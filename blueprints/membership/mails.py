"""Mails about a membership."""

from typing import Any

import structlog

from blueprints.membership.policy import GRACE_PERIOD
from blueprints.notifications.service import send_mail
from models.user import User

SUBJECTS = {
    "welcome": "Welcome: you are a {plan} member",
    "cancelled": "Your {plan} membership is cancelled",
    "ended": "Your {plan} membership has ended",
    "switched": "You have {plan} now",
    "paused": "Your {plan} membership takes a pause",
    "resumed": "Your {plan} membership goes on",
    "withdrawn": "You withdrew from your {plan} membership",
    "past-due": "A payment for your {plan} membership did not go through",
    "last-try": "Your {plan} membership stops in two days",
    "lost": "Your {plan} membership is on hold",
    "recovered": "Your payment for {plan} has arrived",
    "duplicate": "You paid twice, and get one payment back",
}

NOTICE_MAILS = "membership.notice-"  # how the kinds of these mails begin

log = structlog.get_logger("billing")


def mail_notice(
    person: User, kind: str, subject: str, sentences: tuple[str, ...], dedupe_key: str, *, may_cancel: bool
) -> int | None:
    """Mail what the law wants told, word for word, in the current transaction; the id of the mail, None without one."""
    try:
        return send_mail(
            kind=f"{NOTICE_MAILS}{kind}", recipient=person.email, user_id=person.id, subject=subject,
            template="membership_notice",
            context={"name": person.display_name, "sentences": sentences, "may_cancel": may_cancel},
            dedupe_key=dedupe_key,
        )  # fmt: skip
    except ValueError:
        log.warning("no mail could be written", user=person.id, kind=kind)
        return None


def mail_about(person: User, kind: str, plan_name: str, dedupe_key: str, **context: Any) -> None:
    """Write to a reader about their membership, in the current transaction; once per key."""
    try:
        send_mail(
            kind=f"membership.{kind}", recipient=person.email, user_id=person.id,
            subject=SUBJECTS[kind].format(plan=plan_name), template=f"membership_{kind.replace('-', '_')}",
            context={"name": person.display_name, "plan": plan_name, "grace_days": GRACE_PERIOD.days} | context,
            dedupe_key=dedupe_key,
        )  # fmt: skip
    except ValueError:
        # An address that mail cannot reach must not keep a payment from counting.
        log.warning("no mail could be written", user=person.id, kind=kind)
