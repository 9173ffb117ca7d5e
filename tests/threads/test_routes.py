"""The thread in a browser without scripts, and what scripts are answered."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select

from core.db import db, transaction
from models.thread import Comment, Draft, Report
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_user
from tests.threads.talk import change, comment, make_member, make_talk, say

pytestmark = pytest.mark.usefixtures("app")
FETCH = {"X-Requested-With": "fetch"}


def browser(app: Flask, user: User | None = None) -> Browser:
    found = Browser(app)
    return found.sign_in(user) if user else found


def test_a_member_posts_and_sees_it_in_place(app: Flask) -> None:
    article, ann = make_talk(), make_member("Ann Arbour")
    her = browser(app, ann)
    sent = her.post(f"/articles/{article.slug}/comments", {"body": "The colonels are paid in licences."})
    assert sent.status_code == 303
    assert sent.headers["Location"].startswith(f"/articles/{article.slug}?sort=newest#comment-")
    page = her.get(sent.headers["Location"])
    assert "The colonels are paid in licences." in text_of(page)
    assert "1 comment" in text_of(page)


def test_a_reply_is_shown_in_its_context(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member("Bob Harbour")
    root = say(article, ann, "Who guaranteed the pensions?")
    his = browser(app, bob)
    form = his.get(f"/comments/{root}/reply")
    assert "Your reply to Ann Arbour" in text_of(form)
    assert "Who guaranteed the pensions?" in text_of(form)
    page = his.follow(his.post(f"/articles/{article.slug}/comments", {"body": "Nobody did.", "parent_id": root}))
    assert "Who guaranteed the pensions?" in text_of(page)
    assert "Nobody did." in text_of(page)
    assert 'class="comment is-target"' in page.text
    assert "See it in the whole thread" in text_of(page)


def test_a_guests_words_are_kept_and_lead_to_joining(app: Flask) -> None:
    article = make_talk()
    guest = browser(app)
    page = guest.get(f"/articles/{article.slug}")
    assert "Join the conversation" in text_of(page)
    sent = guest.post(f"/articles/{article.slug}/comments", {"body": "Before I joined."})
    assert (sent.status_code, sent.headers["Location"]) == (303, f"/join?article={article.slug}")
    cookie = sent.headers["Set-Cookie"]
    assert "guest=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Before I joined." in guest.get(f"/articles/{article.slug}").text
    assert "Before I joined." not in browser(app).get(f"/articles/{article.slug}").text
    row = db.session().scalar(select(Draft))
    assert row is not None
    assert row.guest_hash not in cookie, "only a hash of the token is stored"


def test_the_page_of_joining_shows_the_words_that_were_kept(app: Flask) -> None:
    article = make_talk()
    make_member()
    guest = browser(app)
    page = guest.follow(guest.post(f"/articles/{article.slug}/comments", {"body": "Words on their way."}))
    assert page.status_code == 200
    assert "Words on their way." in text_of(page)
    assert "Words on their way." not in text_of(browser(app).get(f"/join?article={article.slug}"))


def test_where_an_account_is_enough_the_guest_is_led_to_sign_up(app: Flask) -> None:
    article = make_talk(comment_audience="registered")
    sent = browser(app).post(f"/articles/{article.slug}/comments", {"body": "Hello."})
    target = urlsplit(sent.headers["Location"])
    assert target.path == "/sign-up"
    assert parse_qs(target.query)["next"] == [f"/articles/{article.slug}?welcome=1#composer"]
    again = browser(app).post(f"/articles/{article.slug}/comments", {"body": "Hello.", "to": "sign-in"})
    assert urlsplit(again.headers["Location"]).path == "/sign-in"


def test_the_words_are_in_the_composer_after_joining_and_one_press_posts_them(app: Flask) -> None:
    from blueprints.accounts.signals import signed_in_signal

    article, ann = make_talk(), make_member()
    guest = browser(app)
    guest.post(f"/articles/{article.slug}/comments", {"body": "Words before an account."})
    token = guest.http.get_cookie("guest")
    assert token is not None
    with app.test_request_context("/", headers={"Cookie": f"guest={token.value}"}):
        signed_in_signal.send(None, user_id=ann.id)
    guest.sign_in(ann)
    page = guest.get(f"/articles/{article.slug}?welcome=1")
    assert re.search(r"<textarea[^>]* autofocus>\s*Words before an account.</textarea>", page.text)
    guest.post(f"/articles/{article.slug}/comments", {"body": "Words before an account."})
    assert db.session().scalar(select(Draft).where(Draft.body != "")) is None
    assert "Words before an account.</textarea>" not in guest.get(f"/articles/{article.slug}").text


def test_a_reply_begun_before_joining_comes_back_as_a_reply(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member("Ann Arbour"), make_member()
    root = say(article, ann)
    his = browser(app, bob)
    his.post("/drafts", {"article_id": article.id, "parent_id": root, "body": "A reply begun."})
    page = his.get(f"/articles/{article.slug}?welcome=1")
    assert "Your reply to Ann Arbour" in text_of(page)
    assert f'name="parent_id" value="{root}"' in page.text
    assert "You began a reply to Ann Arbour" in text_of(his.get(f"/articles/{article.slug}"))
    assert "A reply begun.</textarea>" in his.get(f"/comments/{root}/reply").text


@pytest.mark.once
@pytest.mark.parametrize("fetch", [False, True])
def test_every_refusal_keeps_the_words(app: Flask, fetch: bool) -> None:
    article, ann = make_talk(), make_member()
    say(article, ann, "Said before.")
    waiting = say(article, ann)
    change(waiting, "withheld")
    her = browser(app, ann)
    long = "Too long. " + "x" * 5000
    for fields in ({"body": "Said before."}, {"body": long}, {"body": "A reply.", "parent_id": waiting}):
        answer = her.post(f"/articles/{article.slug}/comments", fields, headers=FETCH if fetch else {})
        assert answer.status_code == 422
        assert f"{fields['body']}</textarea>" in answer.text
        assert 'role="alert"' in answer.text
        assert ("<html" in answer.text) is not fetch
    assert f'<a href="/comments/{waiting - 1}">See it</a>' in her.post(
        f"/articles/{article.slug}/comments", {"body": "Said before."}
    ).text


def test_a_lost_session_shows_the_words_again_with_a_fresh_token(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    her = browser(app, ann)
    answer = her.post(f"/articles/{article.slug}/comments", {"body": "Long thought of.", "csrf_token": "stale"})
    assert answer.status_code == 400
    assert "Long thought of.</textarea>" in answer.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert token
    again = her.post(f"/articles/{article.slug}/comments", {"body": "Long thought of.", "csrf_token": token[1]})
    assert again.status_code == 303
    signed_out = browser(app).post(f"/articles/{article.slug}/comments", {"body": "Signed out."}, token=False)
    assert signed_out.status_code == 400
    assert "Signed out.</textarea>" in signed_out.text
    assert "Already a member? Sign in" in text_of(signed_out)


def test_scripts_get_the_new_comment_and_what_to_say(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    her = browser(app, ann)
    answer = her.post(f"/articles/{article.slug}/comments", {"body": "Quick words."}, headers=FETCH)
    assert answer.status_code == 201
    assert 'data-announce="Posted."' in answer.text
    assert "<html" not in answer.text
    held = her.post(f"/articles/{article.slug}/comments", {"body": "See https://example.com"}, headers=FETCH)
    assert 'data-announce="Held: First comments with links' in held.text


def test_a_held_comment_is_listed_with_its_reason_and_is_nobody_elses(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    her = browser(app, ann)
    her.post(f"/articles/{article.slug}/comments", {"body": "See https://example.com"})
    row = db.session().scalar(select(Comment))
    assert row is not None
    assert "First comments with links" in text_of(her.get("/account/comments"))
    assert her.get(f"/comments/{row.id}").status_code == 200
    assert browser(app).get(f"/comments/{row.id}").status_code == 404
    assert browser(app, make_member()).get(f"/comments/{row.id}").status_code == 404
    moderator = browser(app, make_user(roles=("moderator",)))
    assert "Held by the screening" in text_of(moderator.get(f"/comments/{row.id}"))


def test_removed_comments_are_gone_for_others_and_explained_to_their_author(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann, "Something unkind.")
    change(one, "rejected")
    assert browser(app).get(f"/comments/{one}").status_code == 410
    own = browser(app, ann).get("/account/comments")
    assert "Removed" in text_of(own)
    assert f"/comments/{one}/appeal" in own.text
    assert f"/comments/{one}/appeal" in browser(app, ann).get(f"/comments/{one}").text


def test_respect_is_one_press_without_scripts_and_json_for_them(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    one = say(article, ann)
    his = browser(app, bob)
    page = his.get(f"/articles/{article.slug}")
    assert f'form="thread-actions" formaction="/comments/{one}/respect"' in page.text
    sent = his.post(f"/comments/{one}/respect", {"next": f"/articles/{article.slug}?sort=oldest"})
    assert sent.headers["Location"] == f"/articles/{article.slug}?sort=oldest#comment-{one}"
    assert comment(one).respect_count == 1
    assert his.post(f"/comments/{one}/respect", {"on": "1"}, headers=FETCH).json == {"pressed": True, "count": 1}
    assert his.post(f"/comments/{one}/respect", {"on": "0"}, headers=FETCH).json == {"pressed": False, "count": 0}
    evil = his.post(f"/comments/{one}/respect", {"next": "//evil.example/"})
    assert evil.headers["Location"] == f"/articles/{article.slug}#comment-{one}"


def test_guests_who_respect_are_led_to_sign_in(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    sent = browser(app).post(f"/comments/{one}/respect")
    assert sent.headers["Location"].startswith("/sign-in?next=")
    assert comment(one).respect_count == 0
    members_only = make_talk(respect_audience="members")
    two = say(members_only, ann)
    reader = browser(app, make_user())
    assert reader.post(f"/comments/{two}/respect", headers=FETCH).json == {"go": f"/join?article={members_only.slug}"}


def test_anybody_reports_once(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    guest = browser(app)
    assert "It breaks the law" in text_of(guest.get(f"/comments/{one}/report"))
    assert guest.post(f"/comments/{one}/report", {"note": "No reason."}).status_code == 422
    assert "Thank you" in text_of(guest.post(f"/comments/{one}/report", {"reason": "illegal", "note": "Libel."}))
    assert "already" in text_of(guest.post(f"/comments/{one}/report", {"reason": "spam"}))
    rows = list(db.session().scalars(select(Report)))
    assert [(row.reason, row.note, row.reporter_id) for row in rows] == [("illegal", "Libel.", None)]


@pytest.mark.once
def test_editing_and_deleting_without_scripts(app: Flask) -> None:
    article, ann, bob = make_talk(), make_member(), make_member()
    one = say(article, ann, "With a mistke.")
    her, his = browser(app, ann), browser(app, bob)
    assert "With a mistke.</textarea>" in her.get(f"/comments/{one}/edit").text
    assert his.get(f"/comments/{one}/edit").status_code == 403
    assert his.post(f"/comments/{one}/edit", {"body": "Mine now."}).status_code == 403
    empty = her.post(f"/comments/{one}/edit", {"body": " "})
    assert empty.status_code == 422
    saved = her.post(f"/comments/{one}/edit", {"body": "Without a mistake."})
    assert saved.headers["Location"] == f"/articles/{article.slug}?at={one}#comment-{one}"
    page = her.follow(saved)
    assert "Your change is saved." in text_of(page)
    assert "Without a mistake." in text_of(page)
    assert "edited" in text_of(page)
    two = say(article, ann, "A replie.", to=say(article, bob))
    saved = her.post(f"/comments/{two}/edit", {"body": "A reply."})
    assert saved.headers["Location"] == f"/articles/{article.slug}?at={two}#comment-{two}"
    assert f'id="comment-{two}"' in her.follow(saved).text
    assert her.get(f"/comments/{one}/delete").status_code == 200
    assert his.post(f"/comments/{one}/delete").status_code == 403
    assert her.post(f"/comments/{one}/delete").status_code == 303
    assert comment(one).status == "deleted"
    assert browser(app).get(f"/comments/{one}").status_code == 410


def test_replies_are_paged_without_scripts_and_come_as_a_fragment_for_them(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    root = say(article, ann)
    replies = [say(article, ann, to=root) for _ in range(60)]
    guest = browser(app)
    link = re.search(r'href="(/comments/\d+\?after=[^"]+)"', guest.get(f"/articles/{article.slug}").text)
    assert link
    seen = re.findall(r'id="comment-(\d+)"', guest.get(link[1]).text)
    assert [int(each) for each in seen] == [root, *replies[3:53]]
    next_page = re.search(r'rel="next" href="([^"]+)"', guest.get(link[1]).text)
    assert next_page
    last = re.findall(r'id="comment-(\d+)"', guest.get(next_page[1]).text)
    assert [int(each) for each in last] == [root, *replies[53:]]
    fragment = guest.get(link[1], headers=FETCH).text
    assert [int(each) for each in re.findall(r'id="comment-(\d+)"', fragment)] == replies[3:53]
    assert 'class="comment__to"' not in fragment  # the page has what they answer
    assert "data-more" in fragment


def test_replies_to_very_deep_comments_can_be_paged(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    last = say(article, ann)
    for _ in range(54):
        last = say(article, ann, to=last)
    answers = [say(article, ann, to=last) for _ in range(3)]
    page = browser(app).get(f"/comments/{last}").text
    assert [int(each) for each in re.findall(r'id="comment-(\d+)"', page)][-4:] == [last, *answers]


def test_closed_and_denied_say_why(app: Flask) -> None:
    article, ann = make_talk(thread_values={"state": "closed", "closed_reason": "The story has moved on."}), make_member()
    her = browser(app, ann)
    assert "The story has moved on." in text_of(her.get(f"/articles/{article.slug}"))
    answer = her.post(f"/articles/{article.slug}/comments", {"body": "But still."})
    assert answer.status_code == 403
    assert "But still." in text_of(answer)
    unconfirmed = make_user(confirmed=False)
    page = browser(app, unconfirmed).get(f"/articles/{make_talk().slug}")
    assert "Confirm your e-mail address first" in text_of(page)


def test_drafts_are_kept_while_typing_and_can_be_discarded(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    her, form = browser(app, ann), {"article_id": article.id, "draft": 0}
    kept = her.post("/drafts", form | {"body": "Half a"}, headers=FETCH)
    assert (kept.status_code, json.loads(kept.text)) == (200, {"state": "saved", "draft": 1, "body": ""})
    page = her.get(f"/articles/{article.slug}")
    assert "Half a</textarea>" in page.text
    assert "Your words were kept" in text_of(page)
    assert '<input type="hidden" name="draft" value="1">' in page.text
    stale = her.post("/drafts", form | {"body": "Half of another"}, headers=FETCH)
    assert json.loads(stale.text) == {"state": "newer", "draft": 1, "body": "Half a"}
    discarded = her.post("/drafts", form | {"body": "Half of another", "discard": "1"})
    assert "Other words were kept here meanwhile" in text_of(her.get(discarded.location))
    her.post("/drafts", form | {"draft": 1, "discard": "1"})
    assert db.session().scalar(select(Draft).where(Draft.body != "")) is None
    assert '<input type="hidden" name="draft" value="2">' in her.get(f"/articles/{article.slug}").text
    browser(app).post("/drafts", {"article_id": article.id, "body": "A guest typing"})
    assert db.session().scalar(select(Draft).where(Draft.body != "")) is None, "a guest's are kept when they press"
    assert her.post("/drafts", {"article_id": 10**12, "body": "x"}).status_code == 404


@pytest.mark.parametrize("path", ["/comments/999", "/comments/99999999999999999999", "/comments/999/reply", "/comments/999/report"])
def test_what_does_not_exist_is_not_found(app: Flask, path: str) -> None:
    make_talk()
    assert browser(app).get(path).status_code == 404


def test_own_comments_are_listed_page_by_page(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    all_of_them = [say(article, ann) for _ in range(35)]
    her = browser(app, ann)
    first = her.get("/account/comments").text
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    seen = [int(each) for each in re.findall(r'<li id="comment-(\d+)"', first + her.get(link[1]).text)]
    assert seen == all_of_them[::-1]
    assert browser(app).get("/account/comments").status_code == 303


def test_nobody_sees_the_threads_of_unpublished_articles(app: Flask) -> None:
    article, ann = make_talk(), make_member()
    one = say(article, ann)
    with transaction() as session:
        row = session.merge(article)
        row.state = "unpublished"
    assert browser(app).get(f"/comments/{one}").status_code == 404
    assert browser(app, ann).post(f"/articles/{article.slug}/comments", {"body": "Hello?"}).status_code == 404
    respect_answer = browser(app, make_member()).post(f"/comments/{one}/respect")
    assert respect_answer.status_code == 404
