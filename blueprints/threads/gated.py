"""What stands in the place of a discussion for those who may not read the article it is about."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from blueprints.membership.entitlements import REGISTERED
from blueprints.threads import policy, queries, queries_authors, queries_drafts
from blueprints.threads.composer import composer_for
from blueprints.threads.drafts import DraftOwner
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.shared import render
from core.at_hand import take_time
from core.db import db
from core.viewer import Viewer


def way_in(facts: ThreadFacts, viewer: Viewer) -> dict[str, Any]:
    """The ways to read along, as the gate of the article gives them: an account, or what opens it at a price."""
    for_registered = facts.shown_to == REGISTERED
    return {
        "for_registered": for_registered, "viewer": viewer, "slug": facts.slug, "path": facts.article_url,
        "offer": None if for_registered else queries.cheapest_offer(db.session(), facts.shown_to),
    }  # fmt: skip


def part(facts: ThreadFacts, viewer: Viewer, now: datetime, *, focus: bool) -> Markup:
    """The discussion's place under the article: how many comments there are, the ways in, and the composer for those
    who may comment all the same."""
    take_time()
    composer = None
    if policy.may_comment(viewer, facts, now) is None:
        session = db.session()
        kept, generation = queries_drafts.draft_at(session, facts.article_id, 0, DraftOwner(user_id=viewer.id))
        made = composer_for(
            facts, viewer, None, None, now=now, here=queries_authors.here(session, facts, viewer), body=kept,
            from_draft=bool(kept), draft=generation, focus=focus,
        )  # fmt: skip
        composer = replace(made, people_url="")  # who takes part is not told
    html = render("threads/_gated_thread.html", facts=facts, way_in=way_in(facts, viewer), composer=composer)
    return Markup(html)  # noqa: S704 - made of our own templates
