"""Articles for people who are signed in, made ahead of Flask: the same pages, never stale, never somebody else's."""

import gzip
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete

from blueprints.articles.visitor_cache import place_at
from blueprints.following import service as following
from commands.server.kept import Pages, reader_by
from core import clock
from core.db import db, transaction
from models.browser_session import BrowserSession
from models.membership import Entitlement
from models.notice import Notice
from models.thread import Draft
from models.user import User
from tests.browser import Browser
from tests.factories import make_article, make_entitlement, make_plan, make_site, make_user
from tests.threads.screens import set_up
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, respect, say


class Front:
    """What stands in front of Flask, and Flask behind it, for the same browser."""

    def __init__(self, app: Flask) -> None:
        self.pages = Pages(app)
        self.made = 0

    def at_once(self, browser: Browser, path: str) -> tuple[dict[str, str], str] | None:
        """Headers and page as made ahead of Flask; None where Flask is asked."""
        address, _, query = path.partition("?")
        place = place_at(address, query)
        cookie = browser.http.get_cookie("session")
        if place is None or cookie is None:
            return None
        reply = self.pages.of_reader(cookie.value, place, packed=False)
        if reply is None:
            return None
        self.made += 1
        status, *lines = reply.raw.decode("latin-1").splitlines()
        assert status == "HTTP/1.1 200 OK"
        return dict(line.split(": ", 1) for line in lines), reply.body.decode()

    def agrees(self, browser: Browser, path: str) -> str:
        """That both give the same; returns the page. Asked twice, because the second time it is kept."""
        behind = browser.get(path)
        assert behind.status_code == 200
        named = {name.lower(): value for name, value in behind.headers.items()}
        named.pop("x-request-id")
        vary = {each.strip() for each in named.pop("vary", "").split(",")}
        for _ in range(2):
            ahead = self.at_once(browser, path)
            assert ahead is not None, "this page is left to Flask"
            headers, page = ahead
            assert page == behind.get_data(as_text=True)
            assert {each.strip() for each in headers.pop("vary").split(",")} >= vary
            assert headers == named
        return page


@pytest.fixture
def front(app: Flask) -> Iterator[Front]:
    found = Front(app)
    yield found
    found.pages.stop()


def signed_in(app: Flask, user: User) -> Browser:
    """A browser whose session has been used before."""
    browser = Browser(app).sign_in(user)
    browser.token()
    assert browser.get("/rules").status_code == 200
    return browser


def test_a_member_gets_ahead_of_flask_the_page_that_flask_makes(app: Flask, front: Front) -> None:
    article = make_talk()
    author, member = make_member("Ada Adams"), make_member("Bea Boon")
    root = say(article, author)
    say(article, author, to=root)
    respect(root, member)
    browser = signed_in(app, member)
    page = front.agrees(browser, f"/articles/{article.slug}")
    assert "Bea Boon" in page
    assert 'aria-pressed="true"' in page
    front.agrees(browser, f"/articles/{article.slug}?sort=newest")


def test_what_is_said_to_newcomers_is_never_older_than_the_screening_or_their_comments(
    app: Flask, front: Front
) -> None:
    article, member = make_talk(), make_member("Bea Boon")
    browser, path, told = signed_in(app, member), f"/articles/{article.slug}", "a comment with a link is read"
    assert told in front.agrees(browser, path)
    set_up(severities={"links.first": "off"})
    browser.get(path)  # Flask reads the new settings, which takes time
    assert told not in front.agrees(browser, path)
    set_up(severities={})
    browser.get(path)
    assert told in front.agrees(browser, path)
    for _ in range(3):
        say(make_talk(), member)
    assert told not in front.agrees(browser, path)


def test_whatever_changes_for_a_reader_is_on_the_next_page(app: Flask, front: Front) -> None:
    article = make_talk()
    other, member = make_member("Ada Adams"), make_member("Bea Boon")
    root = say(article, other)
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    seen = {front.agrees(browser, path)}

    def differs() -> None:
        page = front.agrees(browser, path)
        assert page not in seen
        seen.add(page)

    respect(root, member)
    differs()
    viewer = as_viewer(member)
    with transaction() as session:
        following.follow_thread(session, viewer, facts(article), wanted=True)
    differs()
    with transaction() as session:
        session.add(Notice(user_id=member.id, kind="reply", subject_key="x", count=1))
    differs()
    say(article, other, "Something new under the sun.")
    differs()
    with transaction() as session:
        following.mute(session, viewer, other.id)
    differs()
    with transaction() as session:
        found = session.get(User, member.id)
        assert found is not None
        found.display_name = "Bea of the Boons"
    differs()
    change(root, "rejected")
    differs()
    with transaction() as session:
        session.query(Entitlement).filter_by(user_id=member.id).delete()
    differs()


def test_access_that_ends_is_gone_at_its_very_moment(app: Flask, front: Front) -> None:
    make_site()
    article = make_article(read_audience="members", body_html="<p>Free.</p><p>Only for members</p>", preview_html="<p>Free.</p>")
    reader = make_user("Cem Cole")
    make_entitlement(reader, make_plan(), ends_at=clock.now() + timedelta(minutes=1))
    browser, path = signed_in(app, reader), f"/articles/{article.slug}"
    assert "Only for members" in front.agrees(browser, path)
    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        assert "Only for members" not in browser.get(path).get_data(as_text=True)
        ahead = front.at_once(browser, path)
        assert ahead is None or "Only for members" not in ahead[1]


