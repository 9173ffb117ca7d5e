"""The addresses for programs: reading only."""

from typing import Any

from flask import Blueprint, request

from blueprints.api import comments, people, stories
from blueprints.api.door import answers, look_at_key, whoever_asks
from blueprints.articles import queries
from blueprints.site.queries import site
from blueprints.threads import lookup
from core.errors import DomainError
from core.guards import public
from core.limits import at_most, limiter
from core.viewer import current_viewer

api = Blueprint("api", __name__)
READS = at_most(300, "minute")
api.before_request(look_at_key)


@api.get("/api/v1/articles")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers("section", "after", "limit")
def articles() -> dict[str, Any]:
    """Published articles, newest first."""
    return stories.listing(site(), request.args.get("section"), request.args.get("after"), _limit())


@api.get("/api/v1/articles/<slug>")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers()
def article(slug: str) -> dict[str, Any]:
    """One article, as far as the viewer may read it."""
    row = queries.article_row(slug)
    return stories.story(site(row.site_version if row else None), row, current_viewer())


@api.get("/api/v1/articles/<slug>/comments")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers("sort", "after")
def article_comments(slug: str) -> dict[str, Any]:
    """One page of an article's discussion."""
    facts = lookup.seen_thread(slug)
    return comments.discussion(facts, current_viewer(), request.args.get("sort"), request.args.get("after"))


@api.get("/api/v1/comments/<int(max=2147483647):comment_id>")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers()
def comment(comment_id: int) -> dict[str, Any]:
    """One comment."""
    return comments.comment(*lookup.visible_comment(comment_id), current_viewer())


@api.get("/api/v1/comments/<int(max=2147483647):comment_id>/replies")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers("after")
def comment_replies(comment_id: int) -> dict[str, Any]:
    """The next replies below a comment."""
    facts, found = lookup.visible_comment(comment_id)
    return comments.replies(facts, found, current_viewer(), request.args.get("after"))


@api.get("/api/v1/me")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers()
def me() -> dict[str, Any]:
    """Who asks, as this paper knows them."""
    return people.oneself(current_viewer())


@api.get("/api/v1/openapi.json")
@public
@limiter.limit(READS, key_func=whoever_asks)
@answers()
def openapi() -> dict[str, Any]:
    """What is here, as an OpenAPI document."""
    from blueprints.api.description import description  # read once in a while: not worth a place in every process

    return description()


def _limit() -> int:
    given = request.args.get("limit")
    if given is None:
        return stories.LISTED
    if given.isascii() and given.isdecimal() and len(given) < 4 and 1 <= int(given) <= stories.MOST_LISTED:
        return int(given)
    raise DomainError(f"`limit` is a whole number from 1 to {stories.MOST_LISTED}.", 422, "bad_parameter")
