"""What is new to a reader since their last visit: marked, counted, led to; and the visit itself, noted by a small POST."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from blueprints.accounts import service as accounts
from blueprints.threads import visits
from blueprints.threads.jobs import forget_visits
from blueprints.threads.ordering import FIRST_REPLIES, ROOTS_PER_PAGE
from blueprints.threads.page import thread_fragment
from blueprints.threads.queries_mine import NEW_COUNTED, NOTED_EVERY, VISIT_GAP, VISIT_OVER
from core import clock
from core.db import db, transaction
from models.article import Article
from models.notice import Mute
from models.reading import ThreadVisit
from tests.browser import Browser, text_of
from tests.publisher.rows import at_once
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def page_of(browser: Browser, article: Article, query: str = "") -> str:
    return browser.get(f"/articles/{article.slug}{query}").get_data(as_text=True)


def new_in(page: str) -> list[int]:
    """The comments that are marked as new, in their order."""
    found = re.findall(r'<h3 class="comment__who" id="who-(\d+)">(.*?)</h3>', page, re.S)
    return [int(comment_id) for comment_id, heading in found if 'class="comment__new">New<' in heading]


def note(browser: Browser, page: str) -> int:
    """What the page's script does when the visit is due; returns the status."""
    asked = re.search(r'data-visit="([^"]+)" data-number="(\d+)"', page)
    assert asked is not None
    return browser.post(asked[1], {"number": asked[2]}, headers={"X-Requested-With": "fetch"}).status_code


def visit(browser: Browser, article: Article) -> list[int]:
    """Open the article as a browser with scripts does; returns what was marked as new."""
    page = page_of(browser, article)
    if " data-due" in page:
        assert note(browser, page) == 204
    return new_in(page)


