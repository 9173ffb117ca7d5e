"""What must not leave the house: passwords, tokens, addresses and words in logs; a till with the demo's doors open."""

import logging
import re
import traceback
from dataclasses import replace

import pytest
import structlog
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from blueprints.accounts import totp
from core import clock
from core.config import ConfigError, Settings
from core.db import db, transaction
from core.logs import configure_logs
from core.prepared import Prepared
from jobs.queue import HANDLERS, enqueue
from jobs.worker import run_all
from models.article import Article
from models.job import Job
from models.notification import Mail
from models.thread import Comment
from models.user import User
from tests.browser import Browser, text_of
from tests.factories import make_site, make_user
from tests.security.paper import make_paper

PASSWORD = "correct horse battery staple"
PRODUCTION = {
    "secret_key": "k" * 32, "stripe_secret_key": "sk_live_x", "stripe_webhook_secrets": "whsec_x",
    "mail_url": "smtp://127.0.0.1", "site_url": "", "database_url": "", "redis_url": "", "stripe_api_base": "",
    "host": "127.0.0.1", "port": 8000,
}  # fmt: skip


def test_an_error_of_the_database_does_not_repeat_what_was_typed(app: Flask) -> None:
    make_site()
    known = make_user(email="private@example.test")
    with pytest.raises(IntegrityError) as failure, transaction() as session:
        session.add(User(email=known.email, password="the hash", display_name="Twice", name_key="t", name_skeleton="t",
                         fs_uniquifier="the session"))  # fmt: skip
        session.flush()
    assert "the hash" not in str(failure.value)
    assert "the session" not in str(failure.value)
    assert known.email not in "".join(traceback.format_exception(failure.value))


def test_neither_does_one_of_a_prepared_statement(app: Flask) -> None:
    make_site()
    clash = Prepared(text("INSERT INTO section (id, slug, name) VALUES (:id, :slug, :name)"))
    words = "typed " + "words"  # not as one word here: a traceback shows the lines of this file too
    with pytest.raises(IntegrityError) as failure, transaction() as session:
        clash.write(session, id=None, slug=None, name=words)
    assert words not in "".join(traceback.format_exception(failure.value))


def test_a_journey_leaves_no_secret_in_the_logs(
    app: Flask, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    paper = make_paper(app)
    caplog.set_level(logging.INFO)
    structlog.reset_defaults()  # prints every event, whatever the settings leave out
    browser = Browser(app)
    browser.post("/articles/the-bridge/comments", {"body": "A guest's private words"})
    browser.post("/sign-up", {"email": "private@example.test", "display_name": "Quietly Here", "password": PASSWORD})
    run_all()
    mail = db.session().scalars(select(Mail).where(Mail.recipient == "private@example.test")).one()
    link = next(word for word in mail.text.split() if "/confirm/" in word)
    browser.get(link)
    browser.post(link)
    browser.post("/sign-in", {"email": "private@example.test", "password": "a wrong password"})
    browser.post("/sign-in", {"email": "private@example.test", "password": PASSWORD})
    browser.post("/account/settings/password", {"current_password": PASSWORD, "new_password": f"{PASSWORD} again"})
    browser.post("/forgot-password", {"email": "private@example.test"})
    browser.post("/join/checkout", {"price": "vip-month"})
    paper.browser("publisher").get("/publisher/people?q=private@example.test")
    member, moderator = paper.browser("member"), paper.browser("moderator")
    member.post("/articles/the-bridge/comments", {"body": "A member's secret thought, call +1 212 555 0142."})
    said = db.session().scalars(select(Comment.id).order_by(Comment.id.desc()).limit(1)).one()
    browser.post(f"/comments/{said}/report", {"reason": "other", "note": "A whispered reason."})
    seen = {"revision": 1, "status": "published", "last_action_id": 0}
    moderator.post(f"/moderation/comments/{said}/reject", {**seen, "rule_id": 1, "note": "A quiet note."})
    member.post(f"/comments/{said}/appeal", {"body": "An objection in confidence."})
    member.post("/articles/the-bridge/comments", {"body": "Lost by its token."}, token=False)
    # What others keep or take along, and what opens doors without a password.
    article_id = db.session().scalars(select(Article.id).where(Article.slug == "the-bridge")).one()
    member.post("/drafts", {"article_id": article_id, "body": "A half-said thing."})
    browser.get("/search?q=what+somebody+looked+for")
    shown = browser.follow(browser.post("/account/security/app"))
    app_secret = re.findall(r"(?:[A-Z2-7]{4} ){3,}[A-Z2-7]{4}", text_of(shown))
    browser.post("/account/security/app/confirm", {"code": "314159"})
    right = totp.code_at(app_secret[0].replace(" ", ""), totp.step_at(clock.now()))
    confirmed = browser.post("/account/security/app/confirm", {"code": right})
    code = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){5}", confirmed.text)
    browser.post("/account/data")
    publisher = paper.browser("publisher")
    imported = publisher.post("/publisher/people/import", {"rows": "email,display_name\nlisted@example.test,Listed Person", "sure": "1"})
    assert publisher.get("/publisher/people/export").status_code == 200
    notified = Browser(app).post("/illegal-content", {
        "url": f"http://localhost/comments/{said}", "category": "defamation", "explanation": "A wrong done to me.",
        "name": "Nora Outside", "email": "nora@example.test", "in_good_faith": "y",
    })  # fmt: skip
    assert (imported.status_code, notified.status_code, len(code)) == (200, 303, 10)
    browser.post("/webhooks/stripe", token=False, headers={"Stripe-Signature": "t=1,v1=0123456789abcdef"})
    run_all()
    session = browser.http.get_cookie("session")
    guest = browser.http.get_cookie("guest")
    logged = caplog.text + "".join(capfd.readouterr())
    secrets = ["private@example.test", PASSWORD, "a wrong password", link.rpartition("/")[2], "private words"]
    secrets += ["secret thought", "555 0142", "whispered", "quiet note", "in confidence", "Lost by its", "0123456789abcdef"]
    secrets += ["half-said", "looked", "314159", *code, "listed@example", "Listed Person", "wrong done", "Nora Outside"]
    secrets += ["nora@example", *app_secret, *(each.replace(" ", "") for each in app_secret)]
    secrets += [cookie.value for cookie in (session, guest) if cookie is not None]
    assert [secret for secret in secrets if secret in logged] == []


