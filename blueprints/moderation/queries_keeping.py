"""Finding what is kept, what its time is over for, and what is held back from the clocks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from blueprints.moderation import queries
from models.browser_session import BrowserSession
from models.consent import Consent
from models.fairness import IllegalNotice, LegalHold, PurgeRequest, RetentionRun
from models.moderation import Appeal, ModerationAction, StatementOfReasons
from models.notice import NoticeCause
from models.notification import Mail
from models.thread import Comment, Finding, Report, Revision
from models.user import User

_placer = aliased(User)
_author = aliased(User)
_asker = aliased(User)
_decider = aliased(User)


def _in_force(now: datetime) -> ColumnElement[bool]:
    return and_(LegalHold.released_at.is_(None), or_(LegalHold.ends_at.is_(None), LegalHold.ends_at > now))


def _held(user_id: Any, comment_id: Any, now: datetime) -> ColumnElement[bool]:
    """Whether a hold keeps a person's or a comment's record."""
    which = LegalHold.user_id == user_id
    if comment_id is not None:
        which = or_(which, LegalHold.comment_id == comment_id)
    return exists().where(which, _in_force(now))


def removed_texts_due(session: Session, before: datetime, now: datetime, limit: int) -> Sequence[int]:
    """Rejected comments whose words nobody needs any more: told long ago, nothing open about them, no hold."""
    since = aliased(ModerationAction)
    return session.scalars(
        select(Comment.id)
        .distinct()
        .join(StatementOfReasons, StatementOfReasons.comment_id == Comment.id)
        .where(
            StatementOfReasons.created_at < before,
            StatementOfReasons.withdrawn_at.is_(None),
            Comment.status == "rejected",
            Comment.body_source != "",
            ~exists().where(since.comment_id == Comment.id, since.created_at >= before),
            ~exists().where(Appeal.comment_id == Comment.id, Appeal.outcome == "open"),
            ~exists().where(
                IllegalNotice.comment_id == Comment.id,
                or_(IllegalNotice.outcome == "open", IllegalNotice.second_outcome == "open"),
            ),
            ~_held(Comment.author_id, Comment.id, now),
        )
        .order_by(Comment.id)
        .limit(limit)
    ).all()  # fmt: skip


def forget_words(session: Session, comment_ids: Sequence[int]) -> int:
    """Empty the words of these comments, former ones too, and what was noted about them in words."""
    gone = {"body_source": "", "body_html": ""}
    quiet: Any = {"synchronize_session": False}
    for statement in (
        update(Comment).where(Comment.id.in_(comment_ids)).values(**gone, body_hash=""),
        update(Revision).where(Revision.comment_id.in_(comment_ids)).values(**gone),
        update(Finding).where(Finding.comment_id.in_(comment_ids)).values(reason="", passages=""),
        update(Report).where(Report.comment_id.in_(comment_ids)).values(note=""),
    ):
        session.execute(statement.execution_options(**quiet))
    return len(comment_ids)


def forget_quotes(session: Session, words: str) -> None:
    """Empty notices and mails that quote these words; for words that must not be anywhere, not for the daily clock."""
    quiet: Any = {"synchronize_session": False}
    for statement in (
        update(NoticeCause).where(NoticeCause.excerpt.contains(words, autoescape=True)).values(excerpt=""),
        update(Mail)
        .where(or_(Mail.text.contains(words, autoescape=True), Mail.html.contains(words, autoescape=True)))
        .values(text="", html=""),
    ):
        session.execute(statement.execution_options(**quiet))


def networks_of_consents_due(session: Session, before: datetime, now: datetime, limit: int) -> Sequence[int]:
    """Agreements that still name the network they were made from."""
    return session.scalars(
        select(Consent.id)
        .where(Consent.created_at < before, Consent.network != "", ~_held(Consent.user_id, None, now))
        .order_by(Consent.id)
        .limit(limit)
    ).all()


def forget_networks_of_consents(session: Session, ids: Sequence[int]) -> int:
    """Empty the network of these agreements; the words that were agreed to stay."""
    session.execute(
        update(Consent).where(Consent.id.in_(ids)).values(network="").execution_options(synchronize_session=False)
    )
    return len(ids)


def networks_of_browsers_due(session: Session, before: datetime, now: datetime, limit: int) -> Sequence[int]:
    """Signed-in browsers, unused since then, that still name a network."""
    return session.scalars(
        select(BrowserSession.id)
        .where(BrowserSession.seen_at < before, BrowserSession.network != "",
               ~_held(BrowserSession.user_id, None, now))
        .order_by(BrowserSession.id)
        .limit(limit)
    ).all()  # fmt: skip


def forget_networks_of_browsers(session: Session, ids: Sequence[int]) -> int:
    """Empty the network of these browsers; they stay signed in."""
    session.execute(
        update(BrowserSession)
        .where(BrowserSession.id.in_(ids))
        .values(network="")
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def notifiers_due(session: Session, before: datetime, now: datetime, limit: int) -> Sequence[int]:
    """Answered notices of illegal content that still say who sent them."""
    return session.scalars(
        select(IllegalNotice.id)
        .where(
            func.coalesce(IllegalNotice.second_at, IllegalNotice.decided_at) < before,
            IllegalNotice.second_outcome != "open",
            IllegalNotice.forgotten_at.is_(None),
            ~exists().where(LegalHold.comment_id == IllegalNotice.comment_id, _in_force(now)),
        )
        .order_by(IllegalNotice.id)
        .limit(limit)
    ).all()


def forget_notifiers(session: Session, ids: Sequence[int], now: datetime) -> int:
    """Empty name and address of who sent these notices."""
    session.execute(
        update(IllegalNotice)
        .where(IllegalNotice.id.in_(ids))
        .values(name="", email="", forgotten_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def last_runs(session: Session) -> dict[str, RetentionRun]:
    """The newest run of each clock."""
    newest = select(func.max(RetentionRun.id)).group_by(RetentionRun.clock)
    return {run.clock: run for run in session.scalars(select(RetentionRun).where(RetentionRun.id.in_(newest)))}


def holds(session: Session, now: datetime) -> list[Row[Any]]:
    """Holds in force, the newest first, with whom they concern and who placed them."""
    return list(
        session.execute(
            select(LegalHold, User.display_name.label("person"), _author.display_name.label("author"),
                   _placer.display_name.label("placer"))
            .join(_placer, _placer.id == LegalHold.placed_by)
            .outerjoin(User, User.id == LegalHold.user_id)
            .outerjoin(Comment, Comment.id == LegalHold.comment_id)
            .outerjoin(_author, _author.id == Comment.author_id)
            .where(_in_force(now))
            .order_by(LegalHold.id.desc())
        )
    )  # fmt: skip


def hold_locked(session: Session, hold_id: int) -> LegalHold | None:
    """A hold, locked and fresh."""
    return session.scalar(
        select(LegalHold)
        .where(LegalHold.id == hold_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def is_held(session: Session, user_id: int, comment_id: int | None, now: datetime) -> bool:
    """Whether something of this person, or this comment, is held."""
    return bool(session.scalar(select(_held(user_id, comment_id, now))))


def anything_held(session: Session, user_id: int, now: datetime) -> bool:
    """Whether this person or any comment of theirs is held."""
    theirs = select(Comment.id).where(Comment.author_id == user_id)
    found = exists().where(or_(LegalHold.user_id == user_id, LegalHold.comment_id.in_(theirs)), _in_force(now))
    return bool(session.scalar(select(found)))


def person_is_here(session: Session, user_id: int) -> bool:
    """Whether there is somebody of this number."""
    return session.scalar(select(User.id).where(User.id == user_id)) is not None


_PURGES = (
    select(PurgeRequest, Comment.author_id, Comment.body_html, Comment.status,
           User.display_name.label("author"), _asker.display_name.label("asker"),
           _decider.display_name.label("decider"))
    .join(Comment, Comment.id == PurgeRequest.comment_id)
    .join(User, User.id == Comment.author_id)
    .join(_asker, _asker.id == PurgeRequest.asked_by)
    .outerjoin(_decider, _decider.id == PurgeRequest.decided_by)
)  # fmt: skip


def open_purges(session: Session) -> list[Row[Any]]:
    """Purges that wait for a second person, the oldest first, at most a page."""
    chosen = _PURGES.where(PurgeRequest.outcome == "open").order_by(PurgeRequest.id).limit(queries.PAGE)
    return list(session.execute(chosen))


def decided_purges(session: Session) -> list[Row[Any]]:
    """The newest that were decided, at most a page."""
    chosen = _PURGES.where(PurgeRequest.outcome != "open").order_by(PurgeRequest.id.desc()).limit(queries.PAGE)
    return list(session.execute(chosen))


def purge_locked(session: Session, purge_id: int) -> PurgeRequest | None:
    """A request, locked and fresh."""
    return session.scalar(
        select(PurgeRequest)
        .where(PurgeRequest.id == purge_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def comment_of_purge(session: Session, purge_id: int) -> int | None:
    """Which comment a request is about."""
    return session.scalar(select(PurgeRequest.comment_id).where(PurgeRequest.id == purge_id))


def open_purge_of(session: Session, comment_id: int) -> bool:
    """Whether a purge of this comment waits already."""
    return bool(session.scalar(
        select(exists().where(PurgeRequest.comment_id == comment_id, PurgeRequest.outcome == "open"))
    ))  # fmt: skip
