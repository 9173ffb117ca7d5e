"""Pages kept as frames: everybody's page is their own."""

import re

from flask import g

from blueprints.site.queries import bump_site_version
from core.db import transaction
from core.frames import KEPT_FRAMES, kept_frame, mark
from models.site import Site
from tests.browser import Browser, text_of
from tests.factories import make_article, make_plan, make_site, make_user


def test_each_member_finds_their_own_name_and_token_and_nobody_elses(app, client):
    make_site()
    article = make_article("A story")
    plan = make_plan("vip")
    ann, bea = make_user("Ann Harbour", plan=plan), make_user("Bea Quayside", plan=plan)
    pages = {}
    for name, user in (("Ann Harbour", ann), ("Bea Quayside", bea), ("Ann Harbour again", ann)):
        browser = Browser(app).sign_in(user)
        with browser.http.session_transaction() as session:
            session["csrf_token"] = name
        page = browser.get(f"/articles/{article.slug}").text
        tokens = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
        assert tokens == set(re.findall(r'name="csrf-token" content="([^"]+)"', page))
        assert len(tokens) == 1
        pages[name] = page, tokens.pop()
    assert "Ann Harbour" in pages["Ann Harbour"][0]
    assert "Bea Quayside" not in pages["Ann Harbour"][0]
    assert "Bea Quayside" in pages["Bea Quayside"][0]
    assert "Ann Harbour" not in pages["Bea Quayside"][0]
    assert len({token for _, token in pages.values()}) == 3
    assert "\x02" not in pages["Ann Harbour"][0]


def test_what_people_can_do_shows_for_their_own_kind_only(app):
    make_site()
    article = make_article("A story")
    for roles, expected in (((), False), (("moderator",), True), ((), False)):
        browser = Browser(app).sign_in(make_user(roles=roles))
        assert ("/moderation" in browser.get(f"/articles/{article.slug}").text) is expected


def test_names_and_headlines_are_escaped_in_their_places(app):
    make_site()
    article = make_article("Fish & <i>chips</i>")
    browser = Browser(app).sign_in(make_user("Fry & Sons"))
    page = browser.get(f"/articles/{article.slug}").text
    assert "Fry &amp; Sons" in page
    assert "<title>Fish &amp; &lt;i&gt;chips&lt;/i&gt;" in page
    assert "<i>chips</i>" not in page


def test_a_message_is_for_the_one_it_was_meant_for(app):
    make_site()
    article = make_article("A story")
    ann, bea = (Browser(app).sign_in(make_user(name)) for name in ("Ann", "Bea"))
    with ann.http.session_transaction() as session:
        session["_flashes"] = [("success", "Only for you.")]
    path = f"/articles/{article.slug}"
    assert "Only for you." in text_of(ann.get(path))
    assert "Only for you." not in text_of(ann.get(path))
    assert "Only for you." not in text_of(bea.get(path))


def test_a_new_name_of_the_paper_shows_at_once(app):
    make_site()
    article = make_article("A story")
    browser = Browser(app).sign_in(make_user("Ann"))
    path = f"/articles/{article.slug}"
    browser.get(path)
    with transaction() as session:
        session.get(Site, 1).name = "The New Name"
        session.flush()
        bump_site_version()
    assert "The New Name" in text_of(browser.get(path))


def test_a_frame_is_rendered_once_and_never_keeps_a_token(app):
    made = []

    def make() -> str:
        made.append(g.csrf_token)
        return f"<p>{mark('what')}</p>"

    with app.test_request_context():
        g.csrf_token = "mine"
        assert kept_frame(("a frame", app), make).fill({"what": "<one>"}) == "<p>&lt;one&gt;</p>"
        assert kept_frame(("a frame", app), make).fill({"what": "two"}) == "<p>two</p>"
        assert g.csrf_token == "mine"
        g.pop("csrf_token")
    assert len(made) == 1
    assert made[0] != "mine"


def test_frames_are_forgotten_before_they_are_too_many(app):
    with app.test_request_context():
        for number in range(KEPT_FRAMES + 5):
            assert kept_frame(("many", number), lambda number=number: str(number)).fill({}) == str(number)
        g.pop("csrf_token", None)
    from core import frames

    assert len(frames._frames) <= KEPT_FRAMES
