"""What people say under an article: threads, comments, respect, reports, drafts."""

from flask import Flask

from blueprints.threads import (  # noqa: F401
    events,
    jobs,
    routes_lists,
    routes_live,
    routes_picks,
    routes_questions,
    routes_quiz,
    routes_reading,
    routes_writing,
    settings_recorded,
)
from blueprints.threads.cli import comments, counters, search_commands
from blueprints.threads.routes import threads
from blueprints.threads.search import jobs as search_jobs


def install(app: Flask) -> None:
    """Register this domain's routes, jobs, signals and commands."""
    app.register_blueprint(threads)
    app.cli.add_command(counters)
    app.cli.add_command(comments)
    app.cli.add_command(search_commands)
    settings_recorded.install()
    events.connect()
    search_jobs.connect()
