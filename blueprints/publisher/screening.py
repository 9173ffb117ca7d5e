"""What a publisher changes about the screening. Every function works inside the caller's transaction.

Each change makes a new version, which names who made it and what is different; none is ever overwritten. Two who change
the same thing at once are told of each other: each form carries the version that it was filled from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from blueprints.publisher import queries_screening as queries
from blueprints.publisher.checking import Check
from blueprints.threads import queries_screening, screening
from blueprints.threads.screening import domains
from blueprints.threads.screening.matching import parse_entries
from blueprints.threads.screening.rules import NUMBERS, OFF, RULES, list_rule
from blueprints.threads.screening.setup import WordList, finder_of, settings_of
from blueprints.threads.settings_recorded import SETTINGS
from core import recording
from core.errors import Conflict, DomainError, NotFound
from core.records import dataclass
from core.text import normalise
from models.screening import LIST_KINDS, SEVERITY_NAMES, ScreeningList, ScreeningListVersion, ScreeningSetup

LONGEST_LIST = 400_000  # characters
PROBLEMS_SHOWN = 8
LIST_FIELDS = ("name", "kind", "severity", "folds_accents", "sees_through", "rule_id", "active")
INHERITED = ""  # in a section: as everywhere
NO_LIST = "There is no such list."
CHANGED_MEANWHILE = "Somebody else changed this meanwhile. Look at what stands now, then save again."

SEVERITY_WORDS = {
    OFF: "Off", "note": "Note it", "nudge": "Ask the author once", "report": "Publish and report",
    "hold": "Hold for a person", "reject": "Reject",
}  # fmt: skip
KIND_WORDS = {
    "words": "Words and phrases", "domains": "Watched domains", "trusted": "Trusted domains",
    "mails": "E-mail addresses",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """Severities and numbers as they are stored: only what differs from the program's own."""

    severities: dict[str, str]
    sections: dict[int, dict[str, str]]
    numbers: dict[str, int]

    def stored(self) -> dict[str, Any]:
        return {
            "severities": dict(sorted(self.severities.items())),
            "sections": {str(key): dict(sorted(one.items())) for key, one in sorted(self.sections.items()) if one},
            "numbers": dict(sorted(self.numbers.items())),
        }


def settings_now(session: Session) -> tuple[int, Settings]:
    """The version in force and what it says."""
    row = queries.newest_setup(session)
    return (row.id, Settings(**settings_of(row.settings))) if row else (0, Settings({}, {}, {}))


def typed_settings(session: Session, typed: Mapping[str, str], section_id: int) -> Settings:
    """What a form asks for, of the whole site (section 0) or of one section. Raises DomainError with a sentence."""
    _, standing = settings_now(session)
    severities: dict[str, str] = {}
    allowed = {rule.key: rule.severities for rule in RULES.values()}
    if section_id:
        allowed |= {list_rule(row.id): (OFF, *SEVERITY_NAMES) for row in queries_screening.active_lists(session)}
    for key, choices in allowed.items():
        chosen = typed.get(f"severity-{key}", INHERITED if section_id else RULES[key].default if key in RULES else OFF)
        if chosen == INHERITED and section_id:
            continue
        if chosen not in choices:
            raise DomainError("Please choose one of the offered severities.")
        if key.startswith("list:") and chosen == "reject":
            raise DomainError("Whether a list rejects is set on the list itself, with its rule of the conversation.")
        if section_id or chosen != RULES[key].default:
            severities[key] = chosen
    if section_id:
        return replace(standing, sections={**standing.sections, section_id: severities})
    return replace(standing, severities=severities, numbers=_typed_numbers(typed, standing))


def _typed_numbers(typed: Mapping[str, str], standing: Settings) -> dict[str, int]:
    numbers = dict(standing.numbers)
    for name, number in NUMBERS.items():
        value = typed.get(f"number-{name}", "").strip()
        if not value:
            continue
        if not (value.isascii() and value.isdecimal() and number.least <= int(value[:9]) <= number.most):
            raise DomainError(f"“{number.label}” has to be a number from {number.least:,} to {number.most:,}.")
        numbers[name] = int(value)
    return {name: value for name, value in numbers.items() if value != NUMBERS[name].default}


def change_settings(session: Session, wanted: Settings, *, seen: int, actor_id: int) -> tuple[str, ...]:
    """Put these settings in force. Returns what is different, in sentences. Raises Conflict."""
    queries_screening.raise_state(session)  # whoever changes at the same time waits here
    version, standing = settings_now(session)
    before, after = standing.stored(), wanted.stored()
    if before == after:
        return ()
    if version != seen:
        raise Conflict(CHANGED_MEANWHILE)
    changed = tuple(differences(standing, wanted, queries.section_names(session), _list_titles(session)))
    session.add(ScreeningSetup(settings=after, changed=" ".join(changed), changed_by=actor_id))
    session.flush()
    recording.note(session, SETTINGS, "settings", before=before, after=after)
    return changed


