"""What the run on PostgreSQL leaves out could not have reached PostgreSQL."""

import re
from pathlib import Path

import pytest

from tests.conftest import OWN_DATABASES, may_reach_a_database

ROOT = Path(__file__).resolve().parents[2]
ONLY_PARAMETERS = {"tests/security/test_odd_requests.py"}  # asks which kind it is; its tests go by the run's database


def test_only_who_makes_databases_of_their_own_knows_where_postgresql_is() -> None:
    name = re.compile("POSTGRES" + "QL\\b|TEST_DATA" + "BASE_URL|create_data" + "base|migrated_data" + "base")
    knowing = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py") if name.search(path.read_text())}
    strays = {path for path in knowing - ONLY_PARAMETERS - {"tests/conftest.py", "tests/databases.py"} if not path.startswith(OWN_DATABASES)}
    assert strays == set()


def test_nobody_asks_for_a_fixture_that_pytest_cannot_foresee() -> None:
    asking = "getfixture" + "value"
    assert [str(path) for path in (ROOT / "tests").rglob("*.py") if asking in path.read_text()] == []


@pytest.mark.usefixtures("app")
def test_a_test_of_rows_runs_on_both(request: pytest.FixtureRequest) -> None:
    assert may_reach_a_database(request.node)


def test_a_test_of_rules_runs_once(request: pytest.FixtureRequest) -> None:
    assert not may_reach_a_database(request.node)
