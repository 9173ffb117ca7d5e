"""What only some may see does not reach the others by a side door."""

import re

import pytest
from flask import Flask
from sqlalchemy import select, update

from blueprints.threads.queries_shown import comments_by_id
from core.db import db, transaction
from models.thread import Comment, Thread
from models.user import User
from tests.browser import Browser
from tests.factories import make_article, make_plan, make_site, make_user
from tests.security.paper import Paper, make_paper

WORDS = "Words for the moderators only."
WRITER = "Quillan Overstreet"


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


def waiting_comment(paper: Paper, status: str = "withheld", shown: bool = False) -> int:
    """A comment that only its writer and the moderators may see."""
    writer = make_user(WRITER, plan=paper.plan)
    answer = Browser(paper.app).sign_in(writer).post("/articles/the-bridge/comments", {"body": WORDS})
    assert answer.status_code == 303
    with transaction() as session:
        comment = session.scalars(select(Comment).order_by(Comment.id.desc())).first()
        assert comment is not None
        comment.status, comment.shown = status, shown
    return comment.id


def hide_thread() -> None:
    with transaction() as session:
        session.execute(update(Thread).where(Thread.id == 1).values(state="hidden", version=Thread.version + 1))


def through_the_api(browser: Browser, comment: int) -> list[object]:
    """What the API says of a comment, and of the discussion it may stand in."""
    paths = ("articles/the-bridge", "articles/the-bridge/comments?sort=newest", f"comments/{comment}", f"comments/{comment}/replies")
    return [browser.get(f"/api/v1/{path}") for path in paths]


def everything(answer: object) -> str:
    return f"{answer.headers}{answer.get_data(as_text=True)}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", ["guest", "member", "author"])
@pytest.mark.parametrize(
    ("status", "shown"),
    [("withheld", False), ("pending", False), ("rejected", False), ("deleted", True)],
)
def test_a_comment_that_is_not_public_does_not_say_whose_it_is(
    paper: Paper, role: str, status: str, shown: bool
) -> None:
    comment = waiting_comment(paper, status, shown)
    browser = paper.browser(role)
    asked = {"body": "An answer", "parent_id": comment}
    answers = [
        browser.post("/articles/the-bridge/comments", asked, token=False),
        browser.post("/articles/the-bridge/comments", asked),
        browser.post("/drafts", {**asked, "article_id": 1}),
        browser.get("/articles/the-bridge?welcome=1"),
        browser.get("/articles/the-bridge"),
        *through_the_api(browser, comment),
        browser.get(f"/comments/{comment}"),
        browser.get(f"/comments/{comment}/reply"),
        browser.get(f"/comments/{comment}/report"),
        browser.get(f"/comments/{comment}/edit"),
        browser.get("/join?article=the-bridge"),
    ]
    for answer in answers:
        assert WRITER not in everything(answer)
        assert WORDS not in everything(answer)


@pytest.mark.parametrize("role", ["guest", "member", "author"])
def test_a_hidden_discussion_is_quoted_nowhere(paper: Paper, role: str) -> None:
    comment = waiting_comment(paper, "published", shown=True)
    hide_thread()
    browser = paper.browser(role)
    asked = {"body": "An answer", "parent_id": comment}
    for answer in (
        browser.post("/articles/the-bridge/comments", asked),
        browser.post("/articles/the-bridge/comments", asked, token=False),
        browser.post("/drafts", {**asked, "article_id": 1}),
        browser.get("/articles/the-bridge?welcome=1"),
        *through_the_api(browser, comment),
        browser.get(f"/comments/{comment}"),
        browser.get(f"/comments/{comment}/reply"),
        browser.get(f"/comments/{comment}/report"),
        browser.get(f"/comments/{comment}", headers={"X-Requested-With": "fetch"}),
    ):
        assert WRITER not in everything(answer)
        assert WORDS not in everything(answer)


