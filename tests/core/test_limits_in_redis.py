"""Limits counted in Redis, and what becomes of them while it is gone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask import Flask

from app import create_app
from core.config import Settings
from core.db import db
from core.migrations import upgrade_if_needed
from tests.browser import Browser
from tests.factories import make_site
from tests.passwords import cheap_passwords

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")


def make_app(folder: Path, url: str) -> Flask:
    return create_app(Settings(
        data_dir=folder, database_url="", secret_key="a-key-for-tests-only", redis_url=url,
        site_url="https://talk.example.org", mail_url="smtp://localhost", stripe_secret_key="sk_test_x",
        stripe_webhook_secrets="whsec_x", rejoinder_mode="production",
    ))  # fmt: skip


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Flask]:
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=2).flushdb()
    except redis.ConnectionError:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs Redis at {REDIS}")
        pytest.skip("Redis is not running, so limits in it are left out.")
    yield from running(make_app(tmp_path, REDIS))


def running(app: Flask) -> Iterator[Flask]:
    with app.app_context(), cheap_passwords():
        upgrade_if_needed()
        make_site()
        yield app
        db.session.remove()
        db.engine.dispose()


def wrong_passwords(app: Flask, times: int) -> list[int]:
    browser = Browser(app)
    address = {"wsgi.url_scheme": "https", "HTTP_HOST": "talk.example.org"}
    return [
        browser.post("/sign-in", {"email": "ann@example.test", "password": "wrong"}, environ_overrides=address).status_code
        for _ in range(times)
    ]


def test_what_is_counted_in_redis_holds_for_every_process(counted: Flask, tmp_path: Path) -> None:
    first = wrong_passwords(counted, 30)
    assert first[0] == 422
    assert first[-1] == 429
    other = make_app(tmp_path, REDIS)
    with other.app_context():
        assert wrong_passwords(other, 1) == [429]
        db.engine.dispose()


def test_while_redis_is_gone_the_site_goes_on_and_each_process_counts(tmp_path: Path) -> None:
    for app in running(make_app(tmp_path, "redis://127.0.0.1:1/0")):
        answers = wrong_passwords(app, 30)
        assert answers[0] == 422
        assert answers[-1] == 429
