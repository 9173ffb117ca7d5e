"""Guessing passwords, and what is sent instead of one."""

import pytest
from flask import Flask

from tests.browser import Browser
from tests.factories import make_site, make_user

PASSWORD = "correct horse battery staple"
SPELLINGS = ("victim@ｅxample.test", "victim@example。test", "VICTIM@example.test", "victim@ⓔxample.test")


def guess(client: Browser, email: str, password: str) -> int:
    return client.post("/sign-in", {"email": email, "password": password}).status_code


@pytest.mark.once
def test_another_spelling_of_the_address_gives_no_more_guesses(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PRODUCTION", True)
    make_site()
    make_user(email="victim@example.test", password=PASSWORD)
    assert [guess(Browser(app), "victim@example.test", "wrong") for _ in range(11)] == [422] * 10 + [429]
    assert {guess(Browser(app), spelling, PASSWORD) for spelling in SPELLINGS} == {429}


@pytest.mark.parametrize("password", ["a" * 5000, "\ufdfa" * 300, "a\0b", "\0" * 20])
def test_no_password_is_too_odd_to_be_wrong(client: Browser, password: str) -> None:
    make_site()
    make_user(email="victim@example.test", password=PASSWORD)
    assert guess(client, "victim@example.test", password) == 422
    assert guess(client, "nobody@example.test", password) == 422
