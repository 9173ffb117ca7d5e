"""Who asks, with what, and who may keep the answer."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import update

from blueprints.articles.visitor_cache import CACHE_CONTROL
from blueprints.threads.ordering import reply_cursor, segment
from core import limits
from core.db import transaction
from models.user import User
from tests.api.asking import Program, key_of, with_key
from tests.browser import Browser
from tests.factories import make_article, make_entitlement, make_plan, make_site, make_user
from tests.threads.talk import make_member, make_talk, say

ADDRESSES = ("articles", "articles/{slug}", "articles/{slug}/comments", "comments/{id}", "comments/{id}/replies", "me", "openapi.json")
PARAMETERS = {
    "articles": ("section", "after", "limit"), "articles/{slug}/comments": ("sort", "after"), "comments/{id}/replies": ("after",),
}  # fmt: skip
ODD = ("", "0", "-1", "9" * 40, "9" * 900, "1.5", "²", "٣", "-", "0-0", "1-99999999999", "NaN", "inf", "=", "\U0001f600", "' OR 1=1 --",
       "../..", "b.1.nan", "Yi4xLm5hbg", "ci4=", "cg", "r.", "%", "+", "\x7f", "bi4yMTQ3NDgzNjQ4")  # fmt: skip


@pytest.fixture
def there(app: Flask) -> dict[str, Any]:
    """An article with a comment."""
    talk = make_talk(slug="the-bridge")
    return {"slug": talk.slug, "id": say(talk, make_member())}


def test_oneself_is_a_visitor_a_reader_a_member_or_staff(app: Flask) -> None:
    make_site()
    plan, reader, member, editor = make_plan(), make_user("Rea Der"), make_user("Mem Ber"), make_user(roles=("editor",))
    make_entitlement(member, plan)
    assert Program(app).read("me") == {"kind": "visitor", "id": None, "name": "", "confirmed": False, "entitlements": []}
    value = with_key(app, reader).read("me")
    assert value == {"kind": "reader", "id": reader.id, "name": "Rea Der", "confirmed": True, "entitlements": []}
    value = with_key(app, member).read("me")
    assert value["kind"] == "member"
    one = value["entitlements"][0]
    assert (one["plan"], one["source"], one["until"], one["in_force"]) == ("vip", "complimentary", None, True)
    assert one["words"] == "Reading what is for members, commenting and giving respect: by courtesy of the paper."
    assert with_key(app, editor).read("me")["kind"] == "reader"
    assert Program(app, session_of=editor).read("me")["kind"] == "staff"
    assert member.email not in with_key(app, member).ask("me").get_data(as_text=True)


@pytest.mark.once
@pytest.mark.parametrize("sent", [
    "Bearer rejoinder_" + "0" * 64, "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Token x", "", "bearer " + "é" * 40, "Bearer rejoinder_" + "0" * 9000,
])  # fmt: skip
def test_what_is_no_key_of_ours_is_refused_and_never_a_visitor(app: Flask, there: dict[str, Any], sent: str) -> None:
    for address in ADDRESSES:
        answer = Program(app).ask(address.format(**there), Authorization=sent)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.json["error"]["code"] == "unknown_key"


def test_a_key_counts_whoever_is_signed_in_beside_it(app: Flask) -> None:
    make_site()
    reader, other = make_user("Rea Der"), make_user("Oth Er")
    program = Program(app, key=key_of(reader), session_of=other)
    assert program.read("me")["name"] == "Rea Der"
    program.key = "rejoinder_" + "0" * 64
    assert program.refused("me", 401) == "unknown_key"


def test_a_key_opens_no_page_and_nothing_else(app: Flask) -> None:
    make_site()
    program = with_key(app, make_member("Key Holder"))
    assert program.ask("/account").status_code == 303
    page = program.ask("/")
    assert "Key Holder" not in page.get_data(as_text=True)


def test_a_visitors_answer_is_kept_by_everybody_and_asked_for_anew(app: Flask, there: dict[str, Any]) -> None:
    for address in ADDRESSES:
        path = address.format(**there)
        first = Program(app).ask(path)
        assert first.headers["Cache-Control"] == CACHE_CONTROL
        assert {"Authorization", "Cookie"} <= set(re.split(r",\s*", first.headers["Vary"]))
        assert first.headers["X-Accel-Expires"] == "1"
        assert not {"Set-Cookie", "X-RateLimit-Remaining", "Retry-After"} & set(first.headers.keys())
        again = Program(app).ask(path, If_None_Match=first.headers["ETag"])
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == CACHE_CONTROL
        head = Program(app).ask(path, "HEAD")
        assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
        assert "Access-Control-Allow-Origin" not in first.headers
        assert first.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.once
def test_anybody_elses_answer_is_kept_by_nobody(app: Flask, there: dict[str, Any]) -> None:
    reader = make_user()
    guest = Program(app)
    guest.browser.http.set_cookie("guest", "somebody")
    for program in (with_key(app, reader), Program(app, session_of=reader), guest):
        for address in ADDRESSES:
            answer = program.ask(address.format(**there))
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert "ETag" not in answer.headers
            assert "X-Accel-Expires" not in answer.headers


def test_an_error_is_kept_by_nobody(app: Flask, there: dict[str, Any]) -> None:
    for path in ("articles/none", "comments/999", "articles?x=1", "nothing"):
        answer = Program(app).ask(path)
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "X-Accel-Expires" not in answer.headers


def test_every_error_under_the_api_is_json(app: Flask, there: dict[str, Any]) -> None:
    program = Program(app)
    for path in ("", "nothing", "articles/", "articles/none", "comments/x", "comments/-1", "comments/99999999999999999999", "/api", "/api/", "/api/v2/articles"):
        path = path if path.startswith("/") else f"/api/v1/{path}"
        assert program.refused(path, 404) == "not_found"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for address in ADDRESSES:
            answer = program.ask(address.format(**there), method)
            assert (answer.status_code, answer.json["error"]["code"]) == (405, "method_not_allowed")
            assert "GET" in answer.headers["Allow"]
    assert program.refused("articles/%00", 404) == "not_found"
    assert program.refused("articles?section=%00", 400) == "nul"
    assert program.ask("articles", "OPTIONS").status_code == 200


def test_unknown_and_repeated_parameters_are_refused_by_name(app: Flask, there: dict[str, Any]) -> None:
    program = Program(app)
    for address in ADDRESSES:
        path = address.format(**there)
        assert program.refused(f"{path}?utm_source=x", 422) == "unknown_parameter"
        for name in PARAMETERS.get(address, ()):
            assert program.refused(f"{path}?{name}=1&{name}=1", 422) == "repeated_parameter"
            assert program.refused(f"{path}?{name}={'x' * 1001}", 422) == "bad_parameter"
    assert program.refused("articles?after=x", 422) == "bad_cursor"
    assert program.refused(f"articles/{there['slug']}/comments?sort=odd", 422) == "bad_sort"
    assert program.refused("articles?limit=51", 422) == "bad_parameter"
    assert program.refused("articles?section=none", 404) == "not_found"


@pytest.mark.once
def test_a_cursor_of_another_list_is_refused(app: Flask, there: dict[str, Any]) -> None:
    talk = make_talk()
    member = make_member()
    for _ in range(52):
        say(talk, member)
    program = Program(app)
    following = program.read(f"articles/{talk.slug}/comments?sort=newest")["next"]
    cursor = following.rpartition("after=")[2]
    assert program.refused(f"articles/{talk.slug}/comments?sort=best&after={cursor}", 422) == "bad_cursor"
    assert program.refused(f"comments/{there['id']}/replies?after={cursor}", 422) == "bad_cursor"
    assert program.refused(f"articles?after={cursor}", 422) == "bad_cursor"
    # Of another discussion it names a place in the order of this one, as on pages.
    assert program.read(f"articles/{there['slug']}/comments?sort=newest&after={cursor}")["items"] != []


@pytest.mark.once
def test_nothing_odd_is_an_error_of_ours(app: Flask, there: dict[str, Any]) -> None:
    programs = [Program(app), with_key(app, make_member())]
    for program in programs:
        for address, names in PARAMETERS.items():
            for name in names:
                for value in ODD:
                    answer = program.ask(f"{address.format(**there)}?{name}={quote(value)}")
                    assert answer.status_code in {200, 404, 422}, (address, name, value, answer.status_code)
                    assert answer.mimetype == "application/json"
        for value in ODD:
            if value not in {"../..", ""}:
                assert program.ask(f"articles/{quote(value, safe='')}").status_code in {404, 308}


@pytest.mark.once
@pytest.mark.parametrize("number", [2**31, 36**6, 36**7 - 1])
def test_a_reply_cursor_of_a_comment_that_no_database_has_is_refused(app: Flask, there: dict[str, Any], number: int) -> None:
    talk, member = make_talk(), make_member()
    deep = say(talk, member)
    for _ in range(52):
        deep = say(talk, member, to=deep)
    cursor = reply_cursor(segment(number))
    for comment in (there["id"], deep):
        assert Program(app).refused(f"comments/{comment}/replies?after={cursor}", 422) == "bad_cursor"


@pytest.mark.once
def test_so_many_requests_are_taken_and_no_more(app: Flask, there: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DEMO_FACTOR", 1)
    reader = make_user()
    first, second = with_key(app, reader), with_key(app, reader)
    for _ in range(300):
        answer = first.ask("me")
        assert (answer.status_code, "Retry-After" in answer.headers) == (200, False)
    answer = first.ask("me")
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "too_many")
    assert int(answer.headers["Retry-After"]) > 0
    assert second.ask("me").status_code == 200  # each key for itself
    assert Program(app).ask("me").status_code == 200


@pytest.mark.once
def test_a_key_that_is_no_good_is_counted_for_the_network(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site()
    monkeypatch.setattr(limits, "DEMO_FACTOR", 1)
    program = Program(app)
    statuses = [program.ask("me", Authorization=f"Bearer rejoinder_{number:064x}").status_code for number in range(302)]
    assert statuses == [401] * 300 + [429] * 2


def test_a_deactivated_persons_key_is_unknown(app: Flask) -> None:
    make_site()
    reader = make_user()
    program = with_key(app, reader)
    assert program.read("me")["kind"] == "reader"
    with transaction() as session:
        session.execute(update(User).where(User.id == reader.id).values(active=False))
    assert program.refused("me", 401) == "unknown_key"


def test_who_is_suspended_reads_on_and_is_told_that_they_cannot_take_part(app: Flask) -> None:
    talk, member = make_talk(), make_member()
    program = with_key(app, member)
    moderator = Browser(app).sign_in(make_user(roles=("moderator",)))
    moderator.post(f"/moderation/people/{member.id}/sanctions", {"kind": "suspension", "days": 3, "rule_id": 0, "reason": "Enough."})
    may = program.read(f"articles/{talk.slug}")["may"]
    assert (may["read"]["allowed"], may["comment"]["reason"]) == (True, "suspended")


def test_pages_elsewhere_are_html_as_before(app: Flask) -> None:
    make_site()
    make_article()
    assert Program(app).ask("/nothing-here").mimetype == "text/html"
    assert Program(app).ask("/apix/v1").mimetype == "text/html"
