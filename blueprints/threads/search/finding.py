"""Looking comments up for a viewer: only what everybody may read, in discussions that this viewer may see, and not by
people whom they have muted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup
from sqlalchemy import Integer, Row, Select, and_, column, func, literal_column, select, text
from sqlalchemy.orm import Session

from blueprints.threads.listing import FOUND_COLUMNS, FoundComment, found_from, muted_by, readable_by, with_places
from blueprints.threads.search.index import match_of
from blueprints.threads.search.snippets import snippet
from blueprints.threads.search.words import Query
from core.markup import plain_text
from core.records import dataclass
from core.viewer import Viewer
from models.article import Article
from models.notice import Mute
from models.thread import Comment, CommentWords

RESULTS = 20
LOOKED_AT = 500  # so many comments with the words are asked about at a time, from the newest down


@dataclass(frozen=True, slots=True)
class Place:
    """Where to search: a discussion, a section, or, with neither, everywhere."""

    thread_id: int | None = None
    section_id: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, newest first. `before` names the place to go on from, None at the end.

    An empty page that can be gone on from means: nothing among the newest LOOKED_AT that have the words.
    """

    comments: tuple[tuple[FoundComment, Markup], ...]
    before: int | None


_CANDIDATES = {
    "sqlite": text(
        "SELECT rowid AS id FROM search_comment WHERE search_comment MATCH :match AND rowid < :before"
        " ORDER BY rowid DESC LIMIT :looked_at"
    ),
    "postgresql": text(
        "SELECT comment_id AS id FROM comment_words WHERE words @@ CAST(:match AS tsquery) AND comment_id < :before"
        " ORDER BY comment_id DESC LIMIT :looked_at"
    ),
}


def find_comments(
    session: Session, viewer: Viewer, query: Query, place: Place, *, before: int, now: datetime
) -> Results:
    """One page of the comments with lower ids than `before` that the query finds there."""
    dialect = session.get_bind().dialect.name
    values = {"match": match_of(dialect, query, place.thread_id), "before": before, "looked_at": LOOKED_AT}
    rows = session.execute(_statement(dialect, viewer, place), values).all()
    found = [row for row in rows if row.id is not None]
    comments = found_from(session, found[:RESULTS], now)
    return Results(
        tuple((comment, snippet(plain_text(str(comment.body)), query)) for comment in comments), _go_on(rows, found)
    )


def _statement(dialect: str, viewer: Viewer, place: Place) -> Select[Any]:
    candidates = _CANDIDATES[dialect].columns(column("id", Integer)).cte("candidates")
    looked_at = select(func.count()).select_from(candidates).scalar_subquery()
    last = select(func.min(candidates.c.id)).scalar_subquery()
    # The plus changes nothing but the plan: from the candidates to their comments, never the other way round.
    candidate = literal_column("+candidates.id", Integer)
    found = with_places(
        select(*FOUND_COLUMNS, muted_by(viewer))
        .select_from(candidates)
        .join(CommentWords, CommentWords.comment_id == candidate)
        .join(Comment, and_(Comment.id == candidate, Comment.revision == CommentWords.revision))
    )
    found = found.where(readable_by(viewer)).order_by(candidates.c.id.desc()).limit(RESULTS + 1)
    if viewer.id is not None:
        muted = select(Mute.muted_id).where(Mute.user_id == viewer.id)
        found = found.where(Comment.author_id.not_in(muted))
    if place.section_id is not None:
        found = found.where(Article.section_id == place.section_id)
    listed = found.subquery()
    # One row at least, so that it is known how far was looked also where nothing may be shown.
    ends = select(looked_at.label("looked_at"), last.label("last")).subquery()
    return select(*listed.c, ends.c.looked_at, ends.c.last).select_from(ends.outerjoin(listed, text("1 = 1"))).order_by(
        listed.c.id.desc()
    )


def _go_on(rows: Sequence[Row[Any]], found: Sequence[Row[Any]]) -> int | None:
    if len(found) > RESULTS:
        return int(found[RESULTS - 1].id)
    if rows and rows[0].looked_at == LOOKED_AT:
        return int(rows[0].last)
    return None
