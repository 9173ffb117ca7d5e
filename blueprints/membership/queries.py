"""Readers and stories as billing needs them, and the one write that must not clash."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.db import Base, db
from core.records import dataclass
from models.article import Article
from models.user import User


@dataclass(frozen=True, slots=True)
class ArticleRef:
    slug: str
    headline: str


def insert_new(model: type[Base], **values: Any) -> bool:
    """Insert a row unless one like it is there already; whether it was new.

    The row itself is asked back: PostgreSQL's driver gives no count where a key is made by the database.
    """
    session = db.session()
    insert = pg_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    key = model.__table__.primary_key.columns  # type: ignore[attr-defined]
    done = session.execute(insert(model).values(**values).on_conflict_do_nothing().returning(*key))
    return done.first() is not None


def article_ref(slug: str) -> ArticleRef | None:
    """The published article that somebody wants to join the discussion of."""
    row = db.session().execute(
        select(Article.slug, Article.headline).where(Article.slug == slug, Article.state == "published")
    ).first()  # fmt: skip
    return ArticleRef(*row) if row else None


def person(user_id: int) -> User | None:
    """Somebody with an account, deleted or not."""
    return db.session().scalar(select(User).where(User.id == user_id))


def lock_person(user_id: int) -> User | None:
    """Somebody with an account, locked for this transaction."""
    return db.session().scalar(select(User).where(User.id == user_id).with_for_update())
