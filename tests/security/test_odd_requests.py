"""Whatever is typed into an address or a form, the answer is one of ours and never an error of the program.

What a view reads is noted while it answers an ordinary request, so that new fields are tried without being listed.
Each field is odd alone once; where the same fields are read again, by another role or another address, all are odd
together. On PostgreSQL, which refuses what SQLite takes, a name is odd alone once in each blueprint.
"""

import io
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask import Flask, Request, got_request_exception
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize, NoMoreData
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.routing import Rule

from core.guards import GUARD_MARK
from tests.browser import Browser, _forget_request
from tests.databases import POSTGRESQL
from tests.security.paper import Paper, make_paper

HUGE, LARGE = "9" * 25, "99999999999"  # beyond what SQLite, and what PostgreSQL, takes for a row's number
ODD_ALONE = (LARGE, "a\0b") if POSTGRESQL else (HUGE,)  # SQLite takes a NUL as it takes any text, and what is large
ODD_NUMBERS = (HUGE, LARGE, "²")  # all that an address with a number in it can pass on
ODD_IN_ADDRESS = (*ODD_NUMBERS, f"{LARGE}.{LARGE}", f"1600000000000000-{LARGE}", "%00", "%ff", "%ed%a0%80", "a%00b", "..%2f..%2fapp.py", "%0d%0aX-Odd:%20yes")
ODD_TOGETHER = {
    "GET": (HUGE, f"{LARGE}.{LARGE}", f"1600000000000000-{LARGE}", "9" * 5000),
    "POST": (*(() if POSTGRESQL else ("²", "9" * 5000)), "\uffff\u202e" + "w" * 40_000),
}  # what is no number for Python comes to no database
ORDINARY = {
    "revision": "1", "last_action_id": "0", "status": "published", "rule_id": "1", "kind": "suspension", "days": "3",
    "reason": "spam", "note": "A note.", "body": "Words.", "state": "closed", "answer": "An answer.",
    "outcome": "upheld", "headline": "Another", "section_id": "1", "body_source": "Text.", "thread_state": "open",
    "price": "vip-month", "plan": "vip", "roles": "author", "title": "A rule", "text": "It asks.", "name": "A name",
    "language": "en", "direction": "ltr", "read_audience": "everyone", "comment_audience": "members",
    "respect_audience": "members", "email": "odd@example.test", "display_name": "Odd Reader", "article_id": "1",
    "password": "not the password at all", "last_day": "", "version": "1",
}  # fmt: skip
ROLES_BEHIND = {"publisher": ("",), "member": ("public", "signed_in"), "guest": ("public", "machine")}  # by guards
ENDS_THE_SESSION = {"accounts.sign_out", "accounts.sign_out_everywhere"}
HASHES_PASSWORDS = {"accounts.make_account", "accounts.start_with_password", "accounts.change_password"}


class Noting(ImmutableMultiDict[str, str]):
    """Fields of a request that remember which of them were asked for."""

    asked: ClassVar[set[str]] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, *rest: Any, **options: Any) -> Any:
        self.asked.add(key)
        return super().get(key, *rest, **options)

    def getlist(self, key: str, *rest: Any, **options: Any) -> Any:
        self.asked.add(key)
        return super().getlist(key, *rest, **options)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)


class NotingRequest(Request):
    parameter_storage_class = Noting


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