def test_what_others_said_meanwhile_is_new_for_one_visit(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    reader = Browser(app).sign_in(bob)
    with time_machine.travel(clock.now()) as now:
        old = say(article, ann)
        assert visit(reader, article) == []
        now.shift(VISIT_OVER + timedelta(seconds=1))
        one, mine = say(article, ann), say(article, bob)
        two = say(article, ann, to=old)
        page = page_of(reader, article, "?sort=oldest")
        assert new_in(page) == [two, one]
        assert "2 new since your last visit" in text_of(reader.get(f"/articles/{article.slug}"))
        assert f'<a href="#comment-{two}" data-first-new>' in page
        assert mine not in new_in(page)
        assert visit(reader, article) == [one, two]
        now.shift(NOTED_EVERY - timedelta(seconds=5))
        assert visit(reader, article) == [one, two]
        three = say(article, ann)
        now.shift(VISIT_GAP - timedelta(minutes=1))
        assert visit(reader, article) == [three, one, two]
        now.shift(VISIT_OVER + timedelta(seconds=1))
        assert visit(reader, article) == []


def test_a_comment_that_was_read_first_by_a_moderator_is_new_when_it_appears(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    reader = Browser(app).sign_in(bob)
    with time_machine.travel(clock.now()) as now:
        held, seen = say(article, ann), say(article, ann)
        change(held, "withheld")
        with transaction() as session:
            session.execute(text("UPDATE comment SET published_at = NULL, published_number = 0 WHERE id = :id"), {"id": held})
        visit(reader, article)
        now.shift(VISIT_GAP * 2)
        change(held, "published")
        assert visit(reader, article) == [held]
        now.shift(VISIT_GAP * 2)
        for status in ("rejected", "published"):
            change(seen, status)
        assert visit(reader, article) == []  # what was there before and is back is not new


def test_reading_a_page_writes_nothing_and_the_visit_is_noted_seldom(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    reader = Browser(app).sign_in(make_member())
    with time_machine.travel(clock.now()) as now:
        with statements() as sent:
            page = page_of(reader, article)
        assert " data-due" in page
        assert [each for each in sent if not each.startswith(("SELECT", "WITH"))] == []
        assert note(reader, page) == 204
        assert " data-due" not in page_of(reader, article)
        now.shift(NOTED_EVERY + timedelta(seconds=1))
        assert " data-due" in page_of(reader, article)
    assert "data-visit" not in page_of(Browser(app), article)


def test_without_scripts_a_button_says_how_far_one_has_read(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    say(article, ann)
    reader = Browser(app).sign_in(bob)
    for words in ("Remember that I have read this far", "Mark as read"):
        page = page_of(reader, article)
        button = re.search(r'formaction="([^"]+)" name="read" value="(\d+)">([^<]+)', page)
        assert button is not None
        assert button[3] == words
        answer = reader.post(button[1], {"read": button[2]})
        assert answer.headers["Location"] == f"/articles/{article.slug}#comments"
        assert new_in(page_of(reader, article)) == []
        one = say(article, ann)
        assert new_in(page_of(reader, article))[:1] == [one]


def test_a_number_from_nowhere_marks_nothing_ahead(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    say(article, ann)
    reader = Browser(app).sign_in(bob)
    address = f"/articles/{article.slug}/visit"
    for rubbish in ("", "x", "-1", "9" * 30):
        assert reader.post(address, {"number": rubbish}).status_code == 400
    assert reader.post(address, {"read": str(2**31 - 1)}).status_code == 303
    one = say(article, ann)
    assert new_in(page_of(reader, article)) == [one]
    assert Browser(app).post(address, {"number": "1"}).headers["Location"].startswith("/sign-in")
    hidden = make_talk(thread_values={"state": "hidden"})
    assert reader.post(f"/articles/{hidden.slug}/visit", {"number": "1"}).status_code == 404


def test_what_is_new_and_not_on_the_page_is_led_to(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    roots = [say(article, ann) for _ in range(ROOTS_PER_PAGE + 5)]
    root = roots[0]
    for _ in range(FIRST_REPLIES):
        say(article, ann, to=root)
    reader = Browser(app).sign_in(bob)
    with time_machine.travel(clock.now()) as now:
        visit(reader, article)
        now.shift(VISIT_GAP * 2)
        hidden = [say(article, ann, to=root) for _ in range(2)]
        last = say(article, ann)
        page = page_of(reader, article, "?sort=oldest")
        assert f'href="/comments/{hidden[0]}" data-new-way><span class="comment__new">2 new</span> among the replies' in page
        assert f'href="/comments/{hidden[0]}" data-first-new>' in page
        there = f"/articles/{article.slug}?sort=oldest&at={last}#comment-{last}"
        assert f'href="{there.replace("&", "&amp;")}" rel="nofollow" data-new-way><span class="comment__new">1 new</span> on' in page
        page = page_of(reader, article, f"?sort=oldest&at={last}")
        assert new_in(page) == [last]
        assert f"at={hidden[0]}#comment-{hidden[0]}" in page  # and from the end to the first of all
        page = page_of(reader, article, f"?sort=oldest&at={hidden[1]}")
        assert new_in(page) == hidden
        link = re.search(rf'href="(/comments/{root}\?after=[^"]+)"', page_of(reader, article, "?sort=oldest"))
        assert link is not None
        more = reader.get(link[1], headers={"X-Requested-With": "fetch"}).get_data(as_text=True)
        assert new_in(more) == hidden
        assert new_in(reader.get(f"/comments/{hidden[1]}").get_data(as_text=True)) == hidden


def test_people_one_has_muted_say_nothing_new(app: Flask) -> None:
    article, ann, eve, bob = make_talk(), make_member(), make_member(), make_member()
    reader = Browser(app).sign_in(bob)
    visit(reader, article)
    with transaction() as session:
        session.add(Mute(user_id=bob.id, muted_id=eve.id))
    say(article, eve)
    assert "since your last visit" not in page_of(reader, article)
    one = say(article, ann)
    assert new_in(page_of(reader, article)) == [one]


def test_more_than_can_be_counted_is_said_so_and_all_of_it_is_marked(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    reader = Browser(app).sign_in(bob)
    visit(reader, article)
    made = [say(article, ann) for _ in range(NEW_COUNTED + 3)]
    answer = reader.get(f"/articles/{article.slug}?sort=newest")
    assert f"More than {NEW_COUNTED} new since your last visit" in text_of(answer)
    assert new_in(answer.get_data(as_text=True)) == made[::-1][:ROOTS_PER_PAGE]


def test_a_members_page_gains_one_statement_at_most(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    roots = [say(article, ann) for _ in range(ROOTS_PER_PAGE + 5)]
    reader, viewer = Browser(app).sign_in(bob), as_viewer(bob)
    visit(reader, article)

    def cost(sort: str) -> int:
        known = facts(article)
        with app.test_request_context("/"):
            thread_fragment(known, viewer, sort=sort)
            with statements() as sent:
                thread_fragment(known, viewer, sort=sort)
        return len(sent)

    plain = cost("newest")
    say(article, ann)
    assert cost("newest") == plain  # counted and marked by the statement that was there before
    say(article, ann, to=roots[0])
    assert cost("newest") == cost("oldest") == plain + 1


def test_visits_noted_at_once_end_as_one(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    for _ in range(4):
        say(article, ann)
    thread_id, user_id, now = facts(article).thread_id, bob.id, clock.now()

    def noting(number: int) -> None:
        with transaction() as session:
            visits.note_visit(session, user_id, thread_id, number, now, read=number % 2 == 0)

    assert at_once(app, *(lambda number=number: noting(number) for number in range(1, 6))) == [None] * 5
    rows = db.session().scalars(select(ThreadVisit)).all()
    assert [(row.user_id, row.reached_number) for row in rows] == [(user_id, 5)]
    with pytest.raises(IntegrityError), db.engine.begin() as connection:
        connection.execute(text("UPDATE thread_visit SET seen_number = 9"))


def test_visits_are_forgotten_after_a_while_and_with_the_account(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    with time_machine.travel(clock.now()) as now:
        visit(Browser(app).sign_in(ann), article)
        now.shift(visits.KEPT_FOR)
        visit(Browser(app).sign_in(bob), article)
        now.shift(timedelta(minutes=1))
        forget_visits()
        assert db.session().scalars(select(ThreadVisit.user_id)).all() == [bob.id]
        with transaction():
            accounts.delete_account(bob.id, keep_words=True)
        assert db.session().scalar(select(func.count()).select_from(ThreadVisit)) == 0


def test_readers_set_order_and_keys_in_their_account(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann)
    reader = Browser(app).sign_in(make_member())
    assert "data-keys-off" not in page_of(reader, article)
    answer = reader.post("/account/reading", {"sort": "oldest", "keys": "off"})
    assert "Saved." in text_of(reader.follow(answer))
    page = reader.get("/account/reading").get_data(as_text=True)
    assert 'name="sort" value="oldest" checked' in page
    assert 'name="keys" value="off" checked' in page
    assert " data-keys-off" in page_of(reader, article)
    assert reader.post("/account/reading", {"keys": "on"}, headers={"X-Requested-With": "fetch"}).status_code == 204
    assert "data-keys-off" not in page_of(reader, article)
    assert 'value="oldest" aria-current="true"' in page_of(reader, article)
    assert reader.post("/account/reading", {"sort": ""}).status_code == 303
    assert 'value="best" aria-current="true"' in page_of(reader, article)
    assert reader.post("/account/reading", {"sort": "loudest"}).status_code == 422
