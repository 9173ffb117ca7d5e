"""Rejoinder: the wiring. `python3 app.py` serves, `python3 app.py test` tests, anything else is a `flask` command."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # what is imported stays: looking through it again and again takes a quarter of the start
    from core.bootstrap import count_together, ensure_environment, leave_when_told

    ensure_environment(for_tests=sys.argv[1:2] == ["test"])
    if sys.argv[1:2] in ([], ["live"]):
        leave_when_told()
        count_together()
    from core.late import left_out

    with left_out("rich"):  # developers' tools bring it, and pygments with it; the logs are the same without
        import structlog  # noqa: F401

from typing import Any, Dict, Optional

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import models  # noqa: F401
from blueprints import (
    accounts,
    api,
    articles,
    following,
    insights,
    membership,
    moderation,
    newsroom,
    notifications,
    pages,
    publisher,
    threads,
)
from blueprints.site.queries import site
from commands import register_commands
from core import csrf, intake, limits, rendering, watching
from core.config import Settings, load_settings, prepare_data_dir, secret_key
from core.cookies import cookie_name
from core.db import connect_arguments, db
from core.late import LateRule
from core.logs import configure_logs
from core.sessions import CookieSessions

MAX_REQUEST_BYTES = 16 * 1024 * 1024
SESSION_SECONDS = 30 * 24 * 3600
DOMAINS = (notifications, accounts, membership, threads, articles, following, moderation, insights, newsroom,
           publisher, pages, api)


def create_app(settings: Optional[Settings] = None) -> Flask:
    """The application for these settings, or those of the environment. Raises ConfigError."""
    settings = settings or load_settings()
    prepare_data_dir(settings)
    configure_logs(settings)
    app = Flask(__name__)
    app.url_rule_class = LateRule
    over_tls = settings.production and settings.base_url.startswith("https://")
    app.config.update(
        SETTINGS=settings,
        PRODUCTION=settings.production,
        SANDBOX=settings.sandbox,
        SECRET_KEY=secret_key(settings),
        SQLALCHEMY_DATABASE_URI=settings.resolved_database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": settings.web_threads + 4, "max_overflow": 8,
            "connect_args": connect_arguments(settings.resolved_database_url),
            "hide_parameters": True,  # an error's statement goes to the log; what people typed does not
        },
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        PERMANENT_SESSION_LIFETIME=SESSION_SECONDS,
        SESSION_REFRESH_EACH_REQUEST=False,
        COOKIES_OVER_TLS=over_tls,
        SESSION_COOKIE_NAME=cookie_name("session", over_tls=over_tls),
        FORM_TARGETS=("https://checkout.stripe.com", "https://billing.stripe.com"),
        RATELIMIT_STORAGE_URI=settings.redis_url or "database://",
    )
    app.session_interface = CookieSessions()
    watching.install(app)
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        # The host is what `Host` says: proxies pass a browser's own X-Forwarded-Host on.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count)  # type: ignore[method-assign]
    db.init_app(app)
    limits.install(app)
    intake.install(app)  # before tokens are looked for, which takes well-formed forms
    csrf.install(app)
    rendering.install(app, _page_context)
    for domain in DOMAINS:
        domain.install(app)
    register_commands(app)
    return app


def _page_context() -> Dict[str, Any]:
    return {"site": site(), "sections": site().sections}


if __name__ == "__main__":
    from commands.start import main

    gc.freeze()
    if sys.argv[1:]:
        gc.enable()  # a server does when it has begun (`commands.server`), or has to make something first
    sys.exit(main(sys.argv[1:]))
