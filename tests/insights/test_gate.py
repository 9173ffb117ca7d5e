"""The way from a gate to a first comment: counted without knowing whom, and exactly where rows tell."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.insights import jobs, queries_funnel, sights
from blueprints.insights.events import article_in
from blueprints.insights.sights import sights_of
from core import clock
from core.db import db, transaction
from jobs import worker
from models.insight import GateCount
from tests.browser import Browser, text_of
from tests.factories import make_article, make_section, make_site, make_user
from tests.membership.conftest import Till, real_time, till  # noqa: F401
from tests.publisher.test_overview import statements

READER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}


@pytest.fixture(autouse=True)
def quiet(app: Flask) -> Any:
    """Nothing counted before, and no timer that writes behind the test's back."""
    sights_of(app).forget()
    yield
    sights_of(app).forget()


def see(app: Flask, slug: str, step: str = "seen", **headers: str) -> int:
    client = app.test_client(use_cookies=False)
    return client.post(f"/articles/{slug}/{step}", headers=READER | {name.replace("_", "-"): value for name, value in headers.items()}).status_code


def counted(app: Flask) -> dict[tuple[str, int], int]:
    sights_of(app).flush()
    db.session.rollback()
    rows = db.session().execute(select(GateCount.stage, GateCount.article_id, GateCount.number))
    return {(row.stage, row.article_id): row.number for row in rows}


def test_sights_are_added_up_and_written_together(app: Flask) -> None:
    make_site()
    bridge, train = make_article(slug="bridge"), make_article(slug="train")
    for _ in range(3):
        assert see(app, "bridge") == 204
    assert see(app, "train", "pressed") == 204
    assert db.session().scalars(select(GateCount)).all() == []
    with statements() as asked:
        sights_of(app).flush()
    assert len(asked) <= 3
    assert counted(app) == {("seen", bridge.id): 3, ("pressed", train.id): 1}
    assert see(app, "bridge") == 204
    assert counted(app)["seen", bridge.id] == 4


def test_an_answer_tells_and_leaves_nothing(app: Flask) -> None:
    make_article(slug="bridge")
    answer = app.test_client().post("/articles/bridge/seen", headers=READER)
    assert (answer.status_code, answer.data, answer.headers["Cache-Control"]) == (204, b"", "no-store")
    assert "Set-Cookie" not in answer.headers
    with statements() as asked:
        app.test_client().post("/articles/bridge/seen", headers=READER)
    assert asked == []


@pytest.mark.parametrize(
    "headers",
    [{"User_Agent": "Googlebot/2.1"}, {"User_Agent": "curl/8"}, {"User_Agent": ""}, {"User_Agent": "Mozilla/5.0 HeadlessChrome/130"},
     {"Sec_Fetch_Site": "cross-site"}],
)  # fmt: skip
def test_programs_and_other_sites_are_not_counted(app: Flask, headers: dict[str, str]) -> None:
    make_article(slug="bridge")
    assert see(app, "bridge", **headers) == 204
    assert counted(app) == {}


def test_a_network_is_counted_so_often_a_minute_and_no_more(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sights, "MOST_A_MINUTE", 5)
    own = sights.Sights(app, app.wsgi_app)
    article = make_article(slug="bridge")
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/articles/bridge/seen", "HTTP_USER_AGENT": READER["User-Agent"]}
    for host in range(9):
        list(own({**environ, "REMOTE_ADDR": f"192.0.2.{host}"}, lambda *_: None))  # type: ignore[typeddict-item, arg-type]
    list(own({**environ, "REMOTE_ADDR": "198.51.100.1"}, lambda *_: None))  # type: ignore[typeddict-item, arg-type]
    own.flush()
    assert counted(app) == {("seen", article.id): 6}


def test_what_names_no_article_goes_nowhere(app: Flask) -> None:
    make_article(slug="bridge")
    assert see(app, "no-such-story") == 204
    assert counted(app) == {}
    assert app.test_client().post("/articles/../seen", headers=READER).status_code == 404
    assert app.test_client().get("/articles/bridge/seen").status_code == 404


