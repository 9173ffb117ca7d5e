"""What the site runs on may be used as it is used, and the list of it is true."""

import re

import pytest
from flask import Flask

from commands.licences import LIST, REQUIREMENTS, Licensed, licences, page, show_licences


def test_every_licence_is_allowed_and_on_the_list(app: Flask) -> None:
    assert [each for each in licences() if not each.is_allowed] == []
    missing = [line for line in page().splitlines() if line not in LIST.read_text().splitlines()]
    assert missing == [], "write it anew: python3 app.py licences --write"
    assert set(re.findall(r"^\| ([\w.-]+) \|", LIST.read_text(), re.M)) - {"package", "---"} <= set(
        re.findall(r"^[\w.-]+", REQUIREMENTS.read_text(), re.M)
    )
    done = app.test_cli_runner().invoke(show_licences)
    assert done.exit_code == 0
    assert "psycopg" in done.output


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [("MIT", True), ("Apache-2.0 OR GPL-3.0-only", True), ("Apache-2.0 AND BSD-2-Clause", True), ("", False),
     ("GPL-3.0-only", False), ("MIT AND GPL-3.0-only", False), ("AGPL-3.0-or-later", False), ("Proprietary", False)],
)  # fmt: skip
def test_a_licence_that_binds_the_publisher_is_not(licence: str, allowed: bool) -> None:
    assert Licensed("a-package", licence).is_allowed is allowed
