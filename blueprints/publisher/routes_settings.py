"""What the publisher sets for everybody: site, sections, rules, plans."""

from typing import Literal

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.membership.gateway import gateway
from blueprints.membership.queries_rises import coming_prices
from blueprints.publisher import policy, queries_plans, queries_rules, queries_selling, service
from blueprints.publisher.forms import EnforcersForm, PlanForm, RuleForm, SectionForm, SiteForm
from blueprints.publisher.forms_selling import EndsForm
from blueprints.publisher.routes import NUMBER, publisher
from blueprints.site.queries import SectionView, site
from blueprints.threads.ordering import sort_named
from core import clock
from core.db import transaction
from core.errors import DomainError, NotFound
from core.guards import staff
from core.text import remove_controls


@publisher.get("/publisher/site")
@staff("is_publisher")
def site_settings() -> ResponseReturnValue:
    """Name, language, defaults of discussions, the paper's own pages."""
    return _site_page(SiteForm(formdata=None, obj=site(), seen=service.seen_in(site(), service.SITE_FIELDS)))


@publisher.post("/publisher/site")
@staff("is_publisher")
def save_site() -> ResponseReturnValue:
    """Set them."""
    form = SiteForm()
    try:
        with transaction():
            service.change_site(form.typed(), form.seen.data)
    except DomainError as error:
        form.refuse(error)
        return _site_page(form), 422
    flash("Saved. Readers see it from now on.", "success")
    return redirect(url_for("publisher.site_settings"), 303)


@publisher.get("/publisher/sections")
@staff("is_publisher")
def sections() -> ResponseReturnValue:
    """The sections in their order."""
    plans = queries_plans.plan_names()
    return render_template(
        "publisher/sections.html", shown=site().sections, label=lambda rule: policy.audience_label(rule, plans)
    )


@publisher.get("/publisher/sections/new")
@staff("is_publisher")
def new_section() -> ResponseReturnValue:
    """An empty form for a section."""
    return _section_page(SectionForm(formdata=None), None)


@publisher.post("/publisher/sections/new")
@staff("is_publisher")
def add_section() -> ResponseReturnValue:
    """Add a section."""
    form = SectionForm()
    try:
        with transaction():
            section_id = service.add_section(form.typed())
    except DomainError as error:
        form.refuse(error)
        return _section_page(form, None), 422
    flash("The section is added.", "success")
    return redirect(url_for("publisher.sections", _anchor=f"section-{section_id}"), 303)


@publisher.get(f"/publisher/sections/<{NUMBER}:section_id>")
@staff("is_publisher")
def edit_section(section_id: int) -> ResponseReturnValue:
    """One section's form."""
    section = _section(section_id)
    form = SectionForm(formdata=None, obj=section, seen=service.seen_in(section, service.SECTION_FIELDS))
    return _section_page(form, section)


@publisher.post(f"/publisher/sections/<{NUMBER}:section_id>")
@staff("is_publisher")
def save_section(section_id: int) -> ResponseReturnValue:
    """Rename or describe a section, set its audiences and the order of its discussions."""
    form = SectionForm()
    section = _section(section_id)
    try:
        with transaction():
            service.change_section(section_id, form.typed(), form.seen.data)
    except DomainError as error:
        form.refuse(error)
        return _section_page(form, section), 422
    flash("The section is saved.", "success")
    return redirect(url_for("publisher.sections", _anchor=f"section-{section_id}"), 303)


@publisher.post(f"/publisher/sections/<{NUMBER}:section_id>/move")
@staff("is_publisher")
def move_section(section_id: int) -> ResponseReturnValue:
    """Put a section one place earlier or later."""
    with transaction():
        service.move_section(section_id, _direction())
    return redirect(url_for("publisher.sections", _anchor=f"section-{section_id}"), 303)


@publisher.get("/publisher/rules")
@staff("is_publisher")
def rules() -> ResponseReturnValue:
    """The rules of the conversation, and who enforces them."""
    seen = service.seen_in(site(), ("rules_enforced_by",))
    return _rules_page(EnforcersForm(formdata=None, obj=site(), seen=seen))


@publisher.post("/publisher/rules/enforced-by")
@staff("is_publisher")
def save_enforcers() -> ResponseReturnValue:
    """Say who enforces the rules."""
    form = EnforcersForm()
    try:
        with transaction():
            service.say_who_enforces(form.typed(), form.seen.data)
    except DomainError as error:
        form.refuse(error)
        return _rules_page(form), 422
    flash("Saved.", "success")
    return redirect(url_for("publisher.rules"), 303)


@publisher.get("/publisher/rules/new")
@staff("is_publisher")
def new_rule() -> ResponseReturnValue:
    """An empty form for a rule."""
    return render_template("publisher/rule.html", form=RuleForm(formdata=None), rule=None)


@publisher.post("/publisher/rules/new")
@staff("is_publisher")
def add_rule() -> ResponseReturnValue:
    """Add a rule."""
    form = RuleForm()
    try:
        with transaction():
            rule_id = service.add_rule(form.typed())
    except DomainError as error:
        form.refuse(error)
        return render_template("publisher/rule.html", form=form, rule=None), 422
    flash("The rule is in force.", "success")
    return redirect(url_for("publisher.rules", _anchor=f"rule-{rule_id}"), 303)


