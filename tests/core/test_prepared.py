"""Statements handed to the driver directly: the same answers, in the same transaction."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from core import clock
from core.db import UTCDateTime, db, transaction
from core.prepared import Prepared
from models.article import Article
from models.notice import Notice
from models.thread import Thread
from models.user import RoleGrant, User
from tests.factories import make_article, make_user
from tests.threads.counting import statements

BY_EMAIL = Prepared(
    select(User.id, User.display_name.label("name"), User.active, User.confirmed_at, User.deleted_at, User.is_demo)
    .where(User.email == bindparam("email"))
)  # fmt: skip


def test_rows_are_what_the_ordinary_way_gives(app):
    user = make_user("Ann", email="ann@example.test")
    row = BY_EMAIL.first(db.session(), email="ann@example.test")
    ordinary = db.session.execute(
        select(User.id, User.display_name, User.active, User.confirmed_at, User.deleted_at, User.is_demo)
        .where(User.id == user.id)
    ).one()  # fmt: skip
    assert tuple(row) == tuple(ordinary)
    assert [type(value) for value in row] == [type(value) for value in ordinary]
    assert (row.id, row.name, row.active, row.deleted_at) == (user.id, "Ann", True, None)
    assert row.confirmed_at.tzinfo is UTC or row.confirmed_at.utcoffset().total_seconds() == 0


def test_nothing_found_is_none_or_an_empty_list(app):
    session = db.session()
    assert BY_EMAIL.first(session, email="nobody@example.test") is None
    assert BY_EMAIL.scalar(session, email="nobody@example.test") is None
    assert list(BY_EMAIL.all(session, email="nobody@example.test")) == []


def test_moments_are_compared_as_moments(app):
    article = make_article("A story")
    since = Prepared(select(Article.id).where(Article.published_at <= bindparam("moment", type_=UTCDateTime())))
    assert since.scalar(db.session(), moment=datetime(2999, 1, 1, tzinfo=UTC)) == article.id
    assert since.scalar(db.session(), moment=datetime(1999, 1, 1, tzinfo=UTC)) is None
    with pytest.raises(ValueError, match="time zone"):
        since.scalar(db.session(), moment=datetime(2999, 1, 1))


def test_what_the_statement_fixes_needs_not_be_given(app):
    make_user("Ann", email="ann@example.test")
    fixed = Prepared(select(User.id).where(User.email == "ann@example.test", User.active, User.is_demo.is_(False)).limit(1))
    assert fixed.scalar(db.session()) is not None


def test_a_text_with_one_value_in_several_places(app):
    user = make_user("Ann", email="ann@example.test")
    statement = Prepared(text('SELECT id, email FROM "user" WHERE id = :id UNION ALL SELECT id, email FROM "user" WHERE id = :id'))
    assert list(statement.all(db.session(), id=user.id)) == [(user.id, user.email)] * 2


def test_it_sees_what_its_transaction_has_changed(app):
    article = make_article("A story")
    version = Prepared(select(Thread.version).where(Thread.article_id == bindparam("article_id")))
    before = version.scalar(db.session(), article_id=article.id)
    with transaction() as session:
        session.connection().execute(Thread.__table__.update().values(version=before + 5))
        assert version.scalar(session, article_id=article.id) == before + 5
    assert version.scalar(db.session(), article_id=article.id) == before + 5


def test_a_lock_is_asked_for_where_there_are_locks(app):
    article = make_article("A story")
    locked = Prepared(select(Thread.id, Thread.state).where(Thread.article_id == bindparam("article_id")).with_for_update())
    with transaction() as session:
        assert locked.first(session, article_id=article.id).state == "open"


def test_it_is_counted_like_any_statement(app):
    with statements() as sent:
        BY_EMAIL.all(db.session(), email="x")
    assert len(sent) == 1


def test_a_failure_is_the_ordinary_failure(app):
    with pytest.raises(DBAPIError):
        Prepared(text("SELECT nothing FROM nowhere")).all(db.session())
    db.session.rollback()


def test_writing_says_how_many_rows_it_touched(app):
    first, second = make_user("Ann", email="ann@example.test"), make_user("Bea", email="bea@example.test")
    rename = Prepared(update(User).where(User.id == bindparam("user_id")).values(demo_line=bindparam("line")))
    with transaction() as session:
        assert rename.write(session, user_id=first.id, line="Hello") == 1
        assert rename.write(session, user_id=0, line="Hello") == 0
    lines = Prepared(select(User.demo_line).where(User.id == bindparam("user_id")))
    assert lines.scalar(db.session(), user_id=first.id) == "Hello"
    assert lines.scalar(db.session(), user_id=second.id) is None


def test_a_write_that_fails_takes_the_transaction_with_it(app):
    user = make_user("Ann")
    given = {name: bindparam(f"new_{name}") for name in ("user_id", "name", "granted_at")}
    grant = Prepared(insert(RoleGrant).values(**given).inline())
    values = {"new_user_id": user.id, "new_name": "editor", "new_granted_at": clock.now()}
    taken = Prepared(delete(RoleGrant).where(RoleGrant.user_id == bindparam("user_id")))
    with pytest.raises(IntegrityError), transaction() as session:
        assert grant.write(session, **values) == 1
        grant.write(session, **values)
    with transaction() as session:
        assert taken.write(session, user_id=user.id) == 0


def test_what_a_statement_fixes_itself_is_written_out_so_that_part_indexes_are_seen(app):
    unread = Prepared(
        select(func.count()).where(Notice.user_id == bindparam("user_id"), Notice.read_at.is_(None), Notice.count > 0)
    )
    name = "it's 100 %"
    named = Prepared(select(User.id).where(User.display_name == name, User.active.is_(True)))
    reader = make_user(name)
    user_id = reader.id
    with statements() as sent:
        assert unread.scalar(db.session(), user_id=user_id) == 0
        assert named.scalar(db.session()) == user_id
    assert "notice.count > 0" in sent[0]


def test_lists_are_refused_at_once(app):
    with pytest.raises(ValueError, match="list"):
        Prepared(select(User.id).where(User.id.in_([1, 2]))).all(db.session())


@pytest.mark.parametrize("first", ["prepared", "ordinary"])
def test_what_a_savepoint_undoes_is_undone_whichever_way_it_was_written(app, first):
    user = make_user("Ann")
    rename = Prepared(update(User).where(User.id == bindparam("user_id")).values(demo_line=bindparam("line")))
    line = Prepared(select(User.demo_line).where(User.id == bindparam("user_id")))
    with transaction() as session:
        if first == "ordinary":
            session.scalar(select(func.count(User.id)))
        rename.write(session, user_id=user.id, line="before")
        with suppress(ZeroDivisionError), session.begin_nested():
            rename.write(session, user_id=user.id, line="within")
            raise ZeroDivisionError
        assert line.scalar(session, user_id=user.id) == "before"
        with suppress(DBAPIError), session.begin_nested():
            Prepared(text("SELECT nothing FROM nowhere")).all(session)
        rename.write(session, user_id=user.id, line="after")  # a failure within leaves the rest its transaction
    assert line.scalar(db.session(), user_id=user.id) == "after"
