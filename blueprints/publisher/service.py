"""What a publisher changes. Every function works inside the caller's transaction.

Each form carries the fingerprint of what it was filled from. Who would save over somebody's newer words is shown what
stands now first, so that neither's work is lost in silence.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal, TypeVar, cast

from blueprints.accounts.queries import user_by_id
from blueprints.accounts.service import rights_changed
from blueprints.membership.queries import insert_new
from blueprints.membership.service import PriceTerms, end_grant, grant, offer_plan
from blueprints.publisher import (
    policy,
    queries,
    queries_failures,
    queries_given,
    queries_people,
    queries_plans,
    queries_rules,
)
from blueprints.publisher.checking import Check, Refused, Stale
from blueprints.site.queries import bump_site_version
from blueprints.threads.ordering import SORTS
from blueprints.threads.settings import LONGEST_PACE, MOST_DAYS_OPEN, MOST_HOURS_FIRST, PRESET
from core import clock
from core.db import after_commit, db
from core.errors import Conflict, DomainError, NotFound
from core.text import slugify
from jobs.queue import enqueue, wake
from models.article import Section
from models.site import Rule, Site
from models.user import RoleGrant

_Row = TypeVar("_Row", Section, Rule)

AUDIENCES = ("read_audience", "comment_audience", "respect_audience")
SITE_FIELDS = ("name", "tagline", "language", "direction", "colour", *AUDIENCES, "comments_shown_to", "default_sort",
               "longest_pause", "about", "privacy")
SECTION_FIELDS = ("name", "description", *AUDIENCES, "default_sort", *(f"preset_{name}" for name in PRESET))
RULE_FIELDS = ("title", "text", "note_template")
PLAN_FIELDS = ("name", "description", "perks", "badge")
MOST_SECTIONS = 40
MOST_RULES = 60
LONGEST_TEMPLATE = 700
NO_SECTION = "One of these sections is not there any more. Please choose again."
NO_RULE = "There is no such rule."


def seen_in(row: object, fields: Sequence[str]) -> str:
    """The fingerprint of a row's fields, for the form that is filled from them."""
    return policy.fingerprint(*(getattr(row, field) for field in fields))


def seen_rights(roles: frozenset[str], section_ids: frozenset[int]) -> str:
    """The fingerprint of a person's roles and limits."""
    return policy.fingerprint(sorted(roles), sorted(section_ids))


def change_site(typed: Mapping[str, str], seen: str) -> None:
    """Set name, language, colour, defaults of discussions, the texts of the own pages. Raises Refused, Stale."""
    check = Check(typed)
    values = {
        "name": check.line("name", most=80, needed="Please give the paper a name."),
        "tagline": check.line("tagline", most=160),
        "language": check.line("language", most=policy.LONGEST_LANGUAGE),
        "direction": check.choice("direction", policy.DIRECTIONS),
        "colour": check.choice("colour", ("", *policy.COLOURS)) or None,
        **{field: check.audience(field) for field in AUDIENCES},
        "comments_shown_to": check.choice("comments_shown_to", [shown_to for shown_to, _ in policy.SHOWN_TO]),
        "default_sort": check.choice("default_sort", SORTS),
        "longest_pause": check.choice("longest_pause", [months for months, _ in policy.PAUSES]),
        "about": check.text("about", most=policy.LONGEST_TEXT),
        "privacy": check.text("privacy", most=policy.LONGEST_TEXT),
    }
    if problem := policy.language_problem(values["language"] or ""):
        check.problems["language"] = problem
    check.done()
    _save(site_row(), values, SITE_FIELDS, seen)
    bump_site_version()


def add_section(typed: Mapping[str, str]) -> int:
    """Add a section at the end; its address is made from its name and stays. Returns its id. Raises Refused."""
    values = _section_values(typed)
    site_row()
    sections = queries.lock_sections()
    if len(sections) >= MOST_SECTIONS:
        raise DomainError(f"A paper has at most {MOST_SECTIONS} sections.")
    _refuse_double(values["name"], [section.name for section in sections], "name", "There is a section of this name.")
    slug = _free_name(slugify(values["name"]), {section.slug for section in sections})
    row = Section(slug=slug, position=_next_position(sections), **values)
    db.session().add(row)
    db.session().flush()
    bump_site_version()
    return row.id


def change_section(section_id: int, typed: Mapping[str, str], seen: str) -> None:
    """Rename or describe a section, set its audiences and sort; the address stays. Raises NotFound, Refused, Stale."""
    values = _section_values(typed)
    site_row()
    sections = queries.lock_sections()
    row = _found(sections, section_id, "There is no such section.")
    others = [section.name for section in sections if section is not row]
    _refuse_double(values["name"], others, "name", "There is a section of this name.")
    _save(row, values, SECTION_FIELDS, seen)
    bump_site_version()


def move_section(section_id: int, by: Literal[-1, 1]) -> None:
    """Put a section one place earlier or later. Raises NotFound."""
    site_row()
    _move(queries.lock_sections(), section_id, by, "There is no such section.")
    bump_site_version()


