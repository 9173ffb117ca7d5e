"""Telling members about money: what is due, once, with its proof. Inside the caller's transaction."""

from datetime import timedelta

import structlog

from blueprints.membership import queries, queries_notices
from blueprints.membership.countries import country_or_none
from blueprints.membership.gateway import gateway
from blueprints.membership.law import Due, Law, due_notices, law_for
from blueprints.membership.mails import mail_notice
from blueprints.membership.notice_words import Sold, subject_of, words_of
from blueprints.membership.queries_notices import Member
from core import clock
from core.db import transaction
from core.errors import DomainError
from jobs.queue import enqueue, handler
from jobs.schedule import repeating
from models.pricing import BillingNotice

BATCH = 200
EVERY = timedelta(hours=6)  # well within a window's margin of a day

log = structlog.get_logger("billing")


def tell(mode: str, user_id: int, subscription: str, due: Due, sold: Sold, law: Law) -> bool:
    """Tell a member one thing and keep the proof; whether it was new. Two at once tell it once."""
    person = queries.lock_person(user_id)
    if person is None or person.deleted_at is not None:
        return False
    subject, words = subject_of(due, sold), words_of(due, sold, law)
    new = queries.insert_new(
        BillingNotice, mode=mode, user_id=user_id, subscription=subscription, kind=due.kind, occasion=due.occasion,
        law=law.key, country=person.country, about_at=due.about_at, opens_at=due.opens_at, closes_at=due.closes_at,
        recipient=person.email, subject=subject, words="\n".join(words), created_at=clock.now(),
    )  # fmt: skip
    if not new:
        return False
    proof = queries_notices.notice_of(mode, subscription, due.kind, due.occasion)
    if proof is not None:
        key = f"notice:{mode}:{subscription}:{due.kind}:{due.occasion}"
        proof.mail_id = mail_notice(person, due.kind, subject, words, key, may_cancel=due.kind != "price_kept")
    return True


def declare_country(user_id: int, code: str) -> None:
    """Note where a reader says they live; nothing for "rather not say". Raises DomainError for a strange code."""
    if code and country_or_none(code) is None:
        raise DomainError("Please choose one of these.", 422, "country")
    person = queries.lock_person(user_id)
    if person is not None:
        person.country = code or None


@handler("membership.tell")
def tell_due(after: int = 0) -> None:
    """Tell a batch of members what is due now, each in a transaction of its own, and ask for the next batch.

    However often it runs, and whatever days it missed, each thing is told once.
    """
    mode, now = gateway().mode, clock.now()
    members = queries_notices.members_after(mode, after, BATCH)
    told = queries_notices.told_of(mode, [member.subscription for member in members])
    for member in members:
        law = law_for(member.country)
        for due in due_notices(member.term, law, now):
            if (member.subscription, due.kind, due.occasion) not in told:
                _tell_one(mode, member, due, law)
    if len(members) == BATCH:
        with transaction():
            enqueue("membership.tell", after=members[-1].id)


def _tell_one(mode: str, member: Member, due: Due, law: Law) -> None:
    """One bad address or word must not keep the others from being told; the next run tries it again."""
    try:
        with transaction():
            tell(mode, member.user_id, member.subscription, due, member.sold, law)
    except Exception:
        log.exception("a member could not be told", user=member.user_id, kind=due.kind)


repeating("membership.tell", every=EVERY)
