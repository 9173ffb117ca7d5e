"""What is compared of accounts, and the pairs that were found."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from blueprints.moderation.queries_claims import insert_for
from models.browser_session import BrowserSession
from models.conduct import Likeness
from models.moderation import Sanction
from models.thread import Comment
from models.user import RoleGrant, User

MOST_ACCOUNTS = 5_000
MOST_PAIRS = 500
PAIRS_SHOWN = 50

_first, _second = aliased(User), aliased(User)


def accounts(session: Session, *, joined_since: datetime, barred_since: datetime) -> list[Row[Any]]:
    """Who joined or was kept out lately, and who works here; the newest first."""
    barred_at = (
        select(func.max(Sanction.starts_at))
        .where(Sanction.user_id == User.id, Sanction.kind.in_(("ban", "suspension")), Sanction.starts_at > barred_since)
        .correlate(User)
        .scalar_subquery()
    )
    is_staff = exists().where(RoleGrant.user_id == User.id)
    return list(
        session.execute(
            select(User.id, User.display_name, User.name_skeleton, User.email, User.created_at, barred_at, is_staff)
            .where(User.deleted_at.is_(None), or_(User.created_at > joined_since, barred_at.is_not(None), is_staff))
            .order_by(User.id.desc())
            .limit(MOST_ACCOUNTS)
        )
    )


def places(session: Session, ids: Sequence[int]) -> list[tuple[int, str]]:
    """From where, and with what kind of browser, these accounts are signed in."""
    known = set(ids)
    rows = session.execute(
        select(BrowserSession.user_id, BrowserSession.network, BrowserSession.device).where(
            BrowserSession.network != "", BrowserSession.device != ""
        )
    )
    return [(row.user_id, f"{row.network} {row.device}") for row in rows if row.user_id in known]


def same_words(session: Session, since: datetime) -> list[tuple[int, int, int]]:
    """Pairs of people who posted the same texts lately, and how many."""
    other = aliased(Comment)
    number = func.count(Comment.body_hash.distinct()).label("number")
    rows = session.execute(
        select(Comment.author_id, other.author_id.label("other_id"), number)
        .join(other, and_(other.body_hash == Comment.body_hash, other.author_id > Comment.author_id))
        .where(Comment.created_at > since, other.created_at > since, Comment.body_hash != "",
               func.length(Comment.body_source) > 40)
        .group_by(Comment.author_id, other.author_id)
        .having(number > 1)
        .order_by(number.desc())
        .limit(MOST_PAIRS)
    )  # fmt: skip
    return [(row.author_id, row.other_id, row.number) for row in rows]


def note(session: Session, first_id: int, second_id: int, reasons: str, strength: int, now: datetime) -> None:
    """Keep a pair; one that somebody has judged comes back only when more speaks for it than then."""
    insert = insert_for(session)(Likeness).values(
        first_id=first_id, second_id=second_id, reasons=reasons, strength=strength, found_at=now, verdict=""
    )
    new = insert.excluded
    session.execute(
        insert.on_conflict_do_update(
            index_elements=[Likeness.first_id, Likeness.second_id],
            set_={"reasons": new.reasons, "strength": new.strength, "found_at": new.found_at, "verdict": "",
                  "closed_at": None, "closed_by": None},
            where=or_(and_(Likeness.closed_at.is_(None), Likeness.reasons != new.reasons),
                      Likeness.strength < new.strength),
        )
    )  # fmt: skip


def pairs(session: Session) -> list[Row[Any]]:
    """Pairs that nobody has judged, the strongest first."""
    return list(
        session.execute(
            select(Likeness.first_id, Likeness.second_id, Likeness.reasons, Likeness.strength, Likeness.found_at,
                   _first.display_name.label("first"), _second.display_name.label("second"))
            .join(_first, _first.id == Likeness.first_id)
            .join(_second, _second.id == Likeness.second_id)
            .where(Likeness.closed_at.is_(None), _first.deleted_at.is_(None), _second.deleted_at.is_(None))
            .order_by(Likeness.strength.desc(), Likeness.found_at.desc())
            .limit(PAIRS_SHOWN)
        )
    )  # fmt: skip


def pairs_of(session: Session, user_id: int) -> list[Row[Any]]:
    """The pairs that an account is part of, judged or not."""
    return list(
        session.execute(
            select(Likeness.first_id, Likeness.second_id, Likeness.reasons, Likeness.verdict,
                   _first.display_name.label("first"), _second.display_name.label("second"))
            .join(_first, _first.id == Likeness.first_id)
            .join(_second, _second.id == Likeness.second_id)
            .where(or_(Likeness.first_id == user_id, Likeness.second_id == user_id))
            .order_by(Likeness.strength.desc())
            .limit(PAIRS_SHOWN)
        )
    )  # fmt: skip


def pair_locked(session: Session, first_id: int, second_id: int) -> Likeness | None:
    """A pair, locked and fresh."""
    return session.scalar(
        select(Likeness)
        .where(Likeness.first_id == first_id, Likeness.second_id == second_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
