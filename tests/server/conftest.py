"""One server for all tests of it, on a database of its own."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app import create_app
from core.config import Settings
from core.db import db
from tests.conftest import migrated_database
from tests.factories import make_site
from tests.server.serving import Served, start


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, worker_name: str) -> Iterator[Flask]:
    """The application on data of its own, with the site set up."""
    with migrated_database(tmp_path_factory, f"server_{worker_name}") as url:
        app = create_app(Settings(
            database_url=url, data_dir=tmp_path_factory.mktemp("server"), secret_key="a-key-for-tests-only",
            site_url="http://localhost", redis_url="", mail_url="", stripe_secret_key="", stripe_webhook_secrets="",
            stripe_api_base="", rejoinder_mode="demo", host="127.0.0.1", port=8000,
        ))  # fmt: skip
        app.config["LIVE_STREAM"] = True  # as the server says
        with app.app_context():
            make_site()
            db.session.remove()
        yield app
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(scope="package")
def server(house: Flask) -> Iterator[Served]:
    """The server, with room for few streams from one address."""
    served = start(house, LIVE_READERS_OF_AN_ADDRESS="4")
    yield served
    served.end()