def put_settings_back(session: Session, version_id: int, *, seen: int, actor_id: int) -> tuple[str, ...]:
    """Put the settings back as they stood in a former version, or with 0 as the program came. As `change_settings`."""
    row = queries.setup_version(session, version_id)
    if row is None and version_id:
        raise NotFound("There is no such version.")
    wanted = Settings(**settings_of(row.settings)) if row else Settings({}, {}, {})
    return change_settings(session, wanted, seen=seen, actor_id=actor_id)


def differences(
    before: Settings, after: Settings, sections: Mapping[int, str], lists: Mapping[str, str]
) -> Iterable[str]:
    """What is different, one sentence each."""
    def title(key: str) -> str:
        return RULES[key].title if key in RULES else lists.get(key, key)

    for key in sorted(before.severities.keys() | after.severities.keys()):
        was, will = (one.severities.get(key, RULES[key].default) for one in (before, after))
        if was != will:
            yield f"{title(key)}: {SEVERITY_WORDS[was].lower()} → {SEVERITY_WORDS[will].lower()}."
    for name in sorted(before.numbers.keys() | after.numbers.keys()):
        was_number, will_number = (one.numbers.get(name, NUMBERS[name].default) for one in (before, after))
        if was_number != will_number:
            yield f"{NUMBERS[name].label.capitalize()}: {was_number:,} → {will_number:,}."
    for section_id in sorted(before.sections.keys() | after.sections.keys()):
        here = (before.sections.get(section_id, {}), after.sections.get(section_id, {}))
        for key in sorted(here[0].keys() | here[1].keys()):
            words = [SEVERITY_WORDS[one[key]].lower() if key in one else "as everywhere" for one in here]
            if words[0] != words[1]:
                yield f"In {sections.get(section_id, 'a former section')}, {title(key)}: {words[0]} → {words[1]}."


def candidate(session: Session, wanted: Settings) -> screening.Setup:
    """The screening as it would be under these settings."""
    standing = queries_screening.load_setup(session, queries_screening.state_version(session))
    return replace(standing, severities=wanted.severities, sections=wanted.sections, numbers=wanted.numbers)


@dataclass(frozen=True, slots=True)
class ListValues:
    """Everything that is set on a list."""

    name: str
    kind: str
    severity: str
    folds_accents: bool
    sees_through: bool
    rule_id: int | None
    active: bool
    entries: str


def typed_list(session: Session, typed: Mapping[str, str], kind: str, list_id: int = 0, added: str = "") -> ListValues:
    """What a form asks for. `added` are entries from a file, put behind the typed ones. Raises Refused."""
    check = Check(typed)
    name = check.line("name", most=80, needed="Please give the list a name.")
    severity = check.choice("severity", SEVERITY_NAMES) if kind != "trusted" else "note"
    entries = normalise(typed.get("entries") or "")
    entries = "\n".join(part for part in (entries, normalise(added)) if part.strip())
    if len(entries) > LONGEST_LIST:
        check.problems["entries"] = f"This is too long: a list has at most {LONGEST_LIST:,} characters."
    elif problems := problems_in(kind, entries):
        more = f" And {len(problems) - PROBLEMS_SHOWN} more lines." if len(problems) > PROBLEMS_SHOWN else ""
        check.problems["entries"] = " ".join(problems[:PROBLEMS_SHOWN]) + more
    if kind not in LIST_KINDS:
        check.problems["kind"] = "Please choose what the list is of."
    rule = typed.get("rule_id") or ""
    rules = {str(one) for one, _ in queries.rule_choices(session)}
    if rule and rule not in rules:
        check.problems["rule_id"] = "Please choose one of the rules in force."
    if severity == "reject" and not rule:
        check.problems["rule_id"] = "A list that rejects stands for a rule of the conversation, which authors are told."
    if queries.list_names(session).get(name.casefold(), list_id) != list_id:
        check.problems["name"] = "There is a list of this name."
    check.done()
    return ListValues(
        name, kind, severity, bool(typed.get("folds_accents")), bool(typed.get("sees_through")),
        int(rule) if rule else None, bool(typed.get("active")), entries,
    )  # fmt: skip


def problems_in(kind: str, entries: str) -> list[str]:
    """A sentence for each line that cannot be used."""
    return parse_entries(entries)[1] if kind == "words" else domains.problems_in(kind, entries)