def add_rule(typed: Mapping[str, str]) -> int:
    """Add a rule of the conversation at the end. Returns its id. Raises Refused."""
    values = _rule_values(typed)
    site_row()
    rules = queries_rules.lock_rules()
    if len(rules) >= MOST_RULES:
        raise DomainError(f"There can be at most {MOST_RULES} rules, those switched off included.")
    key = _free_name(slugify(values["title"], max_length=50), {rule.key for rule in rules})
    row = Rule(key=key, position=_next_position(rules), active=True, **values)
    db.session().add(row)
    db.session().flush()
    bump_site_version()
    return row.id


def change_rule(rule_id: int, typed: Mapping[str, str], seen: str) -> None:
    """Reword a rule. What authors were told in earlier decisions stays as it was. Raises NotFound, Refused, Stale."""
    values = _rule_values(typed)
    site_row()
    _save(_found(queries_rules.lock_rules(), rule_id, NO_RULE), values, RULE_FIELDS, seen)
    bump_site_version()


def move_rule(rule_id: int, by: Literal[-1, 1]) -> None:
    """Put a rule one place earlier or later. Raises NotFound."""
    site_row()
    _move(queries_rules.lock_rules(), rule_id, by, NO_RULE)
    bump_site_version()


def switch_rule(rule_id: int, *, on: bool) -> None:
    """Put a rule in force, or out of it: then readers no longer see it and no decision can name it anew."""
    site_row()
    _found(queries_rules.lock_rules(), rule_id, NO_RULE).active = on
    bump_site_version()


def delete_rule(rule_id: int) -> None:
    """Remove a rule that no decision has ever named. Raises NotFound, or Conflict for one that was used."""
    site_row()
    _found(queries_rules.lock_rules(), rule_id, NO_RULE)
    if queries_rules.rule_is_used(rule_id):
        raise Conflict("A decision names this rule, so it stays on record. You can switch it off.")
    queries_rules.remove_rule(rule_id)
    bump_site_version()


def say_who_enforces(typed: Mapping[str, str], seen: str) -> None:
    """Set the words about who enforces the rules. Raises Refused, Stale."""
    check = Check(typed)
    values = {"rules_enforced_by": check.line("rules_enforced_by", most=300)}
    check.done()
    _save(site_row(), values, ("rules_enforced_by",), seen)
    bump_site_version()


def set_roles(
    actor_id: int, person_id: int, *, roles: frozenset[str], section_ids: frozenset[int], seen: str
) -> None:
    """Give and take roles; `section_ids` limit a moderator, none means all. Raises NotFound, Stale, DomainError.

    Sections that are not there, or that a role does not go by, would leave no limit: they are refused, not passed over.
    All changes of roles pass one after the other, so that two publishers cannot remove each other at once.
    """
    publishers = queries_people.lock_publishers()
    person = user_by_id(person_id, lock=True)
    if person is None:
        raise NotFound("There is nobody here.")
    before, limits = queries_people.rights_of(person_id)
    if section_ids - queries.section_ids():
        raise DomainError(NO_SECTION)
    if section_ids and "lead" in roles and "moderator" not in roles:
        raise DomainError("Sections limit moderators; who leads them without being one moderates everywhere. "
                          "Please choose no section, or the role of moderator, too.")  # fmt: skip
    limits_after = section_ids if "moderator" in roles else frozenset()
    refusal = policy.may_set_roles(
        actor_id, person_id, before=before, after=roles, publishers=publishers,
        confirmed=person.confirmed_at is not None,
    )  # fmt: skip
    if refusal:
        raise DomainError(refusal)
    if seen != seen_rights(before, limits) and (before, limits) != (roles, limits_after):
        raise Stale({"roles": sorted(before), "section_ids": sorted(limits)}, seen_rights(before, limits))
    queries_people.take_roles(person_id, before - roles)
    db.session().add_all(RoleGrant(user_id=person_id, name=name) for name in sorted(roles - before))
    queries_people.set_section_limits(person_id, limits_after)
    rights_changed(person_id)


def give_membership(person_id: int, plan_key: str, last_day: date | None) -> None:
    """Give a plan without payment until the end of `last_day` (UTC), or without end.

    A complimentary membership of the same plan that runs already gets the new end. Access ends by itself at its moment;
    a job then notes the end of the Membership. Raises NotFound, Refused.
    """
    if user_by_id(person_id, lock=True) is None:
        raise NotFound("There is nobody here.")
    moment = clock.now()  # only now: what a colleague gave while we waited for the lock has begun before
    problems = {}
    if plan_key not in dict(queries_plans.plans_given()):
        problems["plan"] = "Please choose a plan."
    try:
        ends_at = policy.end_of(last_day, moment)
    except ValueError as error:
        problems["last_day"] = str(error)
    if problems:
        raise Refused(problems)
    reference = queries_given.live_gift_reference(person_id, plan_key, moment)
    if reference is None:
        reference = f"publisher:{person_id}:{queries_given.gifts_ever(person_id) + 1}"
    given = grant(person_id, plan_key, source="complimentary", source_ref=reference, ends_at=ends_at)
    if ends_at is not None:
        enqueue("publisher.gift-ended", run_at=ends_at, user_id=person_id, plan_id=given.plan_id)


