"""Giving articles away."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from blueprints.articles import queries, queries_sharing, sharing
from blueprints.articles.policy import may_read
from blueprints.articles.routes import articles
from blueprints.articles.structured import absolute
from blueprints.site.queries import site
from blueprints.threads.ordering import MAX_ID
from core import clock
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import signed_in
from core.limits import at_most, limiter
from core.viewer import current_viewer


@articles.get("/articles/<slug>/share")
@signed_in
def ask_to_share(slug: str) -> ResponseReturnValue:
    """One's link to this article, or the button that makes it, and how many are left."""
    return _share_page(slug)


@articles.post("/articles/<slug>/share")
@signed_in
@limiter.limit(at_most(60, "hour"))
def share(slug: str) -> ResponseReturnValue:
    """Make a link that opens this article to anybody for two weeks."""
    row, readable = _row(slug)
    try:
        with transaction():
            sharing.give_link(current_viewer(), row.id, readable=readable)
    except DomainError as refusal:
        return _share_page(slug, refusal.sentence), refusal.status
    return redirect(url_for("articles.ask_to_share", slug=slug), 303)


@articles.get("/account/shared")
@signed_in
def shared() -> str:
    """What one gave away: what each link brought, and the button that ends it."""
    reader, links = current_viewer().id or 0, queries_sharing.own_links(current_viewer().id or 0)
    addresses = {link.id: absolute(sharing.address_of(link.slug, link.id)) for link in links}
    return render_template(
        "articles/shared.html", links=links, now=clock.now(), allowance=sharing.allowance(reader), addresses=addresses
    )


@articles.post(f"/account/shared/<int(max={MAX_ID}):link_id>/revoke")
@signed_in
def revoke(link_id: int) -> ResponseReturnValue:
    """End a link at once."""
    with transaction():
        sharing.revoke_link(current_viewer(), link_id)
    flash("The link opens nothing any more.", "success")
    return redirect(url_for("articles.shared"), 303)


def _row(slug: str) -> tuple[Row[Any], bool]:
    row, viewer = queries.article_row(slug), current_viewer()
    if row is None or row.state != "published":
        raise NotFound
    return row, may_read(viewer, queries.gate_of(row, site(row.site_version)), clock.now())


def _share_page(slug: str, problem: str | None = None) -> str:
    row, readable = _row(slug)
    viewer, now = current_viewer(), clock.now()
    standing = queries_sharing.live_link(viewer.id or 0, row.id, now)
    return render_template(
        "articles/share.html", headline=row.headline, slug=slug, readable=readable, problem=problem,
        allowance=sharing.allowance(viewer.id or 0), link=standing,
        address=absolute(sharing.address_of(slug, standing.id)) if standing else "",
    )  # fmt: skip
