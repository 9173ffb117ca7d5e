"""What holds on every route, found by walking them: tokens, other people's rows, broken bodies, headers."""

import io
import json
import re
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import CheckConstraint, Column, func, select
from sqlalchemy.exc import IntegrityError

from blueprints.accounts.personal import HOLDINGS
from blueprints.accounts.queries_personal import _about
from core import clock
from core.db import Base, db, transaction
from core.guards import GUARD_MARK
from core.rendering import content_security_policy
from models.user import User
from tests.browser import Browser, _forget_request
from tests.factories import make_user
from tests.house.test_code import MAY_SKIP_THE_TOKEN
from tests.security.paper import Paper, make_paper
from tests.security.test_odd_requests import HASHES_PASSWORDS, ORDINARY, address, failures, rules  # noqa: F401

# What others may rightly do to somebody: count under their comments, and tell them.
COUNTS = {"respect_count", "report_count", "reply_count", "branch_count", "score", "row_version", "report_weight"}
TOLD = {"notice", "notice_cause", "mail", "mention"}


@pytest.fixture
def paper(app: Flask) -> Paper:
    return make_paper(app)


def batched(rules: list[Any], size: int) -> list[list[Any]]:
    return [rules[at : at + size] for at in range(0, len(rules), size)]


def rows_of(user: User) -> dict[str, list[str]]:
    """Every row about a person, but for what others may change."""
    db.session.rollback()
    found = {}
    for name, holding in HOLDINGS.items():
        if name in TOLD:
            continue
        table = Base.metadata.tables[name]
        columns = [column for column in table.columns if column.name not in COUNTS]
        rows = db.session().execute(select(*columns).where(_about(table, holding, user.id)))
        found[name] = sorted(map(str, rows))
    db.session.rollback()
    return found


@pytest.mark.parametrize("role", ["guest", "publisher"])
def test_no_form_is_taken_without_its_token(paper: Paper, role: str) -> None:
    browser, wrong, before = paper.browser(role), [], rows_of(paper.member)
    for rule in rules(paper.app, "POST"):
        answer = browser.post(address(rule), dict(ORDINARY), token=False)
        # What a choice of words in an address rules out is not found; the pages of payments lead back and say why.
        refused = {400, 404, 303} if rule.endpoint.startswith("membership.") else {400, 404}
        if answer.status_code not in refused and rule.endpoint not in MAY_SKIP_THE_TOKEN:
            wrong.append(f"{rule.endpoint}: {answer.status_code}")
    assert wrong == [], "\n".join(wrong)
    assert rows_of(paper.member) == before


def _plain(column: Column[Any]) -> object:
    """A value that this column takes."""
    for check in column.table.constraints:  # one of those to choose from
        if isinstance(check, CheckConstraint) and (found := re.search(rf"\b{column.name} IN \('([^']+)'", str(check.sqltext))):
            return found[1]
    if column.name.endswith("_at") or column.name in {"at", "since"}:
        return clock.now()
    kind = column.type.python_type
    words = "theirs"[: getattr(column.type, "length", None)]
    return {int: 1, bool: False, bytes: b"theirs", date: clock.now().date(), dict: {}, list: []}.get(kind, words)


def give_a_row_of_everything(user: User) -> set[str]:
    """Put a row about this person into each table about people that holds none yet; returns where that cannot be."""
    without = set(HOLDINGS)
    for name in [*HOLDINGS, *HOLDINGS]:  # twice: some lead to a person through another one
        table, holding = Base.metadata.tables[name], HOLDINGS[name]
        column, _, through = holding.of[0].partition(">")
        if name not in without or db.session().scalar(select(func.count()).select_from(table).where(_about(table, holding, user.id))):
            without.discard(name)
            continue
        values = {each.name: _plain(each) for each in table.columns
                  if not (each.nullable or each.default is not None or each.server_default is not None)
                  and not (each.primary_key and each.name == "id")}  # fmt: skip
        if name == "seat":
            values |= {"number": 2, "taken_at": clock.now()}  # the first is the buyer's
        with suppress(IntegrityError), transaction() as session:
            other, _, person = through.partition(".")
            values[column] = user.id
            if through:
                rows = Base.metadata.tables[other]
                values[column] = session.scalar(select(rows.c.id).where(rows.c[person] == user.id))
            session.execute(table.insert().values(values))
            without.discard(name)
    return without


def test_nobody_changes_or_reads_what_is_somebody_elses(paper: Paper) -> None:
    """A paying member goes through every route with every number there is of somebody else's."""
    victim = paper.member
    assert give_a_row_of_everything(victim) == {"likeness", "price_move"}  # two people's, and a subscription's
    make_user(email="victim-two@example.test")
    mallory = Browser(paper.app).sign_in(make_user("Mallory", plan=paper.plan))
    before, told, shown = rows_of(victim), [], []
    routes = [rule for rule in rules(paper.app, "POST") if rule.arguments and rule.endpoint not in HASHES_PASSWORDS]
    for some in batched(routes, 20):  # every row is read after some of them, not after each
        for rule in some:
            mallory.post(address(rule), dict(ORDINARY))
        after = rows_of(victim)
        told += [f"one of {[rule.endpoint for rule in some]}: {(before[name], after[name])}" for name in before if before[name] != after[name]]
        before = after
    for rule in rules(paper.app, "GET"):
        with mallory.get(address(rule)) as answer:
            text = answer.get_data(as_text=True)
        if victim.email in text or "The objection." in text or "The note." in text:
            shown.append(str(rule))
    assert told == []
    assert shown == []


