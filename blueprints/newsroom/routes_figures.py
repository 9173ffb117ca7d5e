"""What an article's gate brought and how its discussion goes, for the people who wrote and edit it."""

from flask import Response, render_template, request

from blueprints.insights import funnel, queries_funnel, queries_health
from blueprints.insights.downloads import download
from blueprints.newsroom.routes import ARTICLE, newsroom, to_open
from core import clock
from core.guards import staff
from core.viewer import current_viewer


@newsroom.get(f"{ARTICLE}/figures")
@staff("is_author")
def figures(article_id: int) -> str:
    """The steps from the gate to a first comment, and the state of the discussion."""
    article, _ = to_open(current_viewer(), article_id)
    days, now = funnel.chosen(request.args.get("days")), clock.now()
    steps = queries_funnel.of_article(article_id, funnel.first_day(days, now))
    return render_template(
        "newsroom/figures.html", article=article, steps=funnel.steps_table(steps), chart=funnel.steps_chart(steps),
        health=queries_health.health_of(article_id, article.author_id, now), periods=funnel.PERIODS, chosen=days,
    )  # fmt: skip


@newsroom.get(f"{ARTICLE}/figures.csv")
@staff("is_author")
def figures_csv(article_id: int) -> Response:
    """The steps of one article, for a spreadsheet."""
    to_open(current_viewer(), article_id)
    since = funnel.first_day(funnel.chosen(request.args.get("days")), clock.now())
    return download("steps", [funnel.steps_table(queries_funnel.of_article(article_id, since))])
