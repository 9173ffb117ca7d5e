"""Members who signed in through the form, and what their browser sends."""

import gzip
import re
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

PASSWORD = "benchpass1"
BROWSER = {"Accept-Encoding": "gzip, deflate, br", "Accept": "text/html"}


@dataclass(frozen=True)
class Member:
    """Somebody signed in: the headers and the token of their browser."""

    email: str
    headers: dict[str, str]
    token: str


def sign_in(port: int, email: str) -> Member:
    """Sign in through the form, as a browser does."""
    line = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request("GET", "/sign-in", headers=BROWSER)
        answer = line.getresponse()
        token, cookie = _token(unpacked(answer.read(), answer.getheader("Content-Encoding"))), _cookie(answer)
        fields = urlencode({"csrf_token": token, "email": email, "password": PASSWORD, "next": "/rules"})
        form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        line.request("POST", "/sign-in", fields, BROWSER | form)
        answer = line.getresponse()
        answer.read()
        if answer.status != 303:
            raise RuntimeError(f"{email} could not sign in: {answer.status}")
        headers = BROWSER | {"Cookie": _cookie(answer)}
        line.request("GET", "/rules", headers=headers)
        answer = line.getresponse()
        page = unpacked(answer.read(), answer.getheader("Content-Encoding"))
        if "Load Reader" not in page:
            raise RuntimeError(f"{email} is not signed in")
        return Member(email, headers, _token(page))
    finally:
        line.close()


def _token(page: str) -> str:
    found = re.search(r'<meta name="csrf-token" content="([^"]+)">', page)
    assert found is not None, page[:500]
    return found[1]


def _cookie(answer: object) -> str:
    given = answer.headers.get_all("Set-Cookie") or []  # type: ignore[attr-defined]
    return next(value.partition(";")[0] for value in given if value.startswith("session="))


def unpacked(body: bytes, encoding: str | None) -> str:
    return (gzip.decompress(body) if encoding == "gzip" else body).decode()
