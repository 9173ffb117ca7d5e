"""Picks quoted in an article: a line `[[comment 123]]` of its text stands for that comment as it is now.

The text keeps the line; the comment is put in its place when the page is made, and nothing is if readers can no longer
see it, or if it is no Pick any more. What a kept page depends on besides is `quotes_stamp`; it is asked for where an
article quotes something, so that all others pay nothing.
"""

import re
from typing import Any

from flask import current_app
from markupsafe import Markup
from sqlalchemy import Select, bindparam, delete, insert, select
from sqlalchemy.orm import Session, aliased

from blueprints.articles.queries import is_past
from blueprints.threads.listing import FoundComment, picks_by_id
from core import clock
from core.db import db
from core.ids import MAX_ID
from core.markup import hide_spoilers
from core.prepared import Prepared
from models.article import Article, ArticleQuote
from models.thread import Comment, Thread

MAX_QUOTES = 10  # in one article
_MARK = r"\[\[comment (\d{1,10})\]\]"
_IN_SOURCE = re.compile(rf"^[^\S\n]*{_MARK}[^\S\n]*$", re.MULTILINE)
_IN_HTML = re.compile(rf'<p(?: dir="auto")?>{_MARK}</p>\n?')


def mark_of(comment_id: int) -> str:
    """The line that stands for a comment."""
    return f"[[comment {comment_id}]]"


def quoted_in(source: str) -> list[int]:
    """The comments that an article's text quotes, in their order, each once."""
    ids = (int(number) for number in _IN_SOURCE.findall(source))
    return list(dict.fromkeys(number for number in ids if 0 < number <= MAX_ID))


def with_quotations(html: str) -> Markup:
    """An article's HTML with the quoted comments in their places, as far as everybody may read them."""
    numbers = [int(number) for number in _IN_HTML.findall(html)]
    if not numbers:
        return Markup(html)  # noqa: S704 - cleaned when it was written
    wanted = [number for number in numbers if 0 < number <= MAX_ID][:MAX_QUOTES]
    found = {comment.id: comment for comment in picks_by_id(db.session(), wanted, clock.now())}

    def put(match: re.Match[str]) -> str:
        comment = found.get(int(match[1]))
        return _quotation(comment) if comment else ""

    return Markup(_IN_HTML.sub(put, html))  # noqa: S704 - cleaned when it was written, and of our own templates


def without_quotations(html: str) -> str:
    """An article's HTML for where a comment could not be taken back any more, such as feeds."""
    return _IN_HTML.sub("", html)


def quotes_stamp() -> Select[*tuple[Any, ...]]:
    """What decides how the comments quoted in an article look; parameters: `article`, its slug, and `moment`.

    The version of a thread rises with whatever changes on its comments, and that of an article when it is withdrawn.
    """
    quoting = aliased(Article)
    return (
        select(Comment.id, Thread.id, Thread.version, Article.version, is_past(Article.opens_to_all_at))
        .select_from(ArticleQuote)
        .join(quoting, quoting.id == ArticleQuote.article_id)
        .join(Comment, Comment.id == ArticleQuote.comment_id)
        .join(Thread, Thread.id == Comment.thread_id)
        .join(Article, Article.id == Thread.article_id)
        .where(quoting.slug == bindparam("article"))
        .order_by(Comment.id)
    )


def quotes_now(slug: str) -> tuple[Any, ...]:
    """The stamp of the comments quoted in the article with this slug, as it is now."""
    return tuple(tuple(row) for row in _STAMP.all(db.session(), article=slug, moment=clock.now()))


def quotes_of(session: Session, article_id: int) -> set[int]:
    """The comments that an article quotes as it is saved."""
    return set(session.scalars(select(ArticleQuote.comment_id).where(ArticleQuote.article_id == article_id)))


def unquotable(session: Session, source: str, known: set[int]) -> int | None:
    """The first comment this text quotes that is no Pick everybody can read; one that was quoted before may stay."""
    new = [number for number in quoted_in(source) if number not in known]
    found = {comment.id for comment in picks_by_id(session, new, clock.now())} if new else set()
    return next((number for number in new if number not in found), None)


def save_quotes(session: Session, article: Article) -> None:
    """Note which comments an article quotes, so that its page follows them."""
    article_id, wanted, known = article.id, set(quoted_in(article.body_source)), quotes_of(session, article.id)
    article.quote_count = len(wanted)
    if gone := known - wanted:
        session.execute(
            delete(ArticleQuote).where(ArticleQuote.article_id == article_id, ArticleQuote.comment_id.in_(sorted(gone)))
        )
    if new := wanted - known:
        session.execute(
            insert(ArticleQuote), [{"article_id": article_id, "comment_id": number} for number in sorted(new)]
        )


_STAMP = Prepared(quotes_stamp())


def _quotation(comment: FoundComment) -> str:
    template = current_app.jinja_env.get_template("articles/_quotation.html")
    return template.render(c=comment, body=Markup(hide_spoilers(str(comment.body))))  # noqa: S704 - cleaned before