def test_what_is_ones_own_and_waits_is_left_to_flask(app: Flask, front: Front) -> None:
    article = make_talk(thread_values={"premoderated": True, "pace_seconds": 0})
    member = make_member()
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    front.agrees(browser, path)
    say(article, member, "Held until somebody has read it.")
    assert front.at_once(browser, path) is None
    assert "Held until somebody" in browser.get(path).get_data(as_text=True)


def test_kept_words_are_left_to_flask(app: Flask, front: Front) -> None:
    article, member = make_talk(), make_member()
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    front.agrees(browser, path)
    with transaction() as session:
        session.add(Draft(user_id=member.id, article_id=article.id, body="Half a thought", expires_at=clock.now() + timedelta(days=1)))
    assert front.at_once(browser, path) is None
    assert "Half a thought" in browser.get(path).get_data(as_text=True)


def test_a_comment_that_can_still_be_changed_is_shown_so_for_five_minutes_only(app: Flask, front: Front) -> None:
    article, member = make_talk(), make_member()
    say(article, member)
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    assert "/edit" in front.agrees(browser, path)
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        assert "/edit" not in front.agrees(browser, path)


@pytest.mark.once
@pytest.mark.parametrize("role", ["author", "moderator", "editor", "publisher"])
def test_pages_for_the_staff_are_made_by_flask(app: Flask, front: Front, role: str) -> None:
    article = make_talk()
    path = f"/articles/{article.slug}"
    front.agrees(signed_in(app, make_member()), path)
    assert front.at_once(signed_in(app, make_user(roles=(role,))), path) is None


def test_messages_and_foreign_cookies_and_unusual_addresses_are_left_to_flask(app: Flask, front: Front) -> None:
    article, member = make_talk(), make_member()
    path = f"/articles/{article.slug}"
    browser = signed_in(app, member)
    front.agrees(browser, path)
    for query in ("?at=1", "?welcome=1", "?share=abc", "?sort=best&sort=newest"):
        assert front.at_once(browser, path + query) is None
    with browser.http.session_transaction() as session:
        session["_flashes"] = [("message", "Done.")]
    browser_again = front.at_once(browser, path)
    assert browser_again is None
    place = place_at(path, "")
    assert place is not None
    assert front.pages.of_reader("a.forged.cookie", place, packed=False) is None


def test_one_readers_page_never_goes_to_another(app: Flask, front: Front) -> None:
    article = make_talk()
    say(article, make_member("Ada Adams"))
    path = f"/articles/{article.slug}"
    browsers = {name: signed_in(app, make_member(name)) for name in ("Bea Boon", "Cem Cole")}
    for _ in range(2):
        for name, browser in browsers.items():
            page = front.agrees(browser, path)
            assert name in page
            assert not any(other in page for other in browsers if other != name)


def test_signing_out_everywhere_ends_the_kept_pages_of_a_session(app: Flask, front: Front) -> None:
    article, member = make_talk(), make_member()
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    front.agrees(browser, path)
    with transaction() as session:
        session.execute(delete(BrowserSession).where(BrowserSession.user_id == member.id))
    assert front.at_once(browser, path) is None


def test_packed_pages_are_what_gzip_makes_of_them(app: Flask, front: Front) -> None:
    article, member = make_talk(), make_member()
    say(article, member)
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    page = front.agrees(browser, path)
    cookie, place = browser.http.get_cookie("session"), place_at(path, "")
    assert cookie is not None
    assert place is not None
    reply = front.pages.of_reader(cookie.value, place, packed=True)
    assert reply is not None
    assert b"content-encoding: gzip\r\n" in reply.raw
    assert b"content-length: %d\r\n" % len(reply.body) in reply.raw
    assert gzip.decompress(reply.body).decode() == page


def test_the_session_is_found_among_other_cookies() -> None:
    def asked(*headers: tuple[bytes, bytes], target: bytes = b"/articles/a-story") -> Any:
        return reader_by(target, list(headers), b"session=")

    place = ("articles", "a-story", "", "")
    assert asked((b"cookie", b"session=abc")) == ("abc", place)
    assert asked((b"cookie", b"theme=dark; session=abc; guest=x")) == ("abc", place)
    assert asked((b"cookie", b"theme=dark"), (b"cookie", b"session=abc")) == ("abc", place)
    assert asked((b"cookie", b"session=abc; session=def")) is None
    assert asked((b"cookie", b"my_session=abc")) is None
    assert asked((b"cookie", b"session=abc"), (b"x-requested-with", b"fetch")) is None
    assert asked((b"cookie", b"session=abc"), target=b"/account") is None


def test_a_database_that_fails_leaves_the_page_to_flask(app: Flask, front: Front) -> None:
    article, member = make_talk(), make_member()
    browser, path = signed_in(app, member), f"/articles/{article.slug}"
    front.agrees(browser, path)
    own, _ = front.pages._asking()
    own.close()
    db.session.remove()
    front.at_once(browser, path)
    front.agrees(browser, path)
