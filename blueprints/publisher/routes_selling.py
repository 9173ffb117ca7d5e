"""Plans, prices and promotion codes."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.membership.gateway import gateway
from blueprints.membership.queries_rises import coming_prices, rises_of_plan
from blueprints.publisher import queries_plans, queries_selling, selling
from blueprints.publisher.forms_selling import GrantsForm, NewPlanForm, PriceForm, PromoForm
from blueprints.publisher.routes import NUMBER, publisher
from core import clock
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import staff
from core.text import remove_controls
from core.viewer import current_viewer
from models.membership import Plan


@publisher.route("/publisher/plans/new", methods=["GET", "POST"])
@staff("is_publisher")
def new_plan() -> ResponseReturnValue:
    """Make a plan; its prices come next."""
    form = NewPlanForm()
    if form.is_submitted():
        try:
            with transaction():
                key = selling.create_plan(form.typed())
        except DomainError as error:
            form.refuse(error)
            return render_template("publisher/plan_new.html", form=form), 422
        flash("The plan is made. Give it a price, and readers can choose it.", "success")
        return redirect(url_for("publisher.prices", key=key), 303)
    return render_template("publisher/plan_new.html", form=form)


@publisher.get("/publisher/plans/<key>/prices")
@staff("is_publisher")
def prices(key: str) -> ResponseReturnValue:
    """What a plan costs, who pays that, and what it grants."""
    return _prices_page(_plan(key))


@publisher.post("/publisher/plans/<key>/prices")
@staff("is_publisher")
def add_price(key: str) -> ResponseReturnValue:
    """Sell at one more price."""
    plan, form = _plan(key), PriceForm()
    try:
        with transaction():
            selling.add_price(plan.key, form.typed())
    except NotFound:
        raise
    except DomainError as error:
        form.refuse(error)
        return _prices_page(plan, price_form=form), 422
    flash("The price is on sale. Who pays another one goes on paying it.", "success")
    return redirect(url_for("publisher.prices", key=plan.key), 303)


@publisher.post("/publisher/plans/<key>/grants")
@staff("is_publisher")
def set_grants(key: str) -> ResponseReturnValue:
    """Say what a plan's members may do."""
    plan, form = _plan(key), GrantsForm()
    try:
        with transaction():
            selling.set_grants(plan.key, form.typed())
    except NotFound:
        raise
    except DomainError as error:
        form.refuse(error)
        return _prices_page(plan, grants_form=form), 422
    flash("Saved. It holds from now on.", "success")
    return redirect(url_for("publisher.prices", key=plan.key), 303)


@publisher.post("/publisher/plans/<key>/prices/<price>/stop")
@staff("is_publisher")
def stop_price(key: str, price: str) -> ResponseReturnValue:
    """Sell at a price no longer."""
    with transaction():
        selling.stop_selling(remove_controls(price))
    flash("This price is sold no longer. Who pays it goes on paying it.", "success")
    return redirect(url_for("publisher.prices", key=_plan(key).key), 303)


@publisher.post("/publisher/plans/<key>/stop")
@staff("is_publisher")
def stop_plan(key: str) -> ResponseReturnValue:
    """Sell a plan no longer."""
    with transaction():
        selling.stop_plan(remove_controls(key))
    flash("This plan is sold no longer. Who has it keeps it.", "success")
    return redirect(url_for("publisher.plans"), 303)


@publisher.get("/publisher/promotions")
@staff("is_publisher")
def promotions() -> ResponseReturnValue:
    """Every promotion code, and the form for another."""
    return _promotions_page(PromoForm(formdata=None))


@publisher.post("/publisher/promotions")
@staff("is_publisher")
def add_promotion() -> ResponseReturnValue:
    """Make a promotion code."""
    form = PromoForm()
    try:
        with transaction():
            code = selling.create_promotion(form.typed(), form.last_day.data, current_viewer().id or 0)
    except DomainError as error:
        form.refuse(error)
        return _promotions_page(form), 422
    flash(f"The code {code} works from now on.", "success")
    return redirect(url_for("publisher.promotions"), 303)


@publisher.post(f"/publisher/promotions/<{NUMBER}:promo_id>/retire")
@staff("is_publisher")
def retire_promotion(promo_id: int) -> ResponseReturnValue:
    """Take a code no longer."""
    with transaction():
        selling.retire_promotion(promo_id)
    flash("This code is taken no longer.", "success")
    return redirect(url_for("publisher.promotions"), 303)


def _plan(key: str) -> Plan:
    plan = queries_plans.plan_to_edit(remove_controls(key))
    if plan is None:
        raise NotFound
    return plan


def _prices_page(plan: Plan, price_form: PriceForm | None = None, grants_form: GrantsForm | None = None) -> str:
    mode = gateway().mode
    rises = rises_of_plan(mode, plan.id)
    return render_template(
        "publisher/prices.html", plan=plan, prices=queries_selling.prices_with_payers(plan.id, mode), rises=rises,
        rising={rise.from_price.key: rise for rise in rises if rise.state == "planned"}, coming=coming_prices(mode),
        price_form=price_form or PriceForm(formdata=None),
        grants_form=grants_form or GrantsForm(formdata=None, obj=plan),
    )  # fmt: skip


def _promotions_page(form: PromoForm) -> str:
    form.offer_plans(queries_plans.plans_given())
    return render_template(
        "publisher/promotions.html", form=form, promotions=queries_selling.promotions(), now=clock.now()
    )
