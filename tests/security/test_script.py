"""Whatever people type is shown as typed: on no page, in no feed and in no mail does it become mark-up."""

import json
import re
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlalchemy import String, Text, select

from core.db import Base, db, transaction
from jobs.worker import run_all
from models.notification import Mail
from tests.browser import Browser
from tests.security.paper import Paper, make_paper
from tests.security.test_odd_requests import address, rules

TAG = "x-evil"
TYPED = f"</script>\"'><{TAG} onclick=alert(1)>{{{{7*7}}}}&lt;{TAG}&gt;</{TAG}>\r\nX-Evil: yes"
# Columns that people fill with words, by table; HTML columns are made by the renderer.
WORDS = {
    "site": ("name", "tagline", "rules_enforced_by", "about", "privacy"), "section": ("name", "description"),
    "rule": ("title", "text"), "plan": ("name", "description", "perks", "badge"),
    "article": ("headline", "standfirst", "byline", "picture_alt", "picture_caption", "picture_credit"),
    "thread": ("closed_reason", "opening_question"), "user": ("display_name",), "report": ("note",),
    "sanction": ("reason",), "appeal": ("body", "answer"),
    "statement_of_reasons": ("text",), "finding": ("reason",), "draft": ("body",), "job": ("error",),
}  # fmt: skip

# A script that is neither a module, nor data, nor a file of ours.
FOREIGN_SCRIPT = re.compile(r'<script(?! type="(?:module|application/ld\+json)"| src="/static/js/[\w-]+\.js(?:\?v=\w+)?"></script>)')


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


def fill_with_marks() -> None:
    tables = Base.metadata.tables
    with transaction() as session:
        for name, columns in WORDS.items():
            table = tables[name]
            for column in columns:
                kind = table.c[column].type
                assert isinstance(kind, (String, Text))
                limit = getattr(kind, "length", None)
                session.execute(table.update().values({column: TYPED[:limit] if limit else TYPED}))
        session.execute(tables["site"].update().values(version=tables["site"].c.version + 1))
        session.execute(tables["thread"].update().values(version=tables["thread"].c.version + 1))
        session.execute(tables["article"].update().values(version=tables["article"].c.version + 1))


NO_PAGES = {"application/json", "text/csv"}  # which no browser reads as mark-up: they say so, and that it must not guess


@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=() if role == "moderator" else pytest.mark.once) for role in ("guest", "member", "moderator", "publisher")]
)
def test_no_page_takes_words_for_mark_up(paper: Paper, role: str) -> None:
    paper.browser("member").post("/drafts", {"article_id": 1, "body": TYPED})
    seen_by_moderator = {"revision": 1, "status": "published", "last_action_id": 0, "rule_id": 1, "note": TYPED}
    assert paper.browser("moderator").post("/moderation/comments/4/reject", seen_by_moderator).status_code == 303
    fill_with_marks()
    browser, seen = paper.browser(role), 0
    for rule in rules(paper.app, "GET"):
        answer = browser.get(f"{address(rule)}?q={TAG}%3C{TAG}%3E&article=the-bridge&next=/%3C{TAG}%3E")
        page = answer.get_data(as_text=True)
        seen += TAG in page
        assert "X-Evil" not in answer.headers
        if answer.mimetype in NO_PAGES:
            continue
        assert f"<{TAG}" not in page, str(rule)
        assert re.search(r"=[^\"'<>\s]*onclick", page) is None
        for data in re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.S):
            json.loads(data)
        if "xml" in answer.mimetype:
            ElementTree.fromstring(page)
        assert FOREIGN_SCRIPT.findall(page) == [], str(rule)
    assert seen > 10


@pytest.mark.once
def test_no_mail_takes_words_for_mark_up(paper: Paper) -> None:
    fill_with_marks()
    paper.browser("member").post("/account/settings/sessions")
    Browser(paper.app).post("/forgot-password", {"email": paper.member.email, "next": f"/<{TAG}>"})
    paper.browser("moderator").post(
        f"/moderation/people/{paper.member.id}/sanctions",
        {"kind": "suspension", "days": 3, "rule_id": 1, "reason": TYPED},
    )
    run_all()
    mails = db.session().scalars(select(Mail)).all()
    assert mails
    for mail in mails:
        assert f"<{TAG}" not in mail.html
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject


@pytest.mark.parametrize("words", [
    "[a](javascript:alert(1))", "[a](java\tscript:alert(1))", "<javascript:alert(1)>", "[a](data:text/html,x)",
    "[a](//evil.test)", "![a](https://evil.test/x.png)", f"<{TAG} onclick=a>", "[a](https://x.test\"onclick=a)",
    "`<img src=x>`", "```html\" onclick=a\n<b>\n```", "[a]: javascript:alert(1)\n\n[a]", "<https://x.test/\"onclick=a>",
    "[a](vbscript:x)", "[a](https://good.test@evil.test/)", "&lt;img src=x onerror=a&gt;", "www.x.test/\"><img>",
    "<!--><img src=x>-->", "[<img src=x>](https://x.test)", "\x02\x03<b>", "> " * 400 + "x", "[" * 3000, "(" * 4000,
    "*a " * 1500, "a_" * 2400, "https://" + "a." * 1500 + "test",
])  # fmt: skip
def test_no_comment_becomes_more_than_a_comment(app: Flask, words: str) -> None:
    from core.markup import render_comment

    html = render_comment(words)
    allowed = r"</?(?:p|br|em|strong|s|a|bdi|blockquote|code|pre|ul|ol|li)(?: (?:dir|href|rel|class|start)=\"[^\"<>]*\")*>"
    assert "<" not in re.sub(allowed, "", html)
    for target in re.findall(r'href="([^"]*)"', html):
        assert re.match(r"https?://[a-z0-9.-]+(?:[/?#]|$)|mailto:", target), target
