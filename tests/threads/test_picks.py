"""Picks: who may choose them, what follows, and two editors at once."""

import re
import threading

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from blueprints.threads.counters import recount
from blueprints.threads.picks import NOTE_LENGTH, end_pick, pick_comment
from core import clock
from core.db import db, transaction
from core.errors import Conflict, DomainError
from jobs import worker
from models.article import Article
from models.notice import NoticeCause
from models.thread import Pick
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_user, thread_of
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, comment, drifts, facts, make_member, make_talk, respect, say

pytestmark = pytest.mark.usefixtures("app")


def pick(comment_id: int, editor: User, note: str = "") -> int:
    viewer = as_viewer(editor)
    with transaction() as session:
        return pick_comment(session, viewer, comment_id, note)


def unpick(comment_id: int, editor: User) -> None:
    viewer = as_viewer(editor)
    with transaction() as session:
        end_pick(session, viewer, comment_id)


def shown(app: Flask, article: Article, query: str = "?sort=picks") -> list[int]:
    page = Browser(app).get(f"/articles/{article.slug}{query}").get_data(as_text=True)
    return [int(number) for number in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', page)]


def test_editors_and_the_storys_author_pick_and_nobody_else() -> None:
    author, colleague = make_user(roles=("author",)), make_user(roles=("author",))
    editor, moderator, ann = make_user(roles=("editor",)), make_user(roles=("moderator",)), make_member()
    article = make_talk(author_id=author.id)
    one, two = say(article, ann), say(article, ann)
    for nobody in (ann, moderator, colleague):
        with pytest.raises(DomainError, match="chosen by the editors"):
            pick(one, nobody)
    pick(one, editor)
    pick(two, author)
    with pytest.raises(Conflict, match="already"):
        pick(one, author)
    for nobody in (ann, moderator, colleague):
        with pytest.raises(DomainError, match="chosen by the editors"):
            unpick(one, nobody)
    assert thread_of(article).picked_count == 2


def test_what_nobody_reads_and_what_is_ones_own_is_not_picked() -> None:
    editor, ann = make_user(roles=("editor",)), make_member()
    article = make_talk(comment_audience="registered")
    one, own = say(article, ann), say(article, editor)
    change(one, "withheld")
    with pytest.raises(DomainError, match="do not see"):
        pick(one, editor)
    with pytest.raises(DomainError, match="Your own"):
        pick(own, editor)
    change(one, "published")
    with pytest.raises(DomainError, match="up to 280"):
        pick(one, editor, "x" * (NOTE_LENGTH + 1))
    assert db.session().scalar(select(func.count()).select_from(Pick)) == 0


def test_the_database_allows_one_live_pick_of_a_comment() -> None:
    editor, ann = make_user(roles=("editor",)), make_member()
    one = say(make_talk(), ann)
    pick(one, editor)
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Pick(comment_id=one, author_id=ann.id, note="", picked_by=editor.id, picked_at=clock.now()))
        session.flush()
    unpick(one, editor)
    pick(one, editor)
    rows = db.session().execute(select(Pick.picked_by, Pick.ended_by).order_by(Pick.id)).all()
    assert [tuple(row) for row in rows] == [(editor.id, editor.id), (editor.id, None)]


def test_a_pick_leaves_the_list_with_its_comment_and_comes_back_with_it(app: Flask) -> None:
    editor, ann, bob = make_user(roles=("editor",)), make_member(), make_member("Bob Harbour")
    article = make_talk()
    root = say(article, bob)
    one, two = say(article, ann), say(article, ann, to=root)
    assert shown(app, article) == []
    assert "Picks" not in text_of(Browser(app).get(f"/articles/{article.slug}"))
    pick(one, editor)
    pick(two, editor, "It <b>answers</b> & asks.")
    page = Browser(app).get(f"/articles/{article.slug}?sort=picks").get_data(as_text=True)
    assert shown(app, article) == [two, one]
    assert "It &lt;b&gt;answers&lt;/b&gt; &amp; asks." in page
    assert re.search(r'in reply to <a href="/comments/\d+"><bdi>Bob Harbour', page)
    assert 'Picks<span class="tabs__count">2</span>' in page
    assert shown(app, article, "")  # the other orders still show everything
    for status in ("rejected", "deleted", "withheld"):
        change(two, status)
        assert shown(app, article) == [one]
        assert thread_of(article).picked_count == 1
        assert drifts(article) == []
        change(two, "published")
        assert shown(app, article) == [two, one]
    change(one, "rejected")
    unpick(one, editor)
    change(one, "published")
    assert shown(app, article) == [two]
    assert thread_of(article).picked_count == 1
    assert drifts(article) == []


