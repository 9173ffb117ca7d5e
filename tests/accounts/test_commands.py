"""`flask users create`."""

from flask import Flask
from sqlalchemy import select

from blueprints.accounts import passwords
from core.db import db
from models.user import RoleGrant, User
from tests.accounts.mailbox import PASSWORD
from tests.browser import Browser
from tests.factories import make_site, make_user


def run(app: Flask, *arguments: str, typed: str = ""):
    return app.test_cli_runner().invoke(args=["users", "create", *arguments], input=typed)


def test_the_operator_makes_a_publisher_who_can_sign_in(app: Flask) -> None:
    make_site()
    done = run(
        app, "--email", "pat@example.test", "--name", "Pat Moreau", "--role", "publisher", "--role", "moderator",
        "--password", PASSWORD,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    user = db.session().scalar(select(User).where(User.email == "pat@example.test"))
    assert user.confirmed_at is not None
    assert set(db.session().scalars(select(RoleGrant.name))) == {"publisher", "moderator"}
    answer = Browser(app).post("/sign-in", {"email": "pat@example.test", "password": PASSWORD})
    assert answer.status_code == 303


def test_the_password_is_asked_for_twice_when_not_given(app: Flask) -> None:
    make_site()
    done = run(app, "--email", "r@example.test", "--name", "A Reader", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    user = db.session().scalar(select(User).where(User.email == "r@example.test"))
    assert passwords.is_password(PASSWORD, user.password)


def test_what_cannot_be_is_one_sentence(app: Flask) -> None:
    make_site()
    make_user("Old Hand", email="known@example.test")
    for email, name, password, sentence in (
        ("known@example.test", "Somebody", PASSWORD, "account with this address already"),
        ("new@example.test", "0ld Hand", PASSWORD, "this name already"),
        ("new@example.test", "Somebody", "password1234", "very many people"),
        ("new", "Somebody", PASSWORD, "does not look like"),
        ("new@example.test", "Moderator", PASSWORD, "reserved"),
    ):
        done = run(app, "--email", email, "--name", name, "--password", password)
        assert done.exit_code == 1
        assert sentence in done.output
        assert "Traceback" not in done.output
    assert run(app, "--email", "a@example.test", "--name", "A B", "--role", "king").exit_code == 2
