"""How pages are made: strict templates, the filters they use, the one stylesheet, and the headers of every answer."""

import errno
import hashlib
import re
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import secure
import structlog
from flask import Flask, Response, current_app, g, render_template, request
from flask_wtf.csrf import CSRFError
from jinja2 import StrictUndefined
from markupsafe import Markup
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from core import clock, csrf, scripts
from core.compiled import kept_templates
from core.db import db
from core.errors import DomainError, NotFound, TooFast
from core.guards import machine
from core.network import network_of
from core.problems import is_for_programs, problem
from core.viewer import current_viewer, desk_waits

log = structlog.get_logger("web")
STATIC = Path(__file__).resolve().parent.parent / "static"
CSS_FIRST = ("tokens.css", "base.css", "layout.css")
ZERO_DECIMAL = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof",
                "xpf"}
SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
YEAR_SECONDS = 365 * 24 * 3600
HSTS = f"max-age={YEAR_SECONDS}; includeSubDomains"
PERSONAL = "private, no-store"
LASTING = f"public, max-age={YEAR_SECONDS}, immutable"


def date(moment: datetime) -> str:
    """22 August 2019"""
    return f"{moment.day} {moment:%B %Y}"


def date_and_time(moment: datetime) -> str:
    """22 August 2019, 14:05 (UTC)"""
    return f"{date(moment)}, {moment:%H:%M}"


