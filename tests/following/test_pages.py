"""The pages and forms of following, muting and being told, as a browser without scripts sees them."""

import re

import pytest
from flask import Flask

from blueprints.following import policy
from blueprints.notifications import notices
from blueprints.threads.page import thread_fragment
from core.db import db, transaction
from models.notice import Follow, Mute
from tests.browser import Browser, text_of
from tests.factories import make_section, make_user
from tests.following.people import bell, follow, follow_person, mute, told
from tests.threads.counting import statements
from tests.threads.talk import as_viewer, change, facts, make_member, make_talk, respect, say

pytestmark = pytest.mark.usefixtures("app")


def thread_html(app: Flask, article, user) -> str:  # type: ignore[no-untyped-def]
    with app.test_request_context(f"/articles/{article.slug}"):
        return str(thread_fragment(facts(article), as_viewer(user)).html)


def test_a_notice_is_opened_by_a_form_and_looking_at_the_list_changes_nothing(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member("Bob <b>Barker</b>")
    reply = say(article, bob, "Words for Ann.", to=say(article, ann))
    assert told(ann) == [("reply", 1)]
    browser = Browser(app).sign_in(ann)
    for _ in range(2):
        page = browser.get("/account/notices")
        assert "unread" in page.get_data(as_text=True)
    html = page.get_data(as_text=True)
    assert "<bdi>Bob &lt;b&gt;Barker&lt;/b&gt;</bdi> replied to you" in html
    assert "Words for Ann." in html
    (action,) = re.findall(r'action="(/account/notices/\d+/open)"', html)
    answer = browser.post(action)
    assert answer.headers["Location"] == f"/comments/{reply}#comment-{reply}"
    assert bell(ann) == ""
    assert Browser(app).sign_in(bob).post(action).status_code == 404


def test_several_replies_lead_to_where_they_are_together(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    root = say(article, ann)
    for _ in range(3):
        say(article, bob, to=root)
    assert told(ann) == [("reply", 3)]
    browser = Browser(app).sign_in(ann)
    page = browser.get("/account/notices").get_data(as_text=True)
    assert "3 replies to your comment on" in page
    (action,) = re.findall(r'action="(/account/notices/\d+/open)"', page)
    assert browser.post(action).headers["Location"] == f"/comments/{root}#comment-{root}"


def test_a_notice_whose_subject_has_gone_says_so(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    reply = say(article, bob, to=say(article, ann))
    told(ann)
    browser = Browser(app).sign_in(ann)
    (action,) = re.findall(r'action="(/account/notices/\d+/open)"', browser.get("/account/notices").get_data(as_text=True))
    change(reply, "rejected")
    told(ann)
    assert "Nothing yet" in text_of(browser.get("/account/notices"))
    assert "no longer there" in text_of(browser.follow(browser.post(action)))


def test_marking_all_as_read_leaves_what_came_after_the_page_was_made(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    first, second = say(article, ann), say(article, ann)
    say(article, bob, to=first)
    told(ann)
    browser = Browser(app).sign_in(ann)
    page = browser.get("/account/notices").get_data(as_text=True)
    (until,) = re.findall(r'name="until" value="([^"]+)"', page)
    say(article, bob, to=second)
    told(ann)
    browser.post("/account/notices/read", {"until": until.replace("&#43;", "+")})
    assert bell(ann) == "1"
    browser.post("/account/notices/read", {"until": "rubbish"})
    assert bell(ann) == ""


def test_the_list_goes_on_page_by_page_at_the_same_cost(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    for _ in range(35):
        say(article, bob, to=say(article, ann))
    told(ann)
    browser = Browser(app).sign_in(ann)
    browser.get("/account/notices")
    with statements() as sent:
        page = browser.get("/account/notices").get_data(as_text=True)
    assert len(sent) == 3  # the viewer, the site's version, the notices
    assert page.count('class="is-unread"') == 30
    (after,) = re.findall(r'href="(/account/notices\?after=[^"]+)"', page)
    assert browser.get(after).get_data(as_text=True).count('class="is-unread"') == 5
    assert browser.get("/account/notices?after=rubbish").status_code == 200
    assert browser.get("/account/notices?after=20261125T101010.000001-99999999999999").status_code == 200


def test_a_discussion_is_followed_where_it_is_read_and_ended_from_the_list(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    say(article, bob)
    browser = Browser(app).sign_in(ann)
    where = f"/articles/{article.slug}"
    assert 'aria-pressed="false" data-follow' in browser.get(where).get_data(as_text=True)
    answer = browser.post(f"{where}/follow", {"on": "1", "next": where})
    assert answer.headers["Location"] == f"{where}#comments"
    assert 'aria-pressed="true" data-follow' in browser.get(where).get_data(as_text=True)
    assert "data-follow" not in Browser(app).get(where).get_data(as_text=True)
    page = browser.get("/account/following")
    assert "What the ministry knew" in text_of(page)
    thread_id = facts(article).thread_id
    browser.post("/account/following/end", {"kind": "thread", "target": str(thread_id)})
    assert "You follow nothing yet" in text_of(browser.get("/account/following"))
    fetched = browser.post(f"{where}/follow", {"on": "1"}, headers={"X-Requested-With": "fetch"})
    assert fetched.get_json() == {"following": True}


def test_following_and_muting_cost_a_member_s_page_no_statement(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    respect(say(article, bob), ann)
    thread_html(app, article, ann)
    known, viewer = facts(article), as_viewer(ann)

    def cost() -> int:
        with app.test_request_context("/"), statements() as sent:
            thread_fragment(known, viewer)
        return len(sent)

    before = cost()
    follow(ann, article)
    mute(ann, bob)
    assert cost() == before


def test_what_the_muted_say_is_folded_for_one_reader_only_and_answers_to_it_are_not(app: Flask) -> None:
    article, ann, bob, cyd = make_talk(), make_member(), make_member(), make_member()
    root = say(article, bob, "Words by Bob.")
    reply = say(article, cyd, "Words by Cyd.", to=root)
    say(article, bob, "More words by Bob.", to=reply)
    plain = thread_html(app, article, cyd)
    mute(ann, bob)
    folded = thread_html(app, article, ann)
    assert folded.count("<details class=\"muted-person\">") == 2
    assert folded.count("</details>") - plain.count("</details>") == 2
    inside = re.search(r'<details class="muted-person">.*?Words by Bob\..*?</article></details>', folded, re.S)
    assert inside
    assert "Words by Cyd." not in inside[0]
    assert "muted-person" not in thread_html(app, article, cyd)
    page = Browser(app).sign_in(ann).get(f"/comments/{root}").get_data(as_text=True)
    assert page.count("<details class=\"muted-person\">") == 2


def test_muting_asks_first_and_is_taken_back_from_the_list(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member("Bob Barker")
    one = say(article, bob)
    browser = Browser(app).sign_in(ann)
    assert f'href="/comments/{one}/more"' in browser.get(f"/articles/{article.slug}").get_data(as_text=True)
    more = browser.get(f"/comments/{one}/more").get_data(as_text=True)
    (ask,) = re.findall(r'href="(/readers/\d+/mute[^"]*)"', more)
    assert "Mute Bob Barker ?" in text_of(browser.get(ask)) or "Mute Bob Barker?" in text_of(browser.get(ask))
    answer = browser.post(f"/readers/{bob.id}/mute", {"next": f"/comments/{one}"})
    assert answer.headers["Location"] == f"/comments/{one}"
    assert "Bob Barker" in text_of(browser.get("/account/following"))
    browser.post(f"/readers/{bob.id}/unmute")
    assert db.session().get(Mute, (ann.id, bob.id)) is None
    assert browser.get(f"/readers/{ann.id}/mute").status_code == 422
    assert browser.post("/readers/999999/mute").status_code == 404


def test_whoever_is_heard_of_can_be_muted_from_the_bell_and_nobody_else_is_named(app: Flask) -> None:
    article, ann, bob, silent = make_talk(), make_member(), make_member("Bob Barker"), make_member("Sil Ent")
    one = say(article, ann)
    browser = Browser(app).sign_in(ann)
    say(article, bob, to=one)
    told(ann)
    (ask,) = re.findall(r'href="([^"]*/mute[^"]*)"', browser.get("/account/notices").get_data(as_text=True))
    assert "Mute Bob Barker" in text_of(browser.get(ask))
    for answer in (browser.get(f"/readers/{silent.id}/mute"), browser.post(f"/readers/{silent.id}/mute")):
        assert answer.status_code == 404
        assert "Sil Ent" not in text_of(answer)
    assert db.session().get(Mute, (ann.id, silent.id)) is None


def test_a_stranger_is_led_to_sign_in_and_can_still_report(app: Flask) -> None:
    article, bob = make_talk(), make_member()
    one = say(article, bob)
    page = text_of(Browser(app).get(f"/comments/{one}/more"))
    assert "Sign in" in page
    assert "Report" in page
    assert "Mute …" not in page
    answer = Browser(app).post(f"/articles/{article.slug}/follow")
    assert answer.headers["Location"].startswith("/sign-in?next=")


def test_whom_nobody_may_follow_is_not_followed(app: Flask) -> None:
    ann, bob = make_member(), make_member()
    browser = Browser(app).sign_in(ann)
    assert browser.post(f"/readers/{bob.id}/follow").status_code == 422
    author = make_user(roles=("author",))
    assert browser.post(f"/readers/{author.id}/follow").status_code == 303
    assert db.session().get(Follow, (ann.id, "person", author.id)) is not None


def test_there_is_an_end_to_what_one_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "MOST_FOLLOWED", 1)
    author, ann, section = make_user(roles=("author",)), make_member(), make_section()
    assert section
    follow_person(ann, author)
    with pytest.raises(Exception, match="as many as there can be"):
        follow_person(ann, make_user(roles=("author",)))


def test_looking_at_a_comment_marks_its_own_notice_as_read_only() -> None:

    article, ann, bob = make_talk(), make_member(), make_member()
    one, two = say(article, ann), say(article, ann)
    reply = say(article, bob, to=one)
    say(article, bob, to=two)
    told(ann)


    with transaction() as session:
        assert notices.mark_seen(session, ann.id, f"/comments/{reply}") == "1"
        assert notices.mark_seen(session, ann.id, "/comments/") == "1"

