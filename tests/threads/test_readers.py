"""People's own pages: closed until they open them, and never more on them than their reader may read."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.accounts.service import change_name, delete_account
from core import clock
from core.db import transaction
from models.article import Article
from models.moderation import ModerationAction, Sanction
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import fresh, make_user
from tests.threads.counting import statements
from tests.threads.talk import change, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")


def open_page(app: Flask, user: User, wanted: bool = True) -> None:
    answer = Browser(app).sign_in(fresh(user)).post("/account/settings/page", {"page_is_open": "y"} if wanted else {})
    assert answer.status_code == 303


def status(app: Flask, url: str, user: User | None = None) -> int:
    browser = Browser(app).sign_in(user) if user else Browser(app)
    return browser.get(url).status_code


def page(app: Flask, url: str, user: User | None = None) -> str:
    browser = Browser(app).sign_in(user) if user else Browser(app)
    return browser.get(url).get_data(as_text=True)


def listed(html: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="found-(\d+)"', html)]


@pytest.mark.once
def test_a_page_is_closed_until_its_person_opens_it(app: Flask) -> None:
    ann, bob, moderator = make_member("Ann Arbour"), make_member(), make_user(roles=("moderator",))
    article = make_talk()
    one = say(article, ann)
    url, story = f"/readers/{ann.id}-ann-arbour", f"/articles/{article.slug}"
    unknown = Browser(app).get("/readers/999999-ann-arbour")
    for other in (None, bob):
        closed = (Browser(app).sign_in(other) if other else Browser(app)).get(url)
        assert closed.status_code == 404
        assert "Ann" not in text_of(closed)
        assert url not in page(app, story, other)
    assert text_of(Browser(app).get(url)) == text_of(unknown)
    assert status(app, url, ann) == status(app, url, moderator) == 200
    assert "Only you and the moderators" in page(app, url, ann)
    open_page(app, ann)
    for reader in (None, bob, ann, moderator):
        assert listed(page(app, url, reader)) == [one]
        assert f'href="{url}"' in page(app, story, reader)
    assert '<meta name="robots" content="noindex">' in page(app, url)
    open_page(app, ann, False)
    assert status(app, url) == 404
    assert url not in page(app, story)


def test_the_number_names_the_person_and_the_name_only_reads_well(app: Flask) -> None:
    ann = make_member("Ann Arbour")
    article = make_talk()
    say(article, ann)
    open_page(app, ann)
    for path in (f"/readers/{ann.id}", f"/readers/{ann.id}-somebody-else"):
        answer = Browser(app).get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"/readers/{ann.id}-ann-arbour"
    with transaction():
        change_name(ann.id, "Änne Ährenfeld")
    assert Browser(app).get(f"/readers/{ann.id}-ann-arbour").headers["Location"] == f"/readers/{ann.id}-anne-ahrenfeld"
    assert f"/readers/{ann.id}-anne-ahrenfeld" in page(app, f"/articles/{article.slug}")
    assert status(app, "/readers/2147483648-x") == status(app, "/readers/0") == status(app, "/readers/x-1") == 404


def test_only_what_its_reader_may_read_is_listed(app: Flask) -> None:
    ann, moderator = make_member("Ann Arbour"), make_user(roles=("moderator",))
    article, hidden, unpublished = make_talk(), make_talk(), make_talk()
    ids = {status: say(article, ann) for status in ("published", "pending", "withheld", "rejected", "deleted")}
    for name, one in ids.items():
        if name != "published":
            change(one, name)
    say(hidden, ann)
    secret = say(unpublished, ann)
    with transaction() as session:
        session.execute(update(Article).where(Article.id == unpublished.id).values(state="unpublished"))
    change_thread(hidden, "hidden")
    open_page(app, ann)
    url = f"/readers/{ann.id}-ann-arbour"
    assert listed(page(app, url)) == listed(page(app, url, ann)) == [ids["published"]]
    assert secret in listed(page(app, url, moderator))
    assert not {ids["rejected"], ids["deleted"], ids["pending"]} & set(listed(page(app, url, moderator)))


def test_pages_go_on_and_cost_the_same(app: Flask) -> None:
    ann = make_member("Ann Arbour")
    article = make_talk()
    ids = [say(article, ann) for _ in range(65)]
    open_page(app, ann)
    url, seen, costs = f"/readers/{ann.id}-ann-arbour", [], []
    while url:
        with statements() as sent:
            html = page(app, url)
        costs.append(len(sent))
        seen += listed(html)
        following = re.search(r'rel="next" href="([^"]+)"', html)
        url = following[1] if following else ""
    assert seen == ids[::-1]
    assert len(set(costs)) == 1
    assert costs[0] <= 6


@pytest.mark.parametrize("kind", ["suspension", "ban"])
def test_the_page_of_somebody_kept_out_is_not_shown_meanwhile(app: Flask, kind: str) -> None:
    ann, moderator = make_member("Ann Arbour"), make_user(roles=("moderator",))
    say(make_talk(), ann)
    open_page(app, ann)
    url, moment = f"/readers/{ann.id}-ann-arbour", clock.now()
    with transaction() as session:
        session.add(ModerationAction(id=1, user_id=ann.id, actor_id=moderator.id, action=kind, created_at=moment,
                                     previous_hash="", hash="x"))  # fmt: skip
        session.flush()
        sanction = Sanction(user_id=ann.id, kind=kind, reason="", starts_at=moment, action_id=1,
                            ends_at=moment + timedelta(days=1) if kind == "suspension" else None)  # fmt: skip
        session.add(sanction)
    assert status(app, url) == 404
    assert status(app, url, moderator) == 200
    assert "others do not see this page" in page(app, url, ann)
    with transaction() as session:
        session.execute(update(Sanction).values(lifted_at=clock.now()))
    assert status(app, url) == 200


@pytest.mark.parametrize("keep_words", [True, False])
def test_nothing_leads_to_somebody_who_left(app: Flask, keep_words: bool) -> None:
    ann = make_member("Ann Arbour")
    article = make_talk()
    say(article, ann)
    open_page(app, ann)
    url = f"/readers/{ann.id}-ann-arbour"
    with transaction():
        delete_account(ann.id, keep_words=keep_words)
    assert status(app, url) == status(app, url, make_user(roles=("moderator",))) == 404
    story = page(app, f"/articles/{article.slug}")
    assert "/readers/" not in story
    assert "Arbour" not in story


def change_thread(article: Article, state: str) -> None:
    from blueprints.threads.thread_state import set_thread_state
    from tests.threads.talk import facts

    with transaction() as session:
        set_thread_state(session, facts(article).thread_id, state)
