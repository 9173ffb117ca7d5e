"""What was typed, cleaned, with a sentence beside each field that cannot be taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from blueprints.publisher import policy, queries_plans
from core.errors import Conflict, DomainError
from core.text import is_blank, normalise


class Refused(DomainError):
    """What was typed cannot be taken: a sentence for each field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


class Stale(Conflict):
    """Somebody else saved meanwhile: what stands now, by field, and its fingerprint."""

    def __init__(self, standing: Mapping[str, Any], seen: str) -> None:
        super().__init__("Somebody else saved this while you were writing. Please compare, then save again.")
        self.standing = dict(standing)
        self.seen = seen


class Check:
    """Cleans what was typed, and gathers what is wrong with it."""

    def __init__(self, typed: Mapping[str, str]) -> None:
        self.typed = typed
        self.problems: dict[str, str] = {}

    def line(self, field: str, *, most: int, needed: str = "") -> str:
        return self._measured(field, " ".join(normalise(self.typed.get(field) or "").split()), most, needed)

    def text(self, field: str, *, most: int, needed: str = "") -> str:
        return self._measured(field, normalise(self.typed.get(field) or ""), most, needed)

    def choice(self, field: str, choices: Sequence[str]) -> str:
        value = self.typed.get(field) or ""
        if value not in choices:
            self.problems[field] = "Please choose one of these."
        return value

    def audience(self, field: str, *, may_inherit: bool = False) -> str | None:
        value = self.typed.get(field) or ""
        if may_inherit and not value.strip():
            return None
        try:
            return policy.clean_audience(value, list(queries_plans.plan_names()))
        except ValueError as error:
            self.problems[field] = str(error)
            return None

    def number(self, field: str, most: int) -> int | None:
        """A whole number from 1 on, or nothing."""
        value = (self.typed.get(field) or "").strip()
        if not value:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) < 10 and 1 <= int(value) <= most):
            self.problems[field] = "Please choose one of these."
            return None
        return int(value)

    def done(self) -> None:
        if self.problems:
            raise Refused(self.problems)

    def _measured(self, field: str, value: str, most: int, needed: str) -> str:
        if needed and is_blank(value):
            self.problems[field] = needed
        elif len(value) > most:
            self.problems[field] = f"This is too long. It can have at most {most:,} characters."
        return value
