"""One server for all tests of it, on a database of its own."""

import os
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from app import create_app
from core.config import Settings
from core.db import db
from core.migrations import upgrade_if_needed
from tests.conftest import POSTGRESQL
from tests.factories import make_site
from tests.server.serving import Served, start


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, worker_name: str) -> Iterator[Flask]:
    """The application on data of its own, with the site set up."""
    data = tmp_path_factory.mktemp("server")
    url, name = f"sqlite:///{data / 'test.sqlite3'}", ""
    if POSTGRESQL:
        given = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
        name = f"{given.database}_server_{os.getpid()}_{worker_name}"
        admin = create_engine(given.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        url = given.set(database=name).render_as_string(hide_password=False)
    app = create_app(Settings(
        database_url=url, data_dir=data, secret_key="a-key-for-tests-only", site_url="http://localhost",
        redis_url="", mail_url="", stripe_secret_key="", stripe_webhook_secrets="", stripe_api_base="",
        rejoinder_mode="demo", host="127.0.0.1", port=8000,
    ))  # fmt: skip
    app.config["LIVE_STREAM"] = True  # as the server says
    with app.app_context():
        upgrade_if_needed()
        make_site()
        db.session.remove()
    yield app
    with app.app_context():
        db.engine.dispose()
    if name:
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        admin.dispose()


@pytest.fixture(scope="package")
def server(house: Flask) -> Iterator[Served]:
    """The server, with room for few streams from one address."""
    served = start(house, LIVE_READERS_OF_AN_ADDRESS="4")
    yield served
    served.end()
