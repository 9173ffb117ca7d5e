"""Programs elsewhere are asked after posting, and do no more than they may."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from blueprints.moderation import undoing
from blueprints.moderation.jobs_screening import held
from blueprints.moderation.service import publish_comment
from blueprints.threads.outside import ATTEMPTS, CANNOT_SIGN, read_verdict, secret_of
from blueprints.threads.status import change_status
from core import clock
from core.db import db, transaction
from core.outgoing import CallFailed
from core.sealing import seal
from jobs import worker
from models.moderation import StatementOfReasons
from models.notice import NoticeCause
from models.notification import Mail
from models.screening import ScreeningService
from models.thread import Finding, Report
from models.user import User
from tests.factories import make_user
from tests.publisher.rows import office
from tests.threads.screens import make_service
from tests.threads.talk import comment, make_member, make_talk, say


class Helper:
    """A service that answers what it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = {"severity": "none"}
        self.status = 200
        self.asked: list[tuple[dict[str, str], bytes]] = []
        helper = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                helper.asked.append((dict(self.headers), body))
                said = helper.answer if isinstance(helper.answer, bytes) else json.dumps(helper.answer).encode()
                self.send_response(helper.status)
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/check"


@pytest.fixture
def helper(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Helper]:
    settings = replace(app.config["SETTINGS"], private_hosts="127.0.0.1")
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    helper = Helper()
    yield helper
    helper.server.shutdown()
    helper.server.server_close()


@pytest.fixture
def old(app: Flask) -> User:
    person, before = make_member(), make_talk()
    for _ in range(3):
        say(before, person)
    worker.run_all()
    return person


def service_row() -> ScreeningService:
    db.session.remove()
    row = db.session().scalar(select(ScreeningService))
    assert row is not None
    return row


def said_of(comment_id: int) -> list[tuple[str, str, str, bool]]:
    db.session.remove()
    rows = db.session().scalars(select(Finding).where(Finding.comment_id == comment_id, Finding.check == "service"))
    return [(row.severity, row.reason, row.passages, row.checked) for row in rows]


def reasons_on(comment_id: int) -> list[tuple[str, bool]]:
    """What the author was told restricts a comment, and whether that was withdrawn."""
    db.session.remove()
    rows = db.session().scalars(select(StatementOfReasons).where(StatementOfReasons.comment_id == comment_id))
    return [(row.restriction, row.withdrawn_at is not None) for row in rows]


