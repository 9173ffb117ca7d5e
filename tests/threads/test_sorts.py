"""In which order a discussion is shown: the publisher's, the section's, the reader's own."""

import re

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.db import db
from models.article import Article
from tests.browser import Browser, text_of
from tests.factories import make_section, make_site
from tests.publisher.rows import form_of, publisher_browser
from tests.threads.talk import make_member, make_talk, say


def order(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<article class="comment[^"]*" id="comment-(\d+)"', page)]


def talk(section_sort: str | None = None) -> tuple[Article, list[int], list[int]]:
    """A talk of two roots, and its comments in the orders newest first and oldest first."""
    article = make_talk(section=make_section(default_sort=section_sort))
    ann = make_member()
    one, two = say(article, ann), say(article, ann)
    reply = say(article, ann, to=one)
    return article, [two, one, reply], [one, reply, two]


def shown(browser: Browser, article: Article, query: str = "") -> list[int]:
    return order(browser.get(f"/articles/{article.slug}{query}").get_data(as_text=True))


def test_the_most_answered_roots_come_first_and_the_newer_of_two_alike(client: Browser) -> None:
    article, _, _ = talk()
    ann = make_member()
    three, four = say(article, ann), say(article, ann)
    say(article, ann, to=say(article, ann, to=three))
    roots = shown(client, article, "?sort=discussed")
    assert [roots.index(comment_id) for comment_id in (three, four)] == [0, 5]
    assert len(roots) == 7


def test_site_section_and_reader_decide_in_this_order(app: Flask, client: Browser) -> None:
    article, newest, oldest = talk("oldest")
    make_site(default_sort="newest")
    assert shown(client, article) == oldest
    elsewhere, newest_elsewhere, _ = talk()
    assert shown(client, elsewhere) == newest_elsewhere
    reader = Browser(app).sign_in(make_member())
    answer = reader.post(f"/articles/{article.slug}/sort", {"sort": "newest"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/articles/{article.slug}#comments")
    assert shown(reader, article) == newest
    assert shown(reader, article, "?sort=oldest") == oldest
    assert shown(client, article) == oldest


def test_readers_get_buttons_that_keep_the_choice_and_visitors_addresses(app: Flask, client: Browser) -> None:
    article, _, _ = talk()
    page = client.get(f"/articles/{article.slug}").get_data(as_text=True)
    assert f'href="/articles/{article.slug}?sort=discussed#comments" rel="nofollow">Most discussed' in page
    assert f"/articles/{article.slug}/sort" not in page
    page = Browser(app).sign_in(make_member()).get(f"/articles/{article.slug}").get_data(as_text=True)
    assert f'formaction="/articles/{article.slug}/sort" name="sort" value="discussed">Most discussed' in page


def test_an_order_that_does_not_exist_is_refused(app: Flask, client: Browser) -> None:
    article, _, _ = talk()
    assert client.post(f"/articles/{article.slug}/sort", {"sort": "newest"}).headers["Location"].startswith("/sign-in")
    reader = Browser(app).sign_in(make_member())
    assert reader.post(f"/articles/{article.slug}/sort", {"sort": "loudest"}).status_code == 422
    for table in ("site", "section", '"user"'):
        column = "thread_sort" if "user" in table else "default_sort"
        with pytest.raises(IntegrityError), db.engine.begin() as connection:
            connection.execute(text(f"UPDATE {table} SET {column} = 'loudest'"))


def test_the_publisher_sets_the_order_of_the_site_and_of_a_section(app: Flask, client: Browser) -> None:
    article, newest, oldest = talk()
    _, office = publisher_browser(app)
    fields = form_of(office.get("/publisher/site"))
    assert fields["default_sort"] == "best"
    assert office.post("/publisher/site", fields | {"default_sort": "oldest"}).status_code == 303
    assert shown(client, article) == oldest
    address = f"/publisher/sections/{article.section_id}"
    page = office.get(address)
    assert "As the site: Oldest" in text_of(page)
    assert office.post(address, form_of(page) | {"default_sort": "newest"}).status_code == 303
    assert shown(client, article) == newest
    refused = office.post(address, form_of(office.get(address)) | {"default_sort": "loudest"})
    assert refused.status_code == 422
    assert "Please choose one of these." in text_of(refused)