def test_who_wrote_in_a_hidden_discussion_sees_there_only_their_own_words(paper: Paper) -> None:
    comment = waiting_comment(paper, "published", shown=True)
    answerer = make_user("Somebody Else", plan=paper.plan)
    answer = {"body": "The answer of another.", "parent_id": comment}
    assert Browser(paper.app).sign_in(answerer).post("/articles/the-bridge/comments", answer).status_code == 303
    reply = db.session().scalars(select(Comment.id).order_by(Comment.id.desc())).first()
    hide_thread()
    writer = Browser(paper.app).sign_in(db.session().scalars(select(User).where(User.display_name == WRITER)).one())
    page = everything(writer.get(f"/comments/{comment}"))
    assert WORDS in page
    assert "The answer of another." not in page
    assert all("The answer of another." not in everything(one) for one in through_the_api(writer, comment))
    more = everything(writer.get(f"/comments/{comment}", headers={"X-Requested-With": "fetch"}))
    assert "The answer of another." not in more
    other = everything(Browser(paper.app).sign_in(answerer).get(f"/comments/{reply}"))
    assert "The answer of another." in other
    assert WORDS not in other


def test_a_reply_does_not_say_who_deleted_what_it_answers(paper: Paper) -> None:
    comment = waiting_comment(paper, "published", shown=True)
    answer = {"body": "An answer.", "parent_id": comment}
    assert paper.browser("member").post("/articles/the-bridge/comments", answer).status_code == 303
    reply = db.session().scalars(select(Comment.id).order_by(Comment.id.desc())).first()
    writer = db.session().scalars(select(User).where(User.display_name == WRITER)).one()
    assert reply is not None
    assert comments_by_id(db.session(), [reply])[0].parent_name == WRITER
    Browser(paper.app).sign_in(writer).post(f"/comments/{comment}/delete")
    for path in ("/api/v1/articles/the-bridge/comments", f"/api/v1/comments/{reply}", f"/api/v1/comments/{comment}/replies",
                 f"/comments/{reply}/report", f"/comments/{reply}", f"/comments/{comment}", "/articles/the-bridge"):  # fmt: skip
        assert WRITER not in everything(Browser(paper.app).get(path))
    assert comments_by_id(db.session(), [reply])[0].parent_name == ""


def test_the_address_of_an_unpublished_story_is_not_told(paper: Paper) -> None:
    for role in ("guest", "member", "moderator"):
        browser = paper.browser(role)
        for answer in (
            browser.post("/drafts", {"article_id": paper.secret.id, "body": "Words"}),
            browser.post(f"/articles/{paper.secret.slug}/comments", {"body": "Words"}),
            browser.get(f"/articles/{paper.secret.slug}"),
            browser.get(f"/join?article={paper.secret.slug}"),
            browser.get("/sitemap.xml"),
            browser.get("/feed.xml"),
            browser.get("/api/v1/articles?section=economy"),
            browser.get(f"/api/v1/articles/{paper.secret.slug}"),
            browser.get(f"/newsroom/articles/{paper.secret.id}/preview"),
        ):
            assert "nobody knows of" not in everything(answer)
            assert re.search(r"Location: \S*the-merger", everything(answer)) is None
    assert paper.browser("member").post("/drafts", {"article_id": paper.secret.id, "body": "Words"}).status_code == 404


def test_a_gated_text_reaches_nobody_outside(app: Flask) -> None:
    make_site(read_audience="plans:gold", comment_audience="members")
    gold, vip = make_plan("gold", "Gold", rank=2), make_plan()
    article = make_article("Gated", body_html="<p>Free.</p><p>Behind the gate.</p>", preview_html="<p>Free.</p>",
                           body_source="Free.\n\nBehind the gate.")  # fmt: skip
    for browser in (
        Browser(app), Browser(app).sign_in(make_user()), Browser(app).sign_in(make_user(plan=vip)),
    ):  # fmt: skip
        for path in (f"/api/v1/articles/{article.slug}", "/api/v1/articles", f"/articles/{article.slug}", f"/articles/{article.slug}?sort=newest&x=1", "/", "/feed.xml",
                     f"/join?article={article.slug}", "/sitemap.xml"):  # fmt: skip
            for headers in ({}, {"X-Requested-With": "fetch"}, {"Cookie": "session=x; guest=y"}, {"Range": "bytes=0-"},
                            {"X-HTTP-Method-Override": "GET", "X-Forwarded-Host": "evil.test"}):  # fmt: skip
                page = everything(browser.get(path, headers=headers))
                assert "Behind the gate" not in page
                assert "evil.test" not in page
    assert "Behind the gate" in everything(Browser(app).sign_in(make_user(plan=gold)).get(f"/articles/{article.slug}"))
    assert "Behind the gate" not in everything(Browser(app).get(f"/articles/{article.slug}"))
