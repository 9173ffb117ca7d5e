"""Articles given away: opened by a link, for a while, counted, taken back at once, and nothing else opened by it."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from core import clock
from core.db import db
from models.article import Article
from models.share import ShareLink
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_article, make_entitlement, make_plan, make_site, make_user
from tests.publisher.rows import at_once

SECRET = "The whole of it, for members only."


@pytest.fixture
def story(app: Flask) -> Article:
    make_site()
    return make_article(
        "The new bridge", slug="the-new-bridge", read_audience="members", body_html=f"<p>{SECRET}</p>",
        preview_html="<p>How it begins.</p>",
    )  # fmt: skip


@pytest.fixture
def giver(app: Flask, story: Article) -> User:
    user = make_user("Vic Tanaka")
    make_entitlement(user, make_plan(share_links=2))
    return user


def give(app: Flask, giver: User, slug: str = "the-new-bridge") -> str:
    browser = Browser(app).sign_in(giver)
    assert browser.post(f"/articles/{slug}/share").status_code == 303
    found = re.search(r'value="http://localhost(/articles/[^"]*)"', browser.get(f"/articles/{slug}/share").get_data(as_text=True))
    assert found
    return found[1]


def links() -> list[ShareLink]:
    return list(db.session().scalars(select(ShareLink).order_by(ShareLink.id).execution_options(populate_existing=True)))


def test_a_link_opens_the_whole_story_to_anybody_and_says_who_gave_it(app: Flask, giver: User, client: Browser) -> None:
    address = give(app, giver)
    assert SECRET not in client.get("/articles/the-new-bridge").get_data(as_text=True)
    answer = client.get(address)
    page = answer.get_data(as_text=True)
    assert SECRET in page
    assert "Vic Tanaka gives you this article." in text_of(answer)
    assert '<link rel="canonical" href="http://localhost/articles/the-new-bridge">' in page
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert SECRET not in client.get("/articles/the-new-bridge").get_data(as_text=True)


def test_a_link_opens_no_other_story(app: Flask, giver: User, client: Browser) -> None:
    make_article("Another", slug="another", read_audience="members", body_html=f"<p>{SECRET}</p>", preview_html="<p>x</p>")
    token = give(app, giver).partition("?")[2]
    answer = client.get(f"/articles/another?{token}")
    assert answer.status_code == 200
    assert SECRET not in answer.get_data(as_text=True)
    for strange in ("share=x", "share=", "share=WzFd.aaaa", "share=" + "a" * 500):
        assert SECRET not in client.get(f"/articles/the-new-bridge?{strange}").get_data(as_text=True)


def test_taken_back_or_over_it_opens_nothing_from_that_moment_on(app: Flask, giver: User, client: Browser) -> None:
    address = give(app, giver)
    assert SECRET in client.get(address).get_data(as_text=True)
    stranger = Browser(app).sign_in(make_user())
    assert stranger.post(f"/account/shared/{links()[0].id}/revoke").status_code == 404
    assert Browser(app).sign_in(giver).post(f"/account/shared/{links()[0].id}/revoke").status_code == 303
    answer = client.get(address)
    assert answer.status_code == 200
    assert SECRET not in answer.get_data(as_text=True)
    assert "was taken back" in text_of(answer)
    again = give(app, giver)
    clock.shift(timedelta(days=15))
    try:
        answer = client.get(again)
    finally:
        clock.shift(timedelta())
    assert SECRET not in answer.get_data(as_text=True)
    assert "The link that brought you here worked until" in text_of(answer)


def test_what_a_link_brought_is_counted_for_its_giver(app: Flask, giver: User, client: Browser) -> None:
    address = give(app, giver)
    browser = Browser(app).sign_in(giver)
    browser.get(address)
    client.get(address)
    client.get(address)
    client.post("/sign-up", {
        "email": "new@example.test", "display_name": "New Here", "password": "correct horse battery staple",
        "next": address,
    })  # fmt: skip
    assert (links()[0].reads, links()[0].sign_ups) == (2, 1)
    assert "opened 2 times · 1 signed up" in text_of(browser.get("/account/shared"))


def test_a_month_has_so_many_links_and_the_same_story_needs_one(app: Flask, giver: User) -> None:
    assert give(app, giver) == give(app, giver)
    for slug in ("second", "third"):
        make_article(slug, slug=slug, read_audience="members", body_html="<p>x</p>")
    give(app, giver, "second")
    browser = Browser(app).sign_in(giver)
    refused = browser.post("/articles/third/share")
    assert refused.status_code == 429
    assert "all 2 links of the last thirty days" in text_of(refused)
    assert len(links()) == 2


def test_pressed_twice_at_once_it_is_one_link(app: Flask, giver: User) -> None:
    def press() -> int:
        return Browser(app).sign_in(giver).post("/articles/the-new-bridge/share").status_code

    assert at_once(app, press, press) == [303, 303]
    assert len(links()) == 1


def test_nobody_gives_away_what_they_cannot_read_or_their_plan_does_not_grant(app: Flask, giver: User) -> None:
    registered = Browser(app).sign_in(make_user())
    assert registered.post("/articles/the-new-bridge/share").status_code == 403
    without = make_user()
    make_entitlement(without, make_plan("plain", "Plain", 2))
    assert Browser(app).sign_in(without).post("/articles/the-new-bridge/share").status_code == 403
    assert "Give this article to somebody" in text_of(Browser(app).sign_in(giver).get("/articles/the-new-bridge"))
    assert "Give this article to somebody" not in text_of(registered.get("/articles/the-new-bridge"))
