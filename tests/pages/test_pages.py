"""Rules, about, privacy, and what machines ask."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from blueprints.pages import health
from core import clock
from core.db import db, transaction
from core.rendering import static_version
from models.job import LIVE_STREAMS, Heartbeat
from models.site import Rule
from tests.browser import Browser, text_of
from tests.factories import make_rule, make_site, make_user


def beat(ago: timedelta = timedelta(), name: str = "worker") -> None:
    with transaction() as session:
        session.merge(Heartbeat(name=name, seen_at=clock.now() - ago))


def test_the_rules_page_names_each_rule_and_who_enforces_them(client: Browser) -> None:
    make_rule("be-kind", "Be kind", "To people, <b>not</b> to arguments.")
    make_rule("stay", "Stay on the story", "There are other stories.")
    with transaction() as session:
        session.add(Rule(key="old", title="An old rule", text="Gone.", active=False))
    make_site(rules_enforced_by="Three moderators read every report.")
    page = client.get("/rules")
    words = text_of(page)
    assert "Three moderators read every report." in words
    assert words.index("Be kind") < words.index("Stay on the story")
    assert "To people, <b>not</b> to arguments." in words
    assert "An old rule" not in words
    assert 'id="be-kind"' in page.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/rules", "/about", "/privacy"])
def test_a_page_that_is_not_written_yet_says_so(client: Browser, path: str) -> None:
    make_site()
    page = client.get(path)
    assert page.status_code == 200
    assert "not written" in text_of(page)


@pytest.mark.parametrize(("path", "field"), [("/about", "about"), ("/privacy", "privacy")])
def test_the_publishers_pages_are_rendered_and_harmless(client: Browser, path: str, field: str) -> None:
    make_site(**{field: "## What we do\n\nWe *print*. <script>alert(1)</script>"})
    body = client.get(path).get_data(as_text=True)
    assert "<em>print</em>" in body
    assert "<script>alert" not in body


def test_reading_a_page_gives_a_visitor_no_cookie(client: Browser) -> None:
    make_site()
    for path in ("/rules", "/about", "/privacy", "/livez", "/readyz"):
        assert "Set-Cookie" not in client.get(path).headers


def test_a_signed_in_readers_page_is_theirs(client: Browser) -> None:
    make_site()
    client.sign_in(make_user("Hedda Quist"))
    page = client.get("/rules")
    assert "Hedda Quist" in text_of(page)
    assert page.headers["Cache-Control"] == "private, no-store"


def test_livez_answers_where_nothing_is_set_up(client: Browser) -> None:
    assert client.get("/livez").get_data(as_text=True) == "ok\n"


def test_readyz_is_ready_with_database_migrations_and_a_living_worker(client: Browser) -> None:
    make_site()
    beat()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    checks = {"database": "ok", "migrations": "ok", "worker": "ok"}
    told = {"live": "has not started yet", "jobs": "0 due, the oldest for 0 s"}
    assert answer.get_json() == {"status": "ok", "checks": checks, **told}


def test_readyz_tells_of_live_streams_and_is_ready_without_them(client: Browser) -> None:
    make_site()
    beat()
    told = []
    for ago in (timedelta(minutes=5), timedelta()):
        beat(ago, LIVE_STREAMS)
        answer = client.get("/readyz")
        assert answer.status_code == 200
        told.append(answer.get_json()["live"])
    assert told == ["has been silent for 300 seconds", "ok"]
    beat(timedelta(minutes=5))  # the streams' sign of life is no worker's
    assert client.get("/readyz").status_code == 503


def test_readyz_is_not_ready_without_a_worker(client: Browser) -> None:
    make_site()
    assert client.get("/readyz").status_code == 503
    beat(timedelta(minutes=5))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["worker"].startswith("has been silent for 3")
    beat()
    assert client.get("/readyz").status_code == 200


def test_readyz_tells_a_database_that_is_behind_and_lives_with_one_that_is_ahead(client: Browser) -> None:
    make_site()
    beat()
    newest = health.newest_revision()
    answers = []
    for stands_at in ("0000", "9999", newest):
        with db.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{stands_at}'")
        answers.append(client.get("/readyz"))
    answer = answers[0]
    assert [each.status_code for each in answers] == [503, 200, 200]
    assert answer.get_json()["checks"]["migrations"] == f"at 0000, not {newest}"


def test_a_database_that_is_away_is_told_and_not_raised(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr(health, "current_revision", away)
    assert health.readiness()["database"] == "cannot be reached"


def test_a_file_is_kept_for_good_under_the_address_of_its_own_content_only(client: Browser) -> None:
    """While hosts are changed one by one, the older one may be asked for what is the newer one's, and has another file."""
    make_site()
    current = f"/static/img/mark.svg?v={static_version('img/mark.svg')}"
    assert "immutable" in client.get(current).headers["Cache-Control"]
    for another in (f"{current}0", "/static/img/mark.svg?v=", "/static/img/mark.svg"):
        assert client.get(another).headers["Cache-Control"] == "no-cache"
