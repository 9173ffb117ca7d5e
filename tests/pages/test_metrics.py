"""What is counted for those who keep the site running, and what the logs say of a request."""

import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from core import metrics
from core.db import db, transaction
from core.logs import configure_logs
from core.watching import REQUEST_ID
from jobs.queue import HANDLERS, enqueue
from jobs.worker import run_all
from models.job import Job
from tests.browser import Browser
from tests.factories import make_site
from tests.threads.talk import make_member, make_talk, say


@pytest.fixture
def logged(app: Flask, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was logged since the last time one asked."""
    yield lambda: capsys.readouterr().err
    configure_logs(app.config["SETTINGS"])


def value(page: str, name: str) -> float:
    """The value of a metric in the text form; 0 where it is not there."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


def asked(client: Browser) -> str:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_requests_are_counted_by_route_and_never_by_address(client: Browser) -> None:
    make_site()
    counted = 'rejoinder_request_seconds_count{method="GET",route="/rules",status="200"}'
    before = value(asked(client), counted)
    client.get("/rules?who=somebody")
    client.get("/no/such/place/as/this")
    page = asked(client)
    assert value(page, counted) == before + 1
    assert "somebody" not in page
    assert "/no/such/place" not in page
    assert 'route="none"' in page


def test_the_metrics_tell_what_waits_what_failed_and_who_reads(client: Browser) -> None:
    make_site()
    with transaction():
        enqueue("no-such-job")
    page = asked(client)
    assert value(page, "rejoinder_database_up") == 1
    assert value(page, "rejoinder_jobs_waiting") == 1
    assert value(page, "rejoinder_jobs_failed") == 0
    assert value(page, "rejoinder_live_readers") == 0


@pytest.mark.once
def test_screening_and_jobs_are_timed(client: Browser) -> None:
    screened = value(asked(client), "rejoinder_screening_seconds_count")
    say(make_talk(), make_member())
    run_all()
    page = asked(client)
    assert value(page, "rejoinder_screening_seconds_count") > screened
    assert 'rejoinder_job_seconds_count{kind="threads.' in page


@pytest.mark.parametrize("environ", [
    {"REMOTE_ADDR": "9.9.9.9"},
    {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.7"},
    {"REMOTE_ADDR": "10.0.0.4", "HTTP_FORWARDED": "for=203.0.113.7"},
    {"REMOTE_ADDR": "not an address"},
])  # fmt: skip
def test_strangers_and_whoever_comes_through_a_proxy_get_no_metrics(client: Browser, environ: dict[str, str]) -> None:
    make_site()
    assert client.get("/metrics", environ_overrides=environ).status_code == 404


def test_each_request_has_a_name_that_its_jobs_carry_on(app: Flask, logged: Callable[[], str]) -> None:
    make_site()
    member, article = make_member(), make_talk()
    browser = Browser(app).sign_in(member)
    answer = browser.post(f"/articles/{article.slug}/comments", {"body": "Said under a number."})
    name = answer.headers[REQUEST_ID]
    assert re.fullmatch(r"[0-9a-f]{16}", name)
    names = set(db.session().scalars(select(Job.request_id).where(Job.kind.startswith("threads."))))
    assert name in names
    failing = {"calls": 0}

    def fail(**_: Any) -> None:
        failing["calls"] += 1
        raise ValueError("no")

    HANDLERS["tests.fail"] = fail
    try:
        with transaction() as session:
            enqueue("tests.fail")
            session.execute(text("UPDATE job SET request_id = 'the-request' WHERE kind = 'tests.fail'"))
        run_all()
    finally:
        HANDLERS.pop("tests.fail")
    assert failing["calls"] == 1
    assert "the-request" in logged()


def test_a_name_given_by_a_stranger_is_not_taken(client: Browser) -> None:
    make_site()
    answer = client.get("/sign-in", headers={REQUEST_ID: "chosen-by-me"})
    assert answer.headers[REQUEST_ID] != "chosen-by-me"


def test_pages_for_everybody_carry_nobodys_name(client: Browser) -> None:
    make_site()
    assert REQUEST_ID not in client.get("/").headers


def test_what_libraries_log_is_one_line_of_json_in_production(
    app: Flask, logged: Callable[[], str]
) -> None:
    configure_logs(SimpleNamespace(production=True))  # type: ignore[arg-type]
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        app.logger.exception("it broke")
    (line,) = (line for line in logged().splitlines() if "it broke" in line)
    said = json.loads(line)
    assert (said["event"], said["level"]) == ("it broke", "error")
    assert "RuntimeError" in said["exception"]


def test_a_slow_question_is_logged_without_its_values(
    app: Flask, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setattr("core.db.SLOW_QUERY_SECONDS", -1.0)
    counted = metrics.SLOW_QUERIES._value.get()
    db.session().execute(text("SELECT 1 WHERE 'a secret' <> :value"), {"value": "another secret"})
    assert metrics.SLOW_QUERIES._value.get() > counted
    said = logged()
    assert "slow query" in said
    assert "another secret" not in said
