"""The page that says who may do what is what the guards and policies say."""

from flask import Flask

from commands.access import LIST, addresses, rules_on_rows, show_access, written


def test_the_page_of_who_may_do_what_is_true(app: Flask) -> None:
    with app.test_request_context():
        assert LIST.read_text().endswith(written()), "write it anew: python3 app.py access --write"
    assert app.test_cli_runner().invoke(show_access).exit_code == 0


def test_every_address_and_every_rule_is_on_it(app: Flask) -> None:
    found = addresses(app)
    assert sum(map(len, found.values())) > 250
    assert "POST*" in found["staff:is_publisher"]["/publisher/people/<person_id>/roles"]
    assert [name for name, said in rules_on_rows() if not said] == []
