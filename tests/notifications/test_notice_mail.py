"""Mails about notices: together, once, to those who can and want to get them, and ended by one press."""

import re
from datetime import timedelta
from email import message_from_bytes
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from blueprints.following import digest
from blueprints.following import jobs as following_jobs
from blueprints.notifications import choices, jobs, letters, mailer, notices
from blueprints.notifications.unsubscribing import path_to_stop
from core import clock
from core.db import db, transaction
from jobs.worker import run_all
from models.notice import NoticeCause
from models.notification import Mail
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_site, make_user
from tests.following.people import bell, follow, mute, told
from tests.threads.talk import make_member, make_talk, respect, say
from tests.threads.test_together import at_once

pytestmark = pytest.mark.usefixtures("app", "from_noon_on")


TO_NOON = clock.now().replace(hour=12) - clock.now()  # far from the hour of the daily mail, whenever the tests run


@pytest.fixture
def from_noon_on() -> Any:
    """For every test that moves on by `later`."""
    clock.shift(TO_NOON)
    yield
    clock.shift(timedelta())


def later(**by: float) -> None:
    """Move on, and let everything happen that is due by then."""
    clock.shift(TO_NOON + timedelta(**by))
    jobs.ask_for_mails()
    following_jobs.ask_for_digests()
    run_all()


def mails(user: User, kind: str | None = None) -> list[Mail]:
    rows = select(Mail).where(Mail.user_id == user.id).order_by(Mail.id)
    return [mail for mail in db.session().scalars(rows) if kind is None or mail.kind == kind]


def tell(user: User, number: int, kind: str = "reply", **values: Any) -> None:
    with transaction() as session:
        notices.notify(
            session, user.id, kind, subject_key=f"comment:{number}", title=f"Thing {number} happened",
            url=f"/comments/{number}", **values,
        )  # fmt: skip


def test_what_happens_within_two_minutes_comes_in_one_mail_and_nothing_twice() -> None:
    article, ann, bob, cyd = make_talk(), make_member(), make_member("Bob Barker"), make_member()
    root = say(article, ann)
    say(article, bob, "A word of mine.", to=root)
    run_all()
    later(minutes=1)
    assert mails(ann) == []
    say(article, cyd, to=root)
    run_all()
    later(minutes=3)
    (mail,) = mails(ann)
    assert "2 replies to your comment" in mail.subject
    assert f"/comments/{root}" in mail.text
    later(minutes=10)
    later(days=2)
    assert len(mails(ann)) == 1


