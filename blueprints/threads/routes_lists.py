"""Comments outside their threads: the search, and people's own pages."""

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from blueprints.site.queries import SectionView, site
from blueprints.threads import lists, policy
from blueprints.threads.facts import ThreadFacts
from blueprints.threads.lookup import article_thread
from blueprints.threads.routes import threads
from blueprints.threads.search.words import MAX_QUERY
from core import clock
from core.errors import DomainError, NotFound
from core.guards import public
from core.ids import MAX_ID, row_id
from core.limits import at_most, limiter
from core.text import address
from core.viewer import current_viewer

READER = f"/readers/<int(max={MAX_ID}):user_id>"


@threads.get("/search")
@public
@limiter.limit(at_most(30, "minute"), exempt_when=lambda: not request.args.get("q", "").strip())
def search() -> tuple[str, int] | BaseResponse:
    """Comments by their words: in the discussion of `article`, in all of `section`, or everywhere."""
    typed = request.args.get("q", "").strip()
    facts, section = _asked_place()
    before = request.args.get("before", MAX_ID, type=row_id)
    found, refused = None, None
    if typed:
        try:
            found = lists.search(current_viewer(), typed, facts, section, before)
        except DomainError as error:
            refused = error
    page = render_template(
        "threads/search.html", typed=typed, facts=facts, found=found, refused=refused, limit=MAX_QUERY,
        places=_places(typed, facts, section), place=_place_fields(facts, section), is_first=before == MAX_ID,
        next_url=address("/search", q=typed, before=str(found.before), **_place_fields(facts, section))
        if found and found.before else None,
        first_url=address("/search", q=typed, **_place_fields(facts, section)),
    )  # fmt: skip
    return page, refused.status if refused else 200


@threads.get(READER)
@threads.get(f"{READER}-<name>")
@public
def reader(user_id: int, name: str = "") -> str | BaseResponse:
    """A person's own page, for those who may see it."""
    page = lists.reader(current_viewer(), user_id, request.args.get("before", MAX_ID, type=row_id))
    if request.path != page.url:
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        return redirect(page.url + query, 303)  # names change, so no browser should remember this
    is_first = "before" not in request.args
    return render_template("threads/reader.html", page=page, is_first=is_first)


def _asked_place() -> tuple[ThreadFacts | None, SectionView | None]:
    """Where to search. Raises NotFound for what the viewer may not see."""
    if slug := request.args.get("article"):
        facts = article_thread(slug)
        policy.refuse(policy.may_see_thread(current_viewer(), facts, clock.now()))
        return facts, None
    if slug := request.args.get("section"):
        section = next((section for section in site().sections if section.slug == slug), None)
        if section is None:
            raise NotFound
        return None, section
    return None, None


def _place_fields(facts: ThreadFacts | None, section: SectionView | None) -> dict[str, str]:
    if facts:
        return {"article": facts.slug}
    return {"section": section.slug} if section else {}


def _places(typed: str, facts: ThreadFacts | None, section: SectionView | None) -> list[dict[str, object]]:
    """The same search elsewhere: from a discussion to its section and to everything."""
    near = section or next((one for one in site().sections if facts and one.id == facts.section_id), None)
    places: list[tuple[str, dict[str, str], bool]] = []
    if facts:
        places.append(("This discussion", {"article": facts.slug}, True))
    if near:
        places.append((f"All of {near.name}", {"section": near.slug}, facts is None))
    places.append(("Everywhere", {}, near is None))
    return [
        {"label": label, "href": address("/search", q=typed, **fields), "current": current}
        for label, fields, current in places
    ]