@pytest.fixture
def failures(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What went wrong in the program, each with the place."""
    found: list[str] = []

    def note(_sender: Any, exception: BaseException, **_: Any) -> None:
        place = exception.__traceback__
        while place is not None and place.tb_next is not None and "site-packages" not in str(place.tb_next.tb_frame):
            place = place.tb_next
        found.append(f"{type(exception).__name__}: {str(exception)[:80]!r}")

    monkeypatch.setattr(app, "testing", False)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(app, "request_class", NotingRequest)
    with got_request_exception.connected_to(note, app):
        yield found


def address(rule: Rule, odd: str | None = None) -> str:
    """The rule's address with the first row of each kind in its places, or with something odd."""
    words = {"slug": "the-bridge" if "articles" in str(rule) else "economy", "key": "vip", "event_id": "evt_1",
             "verb": "keep", "token": "x.y.z", "name": "0" * 64 + ".webp", "filename": "js/base.js"}  # fmt: skip

    def filled(match: re.Match[str]) -> str:
        return odd if odd is not None else words.get(match[2], "1")

    return re.sub(r"<(?:([^:>]+(?:\([^)]*\))?):)?(\w+)>", filled, str(rule))


def rules(app: Flask, method: str) -> list[Rule]:
    chosen = [rule for rule in app.url_map.iter_rules() if method in (rule.methods or ()) and rule.endpoint != "static"]
    return [rule for rule in chosen if rule.endpoint not in ENDS_THE_SESSION]


def tried(browser: Browser, method: str, url: str, fields: dict[str, str]) -> int:
    send = browser.get(url, query_string=fields) if method == "GET" else browser.post(url, fields)
    with send as answer:  # what is streamed ends here, not when somebody looks for garbage
        return answer.status_code


@pytest.mark.once
@pytest.mark.parametrize("role", ["guest", "publisher"])
def test_no_address_is_too_odd(paper: Paper, failures: list[str], role: str) -> None:
    wrong, browser = [], paper.browser(role)
    for rule in rules(paper.app, "GET"):
        numbers = all(type(rule._converters[name]).__name__ == "IntegerConverter" for name in rule.arguments)
        for odd in (ODD_NUMBERS if numbers else ODD_IN_ADDRESS) if rule.arguments else ():
            with browser.get(address(rule, odd)) as answer:
                if answer.status_code >= 500 and rule.endpoint != "pages.readyz":
                    wrong.append(f"{address(rule, odd)}: {failures[-1:]}")
                assert "X-Odd" not in answer.headers
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_field_is_too_odd(paper: Paper, failures: list[str], method: str) -> None:
    wrong: list[str] = []
    alone: set[frozenset[str]] = set()
    names: set[tuple[str, str]] = set()
    together: set[tuple[str, frozenset[str]]] = set()
    for role, rule in itertools.product(ROLES_BEHIND, rules(paper.app, method)):
        if not getattr(paper.app.view_functions[rule.endpoint], GUARD_MARK).startswith(ROLES_BEHIND[role]):
            continue
        browser, url = paper.browser(role), address(rule)
        Noting.asked.clear()
        ordinary = dict(ORDINARY) if method == "POST" else {}
        tried(browser, method, url, ordinary)
        asked = frozenset(Noting.asked - {"csrf_token"})
        if not asked or (str(rule), asked) in together:
            continue  # the same view read the same for somebody else
        together.add((str(rule), asked))
        few = rule.endpoint in HASHES_PASSWORDS
        forms = [dict.fromkeys(asked, odd) for odd in ODD_TOGETHER[method]][: 1 if few else None]
        if asked not in alone:
            alone.add(asked)
            if method == "POST" and not few:
                blueprint = str(rule.endpoint).partition(".")[0]
                one_of_each = {(blueprint, re.sub(r"\d+", "0", name)): name for name in sorted(asked)}  # choice-0, choice-1
                new = one_of_each.keys() - names if POSTGRESQL else one_of_each.keys()
                names |= new
                forms += [{one_of_each[each]: odd} for each in sorted(new) for odd in ODD_ALONE]
                if not POSTGRESQL:
                    wrong += [f"{rule} {shape}: {failures[-1:]}" for shape in shapes_refused(browser, url, ordinary, asked)]
        for form in forms:
            if tried(browser, method, url, ordinary | form) >= 500:
                wrong.append(f"{role} {method} {rule} {str(form)[:200]}: {failures[-1:]}")
    wrong = [one for one in wrong if "/readyz" not in one]
    assert wrong == [], "\n".join(wrong)


def shapes_refused(browser: Browser, url: str, ordinary: dict[str, str], asked: frozenset[str]) -> Iterator[str]:
    """The shapes of a form with the right names that the program fails on: fields twice, as files, as nested JSON."""
    every = dict.fromkeys(asked, "1") | ordinary
    shapes: dict[str, dict[str, Any]] = {
        "each twice": {"data": MultiDict([*every.items(), *((name, HUGE) for name in asked), *every.items()])},
        "each as a file": {"data": {name: (io.BytesIO(b"\xff\0GIF89a"), "../a\0.html") for name in asked}},
        "nested JSON": {"data": json.dumps({name: [{name: [[]]}] for name in asked}), "content_type": "application/json"},
    }
    headers = {"X-CSRFToken": browser.token()}
    for shape, sent in shapes.items():
        _forget_request()
        with browser.http.post(url, headers=headers, **sent) as answer:
            if answer.status_code >= 500:
                yield shape


@pytest.mark.once
@pytest.mark.parametrize("path", ["/sign-in", "/webhooks/stripe", "/articles/the-bridge/comments", "/nothing-here"])
@pytest.mark.parametrize("error", [InvalidChunkSize(b"zz"), ChunkMissingTerminator(b"x"), NoMoreData(None)])
def test_a_body_in_broken_pieces_is_the_senders_mistake(
    paper: Paper, failures: list[str], path: str, error: Exception
) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise error

    headers = {"Content-Type": "application/x-www-form-urlencoded", "Transfer-Encoding": "chunked"}
    answer = paper.app.test_client().post(
        path, headers=headers, environ_overrides={"wsgi.input": Broken(), "wsgi.input_terminated": True}
    )
    assert answer.status_code in {400, 404}
    assert failures == []
