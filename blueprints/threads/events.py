"""What threads do when something happens to a person in a domain below."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import has_request_context, request
from sqlalchemy.orm import Session

from blueprints.accounts.signals import (
    account_deleting_signal,
    name_changed_signal,
    page_changed_signal,
    signed_in_signal,
    signed_up_signal,
)
from blueprints.membership.hooks import kept_words
from blueprints.membership.signals import membership_changed_signal
from blueprints.threads import drafts, mentions, queries_facts, quiz, settings, visits
from blueprints.threads.queries_drafts import drafts_of
from blueprints.threads.thread_state import renew_threads_of
from core import clock
from core.cookies import cookie_name
from core.db import db, is_writing, transaction
from core.markup import plain_comment
from core.viewer import current_viewer
from jobs.queue import enqueue


def connect() -> None:
    """Listen; asking twice changes nothing."""
    signed_in_signal.connect(_claim)
    signed_up_signal.connect(_copy)
    account_deleting_signal.connect(_leave)
    name_changed_signal.connect(_renew)
    page_changed_signal.connect(_render_anew)
    membership_changed_signal.connect(_renew)
    if words_of_browser not in kept_words:
        kept_words.append(words_of_browser)


def browser_hash() -> str | None:
    """The hash of the guest token this browser sent, if it sent one."""
    return drafts.guest_hash(request.cookies.get(cookie_name(drafts.GUEST_COOKIE))) if has_request_context() else None


def words_of_browser() -> str | None:
    """The words that this reader or browser has kept for the article the address names."""
    facts = queries_facts.facts_of_article(db.session(), request.args.get("article", ""))
    if facts is None:
        return None
    viewer = current_viewer()
    of_guest = None if viewer.is_signed_in else browser_hash()
    kept = drafts_of(
        db.session(), facts.article_id, user_id=viewer.id, guest_hash=of_guest, now=clock.now()
    )
    return plain_comment(kept[0].body) if kept else None


def _claim(_sender: object, *, user_id: int) -> None:
    if of_guest := browser_hash():
        with _joined() as session:
            drafts.claim_guest_drafts(session, of_guest, user_id)


def _copy(_sender: object, *, user_id: int) -> None:
    if of_guest := browser_hash():
        with _joined() as session:
            drafts.copy_guest_drafts(session, of_guest, user_id, only_missing=True)


def _leave(_sender: object, *, user_id: int, keep_words: bool) -> None:
    with _joined() as session:
        drafts.forget_drafts(session, user_id)
        mentions.forget_person(session, user_id)
        renew_threads_of(session, user_id)
        settings.forget_guest(session, user_id)
        quiz.forget_passes(session, user_id)
        visits.forget_visits(session, user_id)
        if not keep_words:
            enqueue("threads.forget-words", user_id=user_id)


def _renew(_sender: object, *, user_id: int) -> None:
    with _joined() as session:
        renew_threads_of(session, user_id)


def _render_anew(_sender: object, *, user_id: int) -> None:
    with _joined() as session:
        mentions.render_anew(session, user_id)
        renew_threads_of(session, user_id)


@contextmanager
def _joined() -> Iterator[Session]:
    """The sender's transaction, or one of its own where the sender has none."""
    if is_writing():
        yield db.session()
    else:
        with transaction() as session:
            yield session
