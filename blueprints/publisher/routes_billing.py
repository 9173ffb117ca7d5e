"""The health of payments, and one reader's whole history with them."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.membership import health
from blueprints.membership.gateway import GatewayError, gateway
from blueprints.membership.sync import Busy
from blueprints.publisher import billing, queries_billing, queries_failures
from blueprints.publisher.routes import NUMBER, publisher
from core.db import transaction
from core.errors import NotFound
from core.guards import staff
from core.limits import at_most, limiter
from core.text import remove_controls

LONGEST_SEARCH = 120
NO_ANSWER = "Stripe does not answer at the moment, so nothing was changed. Please try again in a few minutes."


@publisher.get("/publisher/billing")
@staff("is_publisher")
def billing_page() -> ResponseReturnValue:
    """Whether every payment is noticed, and what was found and put right."""
    found = billing.billing_health()
    return render_template(
        "publisher/billing.html", health=found, rounds=billing.ROUNDS, events=queries_failures.failed_events(found.mode)
    )


@publisher.post("/publisher/billing/check")
@staff("is_publisher")
@limiter.limit(at_most(30, "hour"))
def check_account() -> ResponseReturnValue:
    """Look at the account at Stripe now."""
    wrong = sum(check.wrong for check in health.check_and_keep())
    flash(f"Checked: {wrong} to look at." if wrong else "Checked: all is well.", "info" if wrong else "success")
    return redirect(url_for("publisher.billing_page", _anchor="account"), 303)


@publisher.post("/publisher/billing/rounds/<kind>")
@staff("is_publisher")
@limiter.limit(at_most(30, "hour"))
def start_round(kind: str) -> ResponseReturnValue:
    """Catch up or compare now, instead of at the next hour or night."""
    with transaction():
        billing.start_round(kind)
    flash("It begins in a moment. Load this page again to see what it found.", "success")
    return redirect(url_for("publisher.billing_page", _anchor="rounds"), 303)


@publisher.post("/publisher/billing/events/retry")
@staff("is_publisher")
def retry_all_events() -> ResponseReturnValue:
    """Deal with every failed message from Stripe again."""
    with transaction():
        asked = billing.retry_all_events()
    flash(f"{asked} dealt with again in a moment." if asked else "Nothing has failed.", "success")
    return redirect(url_for("publisher.billing_page", _anchor="failed"), 303)


@publisher.post("/publisher/billing/events/<event_id>/retry")
@staff("is_publisher")
def retry_event(event_id: str) -> ResponseReturnValue:
    """Deal with one failed message from Stripe again."""
    with transaction():
        billing.retry_event(remove_controls(event_id))
    flash("The message is dealt with again in a moment.", "success")
    return redirect(url_for("publisher.billing_page", _anchor="failed"), 303)


@publisher.get("/publisher/billing/readers")
@staff("is_publisher")
def billing_readers() -> ResponseReturnValue:
    """Look for one reader by name, address, or any number that Stripe shows."""
    wanted = remove_controls(request.args.get("q", "")[:LONGEST_SEARCH]).strip()
    found = queries_billing.readers_found(wanted, gateway().mode) if wanted else []
    if len(found) == 1:
        return redirect(url_for("publisher.billing_reader", person_id=found[0].id), 303)
    return render_template("publisher/billing_readers.html", wanted=wanted, found=found)


@publisher.get(f"/publisher/billing/readers/<{NUMBER}:person_id>")
@staff("is_publisher")
def billing_reader(person_id: int) -> ResponseReturnValue:
    """Everything that happened between one reader and their payments."""
    return _reader_page(person_id)


@publisher.post(f"/publisher/billing/readers/<{NUMBER}:person_id>/sync")
@staff("is_publisher")
@limiter.limit(at_most(120, "hour"))
def sync_reader(person_id: int) -> ResponseReturnValue:
    """Fetch what Stripe says of one reader now."""
    try:
        found = billing.sync_reader(person_id)
    except (GatewayError, Busy):
        return _reader_page(person_id, NO_ANSWER), 503
    said = f"Put right: {'; '.join(str(each) for each in found)}." if found else "All was as Stripe says."
    flash(said[:600], "info" if found else "success")
    return redirect(url_for("publisher.billing_reader", person_id=person_id), 303)


def _reader_page(person_id: int, problem: str = "") -> str:
    history = queries_billing.reader_history(person_id, with_unneeded="all" in request.args)
    if history is None:
        raise NotFound("There is nobody here.")
    return render_template("publisher/billing_reader.html", reader=history, mode=gateway().mode, problem=problem)
