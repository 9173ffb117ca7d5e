"""What the operator sees of the machine: mails that wait, work that is late."""

from dataclasses import replace
from datetime import timedelta

from flask import Flask

from blueprints.notifications.service import send_mail
from blueprints.publisher import queries_system
from core import clock
from core.db import db, transaction
from jobs import queue
from jobs.schedule import REPEATING, enqueue_repeating
from jobs.worker import run_all, run_due
from models.job import Job, Schedule
from tests.browser import text_of
from tests.factories import make_user
from tests.notifications.smtp_server import MailServer
from tests.publisher.rows import office


def ask_for_mail(address: str = "quietly@example.test") -> int:
    with transaction():
        mail_id = send_mail(kind="test", recipient=address, subject="A private subject", template="test",
                            context={"name": "Quiet Reader"})  # fmt: skip
    assert mail_id is not None
    return mail_id


def test_a_mail_that_could_not_be_sent_is_shown_without_its_reader_and_sent_when_asked(app: Flask, monkeypatch) -> None:
    browser = office(app)
    run_all()
    with MailServer(refuse_recipients=True) as server:
        settings = replace(app.config["SETTINGS"], mail_url=server.url)
        monkeypatch.setitem(app.config, "SETTINGS", settings)
        mail_id = ask_for_mail()
        run_due()
        page = browser.get("/publisher/system")
        said = text_of(page)
        assert "Not sent yet 1, the oldest from" in said
        assert "MailNotSent: the mail server refused the recipient (5" in said
        for private in ("quietly@example.test", "A private subject", "Quiet Reader"):
            assert private not in page.get_data(as_text=True)
        server.refuse_recipients = False
        (failing,) = queries_system.mails().failing
        assert (failing.mail_id, failing.kind, failing.attempts) == (mail_id, "test", 1)
        assert browser.post(f"/publisher/system/jobs/{failing.id}/retry").status_code == 303
        run_all()
        assert [mail.recipients for mail in server.received] == [["quietly@example.test"]]
    after = queries_system.mails()
    assert (after.waiting, after.failing) == (0, ())
    assert after.last_sent_at is not None


def test_a_job_that_runs_at_this_moment_is_not_started_twice(app: Flask) -> None:
    browser = office(app)
    with transaction() as session:
        job = Job(kind="mail.send", payload={"mail_id": 1}, run_at=clock.now(), attempts=2, error="MailNotSent: away",
                  leased_until=clock.now() + timedelta(seconds=30))  # fmt: skip
        session.add(job)
    assert browser.post(f"/publisher/system/jobs/{job.id}/retry").status_code == 404


def test_repeating_work_that_is_late_or_fails_stands_first(app: Flask) -> None:
    browser = office(app)
    enqueue_repeating()
    assert {line.state for line in queries_system.schedules(clock.now())} == {"good"}
    with transaction() as session:
        late = session.get(Schedule, "mail.forget")
        assert late is not None
        late.last_run_at = clock.now() - timedelta(days=1, minutes=6)
        queue.enqueue("jobs.forget")
    with transaction():
        (job,) = [job for job in queue.claim_due(1000) if job.kind == "jobs.forget"][:1]
        queue.fail(job.id, job.attempts, "ValueError: nothing to forget")
    lines = queries_system.schedules(clock.now())
    assert [(line.name, line.state) for line in lines[:2]] == [("jobs.forget", "failing"), ("mail.forget", "late")]
    assert len(lines) == len(REPEATING)
    said = text_of(browser.get("/publisher/system"))
    assert "mail.forget late every day" in said
    assert f"{len(REPEATING) - 2} in time" in said


def test_what_is_kept_of_an_error_names_no_address(app: Flask) -> None:
    make_user()
    with transaction():
        queue.enqueue("nothing.known")
    with transaction():
        (job,) = queue.claim_due()
        queue.fail(job.id, 1, "KeyError: <quietly@example.test> was refused, 'other@mail.example.org'")
    with transaction() as session:
        kept = session.get(Job, job.id, populate_existing=True)
        assert kept is not None
        assert kept.error == "KeyError: <(address)> was refused, '(address)'"
    db.session.rollback()
