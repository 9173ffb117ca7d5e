"""What everybody may know of moderation: figures, a log without names, the ledger's seals, and one's own record."""

from flask import Response, request

from blueprints.moderation import open_pages, records
from blueprints.moderation.routes import Answer, moderation
from blueprints.site.queries import site
from core import clock
from core.db import transaction
from core.guards import public, signed_in
from core.ids import row_id
from core.limits import at_most, guests_at_most, limiter
from core.viewer import current_viewer


@moderation.get("/transparency")
@public
@guests_at_most(60, "hour")
def transparency_report() -> Answer:
    """The transparency report of a period."""
    return open_pages.transparency_page(request.args.get("from", ""), request.args.get("to", ""))


@moderation.get("/transparency.<any(csv, json):kind>")
@public
@guests_at_most(60, "hour")
def transparency_file(kind: str) -> Response:
    """The same for spreadsheets and programs."""
    make = open_pages.transparency_csv if kind == "csv" else open_pages.transparency_json
    body = make(request.args.get("from", ""), request.args.get("to", ""))
    answer = Response(body, mimetype="text/csv" if kind == "csv" else "application/json")
    answer.headers["Content-Disposition"] = f"attachment; filename=transparency.{kind}"
    return answer


@moderation.get("/moderation-log")
@public
def moderation_log() -> str:
    """Every decision with its ground, without names and words; where the publisher wants it."""
    return open_pages.log_page(request.args.get("before", type=row_id))


@moderation.get("/ledger")
@public
def ledger_seals() -> str:
    """Where the ledger ended, day by day, and how to check one's own case."""
    return open_pages.seals_page(request.args.get("before", type=row_id))


@moderation.get("/ledger/casefile.py")
@public
def check_script() -> Response:
    """The program that checks a case's file, to be run anywhere."""
    answer = Response(open_pages.check_script(), mimetype="text/plain")
    answer.headers["Content-Disposition"] = "attachment; filename=casefile.py"
    return answer


@moderation.get("/account/record")
@signed_in
def own_record() -> str:
    """What the ledger holds about oneself, and the file to take home."""
    return open_pages.record_page()


@moderation.post("/account/record")
@signed_in
@limiter.limit(at_most(20, "hour"))
def own_case() -> Response:
    """The file of one's own case, which ends with a seal that is published at this moment."""
    with transaction() as session:
        records.seal_now(session)
        case = records.case_of(session, current_viewer().id or 0, site().name)
    answer = Response(open_pages.case_json(case), mimetype="application/json")
    answer.headers["Content-Disposition"] = f"attachment; filename=case-{clock.now():%Y-%m-%d}.json"
    answer.headers["Cache-Control"] = "no-store"
    return answer