BROKEN: dict[str, tuple[str, bytes]] = {
    "half of a JSON": ("application/json", b'{"a": '),
    "JSON without a bottom": ("application/json", b"[" * 200_000),
    "JSON that says it is a form": ("application/x-www-form-urlencoded", b'{"body": [[{"a": NaN}]], "email": null}'),
    "a form that says it is plain text": ("text/plain; charset=utf-7", b"body=words&email=a%40b.test"),
    "a NUL in every name and value": ("application/x-www-form-urlencoded", b"body%00=%00&body=%00words&email=a%00%40b.test&next=/%00"),
    "one name a thousand times": ("application/x-www-form-urlencoded", b"&".join([b"body=1", b"id=2", b"roles=x", b"kind=y"] * 250)),
    "a field larger than all that is taken": ("application/x-www-form-urlencoded", b"body=" + b"w" * (3 * 1024 * 1024)),
    "parts with odd names": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="\xff\x00"; filename="..\\..\\a\x00"\r\nContent-Type: image/\xff\r\n\r\n\xff\r\n--x--\r\n'),
    "a part with no end to its headers": ("multipart/form-data; boundary=x", b"--x\r\n" + b"X-Header: long\r\n" * 20_000),
    "JSON of the wrong shape": ("application/json", json.dumps([[[]]]).encode()),
    "no text in any encoding": ("application/x-www-form-urlencoded", b"body=%ff%fe&next=%80&email=%c3"),
    "parts without a name": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data\r\n\r\nwords\r\n--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\nw\r\n--x--\r\n'),
    "parts without an end": ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="body"\r\n\r\nwords'),
    "parts without a boundary": ("multipart/form-data", b"--x\r\n\r\n"),
    "a type that is none": ("\x7f/;;;=", b"\0\0\0"),
    "many names": ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % number for number in range(3000))),
    "lines in a field": ("application/x-www-form-urlencoded", b"next=/x%0d%0aX-Odd:%20yes&email=a%0d%0aX-Odd:b@c.test&name=a%0aX-Odd:%20yes&slug=%0d%0aX-Odd:%20yes"),
}
OF_LETTERS = {"a NUL in every name and value", "no text in any encoding"}  # a database may take them or not; the rest is read before


@pytest.mark.parametrize("body", [pytest.param(name, marks=() if name in OF_LETTERS else pytest.mark.once) for name in BROKEN])
def test_no_body_is_an_error_of_ours(paper: Paper, failures: list[str], body: str) -> None:  # noqa: F811
    """Each route gets it from somebody whom its guard lets in; a third of them, in turn, where none reads it itself."""
    kind, content = BROKEN[body]
    people = {"public": "guest", "machine": "guest", "signed_in": "member"}
    browsers = {role: paper.browser(role) for role in ("guest", "member", "publisher")}
    wrong = []
    for number, rule in enumerate(rules(paper.app, "POST"), list(BROKEN).index(body)):
        guard = getattr(paper.app.view_functions[rule.endpoint], GUARD_MARK)
        if body not in OF_LETTERS and guard != "machine" and number % 3:
            continue
        browser = browsers[people.get(guard, "publisher")]
        headers = {"X-CSRFToken": browser.token()}
        _forget_request()
        with browser.http.post(address(rule), data=io.BytesIO(content), content_type=kind, headers=headers) as answer:
            if answer.status_code >= 500:
                wrong.append(f"{rule.endpoint}: {failures[-1:]}")
            assert "X-Odd" not in answer.headers, rule
    assert wrong == [], "\n".join(wrong)


# What scanners ask of the headers of an answer

ASKED: dict[str, Any] = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}


@pytest.mark.once
@pytest.mark.parametrize("path", ["/", "/articles/the-bridge", "/sign-in", "/nothing-here", "/static/js/base.js", "/livez", "/feed.xml"])
def test_every_answer_has_the_headers_that_scanners_look_for(paper: Paper, path: str) -> None:
    headers = Browser(paper.app).get(path).headers
    for name, value in ASKED.items():
        assert headers[name] == value, name
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "server-markup")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "*" not in headers["Content-Security-Policy"]
    assert "Server" not in headers
    assert "X-Powered-By" not in headers
    for power in ("camera", "microphone", "geolocation", "payment", "usb"):
        assert f"{power}=()" in headers["Permissions-Policy"]


@pytest.mark.once
def test_over_tls_browsers_are_told_to_stay_with_it(paper: Paper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Strict-Transport-Security" not in Browser(paper.app).get("/sign-in").headers
    monkeypatch.setitem(paper.app.config, "COOKIES_OVER_TLS", True)
    said = Browser(paper.app).get("/sign-in").headers["Strict-Transport-Security"]
    assert int(said.partition("max-age=")[2].partition(";")[0]) >= 15_768_000
    assert "includeSubDomains" in said


def test_forms_lead_nowhere_but_here_and_to_stripe(app: Flask) -> None:
    assert "form-action 'self' https://checkout.stripe.com https://billing.stripe.com" in content_security_policy(app.config["FORM_TARGETS"])
