"""Proof that a form came from one of our own pages.

Signed-in people and everybody with a session prove it with the session's token (Flask-WTF). A visitor without a
session gets a signed token that is the same for all, so that public pages can be cached: there is no session whose
authority could be abused, and browsers say by themselves when a POST comes from another site, which is refused first.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from itsdangerous import BadSignature, URLSafeTimedSerializer

from core.errors import DomainError
from core.guards import GUARD_MARK
from core.signing import Signer

GUEST_TOKEN_SECONDS = 30 * 24 * 3600
REUSE_SECONDS = 60
KEPT_PROOFS = 5_000
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class SameSiteProtect(CSRFProtect):
    """Flask-WTF's protection, with the visitors' token where there is no session."""

    def protect(self, apply_exemptions: bool = False) -> None:
        if request.method in SAFE_METHODS:
            return
        if not has_session() and _is_guest_token(_sent_token()):
            g.csrf_valid = True
            return
        proof = (current_app.secret_key, session.get("csrf_token"), self._get_csrf_token())
        if proof in _proved:
            g.csrf_valid = True
            return
        g.pop("csrf_valid", None)  # only what is proved now counts: an exempt view is let through without a look
        super().protect(apply_exemptions)
        if g.get("csrf_valid") and proof[2]:
            if len(_proved) >= KEPT_PROOFS:
                _proved.clear()
            _proved.add(proof)


# Tokens that were found good, each with the session it belongs to: they stay good as long as that session.
_proved: set[tuple[object, object, object]] = set()
csrf = SameSiteProtect()


def has_session() -> bool:
    """Whether the request brought a session of ours."""
    return current_app.config["SESSION_COOKIE_NAME"] in request.cookies or "remember_token" in request.cookies


def form_token() -> str:
    """The token for this page's forms: the session's own; for visitors the common one where none must be begun.

    That is on cacheable pages, and in answers to forms: another site may have sent the form, and a new session would
    take the place of the one that the reader's browser kept back.
    """
    if "csrf_token" in g:  # where Flask-WTF keeps the one it made for this page
        return cast(str, g.csrf_token)
    if not has_session() and (g.get("cacheable") or (request.method not in SAFE_METHODS and not session)):
        return guest_token()
    raw = session.get("csrf_token")
    if raw is None:
        return str(generate_csrf())
    g.csrf_token = token_of(raw)
    return cast(str, g.csrf_token)


def token_of(raw: str) -> str:
    """The token of a session that holds these raw characters; the same one for a while, so that pages can share it."""
    return _signed(current_app.config["SECRET_KEY"], raw, int(time.time()) // REUSE_SECONDS)


@contextmanager
def token_shown_as(text: str) -> Iterator[None]:
    """Let what is rendered meanwhile carry this text for its token: a page that is kept must not hold anybody's."""
    own = g.pop("csrf_token", None)
    g.csrf_token = text
    try:
        yield
    finally:
        g.pop("csrf_token")
        if own is not None:
            g.csrf_token = own


def guest_token() -> str:
    """A token for visitors' forms, good for 30 days."""
    return _signer().sign("guest").decode()


def token_is_valid() -> bool:
    """For views that answer a lost session themselves: whether this POST's token holds. Never raises."""
    try:
        csrf.protect()
    except CSRFError:
        return False
    return True


def refuse_cross_site() -> None:
    """Refuse a state-changing request that the browser says comes from another site.

    Also one without any cookie: browsers leave ours out of a foreign form's request, yet keep the session that its
    answer would start, which would sign a reader in as somebody else.
    Programs (webhooks, mail clients) prove themselves in another way and may say whatever they like about their origin.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    if request.method in SAFE_METHODS or getattr(view, GUARD_MARK, "") == "machine":
        return
    fetch_site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    foreign = fetch_site in {"cross-site", "same-site"}
    if origin == "null":
        foreign = foreign or fetch_site != "same-origin"  # a page that hides where it is; ours never does
    elif origin:
        own = {request.host, urlsplit(current_app.config["SETTINGS"].base_url).netloc}
        foreign = foreign or origin.partition("://")[2] not in own
    if foreign:
        raise DomainError("This form was sent from another site, so nothing was done.", 403, "cross_site")


def install(app: Flask) -> None:
    """Put the protection in front of every route."""
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # a session's token lives as long as the session
    app.config.setdefault("WTF_CSRF_SSL_STRICT", False)  # Origin and Sec-Fetch-Site are checked instead
    app.before_request(refuse_cross_site)
    csrf.init_app(app)


@lru_cache(maxsize=2048)
def _signed(secret: str, raw: str, _when: int) -> str:
    """The token Flask-WTF would make. It is good as long as the session, so pages that follow soon share one."""
    return URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(raw)


def _sent_token() -> str:
    return request.form.get("csrf_token", "") or request.headers.get("X-CSRFToken", "")


def _is_guest_token(token: str) -> bool:
    try:
        return bool(_signer().unsign(token, max_age=GUEST_TOKEN_SECONDS) == b"guest")
    except BadSignature:
        return False


def _signer() -> Signer:
    return Signer(current_app.config["SECRET_KEY"], salt="guest-form")