def test_pages_of_picks_neither_skip_nor_repeat_and_cost_the_same(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blueprints.threads.shared.ROOTS_PER_PAGE", 3)
    editor, ann = make_user(roles=("editor",)), make_member()
    article = make_talk()
    ids = [say(article, ann) for _ in range(8)]
    for one in ids:
        pick(one, editor)
    change(ids[4], "rejected")
    seen: list[int] = []
    url, costs = f"/articles/{article.slug}?sort=picks", []
    while url:
        with statements() as sent:
            page = Browser(app).get(url).get_data(as_text=True)
        costs.append(len(sent))
        seen += [int(number) for number in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', page)]
        following = re.search(r'rel="next" href="([^"#]+)', page)
        url = following[1].replace("&amp;", "&") if following else ""
    assert seen == [one for one in reversed(ids) if one != ids[4]]
    assert max(costs) - min(costs) <= 1  # the first request of a process asks for the settings too


@pytest.mark.once
@pytest.mark.parametrize("rubbish", ["x", "cC4x", "cC45OTk5OTk5OTk5OTk5OTk5OTk5LjE", "cC4xLjk5OTk5OTk5OTk5"])
def test_a_damaged_cursor_shows_the_first_page(app: Flask, rubbish: str) -> None:
    editor, ann = make_user(roles=("editor",)), make_member()
    article = make_talk()
    one = say(article, ann)
    pick(one, editor)
    assert shown(app, article, f"?sort=picks&after={rubbish}") == [one]


def test_a_respect_does_not_move_a_pick_and_an_edit_keeps_it(app: Flask) -> None:
    editor, ann, bob = make_user(roles=("editor",)), make_member(), make_member()
    article = make_talk()
    one, two = say(article, ann), say(article, ann)
    pick(one, editor)
    pick(two, editor)
    respect(one, bob)
    answer = Browser(app).sign_in(ann).post(f"/comments/{one}/edit", {"body": "Other words."})
    assert answer.status_code == 303
    assert shown(app, article) == [two, one]
    page = Browser(app).get(f"/articles/{article.slug}?sort=picks")
    assert "Pick of the newsroom" in text_of(page)
    assert "edited" in text_of(page)


@pytest.mark.once
def test_the_page_hints_at_those_who_were_never_picked(app: Flask) -> None:
    editor, ann = make_user(roles=("editor",)), make_member("Ann Arbour")
    article = make_talk()
    one, two = say(article, ann), say(article, ann)
    browser = Browser(app).sign_in(editor)
    assert "Nothing that Ann Arbour said was ever picked" in text_of(browser.get(f"/comments/{one}/pick"))
    assert f"/comments/{one}/pick" in browser.get(f"/articles/{article.slug}").get_data(as_text=True)
    answer = browser.post(f"/comments/{one}/pick", {"note": "A clear view."})
    assert answer.headers["Location"] == f"/articles/{article.slug}?sort=picks#comment-{one}"
    assert "Ann Arbour has been picked before" in text_of(browser.get(f"/comments/{two}/pick"))
    there = text_of(browser.get(f"/comments/{one}/pick"))
    assert f"Picked by {editor.display_name}" in there
    assert "A clear view." in there
    too_long = browser.post(f"/comments/{two}/pick", {"note": "so " * NOTE_LENGTH})
    assert too_long.status_code == 422
    assert "so so so" in too_long.get_data(as_text=True)
    assert browser.post(f"/comments/{one}/pick").status_code == 409
    assert browser.post(f"/comments/{one}/pick/end").status_code == 303
    assert browser.post(f"/comments/{one}/pick/end").status_code == 409
    reader = Browser(app).sign_in(ann)
    assert reader.get(f"/comments/{two}/pick").status_code == 403
    assert f"/comments/{two}/pick" not in reader.get(f"/articles/{article.slug}").get_data(as_text=True)


def test_a_recount_finds_and_repairs_marks_and_counts_of_picks() -> None:
    editor, ann = make_user(roles=("editor",)), make_member()
    article = make_talk()
    one, two = say(article, ann), say(article, ann)
    pick(one, editor)
    with transaction():
        comment(one).picked_at, comment(two).picked_at = None, clock.now()
        thread_of(article).picked_count = 7
    assert {(drift.what, drift.column) for drift in drifts(article)} == {("comment", "picked_at"), ("thread", "picked_count")}
    with transaction() as session:
        recount(session, facts(article).thread_id, repair=True)
    assert drifts(article) == []
    assert comment(one).picked_at is not None
    assert comment(two).picked_at is None


def test_two_editors_at_once_make_one_pick(app: Flask) -> None:
    editors, ann = [make_user(roles=("editor",)) for _ in range(4)], make_member()
    article = make_talk()
    one = say(article, ann)
    start, outcomes = threading.Barrier(len(editors)), []
    viewers = [as_viewer(editor) for editor in editors]
    article = fresh(article)
    db.session.expunge_all()  # every thread ends a session

    def choose(number: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction() as session:
                    pick_comment(session, viewers[number], one)
                outcomes.append("picked")
            except Conflict:
                outcomes.append("conflict")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=choose, args=(number,)) for number in range(len(editors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 3 + ["picked"]
    db.session.remove()
    assert fresh(thread_of(article)).picked_count == 1
    assert drifts(article) == []


def test_a_story_without_picks_pays_nothing_for_them(app: Flask) -> None:
    article = make_talk()
    with statements() as sent:
        Browser(app).get(f"/articles/{article.slug}")
    assert not [statement for statement in sent if "FROM pick" in statement or "JOIN pick" in statement]


def test_the_author_is_thanked_for_each_pick_that_stands(app: Flask) -> None:
    editor, ann = make_user(roles=("editor",)), make_member()
    article = make_talk()
    one, two = say(article, ann, "A clear view of the bridge."), say(article, ann)
    pick(one, editor, "A clear view.")
    pick(two, editor)
    unpick(two, editor)
    worker.run_due(100)
    unpick(one, editor)
    pick(one, editor, "A clear view.")
    worker.run_due(100)
    told = db.session().execute(select(NoticeCause.user_id, NoticeCause.kind, NoticeCause.title, NoticeCause.url)).all()
    assert [(row.user_id, row.kind, row.url) for row in told] == [(ann.id, "pick", f"/comments/{one}")] * 2
    assert "picked your comment on “What the ministry knew”. Thank you for it. “A clear view.”" in told[0].title


def test_the_line_of_a_pick_is_changed_in_its_place_and_nobody_is_thanked_twice(app: Flask) -> None:
    article, ann, editor = make_talk(), make_member(), make_user(roles=("editor",))
    number = say(article, ann)
    pick(number, editor, "Worht reading.")
    worker.run_all()
    before = thread_of(article).version
    browser = Browser(app).sign_in(editor)
    assert 'value="Worht reading."' in browser.get(f"/comments/{number}/pick").get_data(as_text=True)
    too_long = browser.post(f"/comments/{number}/pick/note", {"note": "x" * (NOTE_LENGTH + 1)})
    assert (too_long.status_code, "x" * NOTE_LENGTH in too_long.get_data(as_text=True)) == (422, True)
    assert browser.post(f"/comments/{number}/pick/note", {"note": "Worth reading."}).status_code == 303
    worker.run_all()
    assert "Worth reading." in text_of(browser.get(f"/articles/{article.slug}?sort=picks"))
    assert thread_of(article).version == before + 1
    assert db.session().scalar(select(func.count()).where(NoticeCause.user_id == ann.id, NoticeCause.kind == "pick")) == 1
    assert Browser(app).sign_in(ann).post(f"/comments/{number}/pick/note", {"note": "Mine."}).status_code == 403
    unpick(number, editor)
    assert browser.post(f"/comments/{number}/pick/note", {"note": "Too late."}).status_code == 409
