"""What `doctor` finds, and what it advises."""

import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from commands.doctor import checks
from core import clock
from core.config import Settings
from core.db import transaction
from models.job import LIVE_STREAMS, Heartbeat, Job
from tests.factories import make_plan, make_site, make_user
from tests.notifications.smtp_server import MailServer


def found(settings: Any, mail_to: str | None = None) -> dict[str, Any]:
    return {check.name: check for check in checks(settings, mail_to, offline=True)}


def as_production(app: Flask, **values: Any) -> Settings:
    settings = app.config["SETTINGS"]
    return Settings(
        data_dir=settings.data_dir, database_url=settings.database_url, rejoinder_mode="production",
        **{"site_url": "https://talk.example.org", "mail_url": "smtp://mail.example.org"} | values,
    )  # fmt: skip


@pytest.fixture
def alive(app: Flask) -> None:
    make_site()
    make_plan()
    make_user(roles=("publisher",))
    with transaction() as session:
        session.add_all(Heartbeat(name=name, seen_at=clock.now()) for name in ("here", LIVE_STREAMS))


@pytest.mark.usefixtures("alive")
def test_a_healthy_demo_has_nothing_wrong(app: Flask) -> None:
    assert [check for check in found(app.config["SETTINGS"]).values() if check.wrong] == []


@pytest.mark.usefixtures("alive")
def test_production_is_told_of_what_would_let_readers_down(app: Flask) -> None:
    wrong = {name for name, check in found(as_production(app, site_url="http://talk.example.org")).items() if check.wrong}
    assert {"address", "proxies in front", "backups"} <= wrong
    good = found(as_production(app, trusted_proxies=1))
    assert not good["address"].wrong
    assert not good["proxies in front"].wrong


def test_a_worker_that_is_silent_and_jobs_that_wait_are_found(app: Flask) -> None:
    make_site()
    with transaction() as session:
        session.add(Heartbeat(name="here", seen_at=clock.now() - timedelta(minutes=5)))
        session.add(Job(kind="x", payload={}, run_at=clock.now() - timedelta(hours=1)))
    said = found(app.config["SETTINGS"])
    assert said["worker"].wrong
    assert said["jobs"].wrong
    with transaction() as session:
        session.execute(update(Heartbeat).values(seen_at=clock.now()))
        session.execute(update(Job).values(finished_at=clock.now()))
    said = found(app.config["SETTINGS"])
    assert not said["worker"].wrong
    assert not said["jobs"].wrong


@pytest.mark.usefixtures("alive")
def test_a_full_disk_and_a_key_for_everybody_are_found(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = app.config["SETTINGS"]
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=10**12, used=0, free=10**8))
    assert found(settings)["free on the disk"].wrong
    key = Path(settings.data_dir) / "secret_key"
    key.write_text("x" * 32)
    os.chmod(key, 0o644)
    said = found(settings)["secret_key"]
    assert said.wrong
    assert said.advice.startswith("chmod 600")
    os.chmod(key, 0o600)
    assert "secret_key" not in found(settings)


@pytest.mark.usefixtures("alive")
def test_mail_that_cannot_be_sent_is_said_without_the_password(app: Flask) -> None:
    settings = as_production(app, mail_url="smtp://somebody:a-secret@127.0.0.1:1")
    said = found(settings, "you@example.org")["mail"]
    assert said.wrong
    assert "a-secret" not in said.value


@pytest.mark.once
@pytest.mark.usefixtures("alive")
def test_a_redis_that_does_not_count_is_found_without_the_password(app: Flask) -> None:
    said = found(as_production(app, redis_url="redis://somebody:a-secret@127.0.0.1:1/0"))["limits"]
    assert said.wrong
    assert "not counted in Redis" in said.value
    assert "a-secret" not in said.value
    assert "limits" not in found(as_production(app))


@pytest.mark.usefixtures("alive")
def test_a_mail_server_is_asked_whether_it_has_tls_without_sending_anything(app: Flask) -> None:
    def said_of(url: str) -> Any:
        settings = as_production(app, mail_url=url, trusted_proxies=1)
        return next(check for check in checks(settings, None, offline=False) if check.name == "mail")

    with MailServer(host="127.0.0.2") as server:
        wrong = said_of(server.url)
        assert wrong.wrong
        assert "offers no TLS, so nothing was sent" in wrong.value
        plain = said_of(server.url.replace("smtp:", "smtp+plain:"))
        assert plain.good
        assert "in the clear where it offers no TLS" in plain.value
    assert "MAIL" not in server.verbs


@pytest.mark.usefixtures("alive")
def test_the_command_ends_with_status_1_where_something_is_wrong(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["doctor", "--offline"]).exit_code == 0
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=10**12, used=0, free=10**8))
    said = run(args=["doctor", "--offline"])
    assert said.exit_code == 1
    assert "WRONG free on the disk" in said.output
    assert "Make room" in said.output
