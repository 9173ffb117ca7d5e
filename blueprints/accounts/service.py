"""What people do with their accounts. Callers hash passwords before and open the transaction."""

import secrets
from typing import Literal

import structlog
from sqlalchemy.exc import IntegrityError

from blueprints.accounts import policy, queries, queries_keys, queries_personal, queries_sessions, tokens
from blueprints.accounts.signals import (
    account_deleting_signal,
    email_changed_signal,
    name_changed_signal,
    page_changed_signal,
    signed_up_signal,
)
from blueprints.notifications.notices import forget_notices_of
from blueprints.notifications.service import forget_mails_of, send_mail
from blueprints.site.queries import site
from core import clock
from core.db import db
from core.errors import Conflict, DomainError, NotFound
from core.names import name_key, name_skeleton
from core.records import dataclass
from core.viewer import ROLES
from jobs.queue import enqueue
from models.user import RoleGrant, User

log = structlog.get_logger("accounts")
NAME_TAKEN = "Somebody here has this name already, or one that looks like it. If it is you, sign in instead."
BARRED_KEEP_THEIR_NAME = "You can change your name once you may take part again."
FORMER_NAME = "Former reader"

LinkState = Literal["good", "expired", "used", "unknown"]


class FieldProblem(DomainError):
    """A refusal that belongs to one field of a form."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Link:
    """A mailed link as it stands now. Of an unknown one nothing else is known; `email` is the new one in a change."""

    state: LinkState
    user_id: int = 0
    email: str = ""
    display_name: str = ""
    confirmed: bool = False
    next: str = "/"


# Signing up


def sign_up(*, display_name: str, email: str, password_hash: str, next_path: str) -> None:
    """Make an account whose address is not confirmed yet, and have a mail written.

    For an address that has a confirmed account nothing changes but that its owner gets a mail. An account that was
    never confirmed is made anew: the last who signs up sets name and password, and links mailed before are dead.
    Raises FieldProblem for a name that is refused or taken.
    """
    name = _checked_name(display_name, is_staff=False)
    email = checked_email(email)
    known = queries.user_by_email(email, lock=True)
    _refuse_taken_name(name, but_of=None if known is None or known.confirmed_at else known.id)
    if known is None:
        known = _add_user(name, email, password_hash)
        if known is None:  # somebody was faster with the same name or address, this very moment
            _refuse_taken_name(name)
            sign_up(display_name=display_name, email=email, password_hash=password_hash, next_path=next_path)
            return
    elif known.confirmed_at is None:
        _set_name(known, name)
        known.password = password_hash
        known.fs_uniquifier = new_uniquifier()
        _flush_name()
    else:
        _go_through_the_motions(name, password_hash)
        enqueue("accounts.known-address", user_id=known.id, next_path=next_path, ask=_ask())
        return
    signed_up_signal.send(None, user_id=known.id)
    enqueue("accounts.confirmation", user_id=known.id, next_path=next_path, ask=_ask())


def name_problem(display_name: str, email: str) -> str | None:
    """Why `sign_up` would refuse this name, in a sentence; None where it would not.

    For a form that is refused for something else: `email` is empty where it is no address. An address that has an
    account gets the same answer after the same work as one that has none.
    """
    try:
        name = _checked_name(display_name, is_staff=False)
        known = queries.user_by_email(checked_email(email)) if email else None
        _refuse_taken_name(name, but_of=None if known is None or known.confirmed_at else known.id)
    except FieldProblem as problem:
        return problem.sentence
    return None


def create_user(*, display_name: str, email: str, password_hash: str | None, roles: tuple[str, ...] = ()) -> User:
    """Make a confirmed account, as the operator does. Raises FieldProblem."""
    for role in roles:
        if role not in ROLES:
            raise FieldProblem("roles", f"There is no role {role}; there are {', '.join(ROLES)}.")
    name = _checked_name(display_name, is_staff=bool(roles))
    email = checked_email(email)
    if queries.user_by_email(email) is not None:
        raise FieldProblem("email", "There is an account with this address already.")
    _refuse_taken_name(name)
    user = _add_user(name, email, password_hash)
    if user is None:
        raise FieldProblem("display_name", NAME_TAKEN)
    user.confirmed_at = clock.now()
    session = db.session()
    session.add_all(RoleGrant(user_id=user.id, name=role) for role in dict.fromkeys(roles))
    session.flush()
    return user


def ask_for_confirmation(*, email: str, next_path: str) -> None:
    """Have the confirmation mailed again, if that address waits for one. Does the same for every address."""
    enqueue("accounts.confirmation-again", email=checked_email(email), next_path=next_path, ask=_ask())


def ask_for_reset(*, email: str, next_path: str) -> None:
    """Have a link for a new password mailed, if there is an account. Does the same for every address."""
    enqueue("accounts.reset", email=checked_email(email), next_path=next_path, ask=_ask())


# Links from mails


def opened_link(purpose: tokens.Purpose, token: str, *, lock: bool = False) -> Link:
    """What a mailed link is good for now. Changes nothing; with `lock` the person's row is held to the end."""
    claim = tokens.read(purpose, token)
    user = queries.user_by_id(claim.user_id, lock=lock) if claim else None
    if claim is None or user is None:
        return Link("unknown")
    state: LinkState = "good"
    if claim.mark != tokens.mark(purpose, user):
        state = "used"
    elif claim.expired:
        state = "expired"
    return Link(
        state, user.id, claim.email or user.email, user.display_name, user.confirmed_at is not None, claim.next
    )