def test_a_mail_about_one_reply_leads_into_the_composer_of_the_answer(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(password="correct horse battery"), make_member("Bob Barker")
    reply = say(article, bob, "What I wanted to say.", to=say(article, ann))
    run_all()
    later(minutes=3)
    (mail,) = mails(ann)
    assert mail.subject == "Bob Barker replied to you on “What the ministry knew”"
    assert "What I wanted to say." in mail.text
    assert "What I wanted to say." in mail.html
    link = re.search(r"http://localhost(/sign-in\S+)", mail.text)
    assert link
    assert unquote(link[1]).endswith(f"/comments/{reply}/reply")
    signed_in = Browser(app).sign_in(ann)
    page = signed_in.follow(signed_in.get(link[1]))
    assert 'name="body"' in page.get_data(as_text=True)
    assert " autofocus" in page.get_data(as_text=True)


def test_what_was_read_muted_or_withdrawn_before_is_not_mailed() -> None:
    article, ann, bob, cyd, dan = make_talk(), *(make_member() for _ in range(4))
    roots = [say(article, person) for person in (ann, cyd, dan)]
    for root in roots:
        say(article, bob, to=root)
    run_all()
    with transaction() as session:
        notices.mark_all_read(session, ann.id, clock.now())
        cause = session.scalar(select(NoticeCause.cause).where(NoticeCause.user_id == cyd.id))
        notices.withdraw(session, cause or "")
    mute(dan, bob)
    later(minutes=3)
    assert mails(ann) == mails(cyd) == mails(dan) == []


def test_only_confirmed_addresses_get_mail_and_one_that_cannot_be_written_to_stops_nobody() -> None:
    make_site()
    new, broken, ann = make_user(confirmed=False), make_user(email="not an address"), make_user()
    for user in (new, broken, ann):
        tell(user, 1)
    later(minutes=3)
    assert mails(new) == mails(broken) == []
    assert len(mails(ann)) == 1


def test_two_workers_at_once_write_one_mail(app: Flask) -> None:
    make_site()
    ann = make_user()
    tell(ann, 1)
    tell(ann, 2, kind="follow")
    clock.shift(timedelta(days=2))

    def both() -> None:
        clock.shift(timedelta(days=2))
        jobs.write(ann.id)
        following_jobs.write_digest(ann.id)

    assert at_once(app, [both, both, both]) == []
    assert [mail.kind for mail in mails(ann)].count("notices") == 1
    assert [mail.kind for mail in mails(ann)].count("digest") == 1


def test_the_daily_mail_comes_once_a_day_when_there_is_something_to_say() -> None:
    article, ann, bob, cyd = make_talk(), make_member(), make_member("Bob Barker"), make_member()
    follow(ann, article)
    best = say(article, bob, "The best of the day.")
    respect(best, cyd)
    say(article, cyd)
    run_all()
    later(minutes=5)
    assert mails(ann) == []
    later(days=1)
    (mail,) = mails(ann, "digest")
    assert "2 new comments on “What the ministry knew”" in mail.text
    assert "The best of the day." in mail.text
    assert "Bob Barker" in mail.html
    later(days=1, minutes=30)
    later(days=2)
    assert len(mails(ann)) == 1
    say(article, bob)
    run_all()
    told(ann)
    with transaction() as session:
        notices.mark_all_read(session, ann.id, clock.now())
    later(days=4)
    assert len(mails(ann)) == 1


def test_the_daily_mail_waits_for_the_hour_each_chose() -> None:
    at = clock.now().replace(hour=12, minute=30)
    assert digest.last_due(12, at).hour == 12
    assert digest.last_due(12, at).date() == at.date()
    assert digest.last_due(13, at).date() == at.date() - timedelta(days=1)


def test_a_choice_holds_for_what_waits_already() -> None:
    make_site()
    ann = make_user()
    tell(ann, 1)
    tell(ann, 2, kind="pick")
    how = dict(choices.current(ann.id).how) | {"reply": "never", "pick": "daily"}
    with transaction() as session:
        choices.choose(session, ann.id, how, follow_own_threads=False, digest_hour=7)
    later(minutes=3)
    assert mails(ann) == []
    later(days=1)
    (mail,) = mails(ann)
    assert (mail.kind, mail.subject) == ("digest", "Thing 2 happened")


def test_mails_can_be_ended_by_one_press_without_signing_in(app: Flask) -> None:
    make_site()
    ann = make_user()
    tell(ann, 1)
    later(minutes=3)
    (mail,) = mails(ann)
    message = message_from_bytes(bytes(mailer.compose(mail, "The Meridian", current_app.config["SETTINGS"])))
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = message["List-Unsubscribe"].strip("<>").removeprefix("http://localhost")
    stranger = Browser(app)
    assert "No more of these mails?" in text_of(stranger.get(address))
    assert choices.current(ann.id).how["reply"] == "now"
    answer = app.test_client().post(address, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert choices.current(ann.id).how["reply"] == "never"
    assert choices.current(ann.id).how["mention"] == "now"
    tell(ann, 3)
    later(minutes=9)
    assert len(mails(ann)) == 1
    assert bell(ann) == "2"


def test_a_forged_token_changes_nothing_and_gets_the_same_answer(app: Flask) -> None:
    make_site()
    ann, bob = make_user(), make_user()
    good = path_to_stop(ann.id, "reply")
    forged = [
        good[:-20] + ("A" if good[-20] != "A" else "B") + good[-19:],
        path_to_stop(ann.id, "mention").replace("/mention/", "/reply/"),
        "/unsubscribe/reply/rubbish",
        f"/unsubscribe/reply/{bob.id}",
    ]
    client = app.test_client()
    answers = [text_of(client.post(path)) for path in forged]
    assert choices.current(ann.id).how["reply"] == choices.current(bob.id).how["reply"] == "now"
    assert {*answers} == {text_of(client.post(good))}
    assert choices.current(ann.id).how["reply"] == "never"
    assert client.post("/unsubscribe/decision/x").status_code == 404


def test_all_mails_of_this_sort_can_be_ended_from_any_of_them(app: Flask) -> None:
    make_site()
    ann = make_user()
    app.test_client().post(path_to_stop(ann.id, "reply"), data={"all": "1"})
    assert set(choices.current(ann.id).how.values()) == {"never"}


def test_the_private_feed_needs_its_address_only_and_ends_with_it(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member("Bob <Barker>")
    say(article, bob, "Words & more words.", to=say(article, ann))
    run_all()
    browser, reader = Browser(app).sign_in(ann), app.test_client()
    browser.post("/account/notices/feed")
    page = browser.get("/account/notices/settings").get_data(as_text=True)
    (path,) = re.findall(r"http://localhost(/feeds/replies/[^<\s]+)", page)
    answer = reader.get(path)
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "Words &amp; more words." in answer.text
    assert "Set-Cookie" not in answer.headers
    assert reader.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert reader.get(path.replace(f"/{ann.id}-", f"/{bob.id}-")).status_code == 404
    browser.post("/account/notices/feed")
    assert reader.get(path).status_code == 404
    browser.post("/account/notices/feed", {"end": "1"})
    assert "feeds/replies" not in browser.get("/account/notices/settings").get_data(as_text=True)


def test_the_settings_page_keeps_what_is_chosen_and_refuses_nonsense(app: Flask) -> None:
    make_site()
    ann = make_user()
    browser = Browser(app).sign_in(ann)
    fields = {f"how-{name}": "daily" for name in choices.CHOOSABLE} | {"digest_hour": "22", "follow_own_threads": "1"}
    assert browser.post("/account/notices/settings", fields).status_code == 303
    kept = choices.current(ann.id)
    assert set(kept.how.values()) == {"daily"}
    assert (kept.digest_hour, kept.follow_own_threads) == (22, True)
    for wrong in ({"digest_hour": "99"}, {"how-reply": "sometimes"}, {"digest_hour": "x"}):
        assert browser.post("/account/notices/settings", fields | wrong).status_code == 422
    assert choices.current(ann.id) == kept


def test_a_mail_names_no_more_than_it_can_and_says_so() -> None:
    make_site()
    ann = make_user()
    for number in range(letters.MOST_ITEMS + 3):
        tell(ann, number)
    later(minutes=3)
    (mail,) = mails(ann)
    assert "3 more are on the site" in mail.text
    assert mail.subject == "Thing 0 happened, and 22 more"
