"""Hostile words wherever they are shown, in a browser that nothing protects: no policy, no sandbox, no Trusted Types.

Each page goes into Chromium as it came, without the headers that would stop a script, so what does not run is not
there.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page
from sqlalchemy import select

from blueprints.notifications.jobs import write
from core import clock
from core.db import db
from core.limits import limiter
from jobs.worker import run_all
from models.notification import Mail
from models.thread import Comment
from tests.browser import Browser
from tests.factories import make_user
from tests.security.hostile import RUN, comments, vectors
from tests.security.paper import Paper, make_paper
from tests.security.test_odd_requests import ORDINARY, address, rules

MARKED = "\"'><img src=x onerror=window.ran=1>"
# What no page has: attributes that run, addresses that do, elements that were typed.
ODD = """() => [...document.querySelectorAll('*')].flatMap((element) => {
  const names = element.getAttributeNames();
  const runs = names.some((name) => name.startsWith('on') || ['srcdoc', 'xlink:href'].includes(name));
  const leads = ['href', 'src', 'action', 'formaction', 'data'].some((name) => /^[\\x00-\\x20]*((java|vb|live)script:|data:text|(https?:)?\\/\\/evil\\.test)/i.test(element.getAttribute(name) ?? ''));
  const typed = element.closest('.comment__body') !== null && !/^(p|br|em|strong|s|a|code|pre|blockquote|ul|ol|li|span|label|input|bdi|article|div)$/i.test(element.tagName);
  const foreign = element.tagName === 'SCRIPT' && !element.src.includes('/static/') && !/json/.test(element.type);
  return runs || leads || typed || foreign ? [element.outerHTML.slice(0, 160)] : [];
})"""


@pytest.fixture
def paper(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Paper:
    monkeypatch.setattr(limiter, "enabled", False)
    return make_paper(app)


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


def found(page: Page, html: str) -> list[str]:
    page.goto("about:blank")  # another window for each
    page.set_content(html, wait_until="domcontentloaded")
    page.wait_for_timeout(20)  # for what runs when a picture is missing
    return [*page.evaluate(ODD), *(["it ran"] if page.evaluate("window.ran") else [])]


@pytest.mark.browser
@pytest.mark.sqlite
def test_hostile_words_are_words_on_pages_in_mails_and_in_feeds(paper: Paper, page: Page) -> None:
    assert len(vectors()) == len(set(vectors())) > 600
    assert "it ran" in found(page, f"<img src=x onerror={RUN}>")  # this browser would
    moderator, ids = paper.browser("moderator"), []
    for text in comments(5_000):
        person = make_user(plan=paper.plan)  # each their own: nobody posts so many at once
        writer = Browser(paper.app).sign_in(person)
        assert writer.post("/articles/the-bridge/comments", {"body": text}).status_code == 303
        newest = db.session().scalars(select(Comment).order_by(Comment.id.desc()).limit(1)).one()
        ids.append(newest.id)
        moderator.post(f"/comments/{newest.id}/report", {"reason": "spam", "note": text[:500]})
        Browser(paper.app).post("/articles/the-bridge/comments", {"body": text})
    seen = {"revision": 1, "status": newest.status, "last_action_id": 0, "rule_id": 1}
    assert moderator.post(f"/moderation/comments/{ids[-1]}/reject", {**seen, "note": MARKED}).status_code == 303
    writer.post(f"/comments/{ids[-1]}/appeal", {"body": "\n".join(vectors()[:40])})
    with time_machine.travel(clock.now() + timedelta(hours=1)):  # mails wait: a decision may be taken back
        run_all()
        write(person.id)
    wrong = []
    paths = {
        "visitor": ["/articles/the-bridge?sort=newest", *(f"/comments/{number}" for number in ids), "/search?q=words", f"/readers/{person.id}", "/", "/moderation-log"],
        "member": ["/account/comments", "/account/notices", f"/comments/{ids[-1]}"],
        "moderator": ["/moderation", *(f"/moderation/comments/{number}" for number in ids), f"/moderation/people/{person.id}", "/moderation/objections", "/moderation/threads/1", "/moderation/decided"],
    }  # fmt: skip
    for who, theirs in paths.items():
        browser = {"visitor": Browser(paper.app), "member": writer, "moderator": moderator}[who]
        for path in theirs:
            answer = browser.get(path)
            assert answer.status_code in ({200, 404, 410} if who == "visitor" else {200}), path  # held, or rejected
            wrong += [f"{who} {path}: {one}" for one in found(page, answer.get_data(as_text=True))]
    mails = db.session().scalars(select(Mail.html)).all()
    feeds = Browser(paper.app).get("/articles/the-bridge/comments.atom").get_data(as_text=True)
    shown_in_feeds = [unescape(each) for each in re.findall(r"<(?:content|summary)[^>]*>(.*?)</", feeds, re.DOTALL)]
    assert mails
    assert shown_in_feeds
    for html in (*mails, *shown_in_feeds):
        wrong += [f"a mail or feed: {one}" for one in found(page, html)]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.sqlite
def test_what_is_typed_into_any_field_is_words_on_every_page(paper: Paper) -> None:
    """Whatever is stored and wherever it is shown: in no page stands what was typed as it was typed."""
    words = {"note", "body", "reason", "answer", "headline", "body_source", "title", "text", "name", "display_name"}
    everything = dict.fromkeys(("description", "perks", "badge", "standfirst", "byline", "organisation", "terms", "label", "q", "imprint", "contact", "message", "summary"), MARKED)
    browsers = {who: paper.browser(who) for who in ("member", "publisher", "guest")}
    for who in ("member", "publisher"):
        for rule in rules(paper.app, "POST"):
            browsers[who].post(address(rule), ORDINARY | everything | dict.fromkeys(words, MARKED))
    run_all()
    wrong = []
    for rule in rules(paper.app, "GET"):
        for who, browser in browsers.items():
            with browser.get(address(rule), query_string={"q": MARKED, "next": f"/{MARKED}", "share": MARKED, "kind": MARKED}) as answer:
                if answer.mimetype in {"text/html", "application/atom+xml", "application/rss+xml"} and b"<img src=x" in answer.data:
                    wrong.append(f"{who} {rule}")
    wrong += [f"a mail: {mail.subject}" for mail in db.session().scalars(select(Mail)) if "<img src=x" in mail.html]
    assert wrong == []
