"""What the pages about the screening show, read in one go."""

from collections.abc import Mapping, Sequence
from typing import Any

from blueprints.publisher import queries_screening as queries
from blueprints.publisher import screening as service
from blueprints.publisher.testing_texts import AUTHORS, Tested, say_of
from blueprints.publisher.trials import Trial, try_change
from blueprints.threads import queries_screening
from blueprints.threads.screening.rules import RULES, list_rule
from core import clock
from core.db import db
from core.errors import NotFound
from core.text import slugify
from models.screening import ScreeningList


def sections() -> dict[int, str]:
    """Sections by id, in their order."""
    return queries.section_names(db.session())


def rules_page(section_id: int, typed: Mapping[str, str] | None) -> dict[str, Any]:
    """What stands, or what was typed over it."""
    session = db.session()
    version, standing = service.settings_now(session)
    here = standing.sections.get(section_id, {}) if section_id else standing.severities
    inherited = {key: standing.severities.get(key, rule.default) for key, rule in RULES.items()}
    lists = queries_screening.active_lists(session) if section_id else []
    chosen = {key: here.get(key, "" if section_id else inherited[key]) for key in RULES}
    chosen |= {list_rule(row.id): here.get(list_rule(row.id), "") for row in lists}
    numbers: dict[str, Any] = dict(standing.numbers)
    if typed is not None:
        chosen = {key: typed.get(f"severity-{key}", value) for key, value in chosen.items()}
        numbers |= {key.removeprefix("number-"): value for key, value in typed.items() if key.startswith("number-")}
    return {
        "seen": version if typed is None else typed.get("seen", version), "chosen": chosen, "numbers": numbers,
        "inherited": inherited, "lists": lists, "section_choices": sections(),
    }  # fmt: skip


def trial_of_settings(typed: Mapping[str, str], section_id: int) -> Trial:
    """The last days under what was typed. Raises DomainError."""
    session = db.session()
    wanted = service.candidate(session, service.typed_settings(session, typed, section_id))
    return try_change(session, _standing(), wanted, clock.now())


def trial_of_list(typed: Mapping[str, str], kind: str, list_id: int, added: str) -> tuple[str, Trial]:
    """The entries with those of the file, and the last days under the list that was typed. Raises DomainError."""
    session = db.session()
    values = service.typed_list(session, typed, kind, list_id, added)
    wanted = service.candidate_list(session, list_id, values)
    return values.entries, try_change(session, _standing(), wanted, clock.now())


def lists() -> Sequence[Any]:
    """Every list, and how many entries it has."""
    rows = queries.lists(db.session())
    return [(row.ScreeningList, service.count_entries(row.ScreeningList.kind, row.ScreeningList.entries),
             row.created_at, row.by) for row in rows]  # fmt: skip


def list_row(list_id: int) -> ScreeningList:
    """One list. Raises NotFound."""
    row = queries.list_to_edit(db.session(), list_id)
    if row is None:
        raise NotFound(service.NO_LIST)
    return row


def values_of(row: ScreeningList) -> dict[str, str]:
    """A list as its form is filled."""
    return {
        "name": row.name, "severity": row.severity, "entries": row.entries, "rule_id": str(row.rule_id or ""),
        "seen": str(row.version),
        **{name: "1" for name in ("folds_accents", "sees_through", "active") if getattr(row, name)},
    }  # fmt: skip


def list_page(list_id: int) -> dict[str, Any]:
    """What stands beside the form of a list."""
    session = db.session()
    row = queries.list_to_edit(session, list_id) if list_id else None
    return {
        "version": row.version if row else 0, "versions": queries.versions_of(session, list_id) if list_id else [],
        "rules": queries.rule_choices(session), "title": row.name if row else "",
    }  # fmt: skip


def exported(list_id: int, number: int) -> tuple[str, str]:
    """A file's name, and the entries in it. Raises NotFound."""
    row = list_row(list_id)
    version = queries.version_of(db.session(), list_id, number) if number else None
    if number and version is None:
        raise NotFound("There is no such version.")
    name = f"{slugify(row.name)}-{number or row.version}.txt"
    return name, version.entries if version else row.entries


def tested(typed: Mapping[str, str]) -> Tested:
    """What each check says of a text. Raises DomainError."""
    section = typed.get("section", "")
    author = typed.get("author", "")
    return say_of(
        db.session(), typed.get("text", ""), author=author if author in AUTHORS else "regular",
        section_id=int(section) if section.isdecimal() and len(section) < 10 else 0, email=typed.get("email", ""),
    )  # fmt: skip


def setups() -> Sequence[Any]:
    """Versions of the settings, the newest first."""
    return queries.setups(db.session())


def _standing() -> Any:
    session = db.session()
    return queries_screening.load_setup(session, queries_screening.state_version(session))