def moment(written: str) -> datetime:
    """A moment from its ISO 8601 form. Raises ValueError for anything else."""
    return datetime.fromisoformat(written)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def exact(moment: datetime) -> str:
    """As `iso`, to the millisecond, for what counts down to it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(cents: int, currency: str) -> str:
    """Minor units and a currency as people write them; currencies without minor units are not divided."""
    code = currency.lower()
    amount = f"{cents:,}" if code in ZERO_DECIMAL else f"{cents / 100:,.2f}"
    symbol = SYMBOLS.get(code)
    return f"{symbol}{amount}" if symbol else f"{amount} {code.upper()}"


def count(number: int) -> str:
    """1,204"""
    return f"{number:,}"


def is_fetch() -> bool:
    """Whether one of our scripts asks, for a fragment instead of a page."""
    return request.headers.get("X-Requested-With") == "fetch"


def install(app: Flask, context: Callable[[], dict[str, Any]]) -> None:
    """Set up templates, static files, error pages and headers. `context` gives what every page needs of the domain."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.bytecode_cache = kept_templates(how=Path(__file__))
    app.jinja_env.filters.update(
        date=date, datetime=date_and_time, iso=iso, exact=exact, moment=moment, money=money, count=count
    )
    app.jinja_env.filters["one_script"] = scripts.one_script
    app.jinja_env.globals["csrf_token"] = csrf.form_token
    css = _stylesheet()
    digest = hashlib.sha256(css.encode()).hexdigest()[:12]

    @app.context_processor
    def common() -> dict[str, Any]:
        return {"viewer": current_viewer(), "now": clock.now(), "demo": not app.config["PRODUCTION"],
                "sandbox": app.config["SANDBOX"], "csrf_token": csrf.form_token, "desk_waits": desk_waits} | context()

    @app.get(f"/static/{digest}.css", endpoint="stylesheet")
    @machine
    def stylesheet() -> Response:
        body = _stylesheet() if app.debug else css
        answer = Response(body, mimetype="text/css")
        answer.headers["Cache-Control"] = LASTING
        return answer

    @app.get("/static/joined/<names>.js", endpoint="script")
    @machine
    def script(names: str) -> Response:
        if app.debug:
            scripts.forget()
        try:
            entries = scripts.entries(names)
            answer = Response(scripts.source(entries), mimetype="text/javascript")
        except scripts.CannotJoin:
            raise NotFound from None
        is_current = request.args.get("v") == scripts.version(entries)
        answer.headers["Cache-Control"] = LASTING if is_current else "no-cache"
        return answer

    @app.url_defaults
    def version_static(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values and "v" not in values:
            values["v"] = static_version(values["filename"])

    app.after_request(_headers)
    app.register_error_handler(DomainError, _domain_error)
    app.register_error_handler(CSRFError, _lost_form)
    app.register_error_handler(HTTPException, http_error)


def error_page(status: int, title: str, text: str, code: str = "") -> Response:
    """The error page, or for a script just its sentence; for a program, under its addresses, also a word for it."""
    if is_for_programs(request.path):
        return problem(status, text, code)
    if is_fetch():
        return Response(Markup.escape(text), status, mimetype="text/plain")
    try:
        return Response(render_template("errors/error.html", status=status, title=title, text=text), status)
    except Exception:  # the database may be what is broken, and every page asks it for the paper's name
        if status < 500:
            raise
        log.exception("the error page failed too")
        return Response(BARE_ERROR.format(title=title, text=text), status, mimetype="text/html")


_versions: dict[str, str] = {}


def static_version(filename: str) -> str:
    """A short hash of a static file's content, so that browsers may keep it for a year."""
    if filename not in _versions or current_app.debug:
        path = STATIC / filename
        _versions[filename] = hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else "0"
    return _versions[filename]


BARE_ERROR = "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{text}"


def _stylesheet() -> str:
    first = [STATIC / "css" / name for name in CSS_FIRST]
    rest = sorted((STATIC / "css" / "components").glob("*.css"))
    css = "\n".join(path.read_text() for path in [*first, *rest] if path.exists())
    return re.sub(r"\n{2,}", "\n", re.sub(r"/\*.*?\*/", "", css, flags=re.S))


@cache
def content_security_policy(form_targets: tuple[str, ...]) -> str:
    """Nothing inline, nothing from a third party, no text made into elements but by static/js/trusted.js; forms may go
    on to Stripe's pages only.
    """
    policy = {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
        "font-src": "'self'", "connect-src": "'self'", "manifest-src": "'self'", "object-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "server-markup",
        "form-action": " ".join(("'self'", *form_targets)),
    }
    return "; ".join(f"{name} {value}" for name, value in policy.items())


_fixed = secure.Secure(
    xcto=secure.XContentTypeOptions().nosniff(),
    xfo=secure.XFrameOptions().deny(),
    referrer=secure.ReferrerPolicy().strict_origin_when_cross_origin(),
    permissions=secure.PermissionsPolicy().geolocation().camera().microphone().payment().usb(),
    coop=secure.CrossOriginOpenerPolicy().same_origin(),
)
FIXED_HEADERS: dict[str, str] = dict(_fixed.headers) | {
    "Cross-Origin-Resource-Policy": "same-origin", "X-Permitted-Cross-Domain-Policies": "none",
}


@cache
def _standard_headers(form_targets: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """What every answer carries that does not say otherwise, by the name in small letters."""
    every = FIXED_HEADERS | {"Content-Security-Policy": content_security_policy(form_targets)}
    return {name.lower(): (name, value) for name, value in every.items()}


def standard_headers(app: Flask) -> list[tuple[str, str]]:
    """What every answer carries that does not say otherwise."""
    return list(_standard_headers(app.config["FORM_TARGETS"]).values())


def _headers(response: Response) -> Response:
    if response.status_code == 429:
        log.info("limit reached", **_who())
    response.headers.pop("Date", None)  # a file's answer brings one, and the server says it too: one is enough
    given = {name.lower() for name, _ in response.headers}
    standard = _standard_headers(current_app.config["FORM_TARGETS"])
    response.headers.extend([pair for name, pair in standard.items() if name not in given])
    if current_app.config["COOKIES_OVER_TLS"]:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    if request.endpoint == "static" and response.status_code == 200 and _is_asked_for_by_its_content():
        response.headers["Cache-Control"] = LASTING
    elif "cache-control" not in given:
        response.headers["Cache-Control"] = PERSONAL if current_viewer_known() else "no-cache"
    return response


def _is_asked_for_by_its_content() -> bool:
    """Whether the address names the version that is here: a page of another host may be of another one."""
    return request.args.get("v") == static_version((request.view_args or {})["filename"])


def current_viewer_known() -> bool:
    """Whether this answer was made for a known person; asks nothing anew."""
    return "viewer" in g and g.viewer.is_signed_in


# What a database says that cannot be reached, is full, or may only be read; the pool that waits for it; and a disk.
AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout, sqlite3.OperationalError)
NO_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
AWAY_SECONDS = 30
AWAY_TITLE = "Please try again in a minute"
AWAY_SENTENCE = "What we store cannot be reached at the moment."
AWAY_SENT = (f"{AWAY_SENTENCE} What you sent was not taken in. It is still in your browser: go back, and send it again "
             "in a minute. Nothing is posted twice by that.")

TITLES = {400: "That did not work", 403: "Not for you", 404: "Not found", 405: "That did not work",
          409: "Somebody was faster", 413: "Too large", 429: "A little slower", 500: "Our mistake"}
SENTENCES = {404: "There is nothing at this address. It may have moved, or never been here.",
             405: "This address cannot be used in that way.", 413: "What you sent is larger than we take.",
             429: "That was more than we take in so short a time. Please wait a little and try again.",
             500: "Something broke on our side. It has been noted; nothing you did was wrong."}


def _domain_error(error: DomainError) -> Response:
    if error.status == 403:
        log.info("refused", reason=error.code, **_who())
    answer = error_page(error.status, TITLES.get(error.status, "That did not work"), error.sentence, error.code)
    if isinstance(error, TooFast):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _who() -> dict[str, Any]:
    return {"endpoint": request.endpoint, "user_id": g.viewer.id if "viewer" in g else None,
            "network": network_of(request.remote_addr)}  # fmt: skip


def _lost_form(error: CSRFError) -> Response:
    log.info("form refused", reason=error.description, **_who())
    return error_page(400, "This page was open too long",
                      "Your session ended meanwhile, so nothing was done. Go back, reload the page and try again.")


def _away() -> Response:
    """An honest answer where nothing could be read or written: 503, for a while."""
    with suppress(Exception):
        db.session.rollback()
    is_reading = request.method in {"GET", "HEAD"}
    answer = error_page(503, AWAY_TITLE, AWAY_SENTENCE if is_reading else AWAY_SENT)
    answer.headers["Retry-After"] = str(AWAY_SECONDS)
    return answer


def http_error(error: HTTPException) -> Response | HTTPException:
    """The page for an error that the framework found."""
    if error.code is None or error.code < 400 or error.response is not None:  # its answer has been made already
        return error
    failure = getattr(error, "original_exception", None)
    if isinstance(failure, AWAY) or (isinstance(failure, OSError) and failure.errno in NO_DISK):
        return _away()
    if error.code >= 500:
        with suppress(Exception):  # a failed transaction would take no question, and the page asks for the paper's name
            db.session.rollback()
    sentence = SENTENCES.get(error.code, "The request could not be understood.")
    if error.code >= 500 and "request_id" in g:
        sentence = f"{sentence} If you write to us about it, please add this: {g.request_id}."
    answer = error_page(error.code, TITLES.get(error.code, "That did not work"), sentence)
    for name, value in (error.get_response().headers if error.code in {405, 429} else {}).items():
        if name in {"Allow", "Retry-After"}:
            answer.headers[name] = value
    return answer


