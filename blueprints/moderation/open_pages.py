"""Pages about moderation for everybody: the transparency report, the log, the ledger's seals, one's own record."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from flask import render_template

from blueprints.moderation import casefile, queries, queries_ledger, queries_transparency, records, transparency
from blueprints.moderation.queries_fairness import settings
from blueprints.moderation.words import DONE
from blueprints.site.queries import site
from core import clock
from core.db import db
from core.errors import DomainError, NotFound
from core.viewer import current_viewer

LOG_WORDS = {
    "reject": "Comment removed", "restore": "Comment put back", "publish": "Comment published after a look",
    "uphold": "Objection: the decision stands", "reverse": "Objection: the decision was reversed",
    "notice": "Notice of illegal content decided", "notice-again": "Notice of illegal content decided again",
    "thread": "Discussion changed", "purge": "Words removed for good by two people",
}  # fmt: skip


def what_is_open() -> dict[str, bool]:
    """Which of these pages readers may see."""
    row = settings(db.session())
    return {"public_log": row.public_log, "public_report": row.public_report}


def log_is_open() -> bool:
    """Whether readers may see the log; the publisher always does."""
    return settings(db.session()).public_log


def transparency_page(start: str, end: str) -> tuple[str, int]:
    """The report of a period; one that cannot be gets a sentence. Raises NotFound where the report is not open."""
    refused, status = "", 200
    try:
        first, last = _period(start, end)
    except DomainError as error:
        if error.status == 404:
            raise
        refused, status = error.sentence, error.status
        first, last = transparency.period("", "", clock.now().date())
    parts = transparency.report(db.session(), first, last)
    page = render_template(
        "fair/transparency.html", parts=parts, first=first, last=last, refused=refused,
        is_open=settings(db.session()).public_report,
    )  # fmt: skip
    return page, status


def transparency_json(start: str, end: str) -> str:
    """The report for programs. Raises NotFound where it is not open, DomainError for a period that is none."""
    first, last = _period(start, end)
    parts = transparency.report(db.session(), first, last)
    return json.dumps(transparency.as_data(parts, first, last, site().name, clock.now()), ensure_ascii=False, indent=1)


def transparency_csv(start: str, end: str) -> str:
    """The report for spreadsheets. Raises as for programs."""
    return transparency.as_csv(transparency.report(db.session(), *_period(start, end)))


def log_page(before: int | None) -> str:
    """Decisions, the newest first, without names and words. Raises NotFound where the publisher wants no log."""
    if not log_is_open() and not current_viewer().is_publisher:
        raise NotFound
    rows = queries_transparency.public_log(db.session(), before)
    shown, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    return render_template(
        "fair/log.html", rows=shown, WORDS=DONE | LOG_WORDS, SOURCES=transparency.SOURCES, is_open=log_is_open(),
        next_url=f"/moderation-log?before={shown[-1].id}" if more else None,
        first_url="/moderation-log" if before else None,
    )  # fmt: skip


def seals_page(before: int | None) -> str:
    """Where the ledger ended day by day, and how a person checks their own case."""
    rows = queries_ledger.seals(db.session(), before)
    shown, more = rows[: queries.PAGE], len(rows) > queries.PAGE
    return render_template(
        "fair/seals.html", rows=shown, next_url=f"/ledger?before={shown[-1].action_id}" if more else None,
        first_url="/ledger" if before else None,
    )  # fmt: skip


def check_script() -> str:
    """The program that checks a case's file, as it runs here."""
    return Path(casefile.__file__).read_text(encoding="utf-8")


def record_page() -> str:
    """What the ledger holds about who is signed in."""
    session, viewer = db.session(), current_viewer()
    return render_template("fair/record.html", lines=records.lines_of(session, viewer.id or 0))


def case_json(case: dict[str, Any]) -> str:
    """The file of a case."""
    return json.dumps(case, ensure_ascii=False, indent=1)


def _period(start: str, end: str) -> tuple[date, date]:
    if not settings(db.session()).public_report and not current_viewer().is_editor:
        raise NotFound
    return transparency.period(start, end, clock.now().date())
