"""The page of those who answer readers: an article's guests, its author, and who moderates it."""

from flask import render_template, request

from blueprints.threads import lookup, modes
from blueprints.threads.question_page import question_page
from blueprints.threads.routes import Answer, threads
from core.errors import NotFound
from core.guards import signed_in
from core.viewer import current_viewer


@threads.get("/articles/<slug>/questions")
@signed_in
def questions(slug: str) -> Answer:
    """What readers asked under an article, what waits for an answer first."""
    facts, viewer = lookup.article_thread(slug), current_viewer()
    if not (modes.answers_here(viewer, facts) or (facts.takes_questions and viewer.moderates(facts.section_id))):
        raise NotFound
    page = question_page(facts, viewer, request.args.get("show"), request.args.get("after", ""))
    return render_template("threads/questions.html", facts=facts, page=page)
