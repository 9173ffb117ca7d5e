"""A thread to talk in, and people who do."""

from typing import Any

from sqlalchemy import select

from blueprints.threads import queries_facts, service
from blueprints.threads.counters import Drift, recount
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.status import StatusChange, change_status
from core.db import db, transaction
from core.viewer import Viewer
from models.article import Article
from models.thread import Comment
from models.user import User
from tests.factories import make_article, make_plan, make_site, make_user, number, viewer_of


def make_talk(**values: Any) -> Article:
    """A published article whose open thread sets no pace."""
    make_site()
    values.setdefault("thread_values", {}).setdefault("pace_seconds", 0)
    return make_article("What the ministry knew", **values)


def make_member(name: str | None = None, **values: Any) -> User:
    """A reader who may comment."""
    return make_user(name, plan=make_plan(), **values)


def as_viewer(user: User) -> Viewer:
    """The person as rules see them now."""
    return viewer_of(user)


def facts(article: Article) -> ThreadFacts:
    found = queries_facts.facts_of_article(db.session(), article.slug)
    assert found is not None
    return found


def say(article: Article, user: User, words: str | None = None, *, to: int | None = None) -> int:
    """Post a comment or reply; returns its id."""
    words = words or f"Words that nobody said before, number {number()}."
    viewer = as_viewer(user)
    with transaction() as session:
        return service.post_comment(session, viewer, facts(article), words, parent_id=to).comment_id


def change(comment_id: int, status: str, **expected: Any) -> StatusChange:
    with transaction() as session:
        return change_status(session, comment_id, status, **expected)


def respect(comment_id: int, user: User, wanted: bool | None = None) -> service.RespectGiven:
    viewer = as_viewer(user)
    with transaction() as session:
        return service.toggle_respect(session, viewer, comment_id, wanted=wanted)


def comment(comment_id: int) -> Comment:
    """The row as the database has it now."""
    row = db.session().scalar(
        select(Comment).where(Comment.id == comment_id).execution_options(populate_existing=True)
    )
    assert row is not None
    return row


def drifts(article: Article) -> list[Drift]:
    """What a recount finds wrong."""
    thread_id = facts(article).thread_id
    with transaction() as session:
        return recount(session, thread_id)