@pytest.mark.parametrize("production", [True, False])
def test_what_an_error_quotes_of_people_is_struck_out(
    app: Flask, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, production: bool
) -> None:
    def breaks(words: str) -> None:
        logging.getLogger("a.library").warning("cannot write to %s", words)
        raise ValueError(f"<{words}> was refused")

    make_site()
    monkeypatch.setitem(HANDLERS, "test.breaks", breaks)
    configure_logs(replace(app.config["SETTINGS"], rejoinder_mode="production" if production else "demo"))
    with transaction():
        enqueue("test.breaks", words="private@example.test")
    run_all()
    structlog.get_logger("web").warning("sent back", answer="550 <private@example.test> unknown")
    logged = "".join(capfd.readouterr())
    kept = db.session().scalars(select(Job.error).where(Job.kind == "test.breaks")).one()
    for text_ in (logged, kept or ""):
        assert "(address)" in text_
        assert "private@" not in text_
    configure_logs(app.config["SETTINGS"])


def test_live_money_and_the_demos_open_doors_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="live key"):
        Settings(**PRODUCTION, rejoinder_mode="").check()  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="live key"):
        Settings(**PRODUCTION, rejoinder_mode="demo").check()  # type: ignore[arg-type]
    Settings(**PRODUCTION, rejoinder_mode="production").check()  # type: ignore[arg-type]


def test_what_is_refused_and_what_touches_an_account_is_in_the_logs(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site()
    reader = make_user(email="reader@example.test", password=PASSWORD)
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as said:
        browser = Browser(app)
        browser.post("/sign-in", {"email": "reader@example.test", "password": "wrong"}, token=False)
        browser.http.post("/sign-in", headers={"Origin": "https://evil.test"})
        browser.post("/sign-in", {"email": "reader@example.test", "password": PASSWORD})
        browser.post("/account/settings/password", {"current_password": PASSWORD, "new_password": f"{PASSWORD} again"})
        browser.get("/publisher")
        browser.post("/sign-out")
        monkeypatch.setitem(app.config, "PRODUCTION", True)
        for _ in range(11):
            browser.post("/sign-in", {"email": "reader@example.test", "password": "wrong"})
    seen = {(each["event"], each.get("user_id")) for each in said}
    assert {("form refused", None), ("refused", None), ("signed in", reader.id), ("password changed", reader.id),
            ("refused", reader.id), ("signed out", reader.id), ("sign-in refused", reader.id), ("limit reached", None)} <= seen
    assert "reader@example.test" not in str(said)
