"""The tokens in mailed links."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.accounts import service, tokens
from core.db import transaction
from models.user import User
from tests.browser import Browser
from tests.conftest import examples
from tests.factories import fresh, make_site, make_user

PURPOSES = ("confirm", "reset", "email")
PATHS = {"confirm": "/confirm/", "reset": "/reset-password/", "email": "/account/email/"}


@pytest.mark.parametrize("made_for", PURPOSES)
@pytest.mark.parametrize("used_for", PURPOSES)
def test_a_token_serves_one_purpose(client: Browser, made_for: str, used_for: str) -> None:
    make_site()
    user = make_user(confirmed=False)
    token = tokens.issue(made_for, user, email="new@example.test" if made_for == "email" else "")
    assert service.opened_link(used_for, token).state == ("good" if made_for == used_for else "unknown")
    if made_for != used_for:
        assert client.post(PATHS[used_for] + token, {"password": "seven lanterns under basalt"}).status_code == 404
        assert fresh(user).email == user.email
        assert fresh(user).confirmed_at is None


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("changed", [{"email": "other@example.test"}, {"password": "x"}])
def test_a_token_dies_with_the_state_it_was_made_in(app: Flask, purpose: str, changed: dict[str, str]) -> None:
    user = make_user(confirmed=False)
    token = tokens.issue(purpose, user)
    with transaction() as session:
        row = session.get(User, user.id)
        for name, value in changed.items():
            setattr(row, name, value)
    assert service.opened_link(purpose, token).state == "used"


def test_a_token_is_one_persons(app: Flask) -> None:
    one, two = make_user(), make_user()
    assert tokens.mark("reset", one) != tokens.mark("reset", two)


@pytest.mark.once
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), other=st.sampled_from("abcXYZ019_-."))
def test_a_token_that_was_touched_is_unknown(app: Flask, place: float, other: str) -> None:
    token = tokens.issue("reset", make_user())
    at = int(place * (len(token) - 1))  # the last character has spare bits, which any decoder ignores
    touched = token[:at] + other + token[at + 1 :]
    if touched != token:
        assert tokens.read("reset", touched) is None


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_no_text_makes_reading_a_token_fail(app: Flask, text: str) -> None:
    assert tokens.read("confirm", text) is None
