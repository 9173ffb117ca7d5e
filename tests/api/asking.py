"""A program that asks."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from blueprints.accounts.api_keys import make_key
from core.db import db, transaction
from models.user import User
from tests.browser import Browser
from tests.factories import viewer_of

API = "/api/v1"


class Program:
    """A program with a key, or without one; or a page's script with a reader's session."""

    def __init__(self, app: Flask, *, key: str | None = None, session_of: User | None = None) -> None:
        self.browser, self.key = Browser(app), key
        if session_of is not None:
            self.browser.sign_in(session_of)

    def ask(self, path: str, method: str = "GET", **headers: str) -> TestResponse:
        """`If_None_Match="x"` names a header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            named.setdefault("Authorization", f"Bearer {self.key}")
        self.browser.get("/livez")  # forgets the request before
        db.session.rollback()  # the test's own look at the database ends: a request has one of its own
        return self.browser.http.open(path if path.startswith("/") else f"{API}/{path}", method=method, headers=named)

    def read(self, path: str, status: int = 200) -> dict[str, Any]:
        """The value at an address of the API, or one that the API gave."""
        answer = self.ask(path.removeprefix("http://localhost"))
        assert answer.status_code == status, (path, answer.status_code, answer.get_data(as_text=True)[:300])
        assert answer.mimetype == "application/json"
        value: dict[str, Any] = answer.json
        return value

    def refused(self, path: str, status: int) -> str:
        """The word of the error at an address."""
        value = self.read(path, status)
        assert value.keys() == {"error"}
        assert value["error"].keys() == {"code", "sentence"}
        assert value["error"]["sentence"].endswith((".", "`."))
        return str(value["error"]["code"])


def key_of(user: User, name: str = "My program") -> str:
    """A new key of this person."""
    viewer = viewer_of(user)
    with transaction():
        return make_key(viewer, name)


def with_key(app: Flask, user: User) -> Program:
    """A program that reads as this person."""
    return Program(app, key=key_of(user))
