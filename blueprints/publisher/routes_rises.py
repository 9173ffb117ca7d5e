"""Prices that rise for those who pay them, the proof of what members were told, and what ends access."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.membership import queries_notices, queries_rises, rises
from blueprints.membership.gateway import gateway
from blueprints.membership.law import LAWS
from blueprints.publisher import selling
from blueprints.publisher.forms_selling import EndsForm, RiseForm
from blueprints.publisher.routes import NUMBER, publisher
from core import clock
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import staff
from core.ids import row_id
from core.rendering import date
from core.text import remove_controls
from core.viewer import current_viewer

NOTICES_SHOWN = 50
KINDS = {
    "trial": "End of a free time", "renewal": "Renewal of a year", "annual": "Yearly reminder",
    "price": "Rise of a price", "price_kept": "Rise called off", "promotion": "End of a discount",
}  # fmt: skip


@publisher.get("/publisher/plans/prices/<price>/rise")
@staff("is_publisher")
def ask_to_rise(price: str) -> ResponseReturnValue:
    """What a rise of this price would mean, with a lawful day filled in; where one is planned, that one."""
    key = remove_controls(price)
    planned = queries_rises.planned_for(gateway().mode, key)
    return redirect(url_for("publisher.rise", rise_id=planned.id), 303) if planned else _rise_page(key)


@publisher.post("/publisher/plans/prices/<price>/rise")
@staff("is_publisher")
def plan_rise(price: str) -> ResponseReturnValue:
    """Plan a rise: members are told from now on, each in their own window."""
    form, key = RiseForm(), remove_controls(price)
    try:
        with transaction():
            rise_id = selling.plan_rise(gateway().mode, key, form.typed(), form.day.data, current_viewer().id or 0)
    except NotFound:
        raise
    except DomainError as error:
        form.refuse(error)
        return _rise_page(key, form), error.status
    flash("The rise is planned. Members are being told from now on, each in time before their own renewal.", "success")
    return redirect(url_for("publisher.rise", rise_id=rise_id), 303)


@publisher.get(f"/publisher/rises/<{NUMBER}:rise_id>")
@staff("is_publisher")
def rise(rise_id: int) -> ResponseReturnValue:
    """How far a rise is: who was told, who pays the new price, who left."""
    mode = gateway().mode
    found = queries_rises.rise_view(mode, rise_id)
    if found is None:
        raise NotFound
    return render_template(
        "publisher/rise.html", rise=found, counts=queries_rises.move_counts(rise_id),
        untold=queries_rises.untold(mode, found) if found.state == "planned" else 0,
        moves=queries_rises.moves_shown(rise_id), may_call_off=found.may_call_off(clock.now()),
    )  # fmt: skip


@publisher.post(f"/publisher/rises/<{NUMBER}:rise_id>/call-off")
@staff("is_publisher")
def call_off_rise(rise_id: int) -> ResponseReturnValue:
    """Drop a rise before its day."""
    with transaction():
        view = rises.call_off(gateway().mode, rise_id, current_viewer().id or 0)
    day = date(view.takes_effect_at)
    flash(f"The rise of {day} is called off. Who was told is told that the price stays.", "success")
    return redirect(url_for("publisher.rise", rise_id=rise_id), 303)


@publisher.post("/publisher/refunds")
@staff("is_publisher")
def set_ends() -> ResponseReturnValue:
    """Say whether access ends when money goes back."""
    with transaction():
        selling.set_ends(EndsForm().typed())
    flash("Saved. Members are looked at anew within minutes.", "success")
    return redirect(url_for("publisher.plans"), 303)


@publisher.get("/publisher/told")
@staff("is_publisher")
def told() -> ResponseReturnValue:
    """Everything that members were told about money: the words, when, to whom, by which law, in which window."""
    mode, kind = gateway().mode, request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    rows = queries_notices.notices_page(mode, kind, request.args.get("before", type=row_id), NOTICES_SHOWN + 1)
    return render_template(
        "publisher/told.html", rows=rows[:NOTICES_SHOWN], kinds=KINDS, kind=kind, laws=LAWS,
        counts=queries_notices.notice_counts(mode),
        following=rows[NOTICES_SHOWN - 1].BillingNotice.id if len(rows) > NOTICES_SHOWN else None,
    )  # fmt: skip


def _rise_page(price: str, form: RiseForm | None = None) -> str:
    shown = rises.proposal(gateway().mode, price)
    form = form or RiseForm(formdata=None, day=shown.window.suggested)
    return render_template("publisher/rise_new.html", shown=shown, form=form)
