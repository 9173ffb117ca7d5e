"""Nothing in an address or a form leads a reader to another site."""

from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask

from tests.browser import Browser
from tests.factories import make_user
from tests.security.paper import Paper, make_paper

PASSWORD = "correct horse battery staple"
ELSEWHERE = (
    "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "https:evil.test", "/\t/evil.test",
    "/\r\nLocation: https://evil.test", "javascript:alert(1)", "/.//evil.test", "/..//evil.test", "//localhost@evil.test",
    "/%0d%0aSet-Cookie:x=y", "http://localhost.evil.test/", "/\u2028/evil.test", "?//evil.test", " //evil.test", "/ /evil.test",
    "/join/checkout/../../..//evil.test", "/join/checkout?price=//evil.test", "/x" * 2000,
)  # fmt: skip


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


@pytest.mark.once
@pytest.mark.parametrize("target", ELSEWHERE)
def test_the_reader_stays_here(paper: Paper, target: str) -> None:
    reader, demo = make_user(), make_user(is_demo=True, demo_line="A reader: reads")
    signed_in = Browser(paper.app).sign_in(reader)
    answers = [
        Browser(paper.app).post("/demo/sign-in", {"user_id": demo.id, "next": target}),
        signed_in.get("/sign-in", query_string={"next": target}),
        signed_in.get("/sign-up", query_string={"next": target}),
        signed_in.post("/comments/1/respect", {"on": "1", "next": target}),
        paper.browser("moderator").post(f"/moderation/people/{reader.id}/sanctions", {
            "kind": "warning", "days": 3, "rule_id": 0, "reason": "Why.", "next": target}),
        Browser(paper.app).post("/join/checkout", {"price": target, "article": target}),
        Browser(paper.app).get("/join/checkout", query_string={"article": target}),
        Browser(paper.app).get("/account", headers={"Referer": target.split("\r")[0]}),
        Browser(paper.app).post("/account/delete", headers={"Referer": f"http://localhost{target}"[:500].split()[0]}),
    ]  # fmt: skip
    for answer in answers:
        where = answer.headers.get("Location")
        assert where is not None or answer.status_code < 300
        assert urlsplit(urljoin("http://localhost/some/page", where or "")).hostname == "localhost"
        assert not any(character in (where or "") for character in "\r\n\t\\")
        assert (where or "/").startswith("/")
        assert not (where or "/").startswith("//")
