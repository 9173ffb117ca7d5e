"""Authors are asked once before posting, with a group that never is beside them."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.threads import nudging
from core import clock
from core.db import db
from models.article import Article
from models.screening import Nudge
from models.thread import Comment
from models.user import User
from tests.browser import Browser
from tests.threads.screens import make_list, set_up
from tests.threads.talk import comment, make_member, make_talk, say

SCRIPT = {"X-Requested-With": "fetch"}


@pytest.fixture
def article(app: Flask) -> Article:
    make_list("Harsh", "blork", "nudge")
    set_up(numbers={"hold_out_percent": 0})
    return make_talk()


def nudges() -> list[tuple[bool, str, int | None]]:
    db.session().rollback()
    return [(row.asked, row.ended, row.comment_id) for row in db.session().scalars(select(Nudge).order_by(Nudge.id))]


def comments() -> list[str]:
    db.session().rollback()
    return list(db.session().scalars(select(Comment.body_source).order_by(Comment.id)))


def test_an_author_is_asked_once_with_the_words_marked_and_kept(app: Flask, article: Article) -> None:
    browser, path = Browser(app).sign_in(make_member()), f"/articles/{article.slug}/comments"
    asked = browser.post(path, {"body": "You are a blork, <b>sir</b>."})
    page = asked.get_data(as_text=True)
    assert asked.status_code == 422
    assert "You are a <mark>blork</mark>, &lt;b&gt;sir&lt;/b&gt;." in page
    assert "You are a blork, &lt;b&gt;sir&lt;/b&gt;.</textarea>" in page
    assert comments() == []
    number = nudge_of(page)
    done = browser.post(path, {"body": "You are mistaken, sir.", "nudge": number})
    assert done.status_code == 303
    assert comments() == ["You are mistaken, sir."]
    assert nudges() == [(True, "rephrased", 1)]


def test_words_may_be_left_as_they_are_also_from_a_page_that_knows_of_nothing(app: Flask, article: Article) -> None:
    browser, path = Browser(app).sign_in(make_member()), f"/articles/{article.slug}/comments"
    assert browser.post(path, {"body": "You blork."}, headers=SCRIPT).status_code == 422
    assert browser.post(path, {"body": "You blork."}, headers=SCRIPT).status_code == 201
    assert nudges() == [(True, "as-is", 1)]


def test_one_who_does_not_come_back_has_withdrawn_and_is_asked_anew_later(
    app: Flask, article: Article, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = make_member()
    assert say(article, person, "You blork.") == 0
    moment = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: moment)
    assert say(article, person, "You blork.") == 0
    assert nudges() == [(True, "", None), (True, "", None)]


def test_the_hold_out_group_is_never_asked_and_counted_beside(app: Flask, article: Article) -> None:
    set_up(numbers={"hold_out_percent": 50})
    people = [make_member() for _ in range(12)]
    held_out = [person for person in people if nudging.in_hold_out(person.id, 50)]
    assert 0 < len(held_out) < 12
    posted = [say(article, person, f"Blork, says {person.id}.") for person in people]
    assert [bool(one) for one in posted] == [person in held_out for person in people]
    assert sorted(asked for asked, *_ in nudges()) == [False] * len(held_out) + [True] * (12 - len(held_out))
    assert all(ended == "as-is" and comment_id for asked, ended, comment_id in nudges() if not asked)


def test_the_same_people_are_held_out_whatever_the_share_grows_to() -> None:
    tenth = {number for number in range(5000) if nudging.in_hold_out(number, 10)}
    fifth = {number for number in range(5000) if nudging.in_hold_out(number, 20)}
    assert tenth < fifth
    assert 400 < len(tenth) < 600
    assert not any(nudging.in_hold_out(number, 0) for number in range(5000))


def test_nobody_is_asked_about_words_that_a_person_reads_anyway(app: Flask, article: Article) -> None:
    one = say(article, make_member(), "You blork, write to ann@example.com.")
    assert comment(one).status == "withheld"
    assert nudges() == []


def nudge_of(page: str) -> str:
    start = page.index('name="nudge" value="') + len('name="nudge" value="')
    return page[start : page.index('"', start)]


def test_somebody_elses_nudge_is_not_ended(app: Flask, article: Article) -> None:
    ann: User = make_member()
    assert say(article, ann, "You blork.") == 0
    browser = Browser(app).sign_in(make_member())
    browser.post(f"/articles/{article.slug}/comments", {"body": "Well said.", "nudge": "1"})
    assert nudges() == [(True, "", None)]
