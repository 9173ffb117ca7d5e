"""What `python3 app.py` does: serve, test, or run a `flask` command."""

import gc
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError, OperationalError

from blueprints.publisher.beginning import link as first_link
from blueprints.publisher.queries_beginning import has_publisher
from core.config import ConfigError, Settings, load_settings
from core.db import db
from core.migrations import upgrade_if_needed
from models.site import Site
from models.user import RoleGrant, User

PROGRAM = "python3 app.py"  # what the help of the commands calls us


def main(arguments: list[str]) -> int:
    """Run what was asked for; returns the exit status. What goes wrong at the start is one clear line."""
    if arguments[:1] == ["test"]:
        import pytest

        return int(pytest.main(arguments[1:]))
    if arguments:
        from flask.cli import cli

        os.environ.setdefault("FLASK_APP", "app")
        try:
            cli.main(arguments, prog_name=PROGRAM)
        except ConfigError as error:
            print(f"Rejoinder cannot do that. {error}", file=sys.stderr)
            return 2
        return 0
    try:
        return serve()
    except ConfigError as error:
        print(f"Rejoinder cannot start. {error}", file=sys.stderr)
        return 2


def serve() -> int:
    """Migrate, seed the demo where there is nothing yet, say where it is, and serve until told to stop."""
    from app import create_app
    from commands.server import Server, check_port

    settings = load_settings()
    check_port(settings)
    try:
        app = create_app(settings)
        with app.app_context():
            prepare(settings)
            announce(settings)
            db.session.remove()
    except (OperationalError, DatabaseError, sqlite3.Error, OSError) as error:
        if os.environ.get("REJOINDER_TRACEBACK"):
            traceback.print_exc()
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise ConfigError(f"The database cannot be used: {reason}.") from None
    Server(app, settings, background).run()
    return 0


def background(app: Flask) -> list[Callable[[], None]]:
    """What each web process keeps running beside requests; returns how to stop it."""
    if not app.config["SANDBOX"]:
        return []
    from blueprints.membership import start_sandbox_delivery

    return [start_sandbox_delivery(app)]


def prepare(settings: Settings) -> None:
    """Bring the database to the newest shape; an empty demo is seeded, production with demo people refused."""
    if upgrade_if_needed():
        gc.enable()
    if settings.production:
        if db.session.scalar(select(User.id).where(User.is_demo, User.active).limit(1)):
            raise ConfigError(
                "This database has the demo's people, who sign in without a password: production needs its own."
            )
        return
    if db.session.scalar(select(Site.id)) is None:
        from commands.demo import seed_demo

        gc.enable()
        print("Setting up the demo (once) …", flush=True)
        db.session.rollback()
        seed_demo()


def announce(settings: Settings) -> None:
    """Print the address, and in the demo its people."""
    print(f"\n  Rejoinder is at {settings.base_url}", flush=True)
    if not has_publisher():
        print(f"\n  It has no publisher yet. Become it here, within a day:\n    {first_link()}\n", flush=True)
    if settings.production:
        return
    rows = db.session.execute(
        select(User.display_name, User.email, User.demo_line, RoleGrant.name)
        .outerjoin(RoleGrant, RoleGrant.user_id == User.id)
        .where(User.is_demo, User.active, User.demo_line.is_not(None))
        .order_by(User.id)
    ).all()
    if not rows:
        return
    print(f"\n  The demo's people sign in with one press at {settings.base_url}/sign-in:")
    for name, _email, line, _role in rows:
        print(f"    {name:<16} {(line or '').split(':')[0]}")
    print("  Mails are shown at /demo/mail. No money moves. Ctrl+C ends it.\n", flush=True)
