"""Pages kept for visitors: never stale, never anybody's own."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask, g
from sqlalchemy import event

from blueprints.accounts import service as accounts
from blueprints.articles.visitor_cache import VisitorCache, is_somebody, place_of
from blueprints.site.queries import bump_site_version
from core import clock
from core.db import db, transaction
from models.article import Article
from models.thread import Thread
from tests.browser import Browser, text_of
from tests.factories import fresh, make_article, make_plan, make_section, make_site, make_user, thread_of


@pytest.fixture
def cache(app: Flask) -> VisitorCache:
    found: VisitorCache = app.extensions["rejoinder_visitor_cache"]
    found.forget()
    found.hits = found.misses = 0
    return found


def change(row: Any, **values: Any) -> None:
    """Change a row as a service would: in a transaction, with its version raised."""
    with transaction() as session:
        found = session.get(type(row), row.id)
        for name, value in (values | {"version": found.version + 1}).items():
            setattr(found, name, value)


def test_the_second_visitor_is_answered_from_memory_with_the_same_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    first, second = (client.get(f"/articles/{article.slug}") for _ in range(2))
    assert (cache.misses, cache.hits) == (1, 1)
    assert first.data == second.data
    assert dict(first.headers) == dict(second.headers)


def test_a_kept_page_carries_the_headers_of_every_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    for _ in range(2):
        headers = client.get(f"/articles/{article.slug}").headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert headers["Vary"] == "Cookie, Accept-Encoding"
        assert "Set-Cookie" not in headers


def test_a_hit_asks_the_database_once_and_past_the_orm(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article(section=make_section(slug="politics"))
    used, ran = [], []
    for path in ("/", "/sections/politics", f"/articles/{article.slug}"):
        client.get(path)
        hits = cache.hits
        with listening(db.engine.pool, "checkout", used), listening(db.engine, "before_cursor_execute", ran):
            client.get(path)
        assert cache.hits == hits + 1
    assert (len(used), len(ran)) == (3, 0)


@contextmanager
def listening(target: Any, name: str, into: list[Any]) -> Iterator[None]:
    """Note the arguments of each such event."""

    def note(*arguments: Any) -> None:
        into.append(arguments)

    event.listen(target, name, note)
    yield
    event.remove(target, name, note)


def test_the_page_of_a_member_costs_few_queries(app: Flask) -> None:
    make_site()
    article = make_article(read_audience="members")
    member = Browser(app).sign_in(make_user(plan=make_plan()))
    member.get(f"/articles/{article.slug}")
    ran: list[Any] = []
    with listening(db.engine, "before_cursor_execute", ran):
        member.get(f"/articles/{article.slug}")
    statements = [entry[2] for entry in ran if not entry[2].startswith("BEGIN")]
    assert len(statements) <= 6, "\n\n".join(statements)


def test_a_new_comment_is_on_the_next_visitors_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    assert "No comments yet" in text_of(client.get(f"/articles/{article.slug}"))
    change(thread_of(article), published_count=1)
    assert "1 comment" in text_of(client.get(f"/articles/{article.slug}"))
    assert "1 comment" in text_of(client.get("/"))
    change(thread_of(article), published_count=2)
    assert "2 comments" in text_of(client.get("/"))
    assert "2 comments" in text_of(client.get(f"/sections/{section_slug(article)}"))


def section_slug(article: Article) -> str:
    from models.article import Section

    return str(db.session.get(Section, article.section_id).slug)


def test_an_edit_is_on_the_next_visitors_pages(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article("The first headline")
    paths = ("/", f"/sections/{section_slug(article)}", f"/articles/{article.slug}")
    assert all("The first headline" in text_of(client.get(path)) for path in paths)
    change(article, headline="A better headline")
    assert all("A better headline" in text_of(client.get(path)) for path in paths)
    assert not any("The first headline" in text_of(client.get(path)) for path in paths)


def test_an_unpublished_article_is_gone_for_the_next_visitor(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article, other = make_article("Withdrawn"), make_article("Another")
    for path in ("/", f"/articles/{article.slug}"):
        assert "Withdrawn" in text_of(client.get(path))
    change(article, state="unpublished")
    assert client.get(f"/articles/{article.slug}").status_code == 404
    assert "Withdrawn" not in text_of(client.get("/"))
    assert client.get(f"/articles/{other.slug}").status_code == 200


def test_a_newly_published_article_is_on_the_next_visitors_front_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    make_article("The older story")
    client.get("/")
    make_article("The newer story")
    assert "The newer story" in text_of(client.get("/"))


def test_a_gated_article_opens_for_the_next_visitor_the_moment_it_should(client: Browser, cache: VisitorCache) -> None:
    make_site()
    moment = clock.now()
    article = make_article(
        "Opens later", read_audience="members", body_html="<p>All of it.</p>", preview_html="<p>Some.</p>",
        opens_to_all_at=moment + timedelta(minutes=10), published_at=moment - timedelta(minutes=1),
    )  # fmt: skip
    paths = ("/", f"/sections/{section_slug(article)}")
    for seconds, is_open in ((0, False), (599, False), (601, True)):
        with time_machine.travel(moment + timedelta(seconds=seconds), tick=False):
            page = client.get(f"/articles/{article.slug}").get_data(as_text=True)
            assert ("All of it." in page) == is_open
            assert ('"isAccessibleForFree": true' in page) == is_open
            assert ("All of it." in client.get("/feed.xml").get_data(as_text=True)) == is_open
            for path in paths:
                assert ("Members" not in text_of(client.get(path))) == is_open


@pytest.mark.parametrize("ending", ["renamed", "deleted"])
def test_a_name_that_is_given_up_leaves_the_next_visitors_pages(
    client: Browser, cache: VisitorCache, ending: str
) -> None:
    make_site()
    author = make_user("Ines Calloway", roles=("author",), password="a long password of hers")
    article = make_article(author_id=author.id)
    paths = ("/", f"/sections/{section_slug(article)}", f"/articles/{article.slug}")
    assert all("Ines Calloway" in text_of(client.get(path)) for path in paths)
    with transaction():
        if ending == "renamed":
            accounts.change_name(author.id, "Ines Moreau")
        else:
            accounts.delete_account(author.id, keep_words=True)
    assert not any("Ines Calloway" in text_of(client.get(path)) for path in (*paths, "/feed.xml"))


def test_a_change_of_the_site_reaches_the_next_visitor(client: Browser, cache: VisitorCache) -> None:
    make_site(name="The Old Name")
    article = make_article()
    client.get(f"/articles/{article.slug}")
    client.get("/")
    with transaction() as session:
        from models.site import Site

        session.get(Site, 1).name = "The New Name"
        bump_site_version()
    assert "The New Name" in text_of(client.get(f"/articles/{article.slug}"))
    assert "The New Name" in text_of(client.get("/"))


def test_a_new_section_appears_on_the_front_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    make_article()
    client.get("/")
    make_section("Weather", slug="weather")
    with transaction():
        bump_site_version()
    assert "Weather" in text_of(client.get("/"))
    assert "Weather" in text_of(client.get("/"))


def test_a_page_is_not_kept_longer_than_an_hour_or_into_the_next_day(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    noon = clock.now().replace(hour=12, minute=0)
    for moved, misses in ((0, 1), (59, 1), (61, 2), (12 * 60 + 1, 3)):
        with time_machine.travel(noon + timedelta(minutes=moved), tick=False):
            client.get(f"/articles/{article.slug}")
            assert cache.misses == misses


def test_a_browser_that_has_the_page_is_told_so_in_few_bytes(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    path = f"/articles/{article.slug}"
    tag = client.get(path).headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == tag
    change(thread_of(article), published_count=3)
    answer = client.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


def test_head_answers_like_get_without_the_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    for path in (f"/articles/{article.slug}", "/", "/articles/nothing-here"):
        for _ in range(2):
            head, full = client.http.head(path), client.get(path)
            assert head.data == b""
            assert (head.status_code, head.headers.get("ETag")) == (full.status_code, full.headers.get("ETag"))
        if head.status_code == 200:
            assert head.headers["Content-Length"] == str(len(full.data))
    assert cache.misses == 2


def test_gzip_is_sent_to_those_who_take_it_and_is_the_same_page(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    path = f"/articles/{article.slug}"
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"]
    refused = client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers
    answer = client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert answer.status_code == 304


@pytest.mark.parametrize("cookie", ["session=x", "guest=abc", "remember_token=1|x", "a=b; session=x"])
def test_a_browser_with_a_cookie_of_ours_never_meets_the_cache(app: Flask, cache: VisitorCache, cookie: str) -> None:
    make_site()
    article = make_article()
    http = app.test_client(use_cookies=False)
    for _ in range(2):
        g.pop("cacheable", None)
        answer = http.get(f"/articles/{article.slug}", headers={"Cookie": cookie})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"].startswith("private")
    assert (cache.hits, cache.misses) == (0, 0)


def test_a_foreign_cookie_changes_nothing(app: Flask, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    http = app.test_client(use_cookies=False)
    pages = [
        http.get(f"/articles/{article.slug}", headers={"Cookie": value}).data for value in ("_ga=1", "_ga=2; other=3")
    ]
    assert pages[0] == pages[1]
    assert (cache.hits, cache.misses) == (1, 1)


def test_signing_in_ends_the_visitors_page_and_signing_out_brings_it_back(app: Flask, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    browser = Browser(app)
    path = f"/articles/{article.slug}"
    tag = browser.get(path).headers["ETag"]
    user = make_user("Vera Ustinov")
    browser.sign_in(user)
    page = browser.get(path, headers={"If-None-Match": tag})
    assert page.status_code == 200
    assert "Vera Ustinov" in text_of(page)
    assert page.headers["Cache-Control"] == "private, no-store"
    browser.http.delete_cookie("session")
    assert "Vera Ustinov" not in text_of(browser.get(path))


def test_the_token_in_a_kept_page_opens_a_form_for_a_visitor(client: Browser, cache: VisitorCache) -> None:
    from core.csrf import _is_guest_token

    make_site()
    article = make_article()
    client.get(f"/articles/{article.slug}")
    page = client.get(f"/articles/{article.slug}").get_data(as_text=True)
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    assert _is_guest_token(token)
    with time_machine.travel(clock.now() + timedelta(days=5)):
        assert _is_guest_token(token)


@pytest.mark.parametrize(
    ("method", "path", "query", "extra", "expected"),
    [
        ("GET", "/", "", {}, ("", "", "", "")),
        ("HEAD", "/articles/a-story", "", {}, ("articles", "a-story", "", "")),
        ("GET", "/articles/a-story", "sort=newest&after=12", {}, ("articles", "a-story", "newest", "12")),
        ("GET", "/sections/world", "after=5-1", {}, ("sections", "world", "", "5-1")),
        ("GET", "/sections/world", "sort=newest", {}, None),
        ("GET", "/articles/a-story", "welcome=1", {}, None),
        ("GET", "/articles/a-story", "sort=a&sort=b", {}, None),
        ("GET", "/articles/a-story", "after=" + "9" * 400, {}, None),
        ("GET", "/articles/a-story/live", "", {}, None),
        ("GET", "/articles/", "", {}, None),
        ("GET", "/account", "", {}, None),
        ("POST", "/articles/a-story", "", {}, None),
        ("GET", "/articles/a-story", "", {"HTTP_X_REQUESTED_WITH": "fetch"}, None),
        ("GET", "/articles/a-story", "", {"HTTP_AUTHORIZATION": "Bearer x"}, None),
        ("GET", "/articles/a-story", "", {"HTTP_COOKIE": "session=1"}, None),
    ],
)
def test_only_plain_requests_of_visitors_have_a_place_in_the_cache(
    method: str, path: str, query: str, extra: dict[str, str], expected: object
) -> None:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **extra}
    assert place_of(environ) == expected


def test_cookies_of_ours_are_known_by_name() -> None:
    assert not is_somebody("")
    assert not is_somebody("_ga=1; theme=dark")
    assert is_somebody("x=1; guest=abc")


@pytest.mark.once
def test_the_cache_stays_within_its_bytes(app: Flask) -> None:
    make_site()
    small = VisitorCache(app, app.extensions["rejoinder_visitor_cache"]._inner, limit=60_000)
    articles = [make_article(f"Story {number}") for number in range(12)]
    from werkzeug.test import Client

    http = Client(small)
    for article in articles:
        g.pop("cacheable", None)
        assert http.get(f"/articles/{article.slug}", headers={"Accept-Encoding": "gzip"}).status_code == 200
        assert 0 < small.size <= 60_000
    g.pop("cacheable", None)
    http.get(f"/articles/{articles[-1].slug}")
    assert small.hits == 1
    small.forget()
    assert small.size == 0


def test_answers_that_are_not_pages_are_not_kept(client: Browser, cache: VisitorCache) -> None:
    make_site()
    make_article(section=make_section(slug="politics"))
    for path in ("/articles/nothing", "/sections/nothing", "/sections/politics?after=nonsense", "/sections/politics?after=1-1"):
        for _ in range(2):
            client.get(path)
    assert cache.hits == 0


def test_a_thread_that_is_closed_meanwhile_makes_the_page_anew(client: Browser, cache: VisitorCache) -> None:
    make_site()
    article = make_article()
    client.get(f"/articles/{article.slug}")
    change(thread_of(article), state="closed", closed_reason="Enough for today.")
    client.get(f"/articles/{article.slug}")
    assert cache.misses == 2
    assert fresh(article).state == "published"
    assert db.session.get(Thread, thread_of(article).id) is not None
