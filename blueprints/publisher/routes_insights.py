"""Does talk pay? What comes in, who are members, and whether the books agree with what was billed."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.insights import checking, funnel, months, retention, staying, views
from blueprints.insights.downloads import download
from blueprints.membership.gateway import gateway
from blueprints.publisher.routes import publisher
from blueprints.site.queries import site
from core import clock
from core.db import transaction
from core.guards import staff
from jobs.queue import enqueue


@publisher.get("/publisher/insights")
@staff("is_publisher")
def insights() -> ResponseReturnValue:
    """Members, and what they bring in, month by month."""
    mode = gateway().mode
    page = views.money_page(mode, _months(), clock.now())
    return render_template(
        "publisher/insights.html", view=page, mode=mode, periods=months.PERIODS, chosen=_months(),
        sentences=checking.SENTENCES,
    )  # fmt: skip


@publisher.post("/publisher/insights/check")
@staff("is_publisher")
def check_books() -> ResponseReturnValue:
    """Hold the books against Invoices and payments now."""
    with transaction():
        enqueue("insights.check", key="insights.check")
    flash("The books are being compared. The result shows here in a moment.", "info")
    return redirect(url_for("publisher.insights", months=_months()) + "#books", 303)


@publisher.get("/publisher/insights/gate")
@staff("is_publisher")
def insights_gate() -> ResponseReturnValue:
    """The way from the gate to a first comment, by article and section."""
    page = funnel.page(gateway().mode, _days(), _section(), clock.now())
    return render_template(
        "publisher/insights_gate.html", view=page, periods=funnel.PERIODS, chosen=_days(), section=_section() or "",
        sections_of_site=site().sections,
    )  # fmt: skip


@publisher.get("/publisher/insights/gate/<key>.csv")
@staff("is_publisher")
def insights_gate_csv(key: str) -> ResponseReturnValue:
    """One of the tables of the way from the gate, with every article."""
    page = funnel.page(gateway().mode, _days(), _section(), clock.now(), funnel.ARTICLES_IN_A_FILE)
    return download(key, page.tables)


@publisher.get("/publisher/insights/staying")
@staff("is_publisher")
def insights_staying() -> ResponseReturnValue:
    """Whether those who talk stay longer than like readers who do not."""
    return render_template(
        "publisher/insights_staying.html", view=retention.page(gateway().mode), words=retention.WORDS,
        least=staying.LEAST_PAIRS, much=staying.MUCH_RESPECT,
    )  # fmt: skip


@publisher.post("/publisher/insights/staying")
@staff("is_publisher")
def compare_who_stays() -> ResponseReturnValue:
    """Compare anew now."""
    with transaction():
        enqueue("insights.staying", key="insights.staying")
    flash("Commenters and readers are being compared. The result shows here in a moment.", "info")
    return redirect(url_for("publisher.insights_staying"), 303)


@publisher.get("/publisher/insights/staying/<key>.csv")
@staff("is_publisher")
def insights_staying_csv(key: str) -> ResponseReturnValue:
    """One of the tables of who stays."""
    page = retention.page(gateway().mode)
    return download(key, page.tables if page else ())


@publisher.get("/publisher/insights/<key>.csv")
@staff("is_publisher")
def insights_csv(key: str) -> ResponseReturnValue:
    """One of the tables of money and members."""
    return download(key, views.money_page(gateway().mode, _months(), clock.now()).tables)


def _months() -> int:
    return months.chosen(request.values.get("months"))


def _days() -> int:
    return funnel.chosen(request.args.get("days"))


def _section() -> str | None:
    """The section to look at alone; None for all, and for one that is not there."""
    asked = request.args.get("section")
    return asked if asked in {one.slug for one in site().sections} else None