def count_entries(kind: str, entries: str) -> int:
    """How many entries a list has."""
    return len(_entry_lines(kind, entries))


def said_number(number: int) -> str:
    """ "1 entry", "5,000 entries"."""
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def add_list(session: Session, values: ListValues, actor_id: int | None) -> int:
    """Add a list. Returns its id."""
    row = ScreeningList(**_columns(values), version=1)
    session.add(row)
    session.flush()
    _keep_version(session, row, f"Made with {said_number(count_entries(values.kind, values.entries))}.", actor_id)
    queries_screening.raise_state(session)
    return row.id


def change_list(session: Session, list_id: int, values: ListValues, *, seen: int, actor_id: int) -> str:
    """Change a list. Returns what is different in a sentence; '' where nothing is. Raises NotFound, Conflict."""
    row = queries.list_to_edit(session, list_id, lock=True)
    if row is None:
        raise NotFound(NO_LIST)
    before, after = {name: getattr(row, name) for name in (*LIST_FIELDS, "entries")}, _columns(values)
    if before == after:
        return ""
    if row.version != seen:
        raise Conflict(CHANGED_MEANWHILE)
    changed = _list_changes(before, after)
    for name, value in after.items():
        setattr(row, name, value)
    row.version = max(row.version + 1, queries.next_number(session, list_id))
    _keep_version(session, row, changed, actor_id)
    queries_screening.raise_state(session)
    return changed


def put_back(session: Session, list_id: int, number: int, *, seen: int, actor_id: int) -> str:
    """Put a list back as it stood in a former version, as a new one. Raises NotFound, Conflict."""
    version = queries.version_of(session, list_id, number)
    row = queries.list_to_edit(session, list_id)
    if version is None or row is None:
        raise NotFound("There is no such version.")
    settings = {**{name: getattr(row, name) for name in LIST_FIELDS}, **version.settings, "name": row.name}
    return change_list(
        session, list_id, ListValues(**settings, entries=version.entries), seen=seen, actor_id=actor_id
    )


def candidate_list(session: Session, list_id: int, values: ListValues) -> screening.Setup:
    """The screening as it would be with this list, which may be a new one (id 0)."""
    standing = queries_screening.load_setup(session, queries_screening.state_version(session))
    finder = finder_of(values.kind, values.entries, values.folds_accents, values.sees_through)
    tried = WordList(list_id, values.kind, values.name, values.severity, 0, values.rule_id, finder)
    others = tuple(one for one in standing.lists if one.id != list_id)
    return replace(standing, lists=(*others, tried) if values.active else others)


def _columns(values: ListValues) -> dict[str, Any]:
    return {name: getattr(values, name) for name in (*LIST_FIELDS, "entries")}


def _keep_version(session: Session, row: ScreeningList, changed: str, actor_id: int | None) -> None:
    session.add(ScreeningListVersion(
        list_id=row.id, number=row.version, settings={name: getattr(row, name) for name in LIST_FIELDS},
        entries=row.entries, changed=changed, changed_by=actor_id,
    ))  # fmt: skip
    session.flush()


def _list_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    kind = str(after["kind"])
    was, will = (dict.fromkeys(_entry_lines(kind, str(one["entries"]))) for one in (before, after))
    sentences = []
    added, removed = [one for one in will if one not in was], [one for one in was if one not in will]
    for word, entries in (("Added", added), ("Removed", removed)):
        if entries:
            more = f" and {len(entries) - 5:,} more" if len(entries) > 5 else ""
            sentences.append(f"{word} {', '.join(f'“{one}”' for one in entries[:5])}{more}.")
    if before["severity"] != after["severity"]:
        was_word, will_word = (SEVERITY_WORDS[str(one["severity"])].lower() for one in (before, after))
        sentences.append(f"Severity: {was_word} → {will_word}.")
    if before["name"] != after["name"]:
        sentences.append(f"Renamed from “{before['name']}”.")
    if before["active"] != after["active"]:
        sentences.append("Switched on." if after["active"] else "Switched off.")
    if any(before[name] != after[name] for name in ("folds_accents", "sees_through", "rule_id")):
        sentences.append("Changed how it is compared or which rule it stands for.")
    return " ".join(sentences) or "Changed its notes."


def _entry_lines(kind: str, entries: str) -> list[str]:
    if kind == "words":
        return [entry.line for entry in parse_entries(entries)[0]]
    return domains.lines_of(kind, entries)


def _list_titles(session: Session) -> dict[str, str]:
    return {list_rule(row.id): f"list “{row.name}”" for row in queries_screening.active_lists(session)}
