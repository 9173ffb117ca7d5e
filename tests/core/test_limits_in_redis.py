"""Limits counted in Redis, and what becomes of them while it is gone."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import func, select

from app import create_app
from core import limits
from core.config import ConfigError, Settings
from core.db import Base, db
from core.limits import limiter
from core.migrations import upgrade_if_needed
from tests.browser import Browser
from tests.factories import make_site
from tests.passwords import cheap_passwords

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
NOBODY_THERE = "redis://127.0.0.1:1/0"
START_SECONDS = 10.0

pytestmark = pytest.mark.once


def make_app(folder: Path, url: str) -> Flask:
    return create_app(Settings(
        data_dir=folder, database_url="", secret_key="a-key-for-tests-only", redis_url=url,
        site_url="https://talk.example.org", mail_url="smtp://localhost", stripe_secret_key="sk_test_x",
        stripe_webhook_secrets="whsec_x", rejoinder_mode="production",
    ))  # fmt: skip


@pytest.fixture(autouse=True)
def _counts_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one limiter in a process, and it counts where the application made last says."""
    for name in ("_storage", "_limiter"):
        monkeypatch.setattr(limiter, name, getattr(limiter, name))


@pytest.fixture
def shared() -> str:
    """The address of a Redis with nothing in it."""
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=2).flushdb()
    except redis.ConnectionError:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs Redis at {REDIS}")
        pytest.skip("Redis is not running, so limits in it are left out.")
    return REDIS


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of one that lets itself be called, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@contextmanager
def running(folder: Path, url: str) -> Iterator[Flask]:
    """A site with a database of its own."""
    app = make_app(folder, url)
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


def counted_in_the_database() -> int:
    return db.session().scalar(select(func.count()).select_from(Base.metadata.tables["rate_count"])) or 0


def test_what_is_counted_in_redis_holds_for_every_process(shared: str, tmp_path: Path) -> None:
    with running(tmp_path / "one", shared) as one:
        answers = wrong_passwords(one, 30)
        assert answers[0] == 422
        assert answers[-1] == 429
        assert counted_in_the_database() == 0
    with running(tmp_path / "other", shared) as other:  # which shares nothing else with it
        assert wrong_passwords(other, 1) == [429]


def test_while_redis_is_gone_the_site_goes_on_and_each_process_counts(tmp_path: Path) -> None:
    with running(tmp_path, NOBODY_THERE) as app:
        answers = wrong_passwords(app, 30)
        assert answers[0] == 422
        assert answers[-1] == 429
        assert counted_in_the_database() == 0


def test_who_comes_while_redis_goes_meets_no_error(silent: str, tmp_path: Path) -> None:
    with running(tmp_path, silent) as app, ThreadPoolExecutor(8) as threads:

        def one(_number: int) -> list[int]:
            with app.app_context():
                answers = wrong_passwords(app, 2)
                db.session.remove()
                return answers

        answers = {answer for each in threads.map(one, range(8)) for answer in each}
    assert answers <= {422, 429}


def test_nobody_waits_long_for_a_redis_that_never_answers(silent: str, tmp_path: Path) -> None:
    with running(tmp_path, silent) as app:
        took = [seconds(lambda: wrong_passwords(app, 1)) for _ in range(4)]
    assert took[0] < limits.REDIS_SECONDS + 1
    assert max(took[1:]) < limits.REDIS_SECONDS / 2


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_when_redis_is_back_it_counts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed, so its restart is left out.")
    monkeypatch.setattr(limits, "REDIS_AGAIN_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    @contextmanager
    def there() -> Iterator[redis.Redis]:
        server = subprocess.Popen(
            [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until = time.monotonic() + START_SECONDS
            while time.monotonic() < until:
                try:
                    redis.Redis(port=port).ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            yield redis.Redis(port=port)
        finally:
            server.kill()
            server.wait()

    with running(tmp_path / "site", f"redis://127.0.0.1:{port}/0") as app:
        with there() as counts:
            wrong_passwords(app, 1)
            assert counts.dbsize() > 0
        assert wrong_passwords(app, 2) == [422, 422]
        with there() as counts:
            time.sleep(0.3)
            wrong_passwords(app, 1)
            assert counts.dbsize() > 0


@pytest.mark.parametrize("url", ["redis://127.0.0.1:port/0", "redis://127.0.0.1:70000/0", "redis://127.0.0.1/first"])
def test_an_address_that_cannot_be_one_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="REDIS_URL"):
        make_app(tmp_path, url)
