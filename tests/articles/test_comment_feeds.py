"""Atom feeds of discussions and Picks, and the Picks on a section's page."""

from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.accounts.service import change_name
from blueprints.articles.queries import PICKS_FRESH
from blueprints.threads.service import edit_comment
from blueprints.threads.thread_state import set_thread_state
from core import clock
from core.db import transaction
from models.article import Article
from models.thread import Comment
from tests.browser import Browser, text_of
from tests.factories import make_section, make_user
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, say
from tests.threads.test_picks import pick, unpick

pytestmark = pytest.mark.usefixtures("app")

ATOM = "{http://www.w3.org/2005/Atom}"
THR = "{http://purl.org/syndication/thread/1.0}"


def entries(app: Flask, path: str) -> list[dict[str, Any]]:
    answer = Browser(app).get(path)
    assert answer.status_code == 200
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    root = ElementTree.fromstring(answer.data)
    for name in ("title", "id", "updated"):
        assert root.findtext(f"{ATOM}{name}")
    assert [link.get("rel") for link in root.findall(f"{ATOM}link")] == ["self", "alternate"]
    return [
        {
            "id": entry.findtext(f"{ATOM}id"), "title": entry.findtext(f"{ATOM}title"),
            "name": entry.findtext(f"{ATOM}author/{ATOM}name"), "html": entry.findtext(f"{ATOM}content"),
            "updated": entry.findtext(f"{ATOM}updated"), "published": entry.findtext(f"{ATOM}published"),
            "answers": answered.get("ref") if (answered := entry.find(f"{THR}in-reply-to")) is not None else None,
        }
        for entry in root.findall(f"{ATOM}entry")
    ]  # fmt: skip


def hide(article: Article, state: str = "hidden") -> None:
    with transaction() as session:
        set_thread_state(session, facts(article).thread_id, state)


@pytest.mark.once
def test_a_discussion_has_a_feed_of_what_everybody_may_read(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member()
    path = f"/articles/{article.slug}/comments.atom"
    assert entries(app, path) == []
    one = say(article, ann, "One & **two** <three> ||and a secret||")
    two = say(article, bob, to=one)
    for status in ("pending", "withheld", "rejected", "deleted"):
        change(say(article, ann, f"Words that are {status}."), status)
    found = entries(app, path)
    assert [entry["id"] for entry in found] == [f"http://localhost/comments/{number}" for number in (two, one)]
    assert found[0]["answers"] == f"http://localhost/comments/{one}"
    assert found[1]["answers"] is None
    assert found[1]["name"] == ann.display_name
    assert "<strong>two</strong> &lt;three&gt;" in found[1]["html"]
    assert "secret" not in found[1]["html"]
    page = Browser(app).get(f"/articles/{article.slug}").get_data(as_text=True)
    assert f'type="application/atom+xml" title="Comments" href="http://localhost{path}"' in page
    assert "These comments as a feed" in page


def test_who_knows_the_feed_is_told_so_without_reading_it_again(app: Flask) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    one = say(article, ann)
    path = f"/articles/{article.slug}/comments.atom"
    etag = Browser(app).get(path).headers["ETag"]
    with statements() as sent:
        again = Browser(app).get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert not [statement for statement in sent if "body_html" in statement]
    viewer = as_viewer(ann)
    with transaction() as session:
        edit_comment(session, viewer, one, "Other words.")
    changed = Browser(app).get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert b"Other words." in changed.data
    with transaction():
        change_name(ann.id, "Bea Trix")
    renamed = Browser(app).get(path, headers={"If-None-Match": changed.headers["ETag"]})
    assert b"Bea Trix" in renamed.data


def test_hidden_and_unpublished_discussions_have_no_feed_for_anybody(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    path = f"/articles/{article.slug}/comments.atom"
    editor = Browser(app).sign_in(make_user(roles=("editor",)))
    hide(article)
    assert Browser(app).get(path).status_code == editor.get(path).status_code == 404
    hide(article, "open")
    assert Browser(app).get(path).status_code == 200
    with transaction() as session:
        session.execute(update(Article).values(state="unpublished"))
    assert Browser(app).get(path).status_code == editor.get(path).status_code == 404


def test_a_section_shows_its_newest_picks_and_never_a_stale_one(app: Flask) -> None:
    section, editor, ann = make_section("Politics", slug="politics"), make_user(roles=("editor",)), make_member("Ann Arbour")
    article, elsewhere = make_talk(section=section), make_talk()
    ids = [say(article, ann, f"Words about the harbour, number {n}.") for n in range(4)]
    other = say(elsewhere, ann, "Words about the theatre.")
    visitor = Browser(app)

    def told() -> list[str]:
        """What a visitor reads on the page, kept or not, beside the feed."""
        for _ in range(2):
            words = text_of(visitor.get("/sections/politics"))
        return [n for n in "0123" if f"harbour, number {n}." in words]

    assert told() == []
    assert "From the conversation" not in text_of(visitor.get("/sections/politics"))
    for one in (*ids, other):
        pick(one, editor)
    assert told() == ["1", "2", "3"]
    assert "theatre" not in text_of(visitor.get("/sections/politics"))
    assert [entry["id"].rpartition("/")[2] for entry in entries(app, "/sections/politics/picks.atom")] == [
        str(one) for one in reversed(ids)
    ]
    change(ids[3], "rejected")
    assert told() == ["0", "1", "2"]
    unpick(ids[2], editor)
    assert told() == ["0", "1"]
    viewer = as_viewer(ann)
    with transaction() as session:
        edit_comment(session, viewer, ids[1], "Words about the quay.")
    assert "Words about the quay." in text_of(visitor.get("/sections/politics"))
    with transaction():
        change_name(ann.id, "Bea Trix")
    assert "Bea Trix" in text_of(visitor.get("/sections/politics"))
    hide(article)
    assert told() == []
    assert entries(app, "/sections/politics/picks.atom") == []
    assert Browser(app).get("/sections/nowhere/picks.atom").status_code == 404


def test_a_section_no_longer_shows_picks_that_are_old(app: Flask) -> None:
    section, editor, ann = make_section("Politics", slug="politics"), make_user(roles=("editor",)), make_member()
    one = say(make_talk(section=section), ann, "Words about the harbour.")
    pick(one, editor)
    visitor = Browser(app)
    assert "about the harbour" in text_of(visitor.get("/sections/politics"))
    old = clock.now() - PICKS_FRESH
    with transaction() as session:
        session.execute(update(Comment).where(Comment.id == one).values(picked_at=old))
    assert "about the harbour" not in text_of(visitor.get("/sections/politics"))
    assert len(entries(app, "/sections/politics/picks.atom")) == 1
