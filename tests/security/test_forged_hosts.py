"""What a request says about where it goes is not believed: no link, no redirect and no kept page follows it."""

from pathlib import Path

import pytest
from flask import Flask, request
from sqlalchemy import select

from app import create_app
from core.config import Settings
from core.db import db
from jobs.worker import run_all
from models.notification import Mail
from tests.browser import Browser
from tests.factories import make_user
from tests.security.paper import Paper, make_paper
from tests.security.test_odd_requests import address, rules

FORGED: dict[str, dict[str, str]] = {
    "Host": {"Host": "evil.test"},
    "Host with a port": {"Host": "localhost:evil.test"},
    "Host with a path": {"Host": "localhost/evil.test?"},
    "Host as words": {"Host": '"><script>evil.test'},
    "X-Forwarded": {"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "gopher", "X-Forwarded-Port": "66",
                    "X-Forwarded-Prefix": "/evil.test", "X-Forwarded-For": "evil.test"},
    "Forwarded": {"Forwarded": "for=evil.test;host=evil.test;proto=gopher", "X-Host": "evil.test",
                  "X-Forwarded-Server": "evil.test", "X-HTTP-Host-Override": "evil.test"},
    "another address": {"X-Original-URL": "/evil.test", "X-Rewrite-URL": "/evil.test", "X-HTTP-Method-Override": "POST"},
}  # fmt: skip


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


@pytest.mark.once
@pytest.mark.parametrize("forged", FORGED)
def test_no_page_repeats_where_the_request_says_it_goes(paper: Paper, forged: str) -> None:
    wrong, visitor = [], Browser(paper.app)
    for rule in rules(paper.app, "GET"):
        with visitor.get(address(rule), headers=FORGED[forged]) as answer:
            said = "".join(f"{name}: {value}\n" for name, value in answer.headers) + answer.get_data(as_text=True)
            if "evil.test" in said or "gopher" in said or (answer.status_code >= 500 and "readyz" not in str(rule)):
                wrong.append(f"{rule}: {answer.status_code}")
    assert wrong == []


@pytest.mark.once
@pytest.mark.parametrize("forged", FORGED)
def test_an_address_that_is_spelt_otherwise_leads_to_the_right_one_here(app: Flask, forged: str) -> None:
    answer = Browser(app).get("/articles//the-bridge?sort=newest", headers=FORGED[forged])
    assert answer.status_code == 308
    assert answer.headers["Location"] == "/articles/the-bridge?sort=newest"
    assert "evil.test" not in answer.get_data(as_text=True)


@pytest.mark.once
def test_behind_a_proxy_the_host_that_a_browser_claims_is_not_believed(tmp_path: Path) -> None:
    """nginx passes on what it was not told to replace."""
    app = create_app(Settings(
        data_dir=tmp_path, secret_key="a-key-for-tests-only-of-a-good-length", site_url="https://talk.example.org",
        mail_url="smtp://localhost", stripe_secret_key="sk_test_x", stripe_webhook_secrets="whsec_x", trusted_proxies=1,
    ))  # fmt: skip
    hosts: list[tuple[str, str]] = []
    app.before_request_funcs[None].insert(0, lambda: hosts.append((request.host, request.scheme)))
    app.test_client().get("/livez", headers=FORGED["X-Forwarded"] | {"Host": "talk.example.org", "X-Forwarded-Proto": "https"})
    assert hosts == [("talk.example.org", "https")]


@pytest.mark.once
@pytest.mark.parametrize("forged", FORGED)
def test_a_kept_page_is_the_same_whoever_made_it_be_kept(paper: Paper, forged: str) -> None:
    for path in ("/", "/articles/the-bridge", "/sections/economy", "/feed.xml", "/sitemap.xml", "/rules"):
        with Browser(paper.app).get(path, headers=FORGED[forged] | {"Accept-Language": "xx", "Cookie": "a=evil.test"}):
            pass
        page = Browser(paper.app).get(path)
        assert page.status_code in {200, 404}, path
        assert "evil.test" not in page.get_data(as_text=True)


@pytest.mark.once
@pytest.mark.parametrize("forged", FORGED)
def test_no_mail_leads_elsewhere(paper: Paper, forged: str) -> None:
    """The classic: a reset asked for in somebody's name, with a link to another host."""
    make_user(email="victim@example.test", password="correct horse battery staple")
    Browser(paper.app).post("/forgot-password", {"email": "victim@example.test"}, headers=FORGED[forged])
    run_all()
    mails = db.session().scalars(select(Mail)).all()
    assert not any("evil.test" in mail.text + mail.html + mail.subject for mail in mails)


@pytest.mark.once
def test_no_header_is_made_of_what_was_typed(paper: Paper) -> None:
    lines = "x\r\nSet-Cookie: odd=1\r\n\r\n<script>"
    for rule in rules(paper.app, "GET"):
        with Browser(paper.app).get(address(rule), query_string={"next": f"/{lines}", "q": lines, "article": lines},
                                    headers={"If-None-Match": '"x', "Accept-Language": "x" * 3000, "Range": "bytes=9-1,-0"}) as answer:  # fmt: skip
            assert "odd=1" not in str(answer.headers.getlist("Set-Cookie")), rule
            assert not any("\n" in value or "\r" in value for _, value in answer.headers), rule
            assert answer.status_code < 500 or "readyz" in str(rule), rule
