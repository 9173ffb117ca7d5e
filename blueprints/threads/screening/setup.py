"""What the screening goes by at a moment: the publisher's settings over the program's own, lists made ready.

One number in the database (`screening_state`) rises with every change. Each process keeps what it read under that
number and reads anew when a post finds another one, so a change counts from the next comment on, in every process.
"""

import time
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, current_app

from blueprints.threads.screening.domains import Domains, Mails
from blueprints.threads.screening.matching import Matcher, parse_entries
from blueprints.threads.screening.rules import MODEL_RULE, NUMBERS, OFF, RULES, list_rule
from core.records import dataclass

if TYPE_CHECKING:
    from blueprints.threads.screening.classifier import Model

KEPT = "rejoinder_screening"
LOOKED = "rejoinder_screening_looked"
LISTS_KEPT = 64  # ready to be looked for, in a process


@dataclass(frozen=True, slots=True)
class WordList:
    """A list that people keep, as it stands, ready to be looked for."""

    id: int
    kind: str
    name: str
    severity: str
    version: int
    rule_id: int | None
    finder: Matcher | Domains | Mails

    @property
    def rule(self) -> str:
        return list_rule(self.id)


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything the checks go by. `version` is the state it was read under, `id` the version of the settings."""

    version: int = 0
    id: int | None = None
    severities: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    lists: tuple[WordList, ...] = ()
    model: "Model | None" = None
    services: tuple[int, ...] = ()
    own_host: str = ""

    def severity(self, rule: str, section_id: int = 0) -> str:
        """What a rule does in a section: a severity, or "off"."""
        here = self.sections.get(section_id)
        if here and rule in here:
            return here[rule]
        found = self.severities.get(rule)
        if found is not None:
            return found
        if rule in RULES:
            return RULES[rule].default
        if rule == MODEL_RULE and self.model is not None:
            return self.model.severity
        return next((one.severity for one in self.lists if one.rule == rule), OFF)

    def number(self, name: str) -> int:
        return self.numbers.get(name, NUMBERS[name].default)

    def lists_of(self, kind: str) -> tuple[WordList, ...]:
        return tuple(one for one in self.lists if one.kind == kind)

    @property
    def trusted(self) -> tuple[WordList, ...]:
        return self.lists_of("trusted")


DEFAULT = Setup()


def is_time_to_look(every: float) -> bool:
    """Whether this process has not asked for changes for so many seconds; asking starts them anew."""
    kept_here = _app().extensions
    now = time.monotonic()
    if now - kept_here.get(LOOKED, now - every) < every:
        return False
    kept_here[LOOKED] = now
    return True


def kept() -> Setup:
    """What this process read last; never asks the database."""
    found: Setup = _app().extensions.get(KEPT, DEFAULT)
    return found


def keep(setup: Setup) -> None:
    """Go by this in this process from now on."""
    _app().extensions[KEPT] = setup


def own_host() -> str:
    """The host of this site, which links may always lead to."""
    return urlsplit(str(_app().config["SETTINGS"].base_url)).hostname or ""


def settings_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings as `Setup` takes them; what no longer exists is left out."""
    def known(chosen: Mapping[str, str]) -> dict[str, str]:
        return {
            rule: severity for rule, severity in chosen.items()
            if rule.startswith("list:") or (rule in RULES and severity in RULES[rule].severities)
        }  # fmt: skip

    sections = stored.get("sections", {})
    return {
        "severities": known(stored.get("severities", {})),
        "sections": {
            int(section): known(chosen) for section, chosen in sections.items()
        },
        "numbers": {
            name: min(max(int(value), NUMBERS[name].least), NUMBERS[name].most)
            for name, value in stored.get("numbers", {}).items() if name in NUMBERS
        },
    }  # fmt: skip


@lru_cache(LISTS_KEPT)
def finder_of(kind: str, entries: str, folds_accents: bool, sees_through: bool) -> Matcher | Domains | Mails:
    """What looks for these entries; made once for each version of a list in a process."""
    if kind in ("domains", "trusted"):
        return Domains.of(entries)
    if kind == "mails":
        return Mails.of(entries)
    return Matcher(parse_entries(entries)[0], folds_accents=folds_accents, sees_through=sees_through)


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]
