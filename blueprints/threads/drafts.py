"""Words that are not posted yet, kept on the server for a reader or for a guest's browser.

What a guest typed survives signing up, paying and confirming an address, whatever browser that happens in. What a
reader types is kept while they type, one draft per place (a thread's root, or the comment that is answered), and
follows them from device to device.

A place has a generation, which rises with everything that happens there: words kept, posted, or discarded. A page
says which generation it knows, and only who knows the present one changes it. So a tab that was left open can neither
overwrite what was typed elsewhere since, nor bring back what was posted or discarded; posted and discarded words leave
a row without words for KEPT_FOR, which remembers the generation.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, String, bindparam, cast, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from core import clock, text
from core.db import UTCDateTime
from core.prepared import Prepared
from core.records import dataclass
from models.thread import Comment, Draft, Thread

KEPT_FOR = timedelta(days=30)
GUEST_COOKIE = "guest"
GUEST_SECONDS = int(KEPT_FOR.total_seconds())
LONGEST_DRAFT = 20_000  # code points; more than a comment may have, so that nothing typed is cut
NEWEST = 2**31 - 1  # a generation for who knows all that happened, or need not ask

# Ends the draft that the page knew, or an earlier stage of the very words that were posted. What was typed elsewhere
# meanwhile, and is something else, stays.
_known = Draft.generation <= bindparam("known", type_=BigInteger())
_begun = Draft.body == func.substr(cast(bindparam("words"), String), 1, func.length(Draft.body))
_END = (
    update(Draft)
    .where(
        Draft.article_id == bindparam("article"), Draft.parent_key == bindparam("parent"), Draft.body != "",
        or_(_known, _begun),
    )
    .values(body="", generation=Draft.generation + 1, updated_at=bindparam("now", type_=UTCDateTime()),
            expires_at=bindparam("until", type_=UTCDateTime()))
)  # fmt: skip
_END_OF_READER = Prepared(_END.where(Draft.user_id == bindparam("owner")))
_END_OF_GUEST = Prepared(_END.where(Draft.guest_hash == bindparam("owner")))


@dataclass(frozen=True, slots=True)
class DraftOwner:
    """A reader, or a guest's browser by the hash of its token; never both."""

    user_id: int | None = None
    guest_hash: str | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.guest_hash is None):
            raise ValueError("a draft has one owner")

    def owns(self) -> ColumnElement[bool]:
        return Draft.user_id == self.user_id if self.user_id is not None else Draft.guest_hash == self.guest_hash


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of words that were to be kept, and how their place stands now.

    `saved`: they are kept. `newer`: other words, `body`, were kept there since. `gone`: what was there has been posted
    or discarded since. In the last two cases nothing was changed.
    """

    state: Literal["saved", "newer", "gone"]
    generation: int
    body: str = ""


def new_guest_token() -> str:
    """A token for a guest's browser: 128 random bits."""
    return secrets.token_urlsafe(16)


def guest_hash(token: str | None) -> str | None:
    """What is stored of a guest's token."""
    return hashlib.sha256(token.encode()).hexdigest() if token else None


def save_draft(
    session: Session, owner: DraftOwner, article_id: int, body: str, *, known: int, parent_id: int | None = None
) -> Kept:
    """Keep these words for this place if its generation is the one that the page knows; 0 if it knows of none.

    Empty words are forgotten, and that too is something that happened there.
    """
    words = text.normalise(body)[:LONGEST_DRAFT]
    words = "" if text.is_blank(words) else words
    place, now = _place(owner, article_id, parent_id or 0), clock.now()
    if known == 0 and not words:
        return Kept("saved", 0)
    if known == 0 and not (owner.user_id and _is_posted(session, owner.user_id, article_id, words)):
        added = session.scalar(
            _insert(session)
            .values(**_values(owner, article_id, parent_id or 0), body=words, generation=1, updated_at=now,
                    expires_at=now + KEPT_FOR)
            .on_conflict_do_nothing()
            .returning(Draft.generation)
        )  # fmt: skip
    else:
        added = session.scalar(
            update(Draft)
            .where(*place, Draft.generation == known)
            .values(body=words, generation=Draft.generation + 1, updated_at=now, expires_at=now + KEPT_FOR)
            .returning(Draft.generation)
            .execution_options(synchronize_session=False)
        )
    if added is not None:
        return Kept("saved", added)
    return _as_it_stands(session, place, words)


