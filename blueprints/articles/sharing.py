"""Links by which members open an article to others for a while. Nothing here commits.

A link is looked up each time it is used, so one that is revoked opens nothing from that moment on.
"""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from blueprints.accounts.queries import user_by_id
from blueprints.articles import queries_sharing
from blueprints.articles.queries_sharing import SharedWith
from core import clock
from core.db import db
from core.errors import DomainError, Forbidden, NotFound
from core.records import dataclass
from core.rendering import date
from core.viewer import Viewer
from models.share import ShareLink

LIFETIME = timedelta(days=14)
MONTH = timedelta(days=30)
LONGEST_TOKEN = 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many links a member may give in a month, and how many are left now."""

    a_month: int
    left: int


def allowance(user_id: int) -> Allowance:
    """What is left of this month's links; a month is the last thirty days."""
    now = clock.now()
    most = queries_sharing.links_a_month(user_id, now)
    return Allowance(most, max(0, most - queries_sharing.links_since(user_id, now - MONTH)))


def give_link(viewer: Viewer, article_id: int, *, readable: bool) -> ShareLink:
    """The member's link to this article: the one that works already, or a new one. Raises DomainError."""
    if viewer.id is None or not readable:
        raise Forbidden("You can share what you can read yourself.")
    user_by_id(viewer.id, lock=True)  # two presses at once must not give two
    now = clock.now()
    standing = queries_sharing.live_link(viewer.id, article_id, now)
    if standing is not None:
        return standing
    left = allowance(viewer.id)
    if not left.a_month:
        raise Forbidden("Your plan has no links to give away.")
    if not left.left:
        used_up = f"You have given away all {left.a_month} links of the last thirty days."
        raise DomainError(used_up, 429, "no_links_left")
    link = ShareLink(user_id=viewer.id, article_id=article_id, created_at=now, expires_at=now + LIFETIME)
    db.session().add(link)
    db.session().flush()
    return link


def revoke_link(viewer: Viewer, link_id: int) -> None:
    """End one's own link at once. Raises NotFound."""
    if not queries_sharing.revoke(viewer.id or 0, link_id, clock.now()):
        raise NotFound("There is no such link of yours that still works.")


def address_of(slug: str, link_id: int) -> str:
    """The path that a link is."""
    return f"/articles/{slug}?share={_serializer().dumps(link_id)}"


def named(token: str | None) -> SharedWith | None:
    """The link a token names, whether it still works or not; None for a strange one."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    try:
        link_id = _serializer().loads(token)
    except BadSignature:
        return None
    return queries_sharing.shared_with(link_id) if isinstance(link_id, int) else None


def named_in(path: str) -> SharedWith | None:
    """The link in the address that somebody is to come back to after signing up."""
    return named(parse_qs(urlsplit(path).query).get("share", [None])[0])


def why_not(link: SharedWith, at: datetime) -> str:
    """What a reader is told whose link opens nothing any more."""
    if link.revoked_at is not None:
        return "The link that brought you here was taken back."
    return f"The link that brought you here worked until {date(link.expires_at)}." if at >= link.expires_at else ""


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="share")
