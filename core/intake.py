"""What no request that is meant holds, refused before any view sees it; and what a database will not take."""

from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from flask import Flask, Response, current_app, redirect, request
from gunicorn.http.errors import NoMoreData, ParseException
from sqlalchemy.exc import DataError
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as Redirect

from core.db import db
from core.errors import DomainError, NotFound
from core.guards import GUARD_MARK
from core.rendering import error_page

FILE_FIELDS = {"picture", "file"}  # of all forms that take one

log = structlog.get_logger("web")


def refuse_nul() -> None:
    """Refuse an address with a NUL in it: PostgreSQL has no such character, and nobody types one."""
    if "\0" in request.path:
        raise NotFound
    query = request.query_string
    if b"%00" in query or b"\0" in query or b"\0" in unquote_to_bytes(query):
        raise DomainError("The request could not be understood.", 400, "nul")


def lead_to_the_right_spelling() -> Redirect | None:
    """An address with a slash too many leads to the right one. The library's way there names whatever host was asked
    for, and so could lead away from here."""
    known = request.routing_exception
    if not isinstance(known, RequestRedirect):
        return None
    right = urlsplit(known.new_url)
    return redirect(f"/{right.path.lstrip('/')}{'?' if right.query else ''}{right.query}", known.code)


def refuse_json() -> None:
    """Refuse JSON where a form is asked for: the forms' library would take it apart, and break on most of it."""
    view = current_app.view_functions.get(request.endpoint or "")
    for_programs = getattr(view, GUARD_MARK, "") == "machine" or request.blueprint == "api"
    if request.is_json and not for_programs:
        raise DomainError("This address takes forms, not JSON.", 415, "json")


def refuse_stray_parts() -> None:
    """Refuse a part without a name, and a file in a field that takes text.

    The libraries of forms and tokens look for names in names, and hand a file on as if it were what was typed.
    """
    if request.mimetype != "multipart/form-data":
        return
    if any(not isinstance(name, str) for name in (*request.form, *request.files)):
        raise DomainError("The request could not be understood.", 400, "nameless")
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, GUARD_MARK, "") == "machine":
        return
    if request.files.keys() - FILE_FIELDS:
        raise DomainError("A field of this form takes text, not a file.", 400, "file")


def _unstorable(error: DataError) -> Response:
    """A value from a form that the database has no room for: nothing was stored, and it was not our mistake."""
    db.session.rollback()
    log.warning("a value that the database cannot hold", endpoint=request.endpoint, kind=type(error.orig).__name__)
    return error_page(400, "That did not work", "Something in this form cannot be stored. Nothing was changed.")


def _broken_off(_error: Exception) -> Response:
    """A body that ends too early or is not in the pieces it claims to be: the sender's mistake."""
    return error_page(400, "That did not work", "The request could not be understood.")


def install(app: Flask) -> None:
    """Stand in front of every route."""
    app.before_request(refuse_nul)
    app.before_request(lead_to_the_right_spelling)
    app.before_request(refuse_json)
    app.before_request(refuse_stray_parts)
    app.register_error_handler(DataError, _unstorable)
    for kind in (ParseException, NoMoreData):
        app.register_error_handler(kind, _broken_off)
