"""Nobody does or reads more than their role allows, whatever they add to a form."""

import hashlib
import hmac
import json

import pytest
from flask import Flask
from sqlalchemy import select

from core import clock
from core.db import db
from models.article import Article
from models.moderation import ModerationAction
from models.thread import Comment
from tests.browser import Browser
from tests.factories import fresh, make_section, make_user
from tests.security.paper import Paper, make_paper

SANCTION = {"kind": "suspension", "days": 3, "rule_id": 0, "reason": "Enough."}


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


@pytest.mark.once
@pytest.mark.parametrize("comment", [999_999, 1])
def test_a_sanction_names_no_comment_of_somebody_else(paper: Paper, comment: int) -> None:
    person = make_user()
    answer = paper.browser("moderator").post(
        f"/moderation/people/{person.id}/sanctions", {**SANCTION, "comment_id": comment}
    )
    assert answer.status_code == 422
    assert db.session().scalar(select(ModerationAction).where(ModerationAction.user_id == person.id)) is None


def test_a_moderator_of_one_section_reads_no_notes_of_another(paper: Paper) -> None:
    limited = make_user(roles=("moderator",), sections=(make_section("Sport"),))
    browser = Browser(paper.app).sign_in(limited)
    page = browser.get(f"/moderation/people/{paper.member.id}").get_data(as_text=True)
    assert "The warning." in page
    assert "The note." not in page
    assert "The note." in paper.browser("moderator").get(f"/moderation/people/{paper.member.id}").get_data(as_text=True)
    for path in ("/moderation/comments/1", "/moderation/appeals/1"):
        assert browser.get(path).status_code == 404
    seen = {"revision": 1, "status": "published", "last_action_id": 0, "rule_id": 1}
    for path, fields in (
        ("/moderation/comments/1/reject", seen), ("/moderation/comments/1/reject", {"preview": 1, "rule_id": 1}),
        ("/moderation/threads/1/state", {"state": "hidden"}), ("/moderation/actions/1/undo", {}),
        ("/moderation/appeals/1/answer", {"answer": "No.", "outcome": "reversed"}),
    ):  # fmt: skip
        assert browser.post(path, fields).status_code in {403, 404}
    assert db.session().get_one(Comment, 1, populate_existing=True).status == "published"


def test_an_author_does_not_publish_by_adding_fields(paper: Paper) -> None:
    author = paper.browser("author")
    story = {"headline": "Mine", "section_id": 1, "body_source": "Text.", "thread_state": "open",
             "author_id": paper.staff["author"].id, "read_audience": "", "comment_audience": "",
             "respect_audience": ""}  # fmt: skip
    assert author.post("/newsroom/articles/new", {**story, "then": "publish"}).status_code == 403
    more = {"state": "published", "published_at": "2020-01-01T00:00", "is_lead": "y", "created_by": 1, "id": 1}
    assert author.post("/newsroom/articles/new", {**story, **more}).status_code == 303
    made = db.session().scalars(select(Article).where(Article.headline == "Mine")).one()
    assert (made.state, made.published_at, made.is_lead) == ("draft", None, False)
    assert author.post(f"/newsroom/articles/{made.id}/publish", {"version": 1}).status_code == 403
    foreign = {**story, "author_id": paper.staff["editor"].id}
    assert author.post("/newsroom/articles/new", foreign).status_code == 422
    assert author.get(f"/newsroom/articles/{paper.secret.id}").status_code == 404
    assert author.post(f"/newsroom/articles/{paper.article.id}", story).status_code == 403


def test_a_comment_takes_nothing_but_its_words(paper: Paper) -> None:
    more = {"author_id": 1, "author_badge": "staff", "status": "published", "respect_count": 99, "id": 77, "shown": 1}
    paper.browser("member").post("/articles/the-bridge/comments", {"body": "Only words.", **more})
    made = db.session().scalars(select(Comment).where(Comment.body_source == "Only words.")).one()
    assert (made.author_id, made.author_badge, made.respect_count) == (paper.member.id, "", 0)


def test_other_peoples_comments_are_not_ones_own(paper: Paper) -> None:
    other = Browser(paper.app).sign_in(make_user(plan=paper.plan))
    for path, status in (("/comments/1/edit", 403), ("/comments/1/delete", 403), ("/comments/2/appeal", 404),
                         ("/sanctions/1/appeal", 404)):  # fmt: skip
        assert other.get(path).status_code == status
        assert other.post(path, {"body": "Mine now"}).status_code == status
    assert db.session().get_one(Comment, 1, populate_existing=True).body_source == "Shown to all."


@pytest.mark.once
@pytest.mark.parametrize("kind", ["suspension", "ban"])
def test_who_is_stopped_takes_no_part(paper: Paper, kind: str) -> None:
    person = make_user(plan=paper.plan)
    paper.browser("moderator").post(f"/moderation/people/{person.id}/sanctions", {**SANCTION, "kind": kind})
    browser = Browser(paper.app).sign_in(person)
    for path, fields in (("/articles/the-bridge/comments", {"body": "Still here"}), ("/comments/1/respect", {}),
                         ("/comments/1/report", {"reason": "spam"})):  # fmt: skip
        assert browser.post(path, fields).status_code == 403
    assert fresh(db.session().get_one(Comment, 1)).respect_count == 0


@pytest.mark.parametrize("changed", [
    {"api_version": ["2024"]}, {"id": "evt_\ud800"}, {"type": "\ud800"}, {"id": {"a": 1}}, {"created": 1e300},
    {"data": []}, {"data": {"object": {"id": "\ud800", "object": "invoice", "customer": "cus_\0"}}},
])  # fmt: skip
def test_a_signed_message_that_makes_no_sense_is_no_error_of_ours(app: Flask, changed: dict[str, object]) -> None:
    event = {"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1, "livemode": False,
             "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1"}}, **changed}  # fmt: skip
    body, moment = json.dumps(event).encode(), int(clock.now().timestamp())
    secret = app.extensions["rejoinder_gateway"].webhook_secrets[0]
    signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    answer = app.test_client().post(
        "/webhooks/stripe", data=body, headers={"Stripe-Signature": f"t={moment},v1={signature}"}
    )
    assert answer.status_code in {200, 400}
    assert "Location" not in answer.headers
