"""The page of limits is what the constants say."""

from flask import Flask

from commands.limits import LIST, calls, show_limits, written


def test_the_page_of_limits_is_true(app: Flask) -> None:
    with app.test_request_context():
        assert LIST.read_text().endswith(written()), "write it anew: python3 app.py limits --write"
    assert app.test_cli_runner().invoke(show_limits).exit_code == 0


def test_limits_are_those_of_production_and_say_whom_they_count(app: Flask) -> None:
    found = calls(app)
    assert ("/sign-in", "10 per 15 minute", "the account, or a browser known to it") in found
    assert ("/sign-up", "20 per hour", "the person, else the address") in found
    assert len({address for address, _, _ in found}) > 60
    assert app.config["PRODUCTION"] is False
