"""A browser without scripts: keeps cookies, sends the right token with every form."""

import re
from html.parser import HTMLParser
from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from core import csrf
from models.user import User
from tests.factories import make_session


class Browser:
    """One person's browser against the application."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.http: FlaskClient = app.test_client()

    def get(self, url: str, **options: Any) -> TestResponse:
        _forget_request()
        return self.http.get(url, **options)

    def post(self, url: str, data: dict[str, Any] | None = None, *, token: bool = True, **options: Any) -> TestResponse:
        """Post a form as our own page would; `token=False` leaves the token out."""
        _forget_request()
        fields = dict(data or {})
        if token:
            fields.setdefault("csrf_token", self.token())
        return self.http.post(url, data=fields, **options)

    def token(self) -> str:
        """The token this browser's page would carry."""
        if self.http.get_cookie("session") is None:
            with self.app.test_request_context():
                return csrf.guest_token()
        with self.http.session_transaction() as session:
            raw = session.setdefault("csrf_token", "0" * 40)
        serializer = URLSafeTimedSerializer(self.app.config["SECRET_KEY"], salt="wtf-csrf-token")
        return str(serializer.dumps(raw))

    def sign_in(self, user: User) -> "Browser":
        """Start a session for this person, without the sign-in page."""
        key = make_session(user)
        with self.http.session_transaction() as session:
            session["_user_id"] = key
            session.permanent = True
        return self

    def follow(self, response: TestResponse) -> TestResponse:
        """Go where a redirect leads."""
        assert response.status_code in {301, 302, 303}, response.status
        return self.get(response.headers["Location"])


def text_of(response: TestResponse) -> str:
    """The words a person reads on the page, white space folded."""
    parser = _Words()
    parser.feed(response.get_data(as_text=True))
    return re.sub(r"\s+", " ", " ".join(parser.words)).strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skip += tag in {"script", "style", "template"}

    def handle_endtag(self, tag: str) -> None:
        self.skip -= tag in {"script", "style", "template"}

    def handle_data(self, data: str) -> None:
        if not self.skip:
            self.words.append(data)


def _forget_request() -> None:
    """The test's own application context outlives a request; what a request keeps in `g` must not."""
    for name in ("viewer", "desk_waits", "site", "csrf_valid", "csrf_token", "cacheable"):
        g.pop(name, None)
    g.pop("_login_user", None)