def withdraw_membership(person_id: int, entitlement_id: int) -> None:
    """End a complimentary membership now. Raises NotFound for anything else: what was paid for is not taken here."""
    user_by_id(person_id, lock=True)
    gift = queries_given.gift_of(person_id, entitlement_id)
    if gift is None:
        raise NotFound("There is no such complimentary membership.")
    end_grant("complimentary", gift.source_ref)


def describe_plan(key: str, typed: Mapping[str, str], seen: str) -> None:
    """Set a plan's name, description, perks (one a line) and badge, not its prices. Raises NotFound, Refused, Stale."""
    site_row()
    plan = queries_plans.plan_to_edit(key, lock=True)
    if plan is None:
        raise NotFound("There is no such plan on sale.")
    check = Check(typed)
    values: dict[str, Any] = {
        "name": check.line("name", most=60, needed="Please give the plan a name."),
        "description": check.line("description", most=300),
        "perks": "\n".join(queries_plans.lines_of(check.text("perks", most=policy.LONGEST_PERKS))),
        "badge": check.line("badge", most=30),
    }
    check.done()
    _refuse_stale(plan, values, PLAN_FIELDS, seen)
    prices = {
        price.key: PriceTerms(price.amount_cents, cast(Literal["month", "year"], price.interval), price.currency)
        for price in queries_plans.prices_on_sale(plan.id)
    }
    offer_plan(
        key, values["name"], prices=prices, description=values["description"], rank=plan.rank, badge=values["badge"],
        perks=tuple(values["perks"].split("\n")) if values["perks"] else (),
    )  # fmt: skip
    bump_site_version()


def retry_job(job_id: int) -> None:
    """Let a job that failed run now. Raises NotFound."""
    if not queries_failures.put_back_failed_job(job_id, clock.now()):
        raise NotFound("This job is not among the failed ones any more.")
    after_commit("wake worker", wake.set)


def _section_values(typed: Mapping[str, str]) -> dict[str, Any]:
    check = Check(typed)
    values = {
        "name": check.line("name", most=80, needed="Please give the section a name."),
        "description": check.line("description", most=300),
        **{field: check.audience(field, may_inherit=True) for field in AUDIENCES},
        "default_sort": check.choice("default_sort", ("", *SORTS)) or None,
        "preset_premoderated": check.choice("preset_premoderated", ("", "False", "True")) == "True",
        "preset_pace_seconds": check.number("preset_pace_seconds", LONGEST_PACE),
        "preset_members_first_hours": check.number("preset_members_first_hours", MOST_HOURS_FIRST),
        "preset_closes_after_days": check.number("preset_closes_after_days", MOST_DAYS_OPEN),
    }
    check.done()
    return values


def _rule_values(typed: Mapping[str, str]) -> dict[str, str]:
    check = Check(typed)
    values = {
        "title": check.line("title", most=120, needed="Please give the rule a title."),
        "text": check.text("text", most=policy.LONGEST_RULE, needed="Please say what the rule asks."),
        "note_template": check.text("note_template", most=LONGEST_TEMPLATE),
    }
    check.done()
    return values


def site_row() -> Site:
    """The site's row, locked; made when this is the first thing anybody sets."""
    try:
        return queries.lock_site()
    except LookupError:
        insert_new(Site, id=1, name="Rejoinder")
        return queries.lock_site()


def _save(row: Any, values: Mapping[str, Any], fields: Sequence[str], seen: str) -> None:
    _refuse_stale(row, values, fields, seen)
    for field in fields:
        setattr(row, field, values[field])
    db.session().flush()


def _refuse_stale(row: Any, values: Mapping[str, Any], fields: Sequence[str], seen: str) -> None:
    standing = {field: getattr(row, field) for field in fields}
    if seen != seen_in(row, fields) and standing != dict(values):
        raise Stale({field: value for field, value in standing.items() if value != values[field]}, seen_in(row, fields))


def _refuse_double(name: str, others: Sequence[str], field: str, sentence: str) -> None:
    if name.casefold() in {other.casefold() for other in others}:
        raise Refused({field: sentence})


def _free_name(wanted: str, taken: set[str]) -> str:
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _next_position(rows: Sequence[Section] | Sequence[Rule]) -> int:
    return max((row.position for row in rows), default=0) + 1


def _found(rows: Sequence[_Row], row_id: int, sentence: str) -> _Row:
    row = next((row for row in rows if row.id == row_id), None)
    if row is None:
        raise NotFound(sentence)
    return row


def _move(rows: Sequence[_Row], row_id: int, by: Literal[-1, 1], sentence: str) -> None:
    """Exchange a row with its neighbour; at either end it stays. All positions are numbered anew."""
    order = list(rows)
    at = next((number for number, row in enumerate(order) if row.id == row_id), None)
    if at is None:
        raise NotFound(sentence)
    if 0 <= at + by < len(order):
        order[at], order[at + by] = order[at + by], order[at]
    for position, row in enumerate(order, 1):
        row.position = position
    db.session().flush()