def test_what_cannot_be_written_now_is_written_later(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    article = make_article(slug="bridge")
    see(app, "bridge")

    def broken(_: Any) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as away:
        away.setattr(queries_funnel, "add", broken)
        sights_of(app).flush()
    see(app, "bridge")
    assert counted(app) == {("seen", article.id): 2}


@pytest.mark.parametrize(
    ("path", "slug"),
    [("/articles/a-b?welcome=1#composer", "a-b"), ("/join/checkout?price=x&article=a-b", "a-b"), ("/join?article=a", "a"),
     ("/", None), ("/articles/", None), ("/articles/a/comments", None), ("/join?article=" + "x" * 200, None)],
)  # fmt: skip
def test_the_article_is_read_from_where_somebody_wants_to_go(path: str, slug: str | None) -> None:
    assert article_in(path) == slug


def test_the_whole_way_is_counted_once_each(till: Till) -> None:  # noqa: F811
    from tests.factories import thread_of

    guest = Browser(till.app)
    guest.post("/articles/the-new-bridge/comments", {"body": "I was there."})
    article_id = thread_of(article_of(till)).article_id
    user, browser = till.reader()
    till.join(browser, article="the-new-bridge")
    browser.post("/articles/the-new-bridge/comments", {"body": "I was there, and it was cold."})
    browser.post("/articles/the-new-bridge/comments", {"body": "And it rained all the way home."})
    worker.run_all()
    for _ in range(2):
        jobs.count_steps()
    assert counted(till.app) == {("pressed", article_id): 1, ("paid", article_id): 1, ("posted", article_id): 1}
    clock.shift(timedelta(days=3))
    jobs.count_steps()
    clock.shift(timedelta(days=5))
    jobs.count_steps()
    assert counted(till.app)["posted", article_id] == 1
    assert user.id


def article_of(till: Till) -> Any:  # noqa: F811
    from models.article import Article

    return db.session().scalars(select(Article).where(Article.slug == "the-new-bridge")).one()


@pytest.mark.once
def test_a_first_comment_elsewhere_or_much_later_is_not_the_gates_doing(till: Till) -> None:  # noqa: F811
    other = make_article("Elsewhere", slug="elsewhere")
    user, browser = till.reader()
    till.join(browser, article="the-new-bridge")
    browser.post("/articles/elsewhere/comments", {"body": "A word in another place."})
    _, late = till.reader()
    till.join(late, article="the-new-bridge")
    worker.run_all()
    clock.shift(timedelta(days=31))
    late.post("/articles/the-new-bridge/comments", {"body": "A word a month later."})
    worker.run_all()
    jobs.count_steps()
    assert {stage for stage, _ in counted(till.app)} == {"paid"}
    assert user.id
    assert other.id


def test_signing_up_on_the_way_back_counts_for_the_article(app: Flask, client: Browser) -> None:
    make_site()
    article = make_article(slug="bridge")
    answer = client.post("/sign-up", {"display_name": "Nora Quist", "email": "nora@example.test", "password": "a long enough passphrase",
                                      "next": "/articles/bridge?welcome=1#composer"})  # fmt: skip
    assert answer.status_code == 303, text_of(answer)
    assert counted(app) == {("signed_up", article.id): 1}


def test_the_page_shows_articles_and_sections_and_is_as_quick_for_many(app: Flask) -> None:
    make_site()
    pat = Browser(app).sign_in(make_user("Pat Moreau", roles=("publisher",)))
    page = text_of(pat.get("/publisher/insights/gate"))
    assert "Nothing was counted in this time" in page
    assert "without a cookie" in page
    today = clock.now().date()
    culture, world = make_section("Culture", slug="culture"), make_section("World", slug="world")
    first = make_article("=The first", slug="first", section=culture)
    with transaction():
        queries_funnel.add({(first.id, today, "seen"): 200, (first.id, today, "pressed"): 20, (first.id, today, "paid"): 2})
    pat.get("/publisher/insights/gate?days=7")
    with statements() as few:
        page = text_of(pat.get("/publisher/insights/gate?days=7"))
    assert "Gate seen 200" in page
    assert "10.00 %" in page
    with transaction():
        queries_funnel.add({("first", today - timedelta(days=number), "seen"): 5 for number in range(40)})
    for _ in range(5):
        make_article(section=world)
    pat.get("/publisher/insights/gate?days=7")
    with statements() as many:
        pat.get("/publisher/insights/gate?days=7")
    assert len(many) == len(few) <= 10
    assert "235" in text_of(pat.get("/publisher/insights/gate?days=7&section=culture"))
    assert "Nothing was counted" in text_of(pat.get("/publisher/insights/gate?days=7&section=world"))
    file = pat.get("/publisher/insights/gate/articles.csv?days=90").get_data(as_text=True)
    assert "'=The first,Culture,400,20,0,2,0,0.0050" in file


def test_two_processes_add_to_the_same_day(app: Flask) -> None:
    from tests.membership.test_sync import at_once

    article = make_article(slug="bridge")
    day = clock.now().date()

    def write() -> None:
        for _ in range(10):
            with transaction():
                queries_funnel.add({("bridge", day, "seen"): 1, (article.id, day, "pressed"): 2})

    assert at_once(app, write, write, write) == []
    assert counted(app) == {("seen", article.id): 30, ("pressed", article.id): 60}