@publisher.get(f"/publisher/rules/<{NUMBER}:rule_id>")
@staff("is_publisher")
def edit_rule(rule_id: int) -> ResponseReturnValue:
    """One rule's form."""
    rule = _rule(rule_id)
    form = RuleForm(formdata=None, obj=rule, seen=service.seen_in(rule, service.RULE_FIELDS))
    return render_template("publisher/rule.html", form=form, rule=rule)


@publisher.post(f"/publisher/rules/<{NUMBER}:rule_id>")
@staff("is_publisher")
def save_rule(rule_id: int) -> ResponseReturnValue:
    """Reword a rule."""
    form = RuleForm()
    try:
        with transaction():
            service.change_rule(rule_id, form.typed(), form.seen.data)
    except DomainError as error:
        form.refuse(error)
        return render_template("publisher/rule.html", form=form, rule=_rule(rule_id)), 422
    flash("The rule is saved.", "success")
    return redirect(url_for("publisher.rules", _anchor=f"rule-{rule_id}"), 303)


@publisher.post(f"/publisher/rules/<{NUMBER}:rule_id>/move")
@staff("is_publisher")
def move_rule(rule_id: int) -> ResponseReturnValue:
    """Put a rule one place earlier or later."""
    with transaction():
        service.move_rule(rule_id, _direction())
    return redirect(url_for("publisher.rules", _anchor=f"rule-{rule_id}"), 303)


@publisher.post(f"/publisher/rules/<{NUMBER}:rule_id>/switch")
@staff("is_publisher")
def switch_rule(rule_id: int) -> ResponseReturnValue:
    """Put a rule in force, or out of it."""
    on = request.form.get("to") == "on"
    with transaction():
        service.switch_rule(rule_id, on=on)
    flash("The rule is in force again." if on else "The rule is switched off.", "success")
    return redirect(url_for("publisher.rules", _anchor=f"rule-{rule_id}"), 303)


@publisher.post(f"/publisher/rules/<{NUMBER}:rule_id>/delete")
@staff("is_publisher")
def delete_rule(rule_id: int) -> ResponseReturnValue:
    """Remove a rule that was never used."""
    try:
        with transaction():
            service.delete_rule(rule_id)
    except NotFound:
        raise
    except DomainError as error:
        rule = _rule(rule_id)
        form = RuleForm(formdata=None, obj=rule, seen=service.seen_in(rule, service.RULE_FIELDS))
        form.refuse(error)
        return render_template("publisher/rule.html", form=form, rule=rule), 422
    flash("The rule is deleted.", "success")
    return redirect(url_for("publisher.rules"), 303)


@publisher.get("/publisher/plans")
@staff("is_publisher")
def plans() -> ResponseReturnValue:
    """The plans and prices as they are."""
    lines = queries_plans.plan_lines(clock.now())
    ends = EndsForm(formdata=None, obj=queries_selling.ends_of_access())
    return render_template("publisher/plans.html", plans=lines, ends=ends, coming=coming_prices(gateway().mode))


@publisher.get("/publisher/plans/<key>")
@staff("is_publisher")
def edit_plan(key: str) -> ResponseReturnValue:
    """One plan's words."""
    plan = queries_plans.plan_to_edit(remove_controls(key))
    if plan is None:
        raise NotFound
    form = PlanForm(formdata=None, obj=plan, seen=service.seen_in(plan, service.PLAN_FIELDS))
    return render_template("publisher/plan.html", form=form, key=key)


@publisher.post("/publisher/plans/<key>")
@staff("is_publisher")
def save_plan(key: str) -> ResponseReturnValue:
    """Set a plan's words."""
    form = PlanForm()
    try:
        with transaction():
            service.describe_plan(remove_controls(key), form.typed(), form.seen.data)
    except NotFound:
        raise
    except DomainError as error:
        form.refuse(error)
        return render_template("publisher/plan.html", form=form, key=key), 422
    flash("The plan is saved.", "success")
    return redirect(url_for("publisher.plans"), 303)


def _direction() -> Literal[-1, 1]:
    return -1 if request.form.get("to") == "earlier" else 1


def _section(section_id: int) -> SectionView:
    found = next((section for section in site().sections if section.id == section_id), None)
    if found is None:
        raise NotFound
    return found


def _rule(rule_id: int) -> queries_rules.RuleLine:
    found = queries_rules.rule_line(rule_id)
    if found is None:
        raise NotFound
    return found


def _site_page(form: SiteForm) -> str:
    form.offer_audiences(queries_plans.plan_names())
    return render_template("publisher/site.html", form=form)


def _section_page(form: SectionForm, section: SectionView | None) -> str:
    form.offer_audiences(queries_plans.plan_names(), {field: getattr(site(), field) for field in service.AUDIENCES})
    form.offer_sorts(sort_named(site().default_sort))
    form.offer_presets()
    return render_template("publisher/section.html", form=form, section=section)


def _rules_page(form: EnforcersForm) -> str:
    return render_template("publisher/rules.html", form=form, rules=queries_rules.rule_lines())
