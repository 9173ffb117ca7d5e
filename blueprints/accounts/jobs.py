"""Mails of the accounts, written after the answer: it takes as long whether there is somebody to write to or not."""

from datetime import timedelta
from urllib.parse import quote

import structlog

from blueprints.accounts import (
    copying,
    leaving,
    queries,
    queries_factors,
    queries_personal,
    queries_sessions,
    service,
    tokens,
)
from blueprints.accounts.session import LONGEST_LIFETIME
from blueprints.notifications.service import send_mail
from blueprints.site.queries import site
from core import clock
from core.db import transaction
from core.errors import DomainError
from jobs.queue import handler
from jobs.schedule import repeating
from models.user import User

log = structlog.get_logger("accounts")
UNCONFIRMED_KEPT = timedelta(days=14)
REMOVED_AT_ONCE = 500


@handler("accounts.confirmation")
def write_confirmation(user_id: int, next_path: str, ask: str) -> None:
    """Mail the link that confirms an address, to somebody who has not confirmed it."""
    with transaction():
        user = queries.user_by_id(user_id)
        if user is not None and user.confirmed_at is None:
            path = f"/confirm/{tokens.issue('confirm', user, next_path=next_path)}"
            _write(user, "confirm", f"Confirm your address for {site().name}", ask, path=path)


@handler("accounts.confirmation-again")
def write_confirmation_again(email: str, next_path: str, ask: str) -> None:
    """Mail the confirmation to an address, where one is waited for; a confirmed one is told so."""
    user = queries.user_by_email(email)
    if user is not None and user.confirmed_at is None:
        write_confirmation(user.id, next_path, ask)
    elif user is not None:
        write_to_known_address(user.id, next_path, ask)


@handler("accounts.known-address")
def write_to_known_address(user_id: int, next_path: str, ask: str) -> None:
    """Tell the owner of an account that somebody signed up with its address."""
    with transaction():
        user = queries.user_by_id(user_id)
        if user is not None:
            after = f"?next={quote(next_path, safe='')}" if next_path != "/" else ""
            _write(
                user, "known-address", f"You have an account at {site().name}", ask,
                sign_in_path=f"/sign-in{after}", forgot_path=f"/forgot-password{after}",
            )  # fmt: skip


@handler("accounts.reset")
def write_reset(email: str, next_path: str, ask: str) -> None:
    """Mail the link to a new password, if the address has an account."""
    with transaction():
        user = queries.user_by_email(email)
        if user is not None:
            path = f"/reset-password/{tokens.issue('reset', user, next_path=next_path)}"
            _write(user, "reset", f"A new password for {site().name}", ask, path=path)


@handler("accounts.new-email")
def write_to_new_email(user_id: int, email: str, ask: str) -> None:
    """Ask the new address for its consent, or tell it that it has an account already; warn the old one."""
    with transaction():
        user = queries.user_by_id(user_id)
        if user is None or user.email == email:
            return
        other = queries.user_by_email(email)
        if other is None:
            path = f"/account/email/{tokens.issue('email', user, email=email)}"
            subject = f"Confirm your new address for {site().name}"
            _write(user, "new-email", subject, ask, recipient=email, path=path, new_email=email)
        else:
            subject = f"You have an account at {site().name}"
            _write(
                other, "known-address", subject, f"{ask}-known", sign_in_path="/sign-in", forgot_path="/forgot-password"
            )  # fmt: skip
        subject = f"Somebody asked to change your address at {site().name}"
        _write(user, "new-email-asked", subject, f"{ask}-old", new_email=email)


@handler("accounts.forget-unconfirmed")
def forget_unconfirmed() -> None:
    """Give free the names and addresses of those who never confirmed, each in its own transaction."""
    for user_id in queries.unconfirmed_before(clock.now() - UNCONFIRMED_KEPT):
        try:
            with transaction():
                service.forget_unconfirmed(user_id)
        except DomainError:
            continue  # another domain holds on to this one; it is asked again tomorrow


@handler("accounts.forget-sessions")
def forget_sessions() -> None:
    """Remove the rows of browsers that are signed in no longer, a few at a time, and of tokens that are over."""
    moment = clock.now()
    with transaction():
        queries_factors.forget_spent(moment)
    removed = REMOVED_AT_ONCE
    while removed == REMOVED_AT_ONCE:
        with transaction():
            removed = queries_sessions.remove_over(
                expired_at=moment, begun_before=moment - LONGEST_LIFETIME, at_most=REMOVED_AT_ONCE
            )


@handler("accounts.erase-due")
def erase_due() -> None:
    """End the accounts whose week is over, each in its own transaction, and forget copies that are over too."""
    for user_id in queries_personal.erasures_due(clock.now()):
        try:
            with transaction():
                leaving.erase_if_due(user_id)
        except DomainError as error:
            log.warning("an account could not be ended yet", user_id=user_id, why=error.code)
    with transaction():
        queries_personal.forget_copies(clock.now())


@handler("accounts.make-copy")
def make_copy(copy_id: int) -> None:
    """Make the archive of everything about a person. Begun anew when it was cut off."""
    row = queries_personal.copy(copy_id)
    if row is None or row.state == "ready":
        return

    def note(done: int, parts: int) -> None:
        with transaction():
            queries_personal.note_progress(copy_id, done, parts)

    archive = copying.archive_of(row.user_id, note)
    with transaction():
        queries_personal.keep_archive(copy_id, archive)
        user = queries.user_by_id(row.user_id)
        if user is not None:
            _write(user, "copy-ready", f"The copy of your data at {site().name} is ready", f"copy-{copy_id}")


repeating("accounts.erase-due", every=timedelta(hours=1))
repeating("accounts.forget-unconfirmed", every=timedelta(days=1))
repeating("accounts.forget-sessions", every=timedelta(hours=6))


def _write(user: User, template: str, subject: str, ask: str, *, recipient: str = "", **context: object) -> None:
    send_mail(
        kind=template, recipient=recipient or user.email, subject=subject, template=f"accounts/{template}",
        context={"display_name": user.display_name} | context, user_id=user.id, dedupe_key=f"accounts:{ask}",
    )  # fmt: skip
