"""Moderation: the desk, decisions and their ledger, statements of reasons, sanctions and objections."""

import json

from flask import Flask

from blueprints.accounts.hooks import restrictions
from blueprints.accounts.signals import account_deleting_signal
from blueprints.moderation import (
    cli_screening,  # noqa: F401
    fair,  # noqa: F401
    jobs,  # noqa: F401
    jobs_screening,  # noqa: F401
    keeping,
    queries_objections,
    queries_queues,
    recorded,
    routes_bulk,  # noqa: F401
    routes_conduct,  # noqa: F401
    routes_desk,  # noqa: F401
    routes_discussions,  # noqa: F401
    routes_moving,  # noqa: F401
    routes_objections,  # noqa: F401
    routes_people,  # noqa: F401
    routes_stress,  # noqa: F401
)
from blueprints.moderation.cli import moderation_cli
from blueprints.moderation.objections import restrictions_of_person
from blueprints.moderation.routes import moderation
from blueprints.notifications.notices import bell_number
from core.db import db
from core.viewer import register_desk


def install(app: Flask) -> None:
    """Register this domain's routes, jobs and signals."""
    recorded.install()
    app.register_blueprint(moderation)
    app.cli.add_command(moderation_cli)
    register_desk(app, lambda viewer: bell_number(queries_queues.waits(db.session(), viewer)))
    app.jinja_env.filters["from_json"] = json.loads  # what an entry set
    account_deleting_signal.connect(_refuse_held)
    account_deleting_signal.connect(_forget_objections)
    if restrictions_of_person not in restrictions:
        restrictions.append(restrictions_of_person)


def _refuse_held(_sender: object, *, user_id: int, keep_words: bool) -> None:
    keeping.refuse_leaving(db.session(), user_id)


def _forget_objections(_sender: object, *, user_id: int, keep_words: bool) -> None:
    queries_objections.forget_objections(db.session(), user_id)
