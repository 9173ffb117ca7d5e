"""The first publisher, and the first steps of a paper."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from blueprints.publisher import beginning, policy
from commands.users import first_publisher
from core import clock
from core.db import db, transaction
from core.errors import Conflict
from jobs.worker import run_all
from models.notification import Mail
from models.user import RoleGrant
from tests.browser import Browser, text_of
from tests.factories import make_article, make_plan, make_section, make_site, make_user
from tests.publisher.rows import at_once

PASSWORD = "a-quiet-harbour-at-noon"
PERSON = {"display_name": "Wren Castellano", "email": "wren@example.test", "password": PASSWORD}
CSS = Path(__file__).resolve().parents[2] / "static" / "css" / "tokens.css"


def path() -> str:
    return urlsplit(beginning.link()).path


def publishers() -> int:
    return db.session().scalar(select(func.count()).select_from(RoleGrant).where(RoleGrant.name == "publisher")) or 0


def test_the_link_makes_the_first_publisher_and_works_once(app: Flask, client: Browser) -> None:
    link = path()
    page = client.get(link)
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    answer = client.post(link, PERSON)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/publisher/first-steps")
    assert publishers() == 1
    assert "1 of 9 done" in text_of(client.follow(answer))
    stranger = Browser(app)
    assert stranger.get(link).status_code == 404
    assert stranger.post(link, PERSON | {"email": "other@example.test"}).status_code == 404
    assert publishers() == 1


def test_what_cannot_be_taken_is_said_and_nothing_typed_is_lost(app: Flask, client: Browser) -> None:
    answer = client.post(path(), PERSON | {"password": "short"})
    assert answer.status_code == 422
    assert 'value="Wren Castellano"' in answer.get_data(as_text=True)
    assert publishers() == 0


def test_strangers_find_nothing_there(app: Flask, client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    link = path()
    other = link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:]
    for wrong in ("/begin/x", other, "/begin/" + "x" * 5000):
        assert client.get(wrong).status_code == 404
        assert client.post(wrong, PERSON).status_code == 404
    late = clock.now() + beginning.LINK_LASTS + timedelta(seconds=2)
    monkeypatch.setattr(clock, "now", lambda: late)
    assert client.get(link).status_code == 404
    assert publishers() == 0


def test_of_two_who_use_the_link_at_once_one_is_the_publisher(app: Flask) -> None:
    def begin(name: str) -> str:
        with transaction():
            return beginning.make_first_publisher(
                display_name=name, email=f"{name.split()[0].lower()}@example.test", password_hash="x"
            ).display_name

    answers = at_once(app, lambda: begin("Wren Castellano"), lambda: begin("Juno Bright"))
    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True], answers
    assert publishers() == 1


def test_the_command_prints_a_link_while_there_is_no_publisher(app: Flask) -> None:
    said = app.test_cli_runner().invoke(first_publisher).output
    assert Browser(app).get(urlsplit(said.strip()).path).status_code == 200
    make_user(roles=("publisher",))
    refused = app.test_cli_runner().invoke(first_publisher)
    assert refused.exit_code == 1
    assert "There is a publisher already" in refused.output


def test_each_step_says_what_is_there(app: Flask) -> None:
    publisher = Browser(app).sign_in(make_user(roles=("publisher",)))

    def done() -> set[str]:
        page = publisher.get("/publisher/first-steps").get_data(as_text=True)
        return set(re.findall(r'checks__one" id="step-(\w+)"', page))

    make_site(name="Rejoinder")
    assert done() == {"stripe"}  # the stand-in needs nothing
    make_site(name="The Meridian", colour="blue")
    make_user(roles=("editor",))
    make_plan()
    assert done() == {"stripe", "name", "colour", "people", "plan"}
    article = make_article(section=make_section())
    assert done() == {"stripe", "name", "colour", "people", "plan", "sections", "article"}
    assert f"/articles/{article.slug}#composer" in publisher.get("/publisher/first-steps").get_data(as_text=True)
    publisher.post(f"/articles/{article.slug}/comments", {"body": "The first word."})
    assert "comment" in done()
    publisher.post("/publisher/first-steps/mail")
    assert "mail" not in done()
    run_all()
    assert "mail" in done()
    assert "Everything is in place" in text_of(publisher.get("/publisher/first-steps"))
    assert db.session().scalars(select(Mail.kind)).all().count("test") == 1


def test_the_steps_are_put_away_and_come_back(app: Flask) -> None:
    make_site()
    publisher = Browser(app).sign_in(make_user(roles=("publisher",)))
    told = "See what is missing"
    assert told in text_of(publisher.get("/publisher"))
    assert told not in text_of(publisher.follow(publisher.post("/publisher/first-steps/away")))
    publisher.post("/publisher/first-steps/back")
    assert told in text_of(publisher.get("/publisher"))


def test_a_chosen_colour_is_on_every_page(app: Flask, client: Browser) -> None:
    make_site()
    assert "data-colour" not in client.get("/").get_data(as_text=True)
    make_site(colour="green")
    assert 'data-colour="green"' in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize("name", policy.COLOURS[1:])
def test_every_colour_can_be_read_in_light_and_dark(name: str) -> None:
    rule = re.search(rf'data-colour="{name}"\] {{([^}}]*)}}', CSS.read_text())
    assert rule is not None
    pairs = {key: re.findall(r"#[0-9a-f]{3,6}", value) for key, value in re.findall(r"--([\w-]+): ([^;]*);", rule[1])}
    for place, paper in enumerate(("#fffdf8", "#171612")):
        for accent in ("accent", "accent-strong"):
            assert _contrast(pairs[accent][place], paper) >= 4.5
            assert _contrast(pairs[accent][place], pairs["accent-ink"][place]) >= 4.5


def _contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2 between two colours."""

    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((light(one), light(other)))
    return (lighter + 0.05) / (darker + 0.05)