def confirm(user_id: int) -> None:
    """The person has shown that the address is theirs."""
    user = _person(user_id)
    if user.confirmed_at is None:
        user.confirmed_at = clock.now()


def reset_password(user_id: int, password_hash: str) -> None:
    """Set a new password by a mailed link, which also proves the address. Ends every session."""
    user = _person(user_id)
    confirm(user_id)
    _set_password(user, password_hash)


def take_new_email(user_id: int, email: str) -> None:
    """Make the address the account's own after its link was used, and tell the old one. Raises DomainError."""
    user = _person(user_id)
    other = queries.user_by_email(email)
    if other is not None and other.id != user.id:
        raise Conflict("Meanwhile another account has this address, so yours was not changed.")
    old = user.email
    user.email = email
    try:
        db.session().flush()
    except IntegrityError:
        raise Conflict("Meanwhile another account has this address, so yours was not changed.") from None
    _write(user, "email-changed", f"Your e-mail address at {site().name} was changed", recipient=old, new_email=email)
    email_changed_signal.send(None, user_id=user_id)


# Settings


def change_name(user_id: int, display_name: str) -> None:
    """Give a person another display name. Raises FieldProblem, also where they may not take part: a name speaks over
    everything that they ever said.
    """
    user = _person(user_id)
    name = _checked_name(display_name, is_staff=queries.has_role(user_id))
    if name == user.display_name:
        return
    if queries.is_barred(user_id):
        raise FieldProblem("display_name", BARRED_KEEP_THEIR_NAME)
    _refuse_taken_name(name, but_of=user_id)
    _set_name(user, name)
    _flush_name()
    name_changed_signal.send(None, user_id=user_id)


def open_page(user_id: int, *, to_others: bool) -> None:
    """Let others see the list of what a person said here, or no longer."""
    user = _person(user_id)
    if user.page_is_open == to_others:
        return
    user.page_is_open = to_others
    page_changed_signal.send(None, user_id=user_id)


def ask_for_new_email(user_id: int, email: str) -> None:
    """Have the new address asked for its consent, and warn the old one. The answer is the same for a known address."""
    user = _person(user_id)
    new = checked_email(email)
    if new == user.email:
        raise FieldProblem("new_email", "This is your address already.")
    enqueue("accounts.new-email", user_id=user_id, email=new, ask=_ask())


def change_password(user_id: int, *, old_hash: str, new_hash: str) -> None:
    """Set a new password; every session ends, and the caller keeps its own. Raises Conflict if it changed meanwhile."""
    user = _person(user_id)
    if user.password != old_hash:
        raise Conflict("Your password was changed elsewhere a moment ago. Nothing was done here.")
    _set_password(user, new_hash)


def renew_hash(user_id: int, *, old_hash: str, new_hash: str) -> None:
    """Keep the same password in a newer form."""
    user = _person(user_id)
    if user.password == old_hash:
        user.password = new_hash


def end_all_sessions(user_id: int) -> None:
    """Sign a person out on every browser, and end the keys of their programs."""
    _person(user_id).fs_uniquifier = new_uniquifier()
    queries_sessions.end_all(user_id)
    queries_keys.end_all(user_id)


def end_one_session(user_id: int, session_id: int) -> None:
    """Sign a person out on one browser of theirs. Raises NotFound for any other."""
    if not queries_sessions.end(user_id=user_id, session_id=session_id):
        raise NotFound("This browser is signed out already.")


def rights_changed(user_id: int) -> None:
    """A person may do more or less than before: every browser of theirs takes a new key."""
    queries_sessions.ask_to_rotate(user_id)


