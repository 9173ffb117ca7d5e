"""Keeping the words of published comments. Called with the row's text as it stands; never asked who may find it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, func, select, text
from sqlalchemy.orm import Session

from blueprints.threads.search.words import Query, Term, words_in
from core.db import dialect_name
from core.inline import HIDDEN_WORDS
from core.markup import plain_text
from core.prepared import Prepared
from core.records import dataclass
from models.thread import Comment, CommentWords

THREAD_MARK = "@"  # before a thread's id it makes a word that nobody can type
BATCH = 500

_UPSERT = (
    "INSERT INTO comment_words (comment_id, revision, words)"
    " SELECT CAST(:comment_id AS INTEGER), CAST(:revision AS INTEGER), {words} WHERE EXISTS (SELECT 1 FROM comment"
    " WHERE id = :comment_id AND revision = :revision AND status = 'published')"
    " ON CONFLICT (comment_id) DO UPDATE SET revision = excluded.revision, words = excluded.words"
)
_STORE = {
    "sqlite": Prepared(text(_UPSERT.format(words=":words"))),
    "postgresql": Prepared(text(_UPSERT.format(words="CAST(:words AS tsvector)"))),
}
_FORGET = Prepared(delete(CommentWords).where(CommentWords.comment_id == bindparam("the_comment")))
_TEXT = (Comment.id, Comment.thread_id, Comment.revision, Comment.body_html)
_AS_IT_STANDS = Prepared(
    select(*_TEXT, Comment.status).where(Comment.id == bindparam("the_comment")).with_for_update()
)
_stands = and_(CommentWords.comment_id == Comment.id, CommentWords.revision == Comment.revision)


@dataclass(frozen=True, slots=True)
class Entry:
    """The words of a comment's text, to be stored."""

    comment_id: int
    revision: int
    words: str


def index_comment(session: Session, comment_id: int) -> None:
    """Let the search know a comment as it stands: its words if it is published, nothing of it otherwise."""
    row = _AS_IT_STANDS.first(session, the_comment=comment_id)
    if row is None or row.status != "published":
        forget_comment(session, comment_id)
    else:
        store(session, [_entry(session, row)])


def forget_comment(session: Session, comment_id: int) -> None:
    """Take the words of a comment out of the search."""
    _FORGET.write(session, the_comment=comment_id)


def unknown(session: Session, after_id: int, limit: int = BATCH) -> list[Entry]:
    """Published comments with higher ids that the search does not know as they stand. Reads only.

    Looking for them goes through the whole table, so it is done before the transaction that stores them.
    """
    rows = session.execute(
        select(*_TEXT)
        .where(Comment.id > after_id, Comment.status == "published", ~exists().where(_stands))
        .order_by(Comment.id)
        .limit(limit)
    ).all()
    return [_entry(session, row) for row in rows]


def store(session: Session, entries: Sequence[Entry]) -> None:
    """Let the search know these words; those of a text that no longer stands, or is not published, are passed over."""
    statement = _STORE[dialect_name()]
    for entry in entries:
        statement.write(session, **asdict(entry))


def leftovers(session: Session, limit: int = BATCH) -> list[int]:
    """Comments that the search knows words of and that are not published. Reads only."""
    gone = select(CommentWords.comment_id).join(Comment, Comment.id == CommentWords.comment_id)
    return list(session.scalars(gone.where(Comment.status != "published").limit(limit)))


def forget_all(session: Session) -> None:
    """Empty the search."""
    session.execute(delete(CommentWords))


def standing(session: Session) -> tuple[int, int]:
    """How many comments are published, and how many of them the search does not know as they stand."""
    published = Comment.status == "published"
    row = session.execute(
        select(
            select(func.count()).select_from(Comment).where(published).scalar_subquery(),
            select(func.count()).select_from(Comment).where(published, ~exists().where(_stands)).scalar_subquery(),
        )
    ).one()
    return int(row[0]), int(row[1])


def match_of(dialect: str, query: Query, thread_id: int | None) -> str:
    """The query in the database's own language. Words hold letters, marks and digits only, so quoting them is safe."""
    terms = [*([Term((f"{THREAD_MARK}{thread_id}",))] if thread_id is not None else []), *query.wanted]
    if dialect == "postgresql":
        wanted, unwanted = (" & ".join(map(_tsquery, some)) for some in (terms, query.unwanted))
        return f"{wanted} & !({' | '.join(map(_tsquery, query.unwanted))})" if unwanted else wanted
    found = " AND ".join(map(_fts5, terms))
    return f"({found}) NOT ({' OR '.join(map(_fts5, query.unwanted))})" if query.unwanted else found


def _entry(session: Session, row: Any) -> Entry:
    words = [f"{THREAD_MARK}{row.thread_id}", *(found.word for found in words_in(_said(row.body_html)))]
    if dialect_name() == "postgresql":
        return Entry(row.id, row.revision, " ".join(f"'{word}':{place}" for place, word in enumerate(words, 1)))
    return Entry(row.id, row.revision, " ".join(words))


def _said(html: str) -> str:
    """What a text says; hidden words are not found either."""
    return plain_text(html).replace(HIDDEN_WORDS, " ")


def _fts5(term: Term) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.is_open else ""}'


def _tsquery(term: Term) -> str:
    if term.is_open:
        return f"'{term.words[0]}':*"
    return "(" + " <-> ".join(f"'{word}'" for word in term.words) + ")"
