"""A till like that of the membership's tests, and a crew of processes beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.membership.conftest import real_time, stripe_down, till  # noqa: F401
from tests.proof.crew import Crew


@pytest.fixture(scope="session")
def crew(database_url: str, data_dir: Path) -> Iterator[Crew]:
    """Processes with the same settings as the test's own application."""
    begun = Crew({
        "database_url": database_url, "data_dir": str(data_dir), "secret_key": "a-key-for-tests-only",
        "site_url": "http://localhost", "redis_url": "", "mail_url": "", "stripe_secret_key": "",
        "stripe_webhook_secrets": "", "stripe_api_base": "", "rejoinder_mode": "demo", "host": "127.0.0.1",
        "port": "8000",
    })  # fmt: skip
    yield begun
    begun.end()
