"""Finding comments by their words: the same on both databases, and only what everybody may read."""

import re

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from blueprints.threads.search import index
from blueprints.threads.service import edit_comment
from blueprints.threads.status import blank_comment
from blueprints.threads.thread_state import set_thread_state
from core.db import db, transaction
from jobs import worker
from jobs.queue import enqueue
from models.article import Article
from models.notice import Mute
from models.thread import Comment, CommentWords
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_section, make_user
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def index_all() -> None:
    """What the jobs do after a while."""
    with transaction() as session:
        index.store(session, index.unknown(session, 0))


def found(app: Flask, query: str, user: User | None = None, **place: str) -> list[int]:
    browser = Browser(app).sign_in(user) if user else Browser(app)
    answer = browser.get("/search", query_string={"q": query} | place)
    assert answer.status_code in {200, 422}, answer.get_data(as_text=True)
    return [int(number) for number in re.findall(r'id="found-(\d+)"', answer.get_data(as_text=True))]


def test_words_phrases_beginnings_and_exclusions(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "The old bridge over the harbour. Don't close it!")
    two = say(article, ann, "Two **bridges**, and the harbour is old.")
    three = say(article, ann, "Die Brücke ist schön; le café aussi. 東京タワー")
    index_all()
    assert found(app, "bridge") == [two, one]
    assert found(app, '"bridge"') == [one]
    assert found(app, "HARBOUR old") == [two, one]
    assert found(app, '"old bridge"') == [one]
    assert found(app, "harbour -bridges") == [one]
    assert found(app, 'harbour -"old bridge"') == [two]
    assert found(app, "don't") == [one]
    assert found(app, "brucke") == [three]
    assert found(app, "CAFÉ") == [three]
    assert found(app, "京タ") == [three]
    assert found(app, "京東") == []
    assert found(app, "strong") == []
    assert found(app, f"@{facts(article).thread_id}") == []


@pytest.mark.parametrize("odd", [
    '"', "''", "a OR", "NOT", "NEAR(a b)", "words:x", "* ^", "a:*", "x' OR 1=1 --", "(a", "a & | !", "\\", "%_", "{a b}", "@1",
    "'a' <-> 'b'", "🙂", "a\u0000b"[:1], "-", "- a", "--", "a - b",
])  # fmt: skip
def test_no_syntax_is_an_error(app: Flask, odd: str) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    index_all()
    for place in ({}, {"article": article.slug}):
        answer = Browser(app).get("/search", query_string={"q": odd} | place)
        assert answer.status_code in {200, 422}


def test_each_place_finds_its_own(app: Flask) -> None:
    politics, culture = make_section("Politics", slug="politics"), make_section("Culture", slug="culture")
    ann = make_member()
    here, near = make_talk(section=politics), make_article("Near", section=politics)
    far = make_article("Far", section=culture)
    ids = [say(article, ann, f"The word lighthouse, number {n}.") for n, article in enumerate((here, near, far))]
    index_all()
    assert found(app, "lighthouse", article=here.slug) == ids[:1]
    assert found(app, "lighthouse", section="politics") == ids[1::-1]
    assert found(app, "lighthouse") == ids[::-1]
    assert Browser(app).get("/search?q=x&section=nowhere").status_code == 404
    assert Browser(app).get("/search?q=x&article=nowhere").status_code == 404


