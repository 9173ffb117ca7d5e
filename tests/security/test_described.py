"""Schemathesis asks everything there is to ask, as each kind of person: no answer is an error of ours.

`FUZZ_MINUTES=10 python3 app.py test -n 0 tests/security/test_described.py` asks for so long instead of a few times,
`FUZZ_SEED` chooses what; on either kind of database.
"""

import itertools
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from sqlalchemy import create_engine, make_url

from core.db import db
from core.guards import GUARD_MARK
from core.limits import limiter
from tests.browser import Browser
from tests.conftest import _file, _forget
from tests.factories import make_user
from tests.security.description import Operation, description, name_of
from tests.security.paper import Paper, make_paper
from tests.security.test_odd_requests import HASHES_PASSWORDS, ORDINARY, Noting, address, failures, rules, tried  # noqa: F401

MINUTES = float(os.environ.get("FUZZ_MINUTES", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
PEOPLE = ("visitor", "reader", "member", "moderator", "editor", "publisher")
REQUESTS_OF_ONE_PAPER = 40  # then everything is as it was: somebody may have taken their own role away
# What is asked less of, or not at all, because it ends the one who asks, waits for somebody, or is slow on purpose.
LEFT_OUT = HASHES_PASSWORDS | {"pages.readyz", "stylesheet", "script", "static"}
ODD_HEADERS: dict[str, tuple[str, ...]] = {
    "Accept": ("", "*/*;q=x", "application/json", "text/event-stream", "\xff"),
    "Accept-Encoding": ("gzip;q=2", "identity;q=0, *;q=0", "br,gzip,,", "x" * 3000),
    "Accept-Language": ("xx-" * 900, "de;q=nan", "*", "\xff\xfe"),
    "Authorization": ("Basic x", "Bearer ", "Basic " + "=" * 99, "\xff"),
    "Cache-Control": ("max-age=-1", "only-if-cached", "no-cache=\x7f"),
    "Cookie": ("session=; guest=x", "guest=\xff", "=; ;;=a", "remember_token=1|x", "guest=" + "9" * 3000, 'a="\\'),
    "If-Match": ("*", '"x'),
    "If-Modified-Since": ("Thu, 99 Xxx 0000 99:99:99 GMT", "-1", "Thu, 01 Jan 99999 00:00:00 GMT"),
    "If-None-Match": ("*", '"', 'W/"x", "y', '"' + "x" * 3000 + '"'),
    "If-Range": ("x", '"y"'),
    "Last-Event-ID": ("9" * 25, "-1", "²", "1.5", "\x7f"),
    "Origin": ("null", "http://[", "http://localhost"),
    "Range": ("bytes=9-1,-0", "bytes=-" + "9" * 25, "bytes=0-" + ",0-" * 500, "rows=1"),
    "Referer": ("http://localhost/\\evil.test", "http://localhost//evil.test", "http://localhost/%0d%0a", "\xff", "http://localhost/" + "x" * 3000),
    "Sec-Fetch-Mode": ("navigate", "cors", "odd"),
    "Sec-Fetch-Site": ("same-origin", "none", "odd"),
    "User-Agent": ("", "\xff" * 900, "(" * 3000),
    "X-Forwarded-For": ("evil.test", "1.2.3.4, ::1, x", "[", "9" * 3000),
    "X-Forwarded-Host": ("evil.test", "a:b", "["),
    "X-Forwarded-Proto": ("gopher", "https,http"),
    "X-HTTP-Method-Override": ("DELETE", "POST", "\x7f"),
    "X-Original-URL": ("/publisher", "/\xff"),
    "X-Request-Id": ("x" * 3000, "\xff", "%0d%0a"),
    "X-Requested-With": ("fetch", "XMLHttpRequest", "odd"),
}  # fmt: skip
TRACES = (b"Traceback (most recent call last)", b"werkzeug.exceptions", b"sqlalchemy.exc", b"site-packages", b"jinja2.exceptions")
KNOWN: dict[str, list[Any]] = {
    **{name: [value] for name, value in ORDINARY.items()}, "a row": [1, 1, 1, 2, 3, 4],
    "slug of articles": ["the-bridge", "the-merger"], "slug of sections": ["economy"], "key": ["vip", "movements"],
    "event_id": ["evt_1"], "price": ["vip-month", "vip-year"], "page": ["2"], "q": ["Reader", '"', "shown NOT (", "*"], "comment_id": ["1", "2"],
    "sort": ["best", "newest", "oldest", "odd"], "next": ["/articles/the-bridge", "//evil.test"], "queue": ["reported", "held"],
    "after": ["1", "0-1", "1.1", "1600000000000000-1", "-1"], "before": ["1", "-1"], "on": ["0", "1"], "days": ["30", "-1", "nan"],
    "from": ["2024-01", "9999-12", "0000-00"], "to": ["2024-01", "1", "/comments/1"], "ids": ["1", "1,2,3", ",", "-1"],
}  # fmt: skip


class Somebody:
    """The site as one person's browser asks it, with odd headers now and then."""

    def __init__(self, browser: Browser, begin_anew: Callable[[], None]) -> None:
        self.app, self.begin_anew, self.random = browser.app, begin_anew, random.Random(SEED)
        self.token, found = browser.token(), browser.http.get_cookie("session")
        self.cookie = f"session={found.value}" if found else ""
        self.asked, self.answered, self.told = 0, Counter[tuple[str, int]](), list[str]()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.asked += 1
        if self.asked % REQUESTS_OF_ONE_PAPER == 0:
            self.begin_anew()
        for name in self.random.sample(sorted(ODD_HEADERS), self.random.choice((0, 0, 1, 3))):
            environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", self.random.choice(ODD_HEADERS[name]))
        environ["HTTP_COOKIE"] = "; ".join(filter(None, (self.cookie, environ.get("HTTP_COOKIE", ""))))
        environ.setdefault("HTTP_X_CSRFTOKEN", self.token)
        what = f"{environ['REQUEST_METHOD']} {environ.get('RAW_URI', environ['PATH_INFO'])[:300]}"

        def begun(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self.answered[environ["REQUEST_METHOD"], int(status[:3])] += 1
            self.told += [f"{what}: {name} has a line in it" for name, value in headers if set(value) & {"\r", "\n"}]
            return start(status, headers, *rest)

        body = b"".join(self.app(environ, begun))
        self.told += [f"{what}: {trace.decode()}" for trace in TRACES if trace in body]
        return [body]


def everybody(paper: Paper) -> dict[str, Browser]:
    """A browser of one person of each kind."""
    readers = {"visitor": None, "reader": make_user(), "member": paper.member}
    return {who: Browser(paper.app).sign_in(person) if person else Browser(paper.app)
            for who, person in (readers | paper.staff).items() if who in PEOPLE}  # fmt: skip


@pytest.fixture
def paper(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Paper:
    monkeypatch.setattr(limiter, "enabled", False)
    return make_paper(app)


@pytest.fixture
def people(paper: Paper) -> dict[str, Browser]:
    return everybody(paper)


@pytest.fixture
def as_it_was(people: dict[str, Browser], database_url: str) -> Iterator[Callable[[], None]]:
    """Puts everything back to where it was when the test began."""
    app = people["visitor"].app
    db.session.remove()
    db.engine.dispose()
    in_files = database_url.startswith("sqlite")
    if not in_files:
        url = make_url(database_url)
        name, copy = f'"{url.database}"', f'"{url.database}_paper"'
        admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {copy} TEMPLATE {name}")
    else:
        file = _file(database_url)
        _copy(file, file.with_suffix(".paper"))

    def put_back() -> None:
        if not in_files:
            with app.app_context():  # whichever thread asks
                db.engine.dispose()
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {copy}")
        else:
            _copy(file.with_suffix(".paper"), file)
        _forget(app)

    yield put_back
    if not in_files:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {copy}")
        admin.dispose()


def _copy(source: Path, target: Path) -> None:
    """As one change, whoever has the target open."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target, timeout=20)) as other:
        one.backup(other)


def read_by_views(people: dict[str, Browser]) -> dict[Operation, set[str]]:
    """What each view asks for while it answers an ordinary request."""
    app = people["visitor"].app
    reads: dict[Operation, set[str]] = {}
    for method in ("GET", "POST"):
        for rule in rules(app, method):
            guard = getattr(app.view_functions[rule.endpoint], GUARD_MARK)
            if rule.endpoint in LEFT_OUT:
                continue
            Noting.asked.clear()
            who = {"public": "visitor", "machine": "visitor", "signed_in": "member"}.get(guard, "publisher")
            tried(people[who], method, address(rule), dict(ORDINARY) if method == "POST" else {})
            reads[str(rule), method] = Noting.asked - {"csrf_token", "password"}
    db.session.remove()
    return reads


def who_is_behind(app: Flask, operation: Operation) -> str:
    """Whom the guard of this operation lets in furthest."""
    endpoint = next(rule.endpoint for rule in rules(app, operation[1]) if str(rule) == operation[0])
    guard = getattr(app.view_functions[endpoint], GUARD_MARK)
    return {"public": "member", "machine": "visitor", "signed_in": "member"}.get(guard, "publisher")


def config(examples: int, seed: int, mode: str, **phases: bool) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict({
        "seed": seed, "generation": {"mode": mode, "max-examples": examples, "database": "none", "no-shrink": True},
        "phases": {name: {"enabled": phases.get(name, False)} for name in ("examples", "coverage", "fuzzing", "stateful")},
        "checks": {"enabled": False, **{name: {"enabled": True} for name in (
            "not_a_server_error", "status_code_conformance", "content_type_conformance", "unsupported_method")}},
    })  # fmt: skip


def failed(described: dict[str, Any], operations: Iterable[Operation], somebody: Somebody, how: SchemathesisConfig) -> list[str]:
    """Ask these of all that is described; what was wrong with the answers, each with the request."""
    schema = schemathesis.openapi.from_dict(described, config=how).include(operation_id=[name_of(one) for one in operations])
    schema.app = somebody
    wrong = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                wrong += [f"{event.label}: {check.name}: {check.failure_info.failure.title}: {check.failure_info.failure.message}" for check in checks if check.failure_info]
        elif isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(f"{event}")
    return wrong + somebody.told


@pytest.mark.sqlite
@pytest.mark.skipif(MINUTES > 0, reason="The longer test asks the same, and more.")
def test_nothing_that_is_described_is_an_error_of_ours(
    app: Flask, people: dict[str, Browser], as_it_was: Callable[[], None], failures: list[str]  # noqa: F811
) -> None:
    reads = read_by_views(people)
    as_it_was()
    described, by_person = description(app, reads, KNOWN), dict[str, list[Operation]]()
    for operation in reads:
        by_person.setdefault(who_is_behind(app, operation), []).append(operation)
    wrong: list[str] = []
    reached = Counter[int]()
    for who, theirs in by_person.items():
        somebody = Somebody(people[who], as_it_was)
        wrong += failed(described, theirs, somebody, config(1, SEED, "positive", fuzzing=True))
        reached.update(status for _, status in somebody.answered.elements())
    assert wrong == [], "\n".join([*wrong, *failures])
    assert reached.total() >= len(reads) > 300
    assert reached[200] + reached[303] + reached[422] > reached.total() / 2, reached  # past the doors, not at them


if MINUTES:  # only where somebody says for how long

    def test_nothing_is_an_error_of_ours_however_long_it_is_tried(
        app: Flask, people: dict[str, Browser], as_it_was: Callable[[], None], failures: list[str]
    ) -> None:
        until, chance = time.monotonic() + MINUTES * 60, random.Random(SEED)
        reads = read_by_views(people)
        as_it_was()
        described, pairs = description(app, reads, KNOWN), list(itertools.product(PEOPLE, reads))
        answered, rounds, wrong = Counter[tuple[str, str, int]](), 0, list[str]()
        while time.monotonic() < until:
            chance.shuffle(pairs)
            pairs.sort(key=lambda pair: pair[0] != who_is_behind(app, pair[1]))  # first those who come furthest
            rounds += 1
            for who, operation in pairs:
                if time.monotonic() > until:
                    break
                somebody, before = Somebody(people[who], as_it_was), len(failures)
                how = config(12, chance.randrange(10**6), "all", coverage=rounds == 1, fuzzing=True)
                wrong += [f"{who}: {one} {failures[before:]}" for one in failed(described, [operation], somebody, how)]
                answered.update({(who, *key): times for key, times in somebody.answered.items()})
                as_it_was()
        by_status = Counter(status for *_, status in answered.elements())
        print(f"{len(reads)} operations, {rounds} rounds begun, {answered.total()} requests:", sorted(by_status.items()), len(wrong), "wrong")
        assert wrong == [], "\n".join(wrong)
