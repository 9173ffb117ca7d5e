"""The signed-in session: who is asking, signing in, signing out.

A session is a row (models/browser_session.py) whose key is in the browser's signed cookie. Reading a page costs no
more for it: the row is found in the question that finds the person. It is written to at most every few minutes.

"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Flask, request, session
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from blueprints.accounts import factors, known_browsers, queries_sessions, tokens
from blueprints.accounts.device import device_named
from blueprints.accounts.queries import Use, user_by_id, viewer_by_session
from blueprints.accounts.signals import signed_in_signal as signed_in_signal
from core import clock
from core.db import db, is_writing
from core.network import network_of
from core.viewer import GUEST, Viewer, current_viewer, forget_viewer, register_viewer_loader
from models.browser_session import BrowserSession

log = structlog.get_logger("accounts")
SESSION_KEY = "_user_id"
HALF_KEY = "half"  # proof of a right password, while the second factor is asked for

SEEN_EVERY = timedelta(minutes=10)
IDLE_LIFETIME = timedelta(days=30)
LONGEST_LIFETIME = timedelta(days=180)  # however often it is used


def install(app: Flask) -> None:
    """Say how the session's cookie is kept, and how the viewer of a request is found."""
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.config["PRODUCTION"],
    )
    register_viewer_loader(app, load_viewer)


def load_viewer() -> Viewer:
    """The viewer of this request's session; a guest without one."""
    key = session.get(SESSION_KEY)
    if not key:
        return GUEST
    viewer, use = viewer_by_session(key_digest(key))
    if use is not None and not is_writing():
        _note(viewer, use)
    return with_proved_roles(viewer)


def with_proved_roles(viewer: Viewer) -> Viewer:
    """The viewer without roles that wait for a second factor."""
    if viewer.roles and not viewer.second_factor and factors.is_required_of_staff():
        return replace(viewer, roles=frozenset(), waiting_roles=viewer.roles)
    return viewer


def viewer_at_once(values: Mapping[str, Any]) -> Viewer | None:
    """The viewer whose session holds these values; None where more is to be done first, as `load_viewer` does it."""
    key = values.get(SESSION_KEY)
    if not key:
        return GUEST
    viewer, use = viewer_by_session(key_digest(key))
    if viewer.roles and not viewer.second_factor:
        return None
    return None if use is not None and (use.must_rotate or clock.now() - use.seen_at > SEEN_EVERY) else viewer


def start_session(user_id: int, *, second_factor: bool = False) -> None:
    """Sign a person in on this browser, inside a transaction: `signed_in_signal` lets others write in it.

    The session is emptied first, so nothing of a stranger's stays in it, and the one before ends. `second_factor`
    says that more than a password was shown. Raises LookupError for an inactive person.
    """
    user = user_by_id(user_id)
    if user is None or not user.active:
        raise LookupError("nobody to sign in")
    if old := session.get(SESSION_KEY):
        queries_sessions.end_key(key_digest(old))
    token = session.get("csrf_token")
    session.clear()
    if token:
        session["csrf_token"] = token  # forms open in other tabs go on working
    moment = clock.now()
    key = new_key()
    queries_sessions.add(new_session(user_id, key, moment, second_factor_at=moment if second_factor else None))
    _take(key)
    known_browsers.remember(user.email)
    log.info("signed in", user_id=user_id, second_factor=second_factor, **_where())
    signed_in_signal.send(None, user_id=user_id)


def begin_half(user_id: int) -> None:
    """The password was right: remember it in this browser for some minutes, until the second factor is shown."""
    user = user_by_id(user_id)
    if user is None:
        raise LookupError("nobody to sign in")
    session[HALF_KEY] = tokens.issue("second", user)


def new_session(user_id: int, key: str, moment: datetime, *, second_factor_at: datetime | None) -> BrowserSession:
    """The row of a browser that signs in at this moment, with what this request says of it."""
    return BrowserSession(
        user_id=user_id, key_hash=key_digest(key), created_at=moment, seen_at=moment, proved_at=moment,
        expires_at=moment + IDLE_LIFETIME, second_factor_at=second_factor_at, **_where(),
    )  # fmt: skip


def renew_session(*, second_factor: bool = False) -> None:
    """After a proof of who they are: a new key for this browser, and the moment, inside a transaction."""
    row = queries_sessions.by_key(key_digest(session.get(SESSION_KEY, "")))
    if row is None:
        raise LookupError("no session to renew")
    moment, key = clock.now(), new_key()
    row.key_hash, row.proved_at, row.must_rotate = key_digest(key), moment, False
    if second_factor:
        row.second_factor_at = moment
    db.session().flush()
    _take(key)


def start_again(user_id: int) -> None:
    """Let this browser stay signed in, with another key, after all sessions were ended; inside a transaction."""
    moment, key, viewer = clock.now(), new_key(), current_viewer()
    passed = moment if viewer.second_factor else None
    queries_sessions.add(new_session(user_id, key, moment, second_factor_at=passed))
    _take(key)


def end_other_sessions(user_id: int) -> None:
    """Sign a person out on every browser but this one, inside a transaction."""
    queries_sessions.end_all(user_id, but=current_viewer().session_id)


def end_session() -> None:
    """Sign this browser out, inside a transaction."""
    log.info("signed out", user_id=current_viewer().id)
    if key := session.get(SESSION_KEY):
        queries_sessions.end_key(key_digest(key))
    session.clear()
    forget_viewer()


def forget_in_browser(answer: Response) -> Response:
    """Have the browser drop what our pages kept in it, now that nobody is signed in there any more.

    Not its cookies, which would sign the person out of the publisher's other hosts and make this browser a stranger;
    and not its cache, which holds nothing of theirs (every page of somebody known is `no-store`) and is slow to empty.
    """
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer


def new_key() -> str:
    """What a session's cookie proves itself by: 256 bits."""
    return secrets.token_hex(32)


def key_digest(key: str) -> str:
    """The form in which a session's key is kept."""
    return hashlib.sha256(key.encode()).hexdigest()


def _take(key: str) -> None:
    session[SESSION_KEY] = key
    session.permanent = True
    forget_viewer()


def _note(viewer: Viewer, use: Use) -> None:
    """Keep the moment of the last use, coarsely, and change the key where the person's powers changed.

    What cannot be written now is written another time: reading goes on while nothing can be written.
    """
    moment = clock.now()
    try:
        if use.must_rotate:
            key = new_key()
            if queries_sessions.change_key(key_digest(session[SESSION_KEY]), key_digest(key)):
                session[SESSION_KEY] = key
        if viewer.session_id is not None and moment - use.seen_at > SEEN_EVERY:
            queries_sessions.note_use(
                viewer.session_id, seen_at=moment, expires_at=moment + IDLE_LIFETIME, **_where()
            )
    except SQLAlchemyError as error:
        log.warning("a session's use was not noted", error=type(error).__name__)


def _where() -> dict[str, str]:
    return {"device": device_named(request.user_agent.string), "network": network_of(request.remote_addr)}
