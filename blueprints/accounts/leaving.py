"""The end of an account, in two steps: asked for, and done a week later unless its owner changes their mind."""

from datetime import timedelta

from blueprints.accounts import policy, queries, queries_personal, service
from blueprints.accounts.signals import erasure_asked_signal
from blueprints.notifications.service import send_mail
from blueprints.site.queries import site
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.rendering import date
from models.personal import Erasure

TIME_TO_CHANGE_ONES_MIND = timedelta(days=7)


def ask(user_id: int, *, keep_words: bool) -> Erasure:
    """Have the account end in a week. Other domains stop what costs money at once. Raises DomainError, Conflict."""
    refusal = policy.may_leave(
        is_demo=queries.is_demo(user_id), is_only_publisher=queries.is_only_publisher(user_id)
    )
    if refusal:
        raise DomainError(refusal)
    user = queries.user_by_id(user_id, lock=True)
    if user is None:
        raise NotFound("There is no such account any more.")
    if queries_personal.erasure_of(user_id) is not None:
        raise Conflict("You have asked for this already.")
    moment = clock.now()
    row = Erasure(
        user_id=user_id, keep_words=keep_words, asked_at=moment, due_at=moment + TIME_TO_CHANGE_ONES_MIND
    )
    db.session().add(row)
    erasure_asked_signal.send(None, user_id=user_id)
    send_mail(
        kind="erasure-asked", recipient=user.email, subject=f"Your account at {site().name} ends on {date(row.due_at)}",
        template="accounts/erasure-asked", user_id=user_id,
        context={"display_name": user.display_name, "keep_words": keep_words, "due": date(row.due_at)},
    )  # fmt: skip
    return row


def take_back(user_id: int) -> None:
    """Keep the account after all. Raises NotFound when nothing was asked for."""
    row = queries_personal.erasure_of(user_id, lock=True)
    if row is None:
        raise NotFound("Your account is not about to end.")
    db.session().delete(row)


def is_asked(user_id: int) -> bool:
    """Whether this account is about to end."""
    return queries_personal.erasure_of(user_id) is not None


def erase_if_due(user_id: int) -> bool:
    """End the account whose time has come. Raises DomainError where a domain holds on to it; it is tried again."""
    row = queries_personal.erasure_of(user_id, lock=True)
    if row is None or row.due_at > clock.now():
        return False
    service.delete_account(user_id, keep_words=row.keep_words)
    return True