def test_a_service_is_asked_with_a_signature_and_nothing_about_the_person(helper: Helper, old: User) -> None:
    make_service(helper.url)
    one = say(make_talk(), old, "Something to look at.")
    assert comment(one).status == "published"  # nobody waits for it
    worker.run_all()
    headers, body = helper.asked[0]
    asked = json.loads(body)
    assert (asked["text"], asked["comment"], asked["revision"]) == ("Something to look at.", one, 1)
    assert old.display_name not in body.decode()
    assert old.email not in body.decode()
    seconds = headers["Rejoinder-Signature"].partition("t=")[2].partition(",")[0]
    wanted = hmac.new(b"a-secret", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Rejoinder-Signature"] == f"t={seconds},v1={wanted}"
    assert service_row().answered == 1
    assert said_of(one) == []


def test_a_copy_of_the_database_lets_nobody_sign_and_another_key_is_said(
    app: Flask, helper: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_service(helper.url)
    assert "a-secret" not in service_row().secret
    browser, at = office(app), f"/publisher/screening/services/{service_row().id}"
    with transaction() as session:  # as it stands when SECRET_KEY became another one
        session.execute(update(ScreeningService).values(secret=seal("a-secret", "under another key")))
    assert CANNOT_SIGN in browser.get(at).text
    assert f"It failed. {CANNOT_SIGN}" in browser.post(f"{at}/test").text
    assert helper.asked == []
    assert browser.post(f"{at}/secret").status_code == 303
    assert CANNOT_SIGN not in browser.post(f"{at}/test").text
    assert len(helper.asked) == 1


@pytest.mark.once
@pytest.mark.parametrize(
    ("allowed", "said", "status", "kept"),
    [("hold", "hold", "withheld", "hold"), ("report", "hold", "published", "report"), ("note", "hold", "published", "note"),
     ("hold", "note", "published", "note")],
)  # fmt: skip
def test_an_answer_does_no_more_than_the_service_may(
    helper: Helper, old: User, allowed: str, said: str, status: str, kept: str
) -> None:
    make_service(helper.url, allowed)
    helper.answer = {"severity": said, "reason": "looks angry", "passages": [[0, 4], [3, 99], ["a"], [5, 2]]}
    one = say(make_talk(), old, "Words that look angry.")
    worker.run_all()
    assert comment(one).status == status
    severity, _, passages, checked = said_of(one)[0]
    assert (severity, passages, checked) == (kept, "0-4", True)
    reports = db.session().scalars(select(Report.reporter_key).where(Report.comment_id == one)).all()
    assert reports == (["screening"] if kept == "report" else [])


def test_what_a_person_decided_meanwhile_stands(helper: Helper, old: User) -> None:
    make_service(helper.url)
    helper.answer = {"severity": "hold"}
    moderator = make_user(roles=("moderator",)).id
    one = say(make_talk(), old, "Words that somebody has read already.")
    from tests.threads.talk import change

    change(one, "pending")
    with transaction() as session:
        publish_comment(session, comment_id=one, revision=1, actor_id=moderator)
    worker.run_all()
    assert comment(one).status == "published"
    assert said_of(one)[0][0] == "hold"  # but moderators see what it said


def test_an_author_is_told_once_that_a_comment_is_held_after_it_was_posted(helper: Helper, old: User) -> None:
    make_service(helper.url)
    helper.answer = {"severity": "hold"}
    one = say(make_talk(), old, "Words that a program wants somebody to read.")
    assert comment(one).status == "published"
    worker.run_all()
    worker.run_all()
    (mail,) = db.session().scalars(select(Mail).where(Mail.kind == "moderation"))
    assert (mail.user_id, mail.subject) == (old.id, "Your comment waits to be read")
    for words in ("is held until a person has read it", "because a program asked for it", "without a person",
                  "A person decides next", "you can object", "go to court", "Words that a program wants"):
        assert words in " ".join(mail.text.split())
    told = db.session().scalars(select(NoticeCause.url).where(NoticeCause.cause == f"held:{one}:1")).all()
    assert told == [f"/comments/{one}"]


def test_who_was_published_again_before_the_mail_is_told_nothing(helper: Helper, old: User) -> None:
    moderator, one = make_user(roles=("moderator",)).id, say(make_talk(), old, "Words that are fine.")
    with transaction() as session:
        change_status(session, one, "withheld")
    with transaction() as session:
        publish_comment(session, comment_id=one, revision=1, actor_id=moderator)
    held(one, 1)
    assert db.session().scalars(select(Mail)).all() == []


def test_a_publication_taken_back_leaves_the_comment_held_for_the_reason_its_author_knows(helper: Helper, old: User) -> None:
    moderator, one = make_user(roles=("moderator",)).id, say(make_talk(), old, "Words that a program wants to have read.")
    with transaction() as session:
        change_status(session, one, "withheld")
    held(one, 1)
    with transaction() as session:
        done = publish_comment(session, comment_id=one, revision=1, actor_id=moderator)
    assert reasons_on(one) == [("held", True)]
    with transaction() as session:
        undoing.undo(session, action_id=done.action_id, actor_id=moderator)
    assert comment(one).status == "withheld"
    assert reasons_on(one) == [("held", False)]
    with transaction() as session:
        publish_comment(session, comment_id=one, revision=1, actor_id=moderator)
    assert reasons_on(one) == [("held", True)]


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [({"severity": "none"}, 500, "status 500"), (b"<html>", 200, "no JSON"), ({"severity": "reject"}, 200, "no severity"),
     ([], 200, "no severity"), ({"severity": "note", "reason": 5}, 200, "reason is no text")],
)  # fmt: skip
def test_a_failure_is_tried_again_then_stands_beside_the_comment_as_not_checked(
    helper: Helper, old: User, monkeypatch: pytest.MonkeyPatch, answer: Any, status: int, sentence: str
) -> None:
    make_service(helper.url)
    helper.answer, helper.status = answer, status
    one = say(make_talk(), old, "Something to look at.")
    moment = clock.now()
    for _ in range(ATTEMPTS + 2):
        worker.run_all()
        moment += timedelta(hours=1)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
    assert len(helper.asked) == ATTEMPTS
    assert said_of(one) == [("note", "Helper did not answer: not checked.", "", False)]
    row = service_row()
    assert (row.failed, row.failed_in_a_row) == (ATTEMPTS, ATTEMPTS)
    assert sentence in row.last_failure
    assert comment(one).status == "published"


def test_a_job_that_runs_twice_notes_once(helper: Helper, old: User) -> None:
    from blueprints.threads.outside import ask_all

    make_service(helper.url, "note")
    helper.answer = {"severity": "note", "reason": "twice"}
    one = say(make_talk(), old, "Something to look at.")
    worker.run_all()
    ask_all(one, 1)
    assert len(said_of(one)) == 1


def test_an_edited_text_is_asked_about_anew_and_the_old_answer_does_nothing(helper: Helper, old: User) -> None:
    from blueprints.threads.outside import ask_all
    from blueprints.threads.service import edit_comment
    from tests.threads.talk import as_viewer

    make_service(helper.url)
    helper.answer = {"severity": "hold"}
    one = say(make_talk(), old, "Something to look at.")
    viewer = as_viewer(old)
    with transaction() as session:
        edit_comment(session, viewer, one, "Something else by now.")
    ask_all(one, 1)
    assert helper.asked == []
    worker.run_all()
    assert json.loads(helper.asked[-1][1])["text"] == "Something else by now."
    assert comment(one).status == "withheld"


def test_an_answer_outside_the_text_has_no_passages() -> None:
    assert read_verdict(b'{"severity": "note", "passages": [[0, 3], [2, 4], [true, 2], [-1, 2]]}', 3, "hold").passages == ((0, 3),)
    with pytest.raises(CallFailed):
        read_verdict(b'"note"', 3, "hold")


def test_a_publisher_adds_tries_changes_and_switches_off_a_service(app: Flask, helper: Helper) -> None:
    browser, at = office(app), "/publisher/screening/services"
    values = {"name": "Helper", "url": helper.url, "severity": "report", "time_limit_ms": "1500", "active": "1"}
    inside = browser.post(at, values | {"url": "https://10.0.0.1/check"})
    assert inside.status_code == 422
    assert "private network" in inside.get_data(as_text=True)
    assert browser.post(at, values | {"time_limit_ms": "5"}).status_code == 422
    assert browser.post(at, values).status_code == 303
    row = service_row()
    helper.answer = {"severity": "report", "reason": "looks <b>odd</b>"}
    page = browser.post(f"{at}/{row.id}/test", {"text": "Try this."}).get_data(as_text=True)
    assert "It answered in time: report, “looks &lt;b&gt;odd&lt;/b&gt;”." in page
    helper.status = 503
    assert "It failed. The service answered with status 503." in browser.post(f"{at}/{row.id}/test").get_data(as_text=True)
    secret = secret_of(row)
    assert secret is not None
    assert secret in browser.get(f"{at}/{row.id}").text
    assert browser.post(f"{at}/{row.id}/secret").status_code == 303
    assert secret_of(service_row()) not in {secret, None}
    without = {key: value for key, value in values.items() if key != "active"}
    assert browser.post(f"{at}/{row.id}", without).status_code == 303
    say(make_talk(), make_member(), "Nobody is asked about this.")
    asked = len(helper.asked)
    worker.run_all()
    assert len(helper.asked) == asked
    assert "Not asked" in browser.get(at).get_data(as_text=True)