def test_pages_go_on_where_the_last_one_ended_and_cost_the_same(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    article, ann = make_talk(), make_member()
    ids = [say(article, ann, f"lantern {n}") for n in range(45)]
    index_all()
    browser, seen, url, costs = Browser(app), [], "/search?q=lantern", []
    while url:
        with statements() as sent:
            page = browser.get(url).get_data(as_text=True)
        costs.append(len(sent))
        seen += [int(number) for number in re.findall(r'id="found-(\d+)"', page)]
        following = re.search(r'rel="next" href="([^"]+)"', page)
        url = following[1].replace("&amp;", "&") if following else ""
    assert seen == ids[::-1]
    assert len(set(costs)) == 1
    assert costs[0] <= 7


def test_where_many_have_the_words_but_none_may_be_shown_the_search_goes_on_further_back(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blueprints.threads.search.finding.LOOKED_AT", 3)
    section, ann = make_section("Quiet", slug="quiet"), make_member()
    old = say(make_talk(section=section), ann, "An old beacon.")
    other = make_talk()
    for n in range(4):
        say(other, ann, f"A new beacon {n}.")
    index_all()
    first = Browser(app).get("/search?q=beacon&section=quiet").get_data(as_text=True)
    assert "Nothing among the newest" in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    assert f'id="found-{old}"' in Browser(app).get(following[1].replace("&amp;", "&")).get_data(as_text=True)


def test_words_that_were_edited_away_are_not_found_whether_or_not_the_job_has_run(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "I said marmalade.")
    index_all()
    assert found(app, "marmalade") == [one]
    viewer = as_viewer(ann)
    with transaction() as session:
        edit_comment(session, viewer, one, "I said honey.")
    assert found(app, "marmalade") == found(app, "honey") == []
    with transaction() as session:
        index.index_comment(session, one)
    assert found(app, "marmalade") == []
    assert found(app, "honey") == [one]


def test_what_is_taken_away_is_gone_at_once_and_its_words_with_the_job(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "I said marmalade.")
    index_all()
    change(one, "rejected")
    assert found(app, "marmalade") == []
    with transaction() as session:
        index.index_comment(session, one)
    assert db.session().scalar(select(func.count()).select_from(CommentWords)) == 0
    change(one, "published")
    with transaction() as session:
        index.index_comment(session, one)
    assert found(app, "marmalade") == [one]


def test_words_of_somebody_who_leaves_with_them_are_forgotten(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "I said marmalade.")
    index_all()
    with transaction() as session:
        blank_comment(session, one)
    assert db.session().scalar(select(func.count()).select_from(CommentWords)) == 0
    if db.engine.dialect.name == "sqlite":
        left = db.session().execute(text("SELECT rowid FROM search_comment WHERE search_comment MATCH 'marmalade'")).all()
        assert left == []


def test_hidden_discussions_are_found_by_their_moderators_only(app: Flask) -> None:
    section, ann = make_section(), make_member()
    article = make_talk(section=section)
    one = say(article, ann, "A hidden marmalade.")
    index_all()
    with transaction() as session:
        set_thread_state(session, facts(article).thread_id, "hidden")
    theirs = make_user(roles=("moderator",), sections=(section,))
    elsewhere = make_user(roles=("moderator",), sections=(make_section(),))
    assert found(app, "marmalade", theirs) == found(app, "marmalade", theirs, article=article.slug) == [one]
    for user in (None, ann, elsewhere):
        assert found(app, "marmalade", user) == []
        browser = Browser(app).sign_in(user) if user else Browser(app)
        assert browser.get(f"/search?q=marmalade&article={article.slug}").status_code == 404
    with transaction() as session:
        set_thread_state(session, facts(article).thread_id, "open")
        session.execute(update(Article).values(state="unpublished"))
    assert found(app, "marmalade") == []
    assert found(app, "marmalade", make_user(roles=("editor",))) == [one]


def test_people_whom_the_reader_muted_are_not_found(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    one, two = say(article, ann, "marmalade"), say(article, bob, "marmalade again")
    index_all()
    with transaction() as session:
        session.add(Mute(user_id=bob.id, muted_id=ann.id))
    assert found(app, "marmalade", bob) == [two]
    assert found(app, "marmalade", ann) == found(app, "marmalade") == [two, one]


def test_hidden_words_are_neither_found_nor_shown(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "The ending: ||the gardener did it||")
    index_all()
    assert found(app, "gardener") == []
    assert found(app, "ending") == [one]
    assert "gardener" not in Browser(app).get("/search?q=ending").get_data(as_text=True)


def test_the_page_escapes_what_was_typed_and_what_was_said(app: Flask) -> None:
    article, ann = make_talk(), make_member("Ann <i>Arbour</i>"[:3] + " Arbour")
    say(article, ann, "marmalade & `<script>alert(1)</script>`")
    index_all()
    answer = Browser(app).get("/search", query_string={"q": 'marmalade "><script>x</script>'})
    page = answer.get_data(as_text=True)
    assert "<script>" not in page.replace('<script type="module"', "")
    page = Browser(app).get("/search?q=marmalade").get_data(as_text=True)
    assert "<mark>marmalade</mark> &amp; &lt;script&gt;" in page
    assert '<meta name="robots" content="noindex">' in page


def test_states_without_results_say_what_to_do(app: Flask) -> None:
    make_talk()
    assert "Search the comments" in text_of(Browser(app).get("/search"))
    assert "Nothing found" in text_of(Browser(app).get("/search?q=marmalade"))
    refused = Browser(app).get("/search?q=-marmalade")
    assert refused.status_code == 422
    assert "at least one word" in text_of(refused)
    assert 'value="-marmalade"' in refused.get_data(as_text=True)


def test_rebuilding_fills_what_is_missing_and_can_be_run_again(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    ids = [say(article, ann, f"lantern {n}") for n in range(3)]
    run = app.test_cli_runner()
    assert run.invoke(args=["search", "check"]).exit_code == 1
    assert "3 added" in run.invoke(args=["search", "rebuild"]).output
    assert "0 added" in run.invoke(args=["search", "rebuild"]).output
    assert run.invoke(args=["search", "check"]).exit_code == 0
    change(ids[0], "rejected")
    assert "1 taken out" in run.invoke(args=["search", "rebuild"]).output
    assert "2 added" in run.invoke(args=["search", "rebuild", "--anew"]).output
    assert found(app, "lantern") == ids[:0:-1]


def test_the_search_follows_publication_changes_and_removal_by_itself(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "I said marmalade.")
    assert found(app, "marmalade") == []
    worker.run_due(100)
    assert found(app, "marmalade") == [one]
    viewer = as_viewer(ann)
    with transaction() as session:
        edit_comment(session, viewer, one, "I said honey.")
    worker.run_due(100)
    assert (found(app, "marmalade"), found(app, "honey")) == ([], [one])
    change(one, "rejected")
    worker.run_due(100)
    assert db.session().scalar(select(func.count()).select_from(CommentWords)) == 0
    change(one, "published")
    worker.run_due(100)
    assert found(app, "honey") == [one]


def test_the_worker_fills_what_is_missing_in_batches(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BATCH", 2)
    article, ann = make_talk(), make_member()
    ids = [say(article, ann, f"lantern {n}") for n in range(5)]
    worker.run_due(100)
    with transaction() as session:
        index.forget_all(session)
        session.execute(update(Comment).where(Comment.id == ids[0]).values(status="rejected"))
        enqueue("threads.fill-search")
    while worker.run_due(100):
        pass
    assert found(app, "lantern") == ids[:0:-1]
    assert index.standing(db.session()) == (4, 0)


def test_posting_does_not_touch_the_search(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    with statements() as sent:
        say(article, ann)
    assert not [statement for statement in sent if "comment_words" in statement or "search_comment" in statement]