def end_draft(
    session: Session, owner: DraftOwner, article_id: int, parent_id: int | None = None, *, known: int = NEWEST,
    words: str = "",
) -> bool:  # fmt: skip
    """Forget what is kept for this place because it was posted (as `words`) or discarded; False if nothing was.

    Words of a later generation than `known` stay, unless they are the beginning of those that were posted.
    """
    now = clock.now()
    values: dict[str, Any] = {
        "article": article_id, "parent": parent_id or 0, "known": known, "words": words, "now": now,
        "until": now + KEPT_FOR,
    }  # fmt: skip
    if owner.user_id is not None:
        return bool(_END_OF_READER.write(session, owner=owner.user_id, **values))
    return bool(_END_OF_GUEST.write(session, owner=owner.guest_hash, **values))


def keep_words(session: Session, owner: DraftOwner, article_id: int, body: str, parent_id: int | None) -> None:
    """Keep the words of somebody who pressed the button and has yet to do something, whatever was kept there before."""
    words = text.normalise(body)[:LONGEST_DRAFT]
    if text.is_blank(words):
        end_draft(session, owner, article_id, parent_id)
    else:
        _put(session, owner, article_id, parent_id or 0, words, clock.now())


def copy_guest_drafts(session: Session, of_guest: str, user_id: int, *, only_missing: bool = False) -> None:
    """Give a reader what a guest's browser kept; what happened later wins where both have something.

    With `only_missing`, the reader's own words always stay: who signs up has not proved yet who they are. The browser
    keeps its own too, so that a mistyped address loses nothing. Words that the reader has posted by now, perhaps from
    another device, are left out.
    """
    rows = session.execute(
        select(Draft.article_id, Draft.parent_key, Draft.body, Draft.updated_at).where(
            Draft.guest_hash == of_guest, Draft.expires_at > clock.now(), Draft.body != ""
        )
    ).all()
    for row in rows:
        if not _is_posted(session, user_id, row.article_id, row.body):
            _put(
                session, DraftOwner(user_id=user_id), row.article_id, row.parent_key, row.body, row.updated_at,
                only_missing=only_missing,
            )  # fmt: skip


def claim_guest_drafts(session: Session, of_guest: str, user_id: int) -> None:
    """Move a guest's drafts to the reader who signed in on that browser."""
    copy_guest_drafts(session, of_guest, user_id)
    session.execute(
        delete(Draft).where(Draft.guest_hash == of_guest).execution_options(synchronize_session=False)
    )


def forget_drafts(session: Session, user_id: int) -> None:
    """Remove everything a reader has kept."""
    session.execute(delete(Draft).where(Draft.user_id == user_id).execution_options(synchronize_session=False))


def expire_drafts(session: Session) -> int:
    """Remove what nobody came back for; returns how many."""
    return int(
        session.execute(
            delete(Draft).where(Draft.expires_at <= clock.now()).execution_options(synchronize_session=False)
        ).rowcount  # type: ignore[attr-defined]
    )


def _place(owner: DraftOwner, article_id: int, parent_key: int) -> tuple[ColumnElement[bool], ...]:
    return owner.owns(), Draft.article_id == article_id, Draft.parent_key == parent_key


def _values(owner: DraftOwner, article_id: int, parent_key: int) -> dict[str, Any]:
    return {"user_id": owner.user_id, "guest_hash": owner.guest_hash, "article_id": article_id,
            "parent_key": parent_key}  # fmt: skip


def _as_it_stands(session: Session, place: tuple[ColumnElement[bool], ...], words: str) -> Kept:
    """The answer to a page that knew another generation."""
    row = session.execute(select(Draft.generation, Draft.body).where(*place)).one_or_none()
    if row is None or not row.body:
        return Kept("gone", row.generation if row else 0)
    return Kept("saved" if row.body == words else "newer", row.generation, row.body)


def _is_posted(session: Session, user_id: int, article_id: int, words: str) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    Thread.article_id == article_id,
                    Comment.thread_id == Thread.id,
                    Comment.author_id == user_id,
                    Comment.body_hash == text.body_hash(words),
                )
            )
        )
    )


def _insert(session: Session) -> Any:
    return (pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert)(Draft)


def _put(
    session: Session, owner: DraftOwner, article_id: int, parent_key: int, words: str, at: datetime,
    *, only_missing: bool = False,
) -> None:  # fmt: skip
    """Keep words typed at that moment, unless something happened at their place later."""
    until = clock.now() + KEPT_FOR
    statement = _insert(session).values(
        **_values(owner, article_id, parent_key), body=words, generation=1, updated_at=at, expires_at=until
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["user_id" if owner.user_id is not None else "guest_hash", "article_id", "parent_key"],
            set_={"body": words, "generation": Draft.generation + 1, "updated_at": at, "expires_at": until},
            where=(Draft.updated_at <= at) & (Draft.body == "") if only_missing else Draft.updated_at <= at,
        )
    )