def delete_account(user_id: int, *, keep_words: bool) -> None:
    """Empty a person's row for good. Other domains act first, on their signal, and may refuse. Raises DomainError."""
    refusal = policy.may_leave(
        is_demo=queries.is_demo(user_id), is_only_publisher=queries.is_only_publisher(user_id)
    )
    if refusal:
        raise DomainError(refusal)
    account_deleting_signal.send(None, user_id=user_id, keep_words=keep_words)
    user = _person(user_id)
    forget_notices_of(db.session(), user_id)
    if user.confirmed_at is not None:
        goodbye = f"Your account at {site().name} is deleted"
        forget_mails_of(user_id)
        _write(user, "account-deleted", goodbye, anonymous=True, keep_words=keep_words)
    else:
        forget_mails_of(user_id)
    queries_personal.empty_all(user_id)
    _empty(user)


def forget_unconfirmed(user_id: int) -> None:
    """Empty the row of somebody who never confirmed the address, so that name and address are free again."""
    user = _person(user_id)
    if user.confirmed_at is None:
        delete_account(user_id, keep_words=False)


# Shared


def known(user_id: int | None) -> int:
    """The viewer's id, where only signed-in people can be."""
    assert user_id is not None
    return user_id


def checked_email(text: str) -> str:
    """The address as it is stored. Raises FieldProblem."""
    try:
        return policy.normal_email(text)
    except ValueError as error:
        raise FieldProblem("email", str(error)) from None


def new_uniquifier() -> str:
    """What the sign-in library calls a person by."""
    return secrets.token_hex(32)


def _checked_name(name: str, *, is_staff: bool) -> str:
    try:
        return policy.clean_display_name(name, site().name, is_staff=is_staff)
    except ValueError as error:
        raise FieldProblem("display_name", str(error)) from None


def _refuse_taken_name(name: str, *, but_of: int | None = None) -> None:
    if queries.name_is_taken(name_key(name), name_skeleton(name), but_of=but_of):
        raise FieldProblem("display_name", NAME_TAKEN)


def _add_user(name: str, email: str, password_hash: str | None) -> User | None:
    """The new row, or None when the database knows the name or the address already."""
    session = db.session()
    user = User(email=email, password=password_hash, fs_uniquifier=new_uniquifier())
    _set_name(user, name)
    try:
        with session.begin_nested():
            session.add(user)
            session.flush()
    except IntegrityError:
        return None
    return user


def _go_through_the_motions(name: str, password_hash: str) -> None:
    """Do what making an account takes, and undo it: how long the answer takes must not tell a known address."""
    session = db.session()
    with session.begin_nested() as attempt:
        session.add(User(
            email=f"nobody-{secrets.token_hex(8)}@nobody.invalid", password=password_hash, display_name=name,
            name_key=f"nobody {secrets.token_hex(8)}", name_skeleton=f"nobody {secrets.token_hex(8)}",
            fs_uniquifier=new_uniquifier(),
        ))  # fmt: skip
        session.flush()
        attempt.rollback()


def _set_name(user: User, name: str) -> None:
    user.display_name, user.name_key, user.name_skeleton = name, name_key(name), name_skeleton(name)


def _flush_name() -> None:
    try:
        db.session().flush()
    except IntegrityError:
        raise FieldProblem("display_name", NAME_TAKEN) from None


def _set_password(user: User, password_hash: str) -> None:
    user.password = password_hash
    end_all_sessions(user.id)
    log.info("password changed", user_id=user.id)
    _write(user, "password-changed", f"Your password at {site().name} was changed")


def _person(user_id: int) -> User:
    user = queries.user_by_id(user_id, lock=True)
    if user is None:
        raise NotFound("There is no such account any more.")
    return user


def _write(
    user: User, template: str, subject: str, *, recipient: str = "", anonymous: bool = False, **context: object
) -> None:
    send_mail(
        kind=template, recipient=recipient or user.email, subject=subject, template=f"accounts/{template}",
        context={"display_name": user.display_name} | context, user_id=None if anonymous else user.id,
    )  # fmt: skip


def _empty(user: User) -> None:
    queries.remove_roles(user.id)
    user.email = f"deleted-{user.id}@deleted.invalid"
    user.display_name = FORMER_NAME
    # Neither a key nor a skeleton ever holds a space, so no name can meet these.
    user.name_key = user.name_skeleton = f"deleted {user.id}"
    user.password = None
    user.active = False
    user.confirmed_at = None
    user.page_is_open = False
    user.thread_sort, user.reading_keys = None, True
    user.is_demo = False
    user.demo_line = None
    user.fs_uniquifier = new_uniquifier()
    user.deleted_at = clock.now()


def _ask() -> str:
    """One asking: a job that runs twice for it writes one mail."""
    return secrets.token_hex(8)
