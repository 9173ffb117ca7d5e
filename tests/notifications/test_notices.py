"""What people are told: once, gathered while unread, and never by whom they muted."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.accounts import service as accounts
from blueprints.notifications import notices
from blueprints.threads.signals import comment_changed_signal, comment_published_signal
from core.db import Base, db, transaction
from jobs.worker import run_all
from models.notice import Follow, Mute, Notice, NoticeCause
from models.thread import Comment
from models.user import User
from tests.factories import make_site, make_user
from tests.threads.talk import change, make_member, make_talk, say
from tests.threads.test_together import at_once

pytestmark = pytest.mark.usefixtures("app")


def tell(user: User, number: int = 1, **values: Any) -> bool:
    values = {"subject_key": "comment:7", "title": "{actor} replied", "url": f"/comments/{number}"} | values
    with transaction() as session:
        return notices.notify(session, user.id, values.pop("kind", "reply"), **values)


def standing(user: User) -> list[int]:
    """The counts of the person's notices that are shown."""
    rows = db.session().scalars(select(Notice.count).where(Notice.user_id == user.id, Notice.count > 0).order_by(Notice.id))
    return list(rows)


def test_the_same_cause_is_told_once_and_different_ones_are_gathered() -> None:
    ann, bob = make_user(), make_user()
    assert tell(ann, 1, actor_id=bob.id)
    assert not tell(ann, 1, actor_id=bob.id)
    assert tell(ann, 2)
    assert standing(ann) == [2]
    assert tell(ann, 3, subject_key="comment:8")
    assert standing(ann) == [2, 1]


def test_nobody_is_told_of_themselves_of_whom_they_muted_or_after_leaving() -> None:
    make_site()
    ann, bob = make_user(), make_user()
    with transaction() as session:
        session.add(Mute(user_id=ann.id, muted_id=bob.id))
    assert not tell(ann, 1, actor_id=ann.id)
    assert not tell(ann, 2, actor_id=bob.id)
    assert tell(ann, 3)
    with transaction():
        accounts.delete_account(ann.id, keep_words=True)
    assert not tell(ann, 4)
    assert standing(ann) == []


def test_what_is_withdrawn_is_not_counted_and_comes_back_without_being_told_again() -> None:
    ann = make_user()
    tell(ann, 1, cause="comment:1", excerpt="Some words.")
    tell(ann, 2, cause="comment:2")
    for _ in range(2):
        with transaction() as session:
            notices.withdraw(session, "comment:1")
    assert standing(ann) == [1]
    row = db.session().scalar(select(NoticeCause).where(NoticeCause.cause == "comment:1"))
    assert row is not None
    assert row.excerpt == ""
    for _ in range(2):
        with transaction() as session:
            notices.restate(session, "comment:1", "Other words.")
    assert standing(ann) == [2]
    assert not tell(ann, 1, cause="comment:1")


def test_told_and_withdrawn_by_many_at_once_the_count_is_right(app: Flask) -> None:
    ann = make_user()
    tell(ann, 100, cause="comment:100")

    def withdraw() -> None:
        with transaction() as session:
            notices.withdraw(session, "comment:100")

    failed = at_once(app, [
        *[lambda number=number: tell(ann, number // 2) for number in range(6)],
        withdraw, withdraw,
    ])  # fmt: skip
    assert failed == []
    assert standing(ann) == [3]


def test_leaving_removes_every_row_about_a_person() -> None:
    make_site()
    ann, bob = make_user(), make_user()
    tell(ann, 1, actor_id=bob.id)
    with transaction() as session:
        session.add(Mute(user_id=ann.id, muted_id=bob.id))
        session.add(Mute(user_id=bob.id, muted_id=ann.id))
        session.add(Follow(user_id=bob.id, kind="person", target_id=ann.id))
        session.add(Follow(user_id=ann.id, kind="thread", target_id=1))
    with transaction():
        accounts.delete_account(ann.id, keep_words=True)
    for name in ("notice", "notice_cause", "notice_preference", "notice_setting", "follow", "mute"):
        assert db.session().execute(select(Base.metadata.tables[name])).all() == [], name


def test_a_comment_is_told_of_once_in_its_life_and_its_changes_after_that(app: Flask) -> None:
    told: list[tuple[str, int]] = []

    def published(_sender: object, *, comment_id: int) -> None:
        told.append(("published", comment_id))

    def changed(_sender: object, *, comment_id: int) -> None:
        told.append(("changed", comment_id))

    with comment_published_signal.connected_to(published), comment_changed_signal.connected_to(changed):
        article, ann = make_talk(thread_values={"premoderated": True}), make_member()
        held = say(article, ann)
        run_all()
        assert told == []
        change(held, "published")
        change(held, "rejected")
        run_all()
        assert told == []
        change(held, "published")
        run_all()
        assert told == [("published", held)]
        change(held, "rejected")
        run_all()
        change(held, "published")
        run_all()
    assert told == [("published", held), ("changed", held), ("changed", held)]
    assert db.session().scalar(select(Comment.told_at)) is not None
